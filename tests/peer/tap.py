"""What the tests beside peers share: TAP on stdout, the programs under test, and what becomes of a
test whose peers are not installed: it skips itself, or fails where PARE_PEERS is set.
"""
import importlib
import os
import subprocess
import sys

sys.dont_write_bytecode = True
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

BUILD = os.path.abspath(os.environ.get("top_builddir", "."))
PARE = os.path.join(BUILD, "pare")
TRANSFORM = os.path.join(BUILD, "tests/engine/transform_file")
count = failed = 0


def give_up(why):
    if os.environ.get("PARE_PEERS"):
        print("not ok 1 - the peers are there\n# %s\n1..1" % why)
        sys.exit(1)
    print("1..0 # SKIP %s" % why)
    sys.exit(0)


def need(*modules):
    """The peers; requirements.txt and requirements-torch.txt pin what the tests were written against."""
    try:
        for name in modules:
            importlib.import_module(name)
    except ImportError as missing:
        give_up(missing)


def ok(passed, what, detail=""):
    global count, failed
    count += 1
    print("%sok %d - %s" % ("" if passed else "not ", count, what))
    if not passed:
        failed += 1
        print("# %s" % str(detail).replace("\n", "\n# "))
    sys.stdout.flush()


def finish():
    """The exit code."""
    print("1..%d" % count)
    return int(failed > 0)


def pare(*words):
    return subprocess.run([PARE, *words], capture_output=True, text=True, check=False)
