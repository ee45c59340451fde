#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Servers that come back, terminals that change, and what a key costs.

    PARE=./pare tests/with-postgres tests/screen/life.py [WORD...]      only tests whose sentence has a WORD
"""
import os
import random
import re
import signal
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
from escapes import sequences, strangers  # noqa: E402
from scene import (DATABASE, SLACK, backend, browser, leave, make_database, normal, ok, psql, psql_file, restored,  # noqa: E402
                   run_tests, server, test, unasked)

# ---- a server that goes and comes back ----

# A view, the keys that lead there, what is there then, and where the cursor is to be all the while.
PLACES = (
    ("Models", "/lat<40\rso  k", "4 of 8", " +"),
    ("Version", "jjj\rjj", "pare show bert_embedding:v2.0_int8_ex3", "   type "),
    ("Jobs", "wj", "pare jobs", "measure on bert"),
    ("Test", "t\r", "pare ab show 7", ""),
)


def dimmed(terminal):
    """Whether all data between the titles and the foot is in the colour of what is old."""
    cells = [terminal.screen.buffer[y][x] for y in range(3, 8) for x in range(terminal.columns)]
    return all(cell.fg == "8a8a8a" or cell.reverse for cell in cells if cell.data.strip())


def body(terminal):
    """What is on the screen between the header and the line that speaks of the moment."""
    return re.sub(r" for \d+ s", " for N s", normal("\n".join(terminal.text().split("\n")[1:-5])))


def at_place(place):
    name, keys, words, line = place
    terminal = browser(30, 120)
    for key in re.findall(r"/[^\r]*\r|\r|.", keys):
        terminal.keys(key)
    terminal.wait_for(words)
    terminal.settle()
    ok(line in terminal.row(), "%s: not on %r: %r" % (name, line, terminal.row()))
    return terminal


def wait_fresh(terminal, seconds):
    start = time.monotonic()
    while "connection lost" in terminal.text() and time.monotonic() - start < seconds:
        terminal.pump(0.05)
    ok("connection lost" not in terminal.text(), "still lost\n" + terminal.text())
    return time.monotonic() - start


def hold(place, lose, regain, seconds):
    """The view through a loss: nothing moves, what is old says so, and all is as before when it is over."""
    terminal = at_place(place)
    before, row, cursor = body(terminal), terminal.row(), terminal.screen.cursor.y
    lose()
    terminal.wait_for("connection lost, as of")
    if regain:
        time.sleep(1.2)
        terminal.wait_for("s ago")
        ok(body(terminal) == before, "%s: changed while lost\n%s\n%s" % (place[0], before, terminal.text()))
        if place[0] in ("Models", "Jobs"):
            ok(dimmed(terminal), "%s: not dimmed" % place[0])
        regain()
    took = wait_fresh(terminal, seconds)
    terminal.settle()
    ok(body(terminal) == before, "%s: changed\n%s\n%s" % (place[0], before, terminal.text()))
    ok((terminal.row(), terminal.screen.cursor.y) == (row, cursor), "%s: the cursor moved to %r" % (place[0], terminal.row()))
    print("# %s: fresh after %.2f s" % (place[0], took))
    leave(terminal)


def through_restart(place):
    """The first tries after a loss come after 0.25, 0.75 and 1.75 seconds: the server is back within the second of them."""
    hold(place, lambda: server("stop", "-m", "fast"), lambda: server("start"), 1.0 * SLACK)


def through_end(place):
    hold(place, lambda: psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pare'"), None, 1.0 * SLACK)


for at in PLACES:
    test("%s through a server's restart: the cursor, the filter, the order and the marks stay, fresh in a second" % at[0])(
        lambda at=at: through_restart(at))
    test("%s through the end of its backend: the same" % at[0])(lambda at=at: through_end(at))


@test("a version above the cursor vanished meanwhile: the cursor is on the same version, not on the same line")
def by_id():
    psql("INSERT INTO ml_models (name, version) VALUES ('a_first', 'v1')")
    terminal = at_place(("Models", "]jj", "9 ver", "v2.0_int8 "))
    line = terminal.screen.cursor.y
    server("stop", "-m", "fast")
    terminal.wait_for("connection lost")
    server("start")
    psql("DELETE FROM ml_models WHERE name = 'a_first'")
    terminal.wait_for("8 ver", 3.0 * SLACK)
    terminal.settle()
    ok("v2.0_int8 " in terminal.row() and terminal.screen.cursor.y == line - 1, terminal.row())
    leave(terminal)


def in_flight(keys, question, table, words):
    """A write whose connection ends while it waits for a lock: it is never sent again."""
    holder = subprocess.Popen(["psql", "-XAtq", "-d", DATABASE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    before = psql(question)
    terminal = browser(30, 120)
    for key in keys[:-1]:
        terminal.keys(key)
    holder.stdin.write("BEGIN; LOCK %s IN SHARE ROW EXCLUSIVE MODE; SELECT 1;\n" % table)
    holder.stdin.flush()
    holder.stdout.readline()
    terminal.send(keys[-1])
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pare' AND wait_event_type = 'Lock'"
    end = time.monotonic() + 2.0 * SLACK
    while psql(waiting) == "0" and time.monotonic() < end:
        terminal.pump(0.05)
    ok(psql(waiting) == "1", "no write is under way\n" + terminal.text())
    psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pare' AND wait_event_type = 'Lock'")
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        terminal.pump(0.1)
    ok(psql(waiting) == "0", "it was sent again")
    holder.communicate("ROLLBACK;\n")
    ok(psql(question) == before, "it was written")
    if words:
        terminal.wait_for(words, 2.0 * SLACK)
    terminal.close()


@test("a promote in flight when its backend ends is not sent twice")
def promote_once():
    in_flight(("jjj", "P", "\r", "yes", "\r"), "SELECT count(*) FROM pare.default_event", "pare.default_event", None)


@test("a cancel in flight when its backend ends is not sent twice")
def cancel_once():
    in_flight(("w", "j", "K", "\r"), "SELECT count(cancel_requested_at) FROM pare.jobs", "pare.jobs", None)


# ---- what a key costs ----

def many():
    psql("INSERT INTO ml_models (name, version, model_type, optimization, metrics) SELECT 'many_' || n / 40, 'v' || n, 'onnx', 'int8',"
         " jsonb_build_object('size_mb', n, 'inference_ms', n % 97, 'accuracy', .9) FROM generate_series(1, 2000) n")


def few():
    psql("DELETE FROM ml_models WHERE name LIKE 'many%'")


@test("a cursor move is at most 700 bytes at 160x48, at the edge of the page too")
def moves():
    many()
    terminal = browser(48, 160)
    sizes = []
    for number in range(200):
        size = len(terminal.raw)
        terminal.keys("j" if number % 100 < 70 else "k")
        sizes.append(len(terminal.raw) - size)
    sizes.sort()
    print("# bytes of a move: p50 %d, p99 %d, most %d" % (sizes[100], sizes[197], sizes[-1]))
    ok(sizes[197] <= 700, "p99 is %d bytes" % sizes[197])
    few()
    terminal.wait_for("8 ver", 3.0 * SLACK)
    leave(terminal)


@test("all of a screen again is at most 20 000 bytes at 160x48, in each view")
def repaint():
    many()
    terminal = browser(48, 160)
    for name, keys in (("Models", "g"), ("Version", "]\r"), ("Help", "?"), ("Jobs", "qqw"), ("Test", "qt\r")):
        terminal.keys(keys)
        terminal.resize(47, 160)
        terminal.settle()
        size = len(terminal.raw)
        terminal.resize(48, 160)
        terminal.settle()
        print("# %s: %d bytes" % (name, len(terminal.raw) - size))
        ok(0 < len(terminal.raw) - size <= 20000, "%s: %d bytes" % (name, len(terminal.raw) - size))
    few()
    leave(terminal)


# ---- a job that moves ----

def beat(done):
    psql("UPDATE pare.job_beat SET done_fraction = %g" % done)
    psql("SELECT pg_notify('pare_job', '3')")


@test("a job's progress is on the screen 250 ms after its word, in Jobs and in Job")
def word():
    for keys, place in (("w", "pare jobs"), ("w\r", "pare job show 3")):
        terminal = browser(30, 120)
        for key in keys:
            terminal.keys(key)
        terminal.wait_for(place)
        terminal.settle()
        took = []
        for done in range(50, 58):
            beat(done / 100)
            took.append(terminal.wait_for("%d %%" % done))
        took.sort()
        print("# %s: the median of 8 %.0f ms, the slowest %.0f ms" % (place, took[4] * 1e3, took[-1] * 1e3))
        ok(took[4] <= 0.25, "%s: the median is %.0f ms: only the clock tells it" % (place, took[4] * 1e3))
        ok(took[-1] <= 0.25 * SLACK, "%s: one took %.0f ms" % (place, took[-1] * 1e3))
        leave(terminal)
    psql("UPDATE pare.job_beat SET done_fraction = .42")


# ---- a terminal that changes ----

@test("stopped, given another size, continued: all is there at the new size")
def stopped_resized():
    for number in (signal.SIGTSTP, signal.SIGSTOP):
        terminal = browser()
        os.kill(terminal.pid, number)
        os.waitpid(terminal.pid, os.WUNTRACED)
        while terminal.pump():
            pass
        if number == signal.SIGTSTP:
            restored(terminal)
        terminal.resize(40, 130)
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.settle()
        fresh = browser(40, 130)
        ok(terminal.text() == fresh.text(), "%s: not as if started so\n%s" % (number.name, terminal.text()))
        leave(fresh)
        terminal.keys("jj\rq")
        leave(terminal)


@test("a pipe that nobody reads any more is no reason to die")
def broken_pipe():
    terminal = browser()
    os.kill(terminal.pid, signal.SIGPIPE)
    terminal.keys("j")
    ok("v2.0_fp32" in terminal.row(), terminal.row())
    leave(terminal)


@test("a storm of sizes from 1x1 to 500x200 with keys between them: alive, and right at the end")
def storm():
    chance = random.Random(7)
    terminal = browser()
    for _ in range(120):
        rows, columns = chance.choice(((1, 1), (1, 500), (200, 1), (chance.randrange(1, 201), chance.randrange(1, 501))))
        terminal.resize(rows, columns)
        if rows > 4 and columns > 29:
            terminal.send(chance.choice(("j", "k", "f", "G", "g", "\r", "?", "w", "t", "/x\x7f\r")))
        if chance.random() < .2:
            terminal.settle()
    terminal.resize(24, 80)
    terminal.settle()
    for _ in range(130):
        if "$ pare list" in terminal.text():
            break
        terminal.keys("q")
    terminal.keys("g")
    fresh = browser()
    ok(terminal.text() == fresh.text(), "not as if started so\n%s" % terminal.text())
    leave(fresh)
    leave(terminal)


@test("a paste is nothing in each view, and one word in each prompt")
def pastes():
    for keys in ("", "\r", "w", "t", "?", "jjjP"):
        terminal = browser()
        if keys:
            terminal.keys(keys)
        before = terminal.text()
        terminal.keys(b"\x1b[200~qKPySTR\ryes\rqq\x1b[201~")
        ok(terminal.text() == before, "%r: the paste did something\n%s" % (keys, terminal.text()))
        leave(terminal)
    ok(psql("SELECT count(*) FROM pare.default_event") == "2", "something was written")


@test("in the C locale no byte above 127 comes out of any view, and only known sequences")
def plain():
    terminal = browser(60, 200, {"LC_ALL": "C"})
    for keys in ("jjG", "\r", "n", "q", "P", "qq", "w", "\r", "qq", "t", "\r", "\t\t\th", "qq", "?", "fq", "/lat<20 &", "\x1b"):
        terminal.keys(keys)
    for wrong in strangers(unasked(terminal), sequences("xterm-256color"), True):
        ok(False, wrong)
    leave(terminal)


def started_by(terminal):
    """The processes that a browser has started, whoever their parent is now: they know its folder of state."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/environ" % pid, "rb") as environment:
                theirs = terminal.state.encode() in environment.read()
        except OSError:
            continue
        found += [pid] if theirs and pid != str(terminal.pid) else []
    return found


