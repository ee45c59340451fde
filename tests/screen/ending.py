#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests split, stopped and concluded from their screen.

    PARE=./pare tests/with-postgres tests/screen/ending.py [WORD...]      only tests whose sentence has a WORD
"""
import json
import os
import re
import signal
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import arms  # noqa: E402
from arms import add, open_test  # noqa: E402
from scene import DATA, PARE, SLACK, Skipped, backend, browser, leave, make_database, ok, pare, psql, run_tests, server, test  # noqa: E402

RUBOUT = "\x7f" * 60


def fresh():
    """Also the default is the one that it was."""
    psql("DELETE FROM pare.default_event WHERE rev > 2")
    arms.fresh()


def test_row(columns, number=41):
    return psql("SELECT %s FROM model_ab_tests WHERE id = %d" % (columns, number))


def rev():
    return int(psql("SELECT max(rev) FROM pare.default_event WHERE name = 'bert_embedding'"))


def make_winner():
    """Results that leave nothing open for test 41: B twice as fast, hardly any failure."""
    add(41, 1, 32000, "30 + i * 7 % 19")
    add(41, 3, 8000, "14 + i * 7 % 9")


def said(terminal, words):
    """Wherever a line of the screen may end."""
    return words in " ".join(terminal.text().split())


def go_on(terminal, words, patience=2.0):
    terminal.wait_for(words, patience * SLACK)
    terminal.drain()


class Session:
    """Somebody else's connection, which holds what a test wants held."""

    def __init__(self, *statements):
        self.psql = subprocess.Popen(["psql", "-XAtq", "-d", "scene"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True)
        self.say("BEGIN", *statements, "SELECT 'held'")
        while "held" not in self.psql.stdout.readline():
            pass

    def say(self, *statements):
        self.psql.stdin.write("".join(statement + ";\n" for statement in statements))
        self.psql.stdin.flush()

    def let_go(self):
        self.say("COMMIT")
        self.psql.stdin.close()
        self.psql.wait()


def pump(terminal, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        terminal.pump(0.05)


def wait_said(terminal, words, patience=4.0):
    end = time.monotonic() + patience * SLACK
    while not said(terminal, words) and time.monotonic() < end:
        terminal.pump(0.1)
    ok(said(terminal, words), "never saw %r\n%s" % (words, terminal.text()))


def prepare(terminal, arm="B"):
    """Up to the last Enter, against the verdict."""
    terminal.keys("P")
    go_on(terminal, "names nobody")
    terminal.keys(arm)
    go_on(terminal, "Against " + arm)
    terminal.keys("\rbert_embedding\rwhy")


def cut():
    psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pare'")


@test("S asks for a share, refuses what is none, and begins a segment")
def split():
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    terminal.keys("S")
    ok("A's share of the requests" in terminal.text() and "$ pare ab split 41 0.80" in terminal.text(), terminal.text())
    for odd in ("1.5", "-1", "x", "0.123"):
        terminal.keys(RUBOUT + odd + "\r")
        ok("A's share was expected" in terminal.text(), "%s\n%s" % (odd, terminal.text()))
    ok(test_row("traffic_split") == "0.80", "something was written")
    terminal.keys(RUBOUT + "\r")
    ok("A's share of the requests" not in terminal.text(), "an empty line does not go back")
    terminal.keys("S" + RUBOUT + "50%\r")
    go_on(terminal, "segment 2")
    ok(test_row("traffic_split") == "0.50", "the split is %s" % test_row("traffic_split"))
    ok(psql("SELECT number, split, actor <> '' FROM pare.ab_segment WHERE test_id = 41 ORDER BY 1 DESC LIMIT 1") == "2|0.50|t",
       "no segment")
    ok(psql("SELECT kind FROM pare.ab_event WHERE test_id = 41") == "split", "no event")
    leave(terminal)


@test("K is the kill switch: yes, and all goes to A; Escape and another word change nothing")
def kill():
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    terminal.keys("K")
    ok("All requests to A" in terminal.text() and "$ pare ab stop 41 --all-to a" in terminal.text(), terminal.text())
    terminal.keys("no\r")
    ok("to go on type yes" in terminal.text(), terminal.text())
    terminal.send("\x1b")
    go_on(terminal, "Tab chart")
    ok(test_row("status") == "running", "Escape stopped it")
    terminal.keys("Kyes\rit\tfails\r")  # a tab between two words goes to the other field
    ok(test_row("status") == "running", "Tab is no word")
    terminal.keys(RUBOUT + "yes\r" + RUBOUT + "it fails\r")
    go_on(terminal, "Ended by")
    ok(test_row("status, end_time IS NOT NULL") == "stopped|t", test_row("status, end_time"))
    ok(psql("SELECT arm, model_id FROM pare.ab_assign(41, 'anybody')") == "A|1", "not all goes to A")
    ok(psql("SELECT kind, arm, reason FROM pare.ab_event WHERE test_id = 41") == "stop|A|it fails", "the event")
    for key, words in (("K", "nothing to stop"), ("S", "nothing to split")):
        terminal.keys(key)
        ok(words in terminal.text(), terminal.text())
    terminal.keys("P")
    go_on(terminal, "has ended test 41")
    ok("all requests go to A" in terminal.text(), terminal.text())
    ok(rev() == 2, "the default changed")
    leave(terminal)


@test("P chooses nothing that the verdict does not say; against it the model's name and a reason are typed")
def override(rows=24, columns=80):
    fresh()
    terminal = browser(rows, columns)
    open_test(terminal, 41)
    ok("WAIT_GUARDRAIL" in terminal.text(), terminal.text())
    terminal.keys("P")
    go_on(terminal, "names nobody")
    ok("$ pare ab conclude 41" in terminal.text() and "--promote" not in terminal.text(), terminal.text())
    terminal.keys("\r")
    ok("first choose" in terminal.text(), terminal.text())
    terminal.keys("B")
    go_on(terminal, "Against B: the test says WAIT_GUARDRAIL")
    ok("--promote b --force --reason ..." in terminal.text() and "v2.0_int8_ex3" in terminal.text(), terminal.text())
    terminal.keys("\ryes\r")
    ok("to go on type bert_embedding" in terminal.text(), terminal.text())
    terminal.keys(RUBOUT + "bert_embedding\r\r")
    ok("a reason is wanted" in terminal.text(), terminal.text())
    ok(test_row("status") == "running" and rev() == 2, "something was written")
    terminal.keys("the release is today\r")
    go_on(terminal, "is the default now")
    ok(test_row("status, end_time IS NOT NULL") == "concluded|t", test_row("status, end_time"))
    ok(psql("SELECT to_id, forced, reason FROM pare.default_event WHERE name = 'bert_embedding' ORDER BY rev DESC LIMIT 1") ==
       "3|t|the release is today", "the history")
    evidence = json.loads(psql("SELECT evidence FROM pare.ab_event WHERE kind = 'conclude'"))
    ok(evidence["state"] == "WAIT_GUARDRAIL" and evidence["requests"] == [4800, 1200], "evidence %r" % evidence)
    ok(psql("SELECT arm, model_id FROM pare.ab_assign(41, 'anybody')") == "B|3", "not all goes to B")
    terminal.keys("qq")
    go_on(terminal, "v2.0_int8_ex3")
    starred = [line for line in terminal.text().split("\n") if line.startswith("★")]
    ok(len(starred) == 1 and "v2.0_int8_ex3" in starred[0], "the star is at %r" % starred)
    leave(terminal)


@test("the same at 200x60")
def override_large():
    override(60, 200)


@test("with nothing open P has chosen B, and yes is enough; q and N leave the default as it is")
def winner():
    fresh()
    make_winner()
    terminal = browser(40, 120)
    open_test(terminal, 41, "PROMOTE_B")
    terminal.keys("P")
    go_on(terminal, "becomes the default, all requests go to B")
    ok("$ pare ab conclude 41 --promote b\n" in "\n".join(l.rstrip() for l in terminal.text().split("\n")), terminal.text())
    terminal.keys("q")
    ok(test_row("status") == "running" and rev() == 2, "q wrote")
    terminal.keys("P")
    go_on(terminal, "becomes the default")
    terminal.keys("A")
    go_on(terminal, "Against A: the test says PROMOTE_B")
    terminal.keys("N")
    ok("the default stays as it is" in terminal.text(), terminal.text())
    terminal.keys("B")
    go_on(terminal, "becomes the default")
    terminal.keys("\ryes\r\r")
    go_on(terminal, "is the default now")
    ok(rev() == 3 and psql("SELECT forced FROM pare.default_event WHERE rev = 3") == "f", "the history")
    leave(terminal)
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    terminal.keys("P")
    go_on(terminal, "names nobody")
    terminal.keys("N\ryes\rnot worth it\r")
    go_on(terminal, "the default stays")
    ok(test_row("status") == "concluded" and rev() == 2, "the default changed")
    leave(terminal)


@test("two engineers at once: one conclusion, one clear refusal, and the default is the first one's")
def two():
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    terminal.keys("P")
    go_on(terminal, "names nobody")
    terminal.keys("B")
    go_on(terminal, "Against B")
    terminal.keys("\rbert_embedding\rmine")
    pare("ab", "conclude", "41", "--promote", "a", "--force", "--reason", "theirs")
    terminal.keys("\r")
    go_on(terminal, "refused: ")
    ok("tester" in terminal.text() and "all requests go to A" in terminal.text(), terminal.text())
    ok(psql("SELECT count(*), min(reason) FROM pare.ab_event WHERE kind = 'conclude'") == "1|theirs", "two conclusions")
    ok(rev() == 2, "the default changed")
    leave(terminal)
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    terminal.keys("P")
    go_on(terminal, "names nobody")
    terminal.keys("B")
    go_on(terminal, "Against B")
    terminal.keys("\rbert_embedding\rmine")
    pare("promote", "bert_embedding:v2.0_int8", "--force", "--reason", "theirs")
    terminal.keys("\r")
    go_on(terminal, "Nothing changed")
    ok("tester" in terminal.text() and "v2.0_int8 the default" in terminal.text(), terminal.text())
    ok(test_row("status") == "running" and rev() == 3, "half of it was done")
    leave(terminal)


@test("what the test says between the preview and the last Enter is looked at once more")
def meanwhile():
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    terminal.keys("P")
    go_on(terminal, "names nobody")
    terminal.keys("B")
    go_on(terminal, "Against B")
    terminal.keys("\rbert_embedding\rtoday")
    psql("INSERT INTO model_test_results (test_id, model_id, response, latency_ms) "
         "SELECT 41, 1 + 2 * (i % 5 / 4), CASE WHEN i % 5 = 4 AND i % 2 = 0 THEN NULL ELSE 'r' END, 30 FROM generate_series(1, 5000) i")
    terminal.keys("\r")
    go_on(terminal, "meanwhile the test says something else")
    ok("TRADE_OFF" in terminal.text() and "OVER" in terminal.text(), terminal.text())
    ok(test_row("status") == "running" and rev() == 2, "it was written")
    psql("UPDATE model_ab_tests SET traffic_split = .5 WHERE id = 41")
    leave(terminal)


@test("the server restarted under the last Enter: it is written once, or said not to be")
def restarted():
    fresh()
    make_winner()
    terminal = browser()
    open_test(terminal, 41, "PROMOTE_B")
    terminal.keys("P")
    go_on(terminal, "becomes the default")
    terminal.keys("\ryes\r")
    os.kill(backend(), signal.SIGSTOP)
    terminal.send("\r")
    terminal.pump(0.3)
    server("restart", "-m", "immediate")
    end = time.monotonic() + 8.0 * SLACK
    while not said(terminal, "is the default now") and not said(terminal, "Nothing changed") and time.monotonic() < end:
        terminal.pump(0.1)
    done = said(terminal, "is the default now")
    ok(done or said(terminal, "Nothing changed"), terminal.text())
    ok((test_row("status"), rev()) == (("concluded", 3) if done else ("running", 2)), "%s, rev %d" % (test_row("status"), rev()))
    leave(terminal)


@test("the answer lost with the connection: whether it arrived is looked up")
def lost():
    for let_go_first in (False, True):
        fresh()
        terminal = browser()
        open_test(terminal, 41)
        prepare(terminal)
        held = Session("SELECT id FROM model_ab_tests WHERE id = 41 FOR NO KEY UPDATE")
        terminal.send("\r")
        wait_said(terminal, "writing")
        pump(terminal, 0.5)
        if let_go_first:
            os.kill(terminal.pid, signal.SIGSTOP)
            held.let_go()
            while test_row("status") == "running":
                time.sleep(0.05)
            os.kill(terminal.pid, signal.SIGCONT)
            wait_said(terminal, "is the default now")
        else:
            cut()
            held.let_go()
            wait_said(terminal, "Nothing changed")
        ok((test_row("status"), rev()) == (("concluded", 3) if let_go_first else ("running", 2)), "let go %r" % let_go_first)
        leave(terminal)


@test("ended by the same person elsewhere and otherwise: that is not taken for one's own")
def elsewhere():
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    prepare(terminal)
    held = Session("SELECT id FROM model_ab_tests WHERE id = 41 FOR NO KEY UPDATE")
    terminal.send("\r")
    wait_said(terminal, "writing")
    pump(terminal, 0.5)
    os.kill(terminal.pid, signal.SIGSTOP)
    cut()
    held.let_go()
    pare("ab", "conclude", "41", "--promote", "a", "--force", "--reason", "why")
    os.kill(terminal.pid, signal.SIGCONT)
    wait_said(terminal, "all requests go to A; nothing changed")
    ok(not said(terminal, "is the default now"), terminal.text())
    leave(terminal)


@test("other arms, another split, another default, results rolled up anew meanwhile: nothing is written")
def changed():
    cases = (("UPDATE model_ab_tests SET model_b_id = 2 WHERE id = 41", "B", "is another version by now"),
             ("UPDATE model_ab_tests SET traffic_split = .2 WHERE id = 41", "B", "split"),
             ("INSERT INTO pare.default_event (name, rev, kind, to_id, to_version, actor) VALUES ('bert_embedding', 3, 'promote', 2, "
              "'v2.0_int8', 'somebody')", "A", "somebody made v2.0_int8 the default"))
    for statement, arm, words in cases:
        fresh()
        terminal = browser()
        open_test(terminal, 41)
        prepare(terminal, arm)
        psql(statement)
        terminal.keys("\r")
        wait_said(terminal, words)
        ok(test_row("status") == "running" and psql("SELECT count(*) FROM pare.ab_event WHERE kind = 'conclude'") == "0",
           "concluded in spite of " + statement)
        leave(terminal)


@test("a kill switch is pulled though its screen is left at once, and while another round is under way")
def left_at_once():
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    terminal.send("Kyes\r\rq")
    end = time.monotonic() + 4.0 * SLACK
    while test_row("status") == "running" and time.monotonic() < end:
        terminal.pump(0.1)
    ok(test_row("status") == "stopped", "it runs on")
    wait_said(terminal, "left before the registry answered")
    leave(terminal)
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    held = Session("LOCK TABLE model_test_results")
    pump(terminal, 1.5)
    terminal.send("Kyes\r\r")
    pump(terminal, 0.5)
    cut()
    pump(terminal, 0.2)
    held.let_go()
    wait_said(terminal, "Ended by")
    ok(psql("SELECT kind, arm, actor FROM pare.ab_event WHERE test_id = 41").startswith("stop|A|tester"),
       "the event: " + psql("SELECT kind, arm, actor FROM pare.ab_event WHERE test_id = 41"))
    leave(terminal)


@test("P while a round is under way waits for it; no turn of the loop is spent on waiting")
def slow_round():
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    held = Session("LOCK TABLE model_test_results")
    pump(terminal, 1.5)
    terminal.send("S" + RUBOUT + "0.5\r")
    pump(terminal, 0.5)
    ticks = terminal.cpu_ticks()
    pump(terminal, 1.0)
    ok(terminal.cpu_ticks() - ticks < 30, "%d ticks in a second" % (terminal.cpu_ticks() - ticks))
    terminal.send("P")
    pump(terminal, 0.3)
    held.let_go()
    wait_said(terminal, "names nobody")
    leave(terminal)


@test("two splits at once: the second waits and comes after; of a test that has ended meanwhile it is told by whom")
def splits():
    fresh()
    pare("ab", "show", "41")
    for statement, code, words in (("UPDATE model_ab_tests SET traffic_split = .9 WHERE id = 41; INSERT INTO pare.ab_segment (test_id, "
                                    "number, split, from_at, actor) VALUES (41, 2, .9, now(), 'x')", 0, "A gets 70 %"),
                                   ("UPDATE model_ab_tests SET status = 'stopped' WHERE id = 41; INSERT INTO pare.ab_event (test_id, kind, "
                                    "arm, actor) VALUES (41, 'stop', 'A', 'ops')", 4, "ops stopped test 41")):
        held = Session(statement)
        running = subprocess.Popen([PARE, "ab", "split", "41", "0.7" if code == 0 else "0.6"], text=True, stdin=subprocess.DEVNULL,
                                   env=dict(os.environ, PGDATABASE="scene"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while psql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0":
            time.sleep(0.05)
        held.let_go()
        output = running.communicate()[0]
        ok(running.returncode == code and words in output, "%d: %s" % (running.returncode, output))
    ok(psql("SELECT string_agg(split::text, ' ' ORDER BY number) FROM pare.ab_segment WHERE test_id = 41") == "0.80 0.90 0.70",
       "the segments")


@test("who may not roll up concludes on old numbers only against them, and is told so")
def stale():
    psql("CREATE ROLE scribe LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ml_models, model_ab_tests TO scribe; "
         "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public, pare TO scribe; GRANT USAGE ON SCHEMA pare TO scribe; "
         "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pare TO scribe")
    fresh()
    make_winner()
    pare("ab", "show", "41")
    psql("UPDATE pare.ab_mark SET at = now() - interval '3 hours'")
    terminal = browser(40, 120, env={"PGUSER": "scribe"})
    open_test(terminal, 41, "PROMOTE_B")
    terminal.keys("P")
    go_on(terminal, "Against B: the numbers are 180 min old")
    ok("numbers as of" in terminal.text(), terminal.text())
    leave(terminal)
    command = subprocess.run([PARE, "ab", "conclude", "41", "--promote", "b"], text=True, capture_output=True,
                             env=dict(os.environ, PGDATABASE="scene", PGUSER="scribe"))
    ok(command.returncode == 4 and "others did so 180 min ago" in command.stderr, command.stderr)
    psql("DROP OWNED BY scribe; DROP ROLE scribe")


@test("who may only look is told so")
def reader():
    fresh()
    pare("ab", "show", "41")
    terminal = browser(options=("--read-only",))
    open_test(terminal, 41)
    for key in "SKP":
        terminal.keys(key)
        ok("read-only" in terminal.text() or "read only" in terminal.text(), terminal.text())
    leave(terminal)


@test("every size from 1x1 to 500x200 is drawn while something is asked")
def sizes():
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    for keys in ("S", "K", "PB\r"):
        terminal.resize(24, 80)
        terminal.keys(keys[0])
        terminal.settle()
        for key in keys[1:]:
            terminal.keys(key)
            terminal.settle()
        for rows, columns in ((1, 1), (1, 500), (200, 1), (2, 2), (5, 30), (8, 40), (12, 60), (200, 500), (24, 80)):
            terminal.resize(rows, columns)
            terminal.settle()
        terminal.send("\x1b")
        terminal.pump(0.2)
    ok(test_row("status") == "running", "something was written")
    leave(terminal)


def prepare_replay():
    measure = os.path.join(DATA, "measure")
    for version in ("linear", "linear_cut"):
        pare("import", os.path.join(measure, version + ".onnx"), "--name", "p", "--version", version)
    pare("dataset", "import", os.path.join(measure, "points.npz"), "--name", "points")
    pare("promote", "p:linear")
    pare("ab", "start", "rehearsal", "--a", "p:linear", "--b", "p:linear_cut")
    return int(psql("SELECT max(id) FROM model_ab_tests"))


def results(number):
    return int(psql("SELECT count(*) FROM model_test_results WHERE test_id = %d" % number))


@test("a replay: the numbers move, it is concluded before its time, and Models shows the new default")
def replay():
    if not os.environ.get("PARE_ONNXRUNTIME"):
        raise Skipped("PARE_ONNXRUNTIME names no ONNX Runtime")
    fresh()
    number = prepare_replay()
    running = subprocess.Popen([PARE, "ab", "replay", "rehearsal", "--dataset", "points", "--rate", "200", "--for", "300"],
                               env=dict(os.environ, PGDATABASE="scene"), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    terminal = browser(40, 120)
    open_test(terminal, number)
    seen, end = [], time.monotonic() + 20.0 * SLACK
    while (len(seen) < 3 or "WARMING" in terminal.text()) and time.monotonic() < end:
        terminal.pump(0.2)
        found = re.search(r"requests +(\d[\d ]*?)  ", terminal.text())
        if found and found.group(1) != "0" and found.group(1) not in seen:
            seen.append(found.group(1))
    ok(len(seen) >= 3, "the numbers do not move: %r\n%s" % (seen, terminal.text()))
    print("# requests of A on the screen: %s" % ", ".join(seen[:3]))
    terminal.keys("P")
    go_on(terminal, "names nobody")
    terminal.keys("B")
    go_on(terminal, "Against B")
    ok("--force" in terminal.text(), terminal.text())
    terminal.keys("\rp\rrehearsed\r")
    end = time.monotonic() + 4.0 * SLACK
    while not said(terminal, "is the default now") and time.monotonic() < end:
        if said(terminal, "meanwhile the test says"):  # the rehearsal went on
            terminal.keys("\rp\rrehearsed\r")
        terminal.pump(0.1)
    ok(said(terminal, "p:linear_cut is the default now"), terminal.text())
    ok(running.wait(30 * SLACK) == 0, "the replay ended with %r" % running.returncode)
    count = results(number)
    ok(count > 200, "%d results" % count)
    terminal.keys("qq")
    terminal.keys("/p\r")
    terminal.settle()
    starred = [line for line in terminal.text().split("\n") if line.startswith("★")]
    ok(any("linear_cut" in line for line in starred), "the star is at %r" % starred)
    leave(terminal)


make_database()
run_tests()
