#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What leaves the browser: copies, tables in files, and all of it as lines (--plain).

    PARE=./pare tests/with-postgres tests/screen/outside.py [WORD...]      only tests whose sentence has a WORD
"""
import base64
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
from scene import DATA, DATABASE, PARE, SLACK, Skipped, browser, leave, make_database, ok, pare, psql, run_tests, test  # noqa: E402

FIRST = "bert_embedding:v1.9_fp32"  # what the cursor is on at the start
folder = tempfile.mkdtemp(prefix="outside.")
os.chdir(folder)


def copied():
    path = os.path.join(folder, "state", "pare", "copied")
    with open(path, "rb") as file:
        return file.read()


def open_browser(rows=24, columns=100, options=(), **env):
    shutil.rmtree("state", ignore_errors=True)
    return browser(rows, columns, dict({"HOME": folder, "XDG_STATE_HOME": os.path.join(folder, "state"), "TMUX": None,
                                        "STY": None}, **env), options)


def text_of(raw):
    """What OSC 52 in these bytes sets the clipboard to."""
    found = re.findall(rb"\x1b\]52;c;([^\x07]*)\x07", raw)
    return base64.b64decode(found[-1], validate=True) if found else None


def fake_tmux(script):
    """A tmux first on the PATH that does this."""
    os.makedirs("bin", exist_ok=True)
    with open("bin/tmux", "w") as file:
        file.write("#!/bin/sh\n" + script)
    os.chmod("bin/tmux", 0o755)
    return {"PATH": os.path.join(folder, "bin") + ":" + os.environ["PATH"], "TMUX": "/nowhere,1,0"}


def make_work():
    """A test that runs, and a job that failed: its number."""
    psql("INSERT INTO model_ab_tests (id, test_name, model_a_id, model_b_id, start_time) "
         "VALUES (7, 'int8', 1, 2, now() - interval '2 hours')")
    return psql("INSERT INTO pare.jobs (kind, model_id, model_name, model_version, spec, uniq, actor, state, error) VALUES "
                "('measure', 6, 'reranker', 'v7_fp16', '{}', 'x', 'tester', 'failed', 'the disk is full') RETURNING id")


def end_work():
    psql("DELETE FROM model_test_results")
    psql("DELETE FROM model_ab_tests")
    psql("DELETE FROM pare.jobs")


def spoken(words):
    """The words as the screen shows them, whatever line they are broken at."""
    return " ".join(words.split())


# ---- copying ----

@test("y copies by OSC 52 and into a file that is nobody else's, and says both")
def osc52():
    terminal = open_browser()
    terminal.keys("y")
    ok(text_of(terminal.raw) == FIRST.encode(), repr(bytes(terminal.raw[-300:])))
    ok(copied() == FIRST.encode(), repr(copied()))
    ok(stat.S_IMODE(os.stat("state/pare/copied").st_mode) == 0o600, "others may read it")
    ok("copied %d bytes to the terminal" % len(FIRST) in terminal.text() and "/pare/copied" in terminal.text(), terminal.text())
    terminal.keys("jy")
    ok(text_of(terminal.raw) == b"bert_embedding:v2.0_fp32" == copied(), repr(copied()))
    ok(b"52;c;?" not in terminal.raw, "the clipboard was asked for")
    ok(os.listdir("state/pare") == ["copied"], repr(os.listdir("state/pare")))
    leave(terminal)


@test("each screen has something to copy")
def screens():
    number = make_work()
    terminal = open_browser()
    for keys, wanted in (("\r", FIRST), ("q" + "wy", "reranker:v7_fp16: failed: the disk is full"), ("qt", "7  int8"),
                         ("\r", "test 7 int8: WARMING"), ("qq?", "bert")):
        terminal.keys(keys)
        time.sleep(0.3)  # the second question of a screen
        terminal.settle()
        terminal.keys("y")
        if keys != "qq?":
            ok(wanted in copied().decode(), "%r: %r" % (keys, copied()))
        else:
            ok(copied(), "nothing of the help")
    leave(terminal)
    end_work()


@test("inside GNU screen the sequence goes in pieces that it hands on")
def gnu_screen():
    terminal = open_browser(STY="1.pts")
    terminal.keys("y")
    pieces = re.findall(rb"\x1bP(.*?)\x1b\\", terminal.raw, re.S)
    ok(text_of(b"".join(pieces)) == FIRST.encode(), repr(pieces))
    leave(terminal)


@test("inside tmux its buffer has it")
def tmux():
    if not shutil.which("tmux"):
        raise Skipped("tmux is not installed")
    socket = os.path.join(folder, "tmux")
    env = dict(os.environ, HOME=folder, XDG_STATE_HOME=os.path.join(folder, "state"), PGDATABASE=DATABASE, TERM="xterm-256color",
               LC_ALL="C.UTF-8")
    env.pop("TMUX", None)

    def run(*words):
        return subprocess.run(["tmux", "-S", socket, "-f", "/dev/null", *words], env=env, capture_output=True, text=True).stdout

    def wait(condition):
        end = time.monotonic() + 4.0 * SLACK
        while not condition() and time.monotonic() < end:
            time.sleep(0.05)
        return condition()
    run("new-session", "-d", "-x", "100", "-y", "24", PARE)
    try:
        ok(wait(lambda: "8 ver" in run("capture-pane", "-p")), run("capture-pane", "-p"))
        run("send-keys", "j", "y")
        ok(wait(lambda: run("show-buffer") == "bert_embedding:v2.0_fp32"), repr(run("show-buffer")))
        ok(wait(lambda: "copied 24 bytes to tmux and to" in run("capture-pane", "-p")), run("capture-pane", "-p"))
    finally:
        run("kill-server")


@test("a tmux that refuses, or does not answer, is not waited for: the terminal is asked")
def deaf_tmux():
    terminal = open_browser(**fake_tmux("cat >/dev/null; exit 1\n"))
    terminal.keys("y")
    ok(text_of(terminal.raw) == FIRST.encode() and "to the terminal" in terminal.text(), terminal.text())
    leave(terminal)
    terminal = open_browser(**fake_tmux("exec sleep 60\n"))
    terminal.send("y")
    start = time.monotonic()
    terminal.send("j")
    terminal.wait_for("v2.0_fp32  created")
    ok(time.monotonic() - start < 0.2 * SLACK, "a key took %.2f s" % (time.monotonic() - start))
    terminal.wait_for("to the terminal", 2.0 * SLACK)
    ok(text_of(terminal.raw) == FIRST.encode(), "nothing for the terminal")
    leave(terminal)


@test("a hostile row is copied without a byte that steers a terminal")
def hostile():
    psql("INSERT INTO ml_models (id, name, version) VALUES (900, E'a\\u001b]52;c;QQ==\\u0007b\\u202e', E'1\\n2\\t3\\u009b')")
    terminal = open_browser(options=("--filter", "id=900"))
    before = len(terminal.raw)
    terminal.keys("y")
    text = copied().decode()
    ok(text.startswith("a\u00b7]52;c;QQ==\u00b7b\u00b7:1"), repr(text))
    ok(not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text), repr(text))
    ok(text_of(terminal.raw[before:]) == copied(), "the clipboard has something else")
    leave(terminal)
    psql("DELETE FROM ml_models WHERE id = 900")


@test("more than terminals take goes into the file alone, and that is said; without a folder the terminal gets it")
def limits():
    psql("INSERT INTO ml_models (id, name, version) VALUES (901, repeat('n', 60000), 'long')")
    terminal = open_browser(options=("--filter", "id=901"))
    terminal.keys("y")
    ok(copied() == b"n" * 60000 + b":long", "%d bytes" % len(copied()))
    ok(text_of(terminal.raw) is None and "copied 60005 bytes to /" in terminal.text(), terminal.text())
    leave(terminal)
    psql("DELETE FROM ml_models WHERE id = 901")
    terminal = open_browser(HOME=None, XDG_STATE_HOME=None)
    terminal.keys("y")
    ok(text_of(terminal.raw) == FIRST.encode() and "copied 24 bytes to the terminal" in terminal.text(), terminal.text())
    leave(terminal)


# ---- files ----

def contents(path):
    with open(path, "rb") as file:
        return file.read()


def write(terminal, name):
    """e, the name in place of the one proposed, Enter, and wait for what becomes of it."""
    terminal.keys("e\x15" + name + "\r")


@test("e writes what the command prints: the list as it is filtered and sorted, in each format")
def same_bytes():
    terminal = open_browser()
    terminal.keys("/opt=fp32\rs")
    for suffix in ("csv", "tsv", "json", "md"):
        write(terminal, "list." + suffix)
        wanted = pare("list", "--filter", "opt=fp32", "--sort", "size", "--format", suffix).encode()
        ok(contents("list." + suffix) == wanted, "list.%s differs" % suffix)
        ok("wrote %d bytes to list.%s" % (len(wanted), suffix) in terminal.text(), terminal.text())
    rows = [line.split(",")[2] for line in contents("list.csv").decode().split("\n")[1:-1]]
    places = [terminal.text().find(version[:10]) for version in rows]
    ok(len(rows) == 4 and -1 not in places and places == sorted(places), "%r\n%s" % (rows, terminal.text()))
    terminal.keys("e\r")
    ok(contents("models.csv") == contents("list.csv"), "not under the name proposed")
    leave(terminal)


@test("every screen with a table has a file of it, the others say that there is none")
def tables():
    number = make_work()
    terminal = open_browser()
    for keys, name, command in (("\r", "version", ("show", FIRST)), ("qw", "jobs", ("jobs",)), ("\r", "job", ("job", "show", number)),
                                ("qqt", "tests", ("ab", "list")), ("\r", "test", ("ab", "show", "7"))):
        terminal.keys(keys)
        terminal.keys("e\r")
        terminal.wait_for("to %s.csv" % name)
        heads = [text.split(b"\n")[0] for text in (contents(name + ".csv"), pare(*command, "--format", "csv").encode())]
        ok(heads[0] == heads[1] and heads[0], "%s: %r" % (name, heads))
    terminal.keys("qq?")
    terminal.keys("e")
    ok("no table on this screen" in terminal.text(), terminal.text())
    leave(terminal)
    end_work()


@test("New job's file is its plan; a measurement has none")
def plan():
    pare("import", os.path.join(DATA, "measure", "linear.onnx"), "--name", "aa", "--version", "v1")
    terminal = open_browser(options=("--filter", "name=aa"))
    terminal.keys("n")
    terminal.wait_for("of 1 tensors")
    command = re.search(r"\$ pare (.*)", terminal.text()).group(1).split()
    terminal.keys("e\r")
    terminal.wait_for("to new-job.csv")
    wanted = pare(*command, "--dry-run", "--format", "csv").encode()
    ok(contents("new-job.csv") == wanted and wanted.count(b"\n") > 1, "%r\n%r" % (contents("new-job.csv"), wanted))
    ok(psql("SELECT count(*) FROM pare.jobs") == "0", "a job was made")
    terminal.keys("he")
    ok("$ pare measure" in terminal.text() and "no table on this screen" in terminal.text(), terminal.text())
    leave(terminal)
    pare("delete", "aa:v1")


@test("every size from 1x1 on is drawn while a name is typed")
def sizes():
    terminal = open_browser()
    terminal.keys("e")
    for rows, columns in ((1, 1), (1, 300), (100, 1), (3, 10), (6, 20), (8, 40), (9, 40), (24, 80)):
        terminal.resize(rows, columns)
        terminal.settle()
    ok("write to models.csv" in terminal.text(), terminal.text())
    terminal.keys("\x1b")
    leave(terminal)


@test("a file that is there is replaced by a second Enter only, a link stays the link it is")
def overwrite():
    for name in ("there.csv", "target.csv"):
        with open(name, "w") as file:
            file.write("mine")
    os.symlink("target.csv", "link.csv")
    os.symlink("nowhere", "dangling.csv")
    os.mkdir("folder.csv")
    terminal = open_browser()
    write(terminal, "there.csv")
    ok("exists: Enter again overwrites it" in terminal.text() and contents("there.csv") == b"mine", terminal.text())
    terminal.keys("\x1b")
    terminal.settle()
    ok(contents("there.csv") == b"mine" and "write to" not in terminal.text(), terminal.text())
    write(terminal, "there.csv")
    terminal.keys("\r")
    ok(contents("there.csv").startswith(b"id,name"), terminal.text())
    write(terminal, "link.csv")
    ok("target.csv exists" in spoken(terminal.text()), terminal.text())
    terminal.keys("\r")
    ok(os.path.islink("link.csv") and contents("target.csv").startswith(b"id,name"), "the link is gone")
    for name, words in (("dangling.csv", "leads nowhere"), ("folder.csv", "is a folder"), ("none/x.csv", "No such file"),
                        ("list.xls", ".csv, .tsv, .json or .md"), ("list", ".csv, .tsv, .json or .md")):
        write(terminal, name)
        ok(words in spoken(terminal.text()) and "write to " + name in terminal.text(), name + "\n" + terminal.text())
        terminal.keys("\x1b")
        terminal.settle()
    write(terminal, "~/home.md")
    ok(contents("home.md").startswith(b"| name |"), terminal.text())
    leave(terminal)
    ok(not [name for name in os.listdir(".") if ".part-" in name], repr(os.listdir(".")))


@test("a server that does not answer the export holds nobody up, and leaving leaves no half file")
def held_up():
    terminal = open_browser()
    holder = subprocess.Popen(["psql", "-XAtqd", DATABASE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder.stdin.write("BEGIN; LOCK TABLE ml_models; SELECT 'held';\n")
    holder.stdin.flush()
    holder.stdout.readline()
    terminal.send("e\x15held.csv\r")
    terminal.wait_for("writing held.csv")
    start = time.monotonic()
    terminal.send("j")
    terminal.wait_for("v2.0_fp32  created")
    ok(time.monotonic() - start < 0.2 * SLACK, "a key took %.2f s" % (time.monotonic() - start))
    terminal.send("e")
    terminal.wait_for("a file is still being written")
    terminal.send("q")
    took = terminal.wait_exit()
    ok(took is not None and took < 0.2 * SLACK, "q took %r s" % took)
    ok(b"it was not written" in terminal.raw, repr(bytes(terminal.raw[-200:])))
    terminal.close()
    ok(not [name for name in os.listdir(".") if name.startswith("held")], repr(os.listdir(".")))
    holder.communicate("ROLLBACK;\n")


@test("what the command refuses is said, and no file is there")
def refused():
    terminal = open_browser()
    psql("ALTER TABLE ml_models RENAME TO elsewhere")
    write(terminal, "gone.csv")
    terminal.wait_for("gone.csv was not written")
    ok(not os.path.exists("gone.csv"), "a file came")
    psql("ALTER TABLE elsewhere RENAME TO ml_models")
    leave(terminal)


# ---- lines ----

def lines(rows=24, columns=80, **env):
    return open_browser(rows, columns, ("--plain",), **dict({"TERM": "dumb", "LC_ALL": "C"}, **env))


def says(terminal, line):
    """What is announced after this line."""
    before = len(terminal.raw)
    terminal.keys(line + "\n")
    return terminal.raw[before:].decode().replace("\r\n", "\n")


@test("--plain on a dumb terminal in the C locale: filter, open, promote, and not a byte but text")
def plain():
    terminal = lines()
    ok("> " in terminal.raw.decode() and terminal.raw.endswith(b"pare> "), repr(bytes(terminal.raw)))
    said = says(terminal, "j")
    ok(len(said.strip().split("\n")) == 4 and "\n> * bert" not in said.split("\n")[0] and "v2.0_fp32" in said, said)
    said = says(terminal, "/ex3")
    ok("1 of 8" in said and "> " in said and "v2.0_int8_ex3" in said, said)
    said = says(terminal, "")
    ok("measured" in said or "size" in said, said)
    ok("bert_embedding" in says(terminal, "q"), "no way back")
    said = says(terminal, "P")
    terminal.wait_for("Enter goes on to confirm")
    ok("type yes" in says(terminal, ""), "no confirmation")
    said = says(terminal, "yes")
    terminal.wait_for("is the default")
    name = psql("SELECT version FROM pare.default_model('bert_embedding')")
    ok(name == "v2.0_int8_ex3", "the default is " + name)
    terminal.send("q\n")
    ok(terminal.wait_exit(or_rest=True) is not None and terminal.status == 0, "q did not leave")
    odd = sorted({byte for byte in terminal.raw if byte > 126 or (byte < 32 and byte not in (10, 13))})
    ok(not odd, "bytes %r" % odd)
    ok(max(len(line) for line in terminal.raw.decode().split("\r\n")) <= 80, "a line is longer than the terminal is wide")
    terminal.close()


@test("--plain announces what others change, once, and is quiet while nothing happens")
def plain_news():
    terminal = lines()
    psql("UPDATE ml_models SET metrics = metrics || '{\"accuracy\": 0.7777}' WHERE id = 1")
    before = len(terminal.raw)
    terminal.wait_for("0.7777")
    terminal.settle()
    said = terminal.raw[before:].decode()
    ok(said.count("0.7777") == 1 and said.count("reranker") == 0, said)
    before = len(terminal.raw)
    time.sleep(1.5)
    terminal.pump(0.1)
    ok(len(terminal.raw) == before, repr(bytes(terminal.raw[before:])))
    psql("UPDATE ml_models SET metrics = metrics || '{\"accuracy\": 0.9388}' WHERE id = 1")
    terminal.send("\x04")
    ok(terminal.wait_exit() is not None and terminal.status == 0, "the end of the input did not end it")
    terminal.close()


@test("--plain where the locale is UTF-8 keeps letters, and draws no boxes and no dots")
def plain_letters():
    make_work()
    psql("INSERT INTO model_test_results (test_id, model_id, response, latency_ms, created_at) SELECT 7, 1 + i % 2, 'r', 20 + i % 30, "
         "now() - interval '1 hour' + i * interval '1 second' FROM generate_series(1, 3000) i")
    terminal = lines(60, 120, LC_ALL="C.UTF-8")
    said = terminal.raw.decode()
    ok("\u610f\u56fe\u5206\u7c7b" in said, said)
    said += says(terminal, "t")
    terminal.wait_for("3 000")
    says(terminal, "")
    terminal.wait_for("B - A")
    says(terminal, "\t")
    said = terminal.raw.decode()
    ok(not re.search("[\u2500-\u28ff\x1b]", said), said)
    says(terminal, "q")
    says(terminal, "q")
    terminal.send("q\n")
    terminal.wait_exit()
    terminal.close()
    end_work()


@test("--plain writes tables and copies too, without asking the terminal for it")
def plain_out():
    terminal = lines()
    ok("copied 24 bytes to /" in spoken(says(terminal, "y")) and copied() == FIRST.encode(), terminal.raw.decode())
    says(terminal, "e")
    says(terminal, "plain.csv")
    terminal.wait_for("wrote")
    ok(contents("plain.csv") == pare("list", "--format", "csv").encode(), "another table")
    ok(b"\x1b" not in terminal.raw, "an escape")
    terminal.send("q\n")
    terminal.wait_exit()
    terminal.close()


make_database()
try:
    run_tests()
finally:
    os.chdir("/")
    shutil.rmtree(folder, ignore_errors=True)
