#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What no picture shows: signals, lost servers, hostile rows, odd terminals.

    PARE=./pare tests/with-postgres tests/screen/behave.py [WORD...]    only tests whose sentence has a WORD
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scene import (ASK_FRAMES, ASK_GROUND, DATABASE, PARE, SLACK, backend, browser, leave,  # noqa: E402
                   make_database, ok, psql, restored, run_tests, server, test, unasked)


@test("a restarted server: rows stay, the cursor stays, and they are fresh again")
def restart():
    terminal = browser()
    terminal.keys("jjj")
    ok("int8_ex3" in terminal.row(), "not on int8_ex3: " + terminal.row())
    server("stop", "-m", "fast")
    terminal.wait_for("connection lost")
    ok("int8_ex3" in terminal.row(), "the cursor moved: " + terminal.row())
    terminal.send("k")
    terminal.wait_for("v2.0_int8  created")
    server("start")
    psql("UPDATE ml_models SET optimization = 'i8' WHERE version = 'v2.0_int8_ex3'")
    took = terminal.wait_for(" i8 ", 6 + 1.0 * SLACK)
    print("# fresh %.2f s after the server was back" % took)
    ok("connection lost" not in terminal.text(), "still lost")
    terminal.settle()
    ok("v2.0_int8 " in terminal.row(), "the cursor moved: " + terminal.row())
    psql("UPDATE ml_models SET optimization = 'int8' WHERE version = 'v2.0_int8_ex3'")
    leave(terminal)


@test("a terminated backend: the browser is back by itself")
def terminated():
    terminal = browser()
    psql("SELECT pg_terminate_backend(%d)" % backend())
    terminal.wait_for("connection lost")
    start = time.monotonic()
    while "connection lost" in terminal.text():
        terminal.pump(0.1)
        if time.monotonic() - start > 1.0 * SLACK:
            break
    print("# back after %.2f s" % (time.monotonic() - start))
    ok("connection lost" not in terminal.text(), "not back")
    leave(terminal)


@test("a stopped server delays no key, is said to be silent, and q leaves at once")
def stopped():
    terminal = browser()
    pid = backend()
    os.kill(pid, signal.SIGSTOP)
    try:
        terminal.wait_for("no reply for", 3 + 1.0 * SLACK)
        terminal.drain()  # what the key before has drawn
        size, start = len(terminal.raw), time.monotonic()
        terminal.send("j")
        while len(terminal.raw) == size and time.monotonic() - start < 2:
            terminal.pump(0.5)
        took = time.monotonic() - start
        print("# a key was answered after %.1f ms" % (took * 1e3))
        ok(took < 0.005 * SLACK, "a key took %.1f ms" % (took * 1e3))
        terminal.send("\r")
        terminal.wait_for("pare show")
        terminal.send("q")
        took = leave(terminal)
        print("# q left after %.0f ms" % ((took or 99) * 1e3))
        ok(took is not None and took < 0.2 * SLACK, "q took %r" % took)
    finally:
        os.kill(pid, signal.SIGCONT)


@test("no server: it says so, tries again, q leaves with exit code 5")
def nobody():
    terminal = browser(env={"PGHOST": "/nowhere"}, settle=False)
    terminal.wait_for("connecting")
    terminal.wait_for("no database")
    terminal.send("q")
    took = terminal.wait_exit()
    ok(os.waitstatus_to_exitcode(terminal.status) == 5, "status %r" % terminal.status)
    ok(took < 0.2 * SLACK, "took %.2f s" % took)
    restored(terminal)
    terminal.close()


@test("somebody else's change is on screen within 3 seconds")
def change():
    terminal = browser()
    psql("INSERT INTO ml_models (name, version) VALUES ('a_new_one', 'v1')")
    took = terminal.wait_for("a_new_one", 3.0 * SLACK)
    print("# after %.2f s" % took)
    psql("DELETE FROM ml_models WHERE name = 'a_new_one'")
    terminal.wait_for("8 ver", 3.0 * SLACK)
    leave(terminal)


