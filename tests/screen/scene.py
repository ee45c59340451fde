# SPDX-License-Identifier: MIT
"""What tests of the browser share: a browser, a server that can be stopped, sentences that hold or do not."""
import os
import re
import shlex
import subprocess
import sys
import termios

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
from terminal import Terminal  # noqa: E402

PARE = os.path.abspath(os.environ.get("PARE") or os.path.join(os.environ.get("top_builddir", "."), "pare"))
DATA = os.path.join(here, "..", "data")
SLACK = 5  # deadlines are tests with five times the slack
DATABASE = "scene"
tests, problems = [], []
ASK_GROUND, ASK_FRAMES = b"\x1b]11;?\x1b\\", b"\x1b[?2026$p"  # what the terminal is asked, once, at the start


class Skipped(Exception):
    """What a test wants is not here. Where the peers are required that is a failure."""


def test(sentence):
    def keep(function):
        tests.append((sentence, function))
        return function
    return keep


def ok(condition, words):
    if not condition:
        problems.append(words)


def psql(statement, database=DATABASE):
    return subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement],
                          check=True, capture_output=True, text=True).stdout.strip()


def browser(rows=24, columns=80, env=None, options=(), settle=True):
    terminal = Terminal([PARE, *options], rows, columns, dict({"PGDATABASE": DATABASE}, **(env or {})))
    if settle:
        terminal.settle()
    return terminal


def leave(terminal):
    """q until it is gone; how long the last one took."""
    took = None
    for _ in range(4):
        terminal.send("q")
        took = terminal.wait_exit(1.0 * SLACK, or_rest=True)
        if took is not None:
            break
    ok(took is not None and terminal.status == 0, "q left with status %r" % terminal.status)
    terminal.close()
    return took


def backend():
    return int(psql("SELECT pid FROM pg_stat_activity WHERE application_name = 'pare' LIMIT 1"))


def restored(terminal, raw=None):
    """The alternate screen left, paste off, the cursor seen, the modes as they were."""
    raw = bytes(terminal.raw) if raw is None else raw
    ok(raw.rfind(b"\x1b[?1049l") > raw.rfind(b"\x1b[?1049h"), "the alternate screen was not left")
    ok(raw.rfind(b"\x1b[?2004l") > raw.rfind(b"\x1b[?2004h"), "bracketed paste was not switched off")
    ok(raw.rfind(b"\x1b[?25l") <= raw.rfind(b"\x1b[?25h"), "the cursor stayed hidden")
    ok(termios.tcgetattr(terminal.slave) == terminal.before, "the modes are not as before")


def unasked(terminal):
    """All that was written, without the two questions."""
    return bytes(terminal.raw).replace(ASK_GROUND, b"", 1).replace(ASK_FRAMES, b"", 1)


def server(*action):
    """pg_ctl on the throwaway server, as the user who runs it; it starts as it was started first."""
    data = os.path.join(os.environ["PGHOST"], "data")
    with open(os.path.join(data, "postmaster.opts")) as file:
        options = shlex.join(shlex.split(file.read())[1:])
    bin_folder = os.environ.get("PARE_PG_BINDIR") or \
        subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True).stdout.strip()
    command = [os.path.join(bin_folder, "pg_ctl"), "-D", data, "-w", "-l", os.path.join(os.environ["PGHOST"], "server.log"),
               "-o", options, *action]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--", *command]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


def psql_file(path, database=DATABASE):
    subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", path], check=True,
                   stdout=subprocess.DEVNULL)


def normal(text):
    """Without what differs from run to run, at the same widths."""
    text = re.sub(r"(/tmp/pg\.)(\w+)", lambda match: match[1] + "X" * len(match[2]), text)
    text = re.sub(r" \d\d:\d\d:\d\d ", " hh:mm:ss ", text)
    text = re.sub(r"\d\.\d s\b", "N.N s", text)
    text = re.sub(r"on \S+, process \d+", "on HOST, process N", text)
    text = re.sub(r"(worker +)\S+, process \d+", r"\1HOST, process N", text)
    return re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d", "YYYY-MM-DD hh:mm", text)


def pare(*words, database=DATABASE, **environment):
    """A command; what it wrote on stdout."""
    return subprocess.run([PARE, *words], env=dict(os.environ, PGDATABASE=database, PARE_USER="tester", **environment),
                          check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


def make_database():
    subprocess.run(["psql", "-XAtqc", 'CREATE DATABASE "%s"' % DATABASE, "-d", "postgres"], check=True)
    pare("init")
    psql_file(os.path.join(here, "registry.sql"))


def run_tests():
    """All of them, or those whose sentence has one of the words given; TAP."""
    failed, number = False, 0
    for sentence, function in tests:
        if sys.argv[1:] and not any(word in sentence for word in sys.argv[1:]):
            continue
        number += 1
        problems.clear()
        skipped = ""
        try:
            function()
        except Skipped as why:
            skipped = " # SKIP %s" % why
            if os.environ.get("PARE_PEERS") == "required":
                problems.append(str(why))
        except Exception as error:  # what a test did not expect has failed it
            problems.append("%s: %s" % (type(error).__name__, error))
        print("%sok %d - %s%s" % ("not " if problems else "", number, sentence, "" if problems else skipped))
        for problem in problems:
            print("# " + problem.rstrip().replace("\n", "\n# "))
        sys.stdout.flush()
        failed |= bool(problems)
    print("# %d scenarios" % number)
    print("1..%d" % number)
    sys.exit(failed)