@test("q while the plan's process waits for the server: it leaves at once, and that process ends")
def no_orphan():
    terminal = browser(30, 120)
    holder = subprocess.Popen(["psql", "-XAtqd", DATABASE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder.stdin.write("BEGIN; LOCK TABLE ml_models; SELECT 'held';\n")
    holder.stdin.flush()
    holder.stdout.readline()
    terminal.send("n")
    terminal.wait_for("New job")
    end = time.monotonic() + 2.0 * SLACK
    while not started_by(terminal) and time.monotonic() < end:
        terminal.pump(0.02)
    ok(started_by(terminal), "there is no process that makes the plan")
    start = time.monotonic()
    terminal.send("qq")
    took = terminal.wait_exit()
    ok(took is not None and took < 0.2 * SLACK, "q took %r s" % took)
    while started_by(terminal) and time.monotonic() - start < 1.0 * SLACK:
        time.sleep(0.02)
    print("# q took %.2f s, the process ended after %.2f s" % (took, time.monotonic() - start))
    ok(not started_by(terminal), "still there: %r" % started_by(terminal))
    terminal.close()
    holder.communicate("ROLLBACK;\n")


make_database()
psql_file(os.path.join(here, "moments.sql"))
psql("UPDATE pare.jobs SET started_at = now() - interval '300 hours 5 minutes 5 seconds' WHERE state = 'running'")
run_tests()