@test("a version deleted while it is open is said to be, and the browser goes on")
def deleted():
    psql("INSERT INTO ml_models (name, version) VALUES ('a_new_one', 'v1')")
    terminal = browser()
    terminal.keys("g\r")
    terminal.wait_for("a_new_one")
    psql("DELETE FROM ml_models WHERE name = 'a_new_one'")
    terminal.wait_for("deleted since", 3.0 * SLACK)
    terminal.keys("q")
    ok("a_new_one" not in terminal.text(), "still in the list")
    leave(terminal)


@test("a promote that somebody was faster with changes nothing and names them")
def race():
    terminal = browser()
    terminal.keys("jjjP")
    ok("rev 2" in terminal.text(), "no preview\n" + terminal.text())
    psql("INSERT INTO pare.default_event (name, rev, kind, to_id, to_version, actor) VALUES "
         "('bert_embedding', 3, 'promote', 2, 'v2.0_int8', 'somebody@else')")
    terminal.keys("\ryes\r")
    ok("somebody@else made v2.0_int8 the default" in terminal.text(), terminal.text())
    ok("Nothing" in terminal.text(), terminal.text())
    ok(psql("SELECT max(rev) FROM pare.default_event WHERE name = 'bert_embedding'") == "3", "it was written")
    psql("DELETE FROM pare.default_event WHERE name = 'bert_embedding' AND rev = 3")
    leave(terminal)


@test("a connection lost while a promote is written: the history is asked, nothing is sent twice")
def lost_write():
    terminal = browser()
    terminal.keys("jjjP")
    holder = subprocess.Popen(["psql", "-XAtq", "-d", DATABASE], stdin=subprocess.PIPE, text=True,
                              stdout=subprocess.PIPE)
    holder.stdin.write("BEGIN; SELECT 1 FROM pg_advisory_xact_lock(hashtextextended('pare.default:bert_embedding', 0));\n")
    holder.stdin.flush()
    holder.stdout.readline()
    terminal.send("\ryes\r")
    terminal.wait_for("writing")
    psql("SELECT pg_terminate_backend(%d)" % backend())
    terminal.wait_for("Nothing changed", 3.0 * SLACK)
    holder.communicate("ROLLBACK;\n")
    ok(psql("SELECT max(rev) FROM pare.default_event WHERE name = 'bert_embedding'") == "2", "it was written")
    leave(terminal)


@test("rows from hell: no control byte, no escape, columns aligned")
def hostile():
    for locale in ("C.UTF-8", "C"):
        psql("INSERT INTO ml_models (name, version, model_type, optimization, config, metrics) VALUES "
             "(E'\\x1b]52;c;cHduZWQ=\\x07evil', E'\\x1b[2Jv\\r\\n1', E'\\u009b31m', E'\\u202eabc', "
             "'{\"\\u001b]0;x\\u0007\": \"\\u009d52;c;x\\u009c\"}', '{\"a\\u202e\": 1, \"size_mb\": 440}'), "
             "(E'\\U0001F468\\u200d\\U0001F469\\u200d\\U0001F467', E'e\\u0301\\u0302\\u0303\\u0304\\u0305x', 'z\u0335', NULL, NULL, '{\"size_mb\": 440}')")
        terminal = browser(env={"LC_ALL": locale})
        buffer = terminal.screen.buffer
        lines = ["".join(buffer[y][x].data[:1] or " " for x in range(80)) for y in range(24)]
        places = {line.find("440 MB") for line in lines if "440 MB" in line}
        ok(len(places) == 1 and sum("440 MB" in line for line in lines) >= 4, "sizes at columns %r" % places)
        for _ in range(3):
            terminal.keys("j\rqP")
            terminal.keys("q")
        terminal.keys("/evil")
        terminal.keys("\r\r")
        raw = unasked(terminal)
        ok(b"\x1b]" not in raw, "an OSC came out")
        known = re.sub(rb"\x1b(\[[?>]?[0-9;]*[A-Za-z]|\([0B]|[=>78M])", b"", raw)
        ok(b"\x1b" not in known, "an unknown escape: %r" % known[max(0, known.find(b"\x1b") - 20):][:60])
        text = known.decode("utf-8", "replace")
        wild = {c for c in text if (c < " " and c not in "\r\n\b\t\x0f") or "\x7f" <= c <= "\x9f"
                or "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069"}
        ok(not wild, "control characters %r" % wild)
        if locale == "C":
            ok(all(byte < 128 for byte in raw), "a byte above 127 in the C locale")
        psql("DELETE FROM ml_models WHERE id NOT BETWEEN 1 AND 8")
        leave(terminal)


@test("INT, TERM, HUP, QUIT give the terminal back")
def signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        terminal = browser()
        os.kill(terminal.pid, number)
        ok(terminal.wait_exit(1.0 * SLACK) is not None, "%s: still there" % number.name)
        code = os.waitstatus_to_exitcode(terminal.status)
        ok(code == (130 if number == signal.SIGINT else -number), "%s: code %d" % (number.name, code))
        restored(terminal)
        terminal.close()


@test("a crash gives the terminal back, and stays a crash")
def crash():
    for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGABRT, signal.SIGILL):
        terminal = browser()
        os.kill(terminal.pid, number)
        ok(terminal.wait_exit(1.0 * SLACK) is not None, "%s: still there" % number.name)
        ok(os.WIFSIGNALED(terminal.status) and os.WTERMSIG(terminal.status) == number, number.name)
        restored(terminal)
        terminal.close()


@test("Ctrl-Z leaves the terminal as it was; continued, all is there again")
def suspended():
    terminal = browser()
    before = terminal.text()
    os.write(terminal.master, b"\x1a")  # a signal, not a key
    pid, status = os.waitpid(terminal.pid, os.WUNTRACED)
    ok(os.WIFSTOPPED(status), "it did not stop")
    while terminal.pump():
        pass
    restored(terminal)
    terminal.screen.reset()
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.wait_for("bert_embed")
    terminal.settle()
    ok(terminal.text() == before, "not as before\n" + terminal.text())
    terminal.keys("j")
    leave(terminal)


@test("a terminal that goes away takes the browser with it")
def gone():
    terminal = browser()
    os.close(terminal.slave)
    os.close(terminal.master)
    start = time.monotonic()
    while time.monotonic() - start < 1.0 * SLACK:
        pid, status = os.waitpid(terminal.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.01)
    ok(pid != 0, "it is still there")
    print("# gone after %.0f ms" % ((time.monotonic() - start) * 1e3))
    os.close(terminal.idle)


@test("no terminal, or one that cannot do it: one sentence, exit code 2, a hint")
def no_terminal():
    done = subprocess.run([PARE], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=dict(os.environ, PGDATABASE=DATABASE, TERM="xterm"))
    ok(done.returncode == 2 and "pare list" in done.stderr and done.stderr.count("\n") == 1,
       "%d %r" % (done.returncode, done.stderr))
    for name in (None, "dumb", "no-such-terminal"):
        terminal = browser(env={"TERM": name}, settle=False)
        terminal.wait_exit()
        ok(os.waitstatus_to_exitcode(terminal.status) == 2, "%s: status %r" % (name, terminal.status))
        ok(b"pare list" in terminal.raw and b"\x1b" not in terminal.raw, "%s: %r" % (name, bytes(terminal.raw)))
        terminal.close()


@test("NO_COLOR: no colour, and what is marked stays marked")
def no_colour():
    terminal = browser(env={"NO_COLOR": "1"})
    terminal.keys("jj\rq?q")
    found = re.findall(rb"\x1b\[[0-9;]*m", bytes(terminal.raw))
    ok(not any(re.search(rb"(^|;|\[)(3[0-8]|4[0-8]|9[0-7])(;|m)", code) for code in found), "%r" % set(found))
    ok(any(b"7" in code for code in found), "no reverse video for the cursor's line")
    leave(terminal)


@test("every size from 1x1 to 500x200 is drawn and lived through")
def sizes():
    terminal = browser()
    slowest = 0
    for rows, columns in ((1, 1), (1, 500), (200, 1), (2, 2), (5, 30), (6, 31), (8, 40), (9, 79), (200, 500), (3, 80),
                          (24, 29), (60, 200), (24, 80)):
        start = time.monotonic()
        terminal.resize(rows, columns)
        terminal.settle()
        slowest = max(slowest, time.monotonic() - start)
        terminal.keys("j\r")
        terminal.keys("q/x\x7f\r?")
        terminal.keys("/s\rq:open e\x1b[B\x1b[6~")
        terminal.keys("\x1b")
    print("# the slowest took %.0f ms" % (slowest * 1e3))
    ok("bert_embed" in terminal.text(), terminal.text())
    leave(terminal)
    terminal = browser(1, 1)
    leave(terminal)


@test("a paste is no command in a list, and literal in a prompt")
def paste():
    terminal = browser()
    before = terminal.text()
    terminal.keys(b"\x1b[200~jjP\ryes\rqqq\x1b[201~")
    ok(terminal.text() == before, "the paste did something\n" + terminal.text())
    terminal.keys("/")
    terminal.keys(b"\x1b[200~ex3\nv2\x1b[201~")
    ok("/ ex3 v2" in terminal.text(), terminal.text())
    terminal.keys("\r")
    leave(terminal)


@test("200 keys in one write: none is lost")
def burst():
    psql("INSERT INTO ml_models (name, version) SELECT 'zz', 'v' || n FROM generate_series(1, 400) n")
    terminal = browser()
    terminal.keys("g" + "j" * 200)
    wanted = psql("SELECT version FROM ml_models ORDER BY name, version OFFSET 200 LIMIT 1")
    ok(wanted in terminal.row(), "%s wanted, %s" % (wanted, terminal.row()))
    psql("DELETE FROM ml_models WHERE name = 'zz'")
    leave(terminal)


@test("idle: not a byte is written")
def idle():
    terminal = browser()
    size, end = len(terminal.raw), time.monotonic() + 5
    while time.monotonic() < end:
        terminal.pump(0.5)
    ok(len(terminal.raw) == size, "%d bytes" % (len(terminal.raw) - size))
    leave(terminal)


@test("stopped and continued from outside, it draws all again in its own modes")
def continued():
    terminal = browser(options=["--mouse"])
    before = terminal.text()
    os.kill(terminal.pid, signal.SIGSTOP)
    os.waitpid(terminal.pid, os.WUNTRACED)
    termios.tcsetattr(terminal.slave, termios.TCSANOW, terminal.before)  # as a shell does
    terminal.screen.reset()
    size = len(terminal.raw)
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.wait_for("bert_embed")
    terminal.settle()
    ok(terminal.text() == before, "not as before\n" + terminal.text())
    ok(all(mode in terminal.raw[size:] for mode in (b"\x1b[?2004h", b"\x1b[?1006h")), "modes are missing")
    terminal.keys("jj")
    ok("v2.0_int8 " in terminal.row(), terminal.row())
    leave(terminal)


@test("without --mouse no mouse mode is sent; with it each way out takes it back")
def mouse_modes():
    terminal = browser()
    terminal.keys("j\r?q")
    leave(terminal)
    ok(b"\x1b[?100" not in terminal.raw, "a mouse mode was sent")
    for number in (signal.SIGTERM, signal.SIGSEGV, signal.SIGTSTP, None):
        terminal = browser(options=["--mouse"])
        if number:
            os.kill(terminal.pid, number)
        else:
            terminal.send("q")
        if number == signal.SIGTSTP:
            os.waitpid(terminal.pid, os.WUNTRACED)
            terminal.drain()
        else:
            terminal.wait_exit()
        for mode in (b"1000", b"1006"):
            raw = bytes(terminal.raw)
            ok(0 <= raw.rfind(b"\x1b[?%sh" % mode) < raw.rfind(b"\x1b[?%sl" % mode), "%r: mode %r stays" % (number, mode))
        restored(terminal)
        terminal.close()


@test("the mouse: a click moves the cursor, one on it opens, the wheel goes on, the rest is nothing")
def mouse():
    def click(row, button=0, end="M"):
        terminal.keys("\x1b[<%d;10;%d%s" % (button, row + 1, end))
    terminal = browser(options=["--mouse"])
    click(6)
    ok("int8_ex3" in terminal.row() and terminal.screen.cursor.y == 6, terminal.row())
    click(6, end="m")
    click(0)
    click(1)
    click(20)
    click(23)
    click(999)
    click(5, button=2)
    click(5, button=16)
    ok("int8_ex3" in terminal.row() and "pare list" in terminal.text(), terminal.text())
    click(3, button=64)
    ok("v1.9_fp32" in terminal.row(), terminal.row())
    click(3, button=65)
    click(6)
    ok("pare show bert_embedding:v2.0_int8_ex3" in terminal.text(), terminal.text())
    click(6)
    terminal.keys("q/")
    before = terminal.text()
    click(5)
    ok(terminal.text() == before, "a click while a filter is typed\n" + terminal.text())
    terminal.keys("\r")
    psql("INSERT INTO model_ab_tests (id, test_name, model_a_id, model_b_id) VALUES (1, 'one', 1, 2), (2, 'two', 1, 3)")
    terminal.keys("t")
    terminal.wait_for("one")
    terminal.settle()
    first = terminal.row()
    click(3 if terminal.screen.cursor.y == 2 else 2)
    ok(terminal.row() != first and "running" in terminal.row(), terminal.text())
    psql("DELETE FROM model_ab_tests")
    leave(terminal)


@test("the ground is asked for, not waited for: an answer, in pieces too, makes the theme light")
def ground():
    terminal = browser()
    ok(terminal.raw.count(ASK_GROUND) == 1, "not asked")
    dark, cursor = bytes(terminal.raw), terminal.row()
    ok(b"38;5;71m" in dark and b"38;5;28m" not in dark, "not dark")
    size = len(terminal.raw)
    for piece in (b"\x1b]11;rgb:ff", b"ff/ffff/", b"f0f0\x1b\\"):
        terminal.send(piece)
        time.sleep(0.06)  # longer than the wait for what follows an Escape
        terminal.pump()
    terminal.settle()
    ok(b"38;5;28m" in terminal.raw[size:], "not light")
    ok(terminal.row() == cursor and "pare list" in terminal.text(), "the answer was taken for keys\n" + terminal.text())
    size = len(terminal.raw)
    terminal.keys(b"\x1b]11;rgb:1c1c/1c1c/1c1c\x07")
    ok(b"38;5;71m" in terminal.raw[size:], "not dark again")
    leave(terminal)
    terminal = browser(env={"COLORFGBG": "0;15"})
    ok(b"38;5;28m" in terminal.raw, "COLORFGBG was not heeded")
    leave(terminal)


@test("a theme that was chosen stays: nothing is asked, an answer changes nothing")
def chosen():
    for options, env in ((["--theme", "dark"], {"PARE_THEME": "light", "COLORFGBG": "0;15"}), ([], {"PARE_THEME": "dark"})):
        terminal = browser(options=options, env=env)
        ok(ASK_GROUND not in terminal.raw and b"38;5;71m" in terminal.raw, "asked, or not dark")
        size = len(terminal.raw)
        terminal.keys(b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\")
        ok(len(terminal.raw) == size, "it drew")
        leave(terminal)
    for options, env in ((["--theme", "dusk"], {}), ([], {"PARE_THEME": "dusk"})):
        terminal = browser(options=options, env=env, settle=False)
        terminal.wait_exit()
        ok(os.waitstatus_to_exitcode(terminal.status) == 2 and b"dusk is no theme" in terminal.raw
           and b"\x1b" not in terminal.raw, "%r" % bytes(terminal.raw))
        terminal.close()


@test("a theme that was picked is there the next time; --theme and PARE_THEME win over it")
def picked():
    with tempfile.TemporaryDirectory(prefix="pare-state.") as state:
        home = {"XDG_STATE_HOME": state}
        terminal = browser(env=home)
        terminal.keys(":theme light\r")
        ok(b"38;5;28m" in terminal.raw, "not light")
        leave(terminal)
        for options, env, light in (([], {}, True), (["--theme", "dark"], {}, False), ([], {"PARE_THEME": "dark"}, False)):
            terminal = browser(options=options, env={**home, **env})
            ok(ASK_GROUND not in terminal.raw and (b"38;5;28m" in terminal.raw) == light, "%r %r" % (options, env))
            leave(terminal)
        with open(os.path.join(state, "pare", "browser.json")) as file:
            root = json.load(file)
        root["theme"]["last"]["word"] = "dusk"
        with open(os.path.join(state, "pare", "browser.json"), "w") as file:
            json.dump(root, file)
        terminal = browser(env=home)
        ok("pare list" in terminal.text() and ASK_GROUND in terminal.raw, "a word that is no theme\n" + terminal.text())
        leave(terminal)


@test("which models were open is there the next time, where the others stand as they did")
def folded():
    with tempfile.TemporaryDirectory(prefix="pare-state.") as state:
        home = {"XDG_STATE_HOME": state}
        terminal = browser(env=home)
        terminal.keys("zzg")
        closed = terminal.text()
        terminal.keys("l")
        opened = terminal.text()
        ok(opened != closed, "nothing opened\n" + opened)
        leave(terminal)
        with open(os.path.join(state, "pare", "browser.json")) as file:
            kept = list(json.load(file)["folds"].values())
        ok(len(kept) == 1 and kept[0]["closed"] and len(kept[0]["names"]) == 1, "%r" % kept)
        terminal = browser(env=home)
        terminal.keys("g")
        ok(terminal.text() == opened, "not as it was\n" + terminal.text())
        terminal.keys("h")
        ok(terminal.text() == closed, "not closed\n" + terminal.text())
        leave(terminal)
        terminal = browser(env=home)
        terminal.keys("g")
        ok(terminal.text() == closed, "it opened again\n" + terminal.text())
        leave(terminal)


@test("Ctrl-C leaves, Ctrl-Z stops; pasted they are bytes")
def control():
    terminal = browser()
    before = terminal.text()
    terminal.keys(b"\x1b[200~a\x03b\x1a\x1cc\x1b[201~")
    ok(terminal.text() == before, "the paste did something\n" + terminal.text())
    terminal.keys(b"/\x1b[200~v2\x03\x1b[201~")
    ok("/ v2" in terminal.text(), terminal.text())
    for keys in (b"\x03", b":\x03"):
        terminal = terminal or browser()
        terminal.send(keys)
        terminal.wait_exit()
        ok(os.waitstatus_to_exitcode(terminal.status) == 130, "%r: %r" % (keys, terminal.status))
        terminal.close()
        terminal = None


@test("frames are held back only where the terminal says that it can")
def held():
    terminal = browser()
    ok(terminal.raw.count(ASK_FRAMES) == 1, "not asked")
    terminal.keys("\x1b[?2026;0$y")
    terminal.keys("jj")
    ok(b"\x1b[?2026h" not in terminal.raw, "held unasked")
    terminal.keys("\x1b[?2026;2$y")
    size = len(terminal.raw)
    terminal.keys("k")
    frame = bytes(terminal.raw[size:])
    ok(frame.startswith(b"\x1b[?2026h") and frame.endswith(b"\x1b[?2026l") and frame.count(b"2026") == 2, "%r" % frame)
    os.kill(terminal.pid, signal.SIGABRT)
    terminal.wait_exit()
    ok(terminal.raw.rfind(b"\x1b[?2026l") > size + len(frame) - 1, "a crash leaves the frame held")
    restored(terminal)
    terminal.close()


@test("no colour, no theme: NO_COLOR and a terminal without colours know attributes alone")
def no_theme():
    for env in ({"NO_COLOR": "1", "PARE_THEME": "contrast"}, {"TERM": "vt220", "COLORFGBG": "0;15"}):
        terminal = browser(env=env)
        terminal.keys("jj:new")
        codes = set(re.findall(rb"\x1b\[[0-9;]*m", bytes(terminal.raw)))
        ok(not any(re.search(rb"(^|;|\[)(3[0-8]|4[0-8]|9[0-7])(;|m)", code) for code in codes), "%r" % codes)
        ok(ASK_GROUND not in terminal.raw, "asked for a colour")
        cells = [terminal.screen.buffer[y][x] for y in range(20) for x in range(80)]  # above the line that is typed
        marked = "".join(cell.data for cell in cells if cell.underscore and cell.bold)
        ok(marked.startswith("new"), "marked are %r" % marked)
        terminal.keys("\x1b")
        leave(terminal)


@test("the palette: q is a letter, a paste runs nothing, what writes asks first, screens are found again")
def palette():
    psql("INSERT INTO model_ab_tests (id, test_name, model_a_id, model_b_id) VALUES (1, 'nightly', 1, 2), (2, 'weekly', 1, 3)")
    terminal = browser()
    terminal.keys("jj:q")
    ok(": q" in terminal.text(), terminal.text())
    terminal.keys("\x1b")
    terminal.keys(b":\x1b[200~promote\ryes\r\x1b[201~")
    ok(": promote yes" in terminal.text() and "Commands" in terminal.text(), terminal.text())
    terminal.keys("\x15prom\r")
    terminal.wait_for("rev 2")
    terminal.settle()
    ok("Enter confirm" in terminal.text(), terminal.text())
    ok(psql("SELECT max(rev) FROM pare.default_event WHERE name = 'bert_embedding'") == "2", "it was written")
    terminal.keys(":jobs\r:tests\r:jobs\r")
    ok("no jobs yet" in terminal.text(), terminal.text())
    terminal.keys(":models\r")
    ok("pare list" in terminal.text() and "v2.0_int8 " in terminal.row(), terminal.text())
    terminal.keys(":test wkl")
    terminal.wait_for("2 weekly")
    terminal.settle()
    ok("nightly" not in terminal.text() and "pare ab show 2" in terminal.text(), terminal.text())
    terminal.keys("\r")
    terminal.wait_for("Test")
    terminal.settle()
    ok("weekly" in terminal.text(), terminal.text())
    terminal.keys(":back\r:job 0\r")
    ok("nothing of that name" in terminal.text(), terminal.text())
    terminal.keys("\x7f" * 9)
    ok("Commands" not in terminal.text(), "Rubout on the empty line did not leave")
    terminal.keys(":open zzz")
    psql("INSERT INTO ml_models (name, version) VALUES ('zzz', 'new')")
    terminal.wait_for("zzz:new", 3.0 * SLACK)
    terminal.settle()
    psql("DELETE FROM ml_models WHERE name = 'zzz'")
    terminal.wait_for("nothing fits", 3.0 * SLACK)
    terminal.keys("\x1b")
    psql("DELETE FROM model_ab_tests")
    terminal.send(":quit\x15back\r")
    ok(terminal.wait_exit() is not None and terminal.status == 0, "back did not leave")
    terminal.close()


@test("a guest with SELECT on ml_models alone browses and cannot promote")
def guest():
    psql("CREATE ROLE guest LOGIN")
    psql("GRANT SELECT ON ml_models TO guest")
    terminal = browser(env={"PGUSER": "guest"})
    ok("bert_embed" in terminal.text() and "guest" in terminal.text(), terminal.text())
    terminal.keys("\r")
    ok("metrics" in terminal.text(), terminal.text())
    terminal.keys("P")
    ok("may not" in terminal.text(), terminal.text())
    leave(terminal)


@test("a database without a registry: it says what to run, and goes on when that was done")
def no_registry():
    psql("CREATE DATABASE empty")
    terminal = browser(env={"PGDATABASE": "empty"})
    ok("no registry" in terminal.text(), terminal.text())
    terminal.keys("jP\r")
    subprocess.run([PARE, "init"], env=dict(os.environ, PGDATABASE="empty"), check=True, stderr=subprocess.DEVNULL)
    terminal.send("r")
    terminal.wait_for("no versions yet")
    terminal.settle()
    terminal.keys("?")
    leave(terminal)


@test("a promote whose answer comes while the help is open closes the right screen")
def covered():
    terminal = browser()
    terminal.keys("jjjP")
    holder = subprocess.Popen(["psql", "-XAtq", "-d", DATABASE], stdin=subprocess.PIPE, text=True,
                              stdout=subprocess.PIPE)
    holder.stdin.write("BEGIN; SELECT 1 FROM pg_advisory_xact_lock(hashtextextended('pare.default:bert_embedding', 0));\n")
    holder.stdin.flush()
    holder.stdout.readline()
    terminal.send("\ryes\r")
    terminal.wait_for("writing")
    terminal.send("?")
    terminal.wait_for("Promote and Rollback")
    holder.communicate("ROLLBACK;\n")
    terminal.wait_for("is the default now")
    ok("Promote and Rollback" in terminal.text(), "the help was closed")
    terminal.keys("q")
    ok("pare list" in terminal.text(), terminal.text())
    psql("DELETE FROM pare.default_event WHERE name = 'bert_embedding' AND rev = 3")
    leave(terminal)


make_database()
run_tests()
