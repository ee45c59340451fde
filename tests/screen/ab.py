#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The Tests and Test screens: a test's numbers as they come, its charts, every size, roles that may only look.

    PARE=./pare tests/with-postgres tests/screen/ab.py [WORD...]      only tests whose sentence has a WORD
"""
import json
import os
import re
import signal
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
from arms import add, fresh, open_test  # noqa: E402
from scene import (SLACK, backend, browser, leave, make_database, ok, pare, psql, run_tests, server,  # noqa: E402
                   test, unasked)

CHARTS = ("share of requests slower than", "B - A of the means", "p of the mean", "failed requests, %", "A's share of",
          "requests a minute", "ratings, best first")


def line_of(text, word):
    """The words of the table's line that begins with this one."""
    for line in text.split("\n"):
        words = line.replace(">", " ").split()
        if words[:1] == [word]:
            return words
    return []


def walk(rows, columns):
    fresh()
    terminal = browser(rows, columns)
    terminal.keys("t")
    terminal.wait_for("WAIT_GUARDRAIL", 3.0 * SLACK)
    terminal.settle()
    lines = terminal.text().split("\n")
    ok("$ pare ab list" in terminal.text(), terminal.text())
    ok([line[:6].strip() for line in lines[2:5]] == ["42", "41", "40"], "not the running ones first\n" + terminal.text())
    ok(all(words in lines[3] for words in ("running", " .80 ", " 6 000 ", " 1d02h ")), lines[3])
    ok("WARMING" in lines[2] and "completed" in lines[4] and "UNDECIDED" in lines[4], terminal.text())
    terminal.keys("q")
    text = open_test(terminal, 41)
    ok("41 bert-int8-ex3  RUNNING 1d02h" in text and "$ pare ab show 41" in text, text)
    ok("4 800    1 200     20.0 %" in text, "requests\n" + text)
    by_command = {row["metric"]: row for row in json.loads(pare("ab", "show", "41", "--format", "json"))}
    for metric in ("p50", "p95", "p99"):
        wanted = ["%g" % by_command[metric][key] for key in ("a", "b")] + ["%+g" % by_command[metric]["delta"]]
        ok(line_of(text, metric)[2:5] == wanted, "%s: %r, by command %r\n%s" % (metric, line_of(text, metric), wanted, text))
    low, high = by_command["p95"]["low"], by_command["p95"]["high"]
    ok("[%+g, %+g]" % (low, high) in text, "[%+g, %+g]\n%s" % (low, high, text))
    ok("WAIT_GUARDRAIL" in text and "limit +0.5 pp open" in text and "limit +5 % ok" in text, text)
    start = time.monotonic()
    add(41, 1, 40, "40")
    add(41, 3, 10, "20")
    terminal.wait_for("4 840    1 210", 3.0 * SLACK)
    print("# results were on the screen %.2f s after they were there" % (time.monotonic() - start))
    ok(time.monotonic() - start < 3.0 * SLACK, "too late")
    start = time.monotonic()
    psql("UPDATE model_ab_tests SET traffic_split = 0.5 WHERE id = 41")
    terminal.wait_for("segment 2", 12.0 * SLACK)
    print("# a split that somebody's SQL changed was seen after %.1f s" % (time.monotonic() - start))
    terminal.settle()
    ok("split A .50" in terminal.text() and "WARMING" in terminal.text(), "the evidence begins anew\n" + terminal.text())
    leave(terminal)


@test("list, open, numbers as the command has them, results that come, a new segment: at 80x24")
def small():
    walk(24, 80)


@test("the same at 200x60")
def large():
    walk(60, 200)


@test("Tab goes through the charts and begins anew; at 200x60 six are there, and h changes the first one")
def charts():
    fresh()
    terminal = browser()
    text = open_test(terminal, 41)
    for title in CHARTS + CHARTS[:1]:
        ok([title in text for title in CHARTS].count(True) == 1 and title in text, "no %s\n%s" % (title, text))
        terminal.keys("\t")
        text = terminal.text()
    leave(terminal)
    terminal = browser(60, 200)
    text = open_test(terminal, 41)
    ok(all(title in text for title in CHARTS[:6]), text)
    terminal.keys("h")
    ok(CHARTS[0] not in terminal.text() and all(title in terminal.text() for title in CHARTS[1:6]), terminal.text())
    terminal.keys("h")
    ok(CHARTS[0] in terminal.text(), terminal.text())
    ok("B better 0 B worse" in text and "gates" in text and "plan fixed at the start: primary p95" in text, text)
    leave(terminal)


@test("in the C locale all is ASCII, and the arms are told apart by o and x")
def ascii_only():
    fresh()
    terminal = browser(40, 120, env={"LC_ALL": "C", "NO_COLOR": "1"})
    text = open_test(terminal, 41)
    ok("888" in text and "ooo" in text and "xxx" in text, "no curves\n" + text)
    ok(re.search(r"-\[=*#=*\]-", text), "no forest\n" + text)
    terminal.keys("\t" * 6)
    ok(re.search(r" 5 o+ ", terminal.text()) and re.search(r" x+ ", terminal.text()), "no bars\n" + terminal.text())
    ok(all(byte < 128 for byte in terminal.raw), "a byte above 127")
    leave(terminal)


@test("every size from 1x1 to 500x200 is drawn and lived through, whatever the chart")
def sizes():
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    slowest = 0
    for rows, columns in ((1, 1), (1, 500), (200, 1), (2, 2), (5, 30), (6, 31), (8, 40), (12, 60), (16, 79), (200, 500),
                          (3, 80), (24, 29), (19, 100), (60, 200), (24, 80)):
        start = time.monotonic()
        terminal.resize(rows, columns)
        terminal.settle()
        slowest = max(slowest, time.monotonic() - start)
        for _ in CHARTS:
            terminal.keys("\t")
        terminal.keys("q\r")
    print("# the slowest took %.0f ms" % (slowest * 1e3))
    terminal.wait_for("4 800    1 200", 3.0 * SLACK)
    leave(terminal)


@test("read only: the numbers of the last roll-up, how far behind they are, and nothing is written")
def read_only():
    fresh()
    pare("ab", "show", "41")
    add(41, 1, 77, "40")
    mark = psql("SELECT id FROM pare.ab_mark")
    terminal = browser(options=("--read-only",))
    text = open_test(terminal, 41)
    ok("4 800    1 200" in text and "77 results behind" in text, text)
    ok(psql("SELECT id FROM pare.ab_mark") == mark, "it was rolled up")
    leave(terminal)


@test("who may not read the results sees what others rolled up, and that it is so")
def others_roll():
    fresh()
    pare("ab", "show", "41")
    psql("CREATE ROLE scribe LOGIN; GRANT SELECT ON ml_models, model_ab_tests TO scribe; GRANT USAGE ON SCHEMA pare TO scribe; "
         "GRANT INSERT, UPDATE, DELETE ON ml_models TO scribe; "
         "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pare TO scribe")
    terminal = browser(env={"PGUSER": "scribe"})
    text = open_test(terminal, 41)
    ok("4 800    1 200" in text and "rolled up by others" in text and "permission denied" not in text, text)
    add(41, 1, 23, "40")
    pare("ab", "show", "41")
    terminal.wait_for("4 823    1 200", 3.0 * SLACK)
    leave(terminal)


@test("a guest sees the list without verdicts; a test says that its roll-up is not readable")
def guest():
    fresh()
    psql("CREATE ROLE looker LOGIN")
    psql("GRANT SELECT ON ml_models, model_ab_tests, model_test_results TO looker")
    terminal = browser(env={"PGUSER": "looker"})
    terminal.keys("t")
    terminal.wait_for(" 41 ", 2.0 * SLACK)
    terminal.settle()
    ok("GUARDRAIL" not in terminal.text() and "not readable here" in terminal.text(), terminal.text())
    terminal.keys("\r")
    ok("$ pare ab list" in terminal.text(), terminal.text())
    leave(terminal)
    psql("CREATE ROLE stranger LOGIN")
    psql("GRANT SELECT ON ml_models TO stranger")
    terminal = browser(env={"PGUSER": "stranger"})
    terminal.keys("t")
    ok("permission denied" in terminal.text() or "may not" in terminal.text(), terminal.text())
    leave(terminal)


@test("rows that make no sense are said to be so, and no control byte comes out")
def hostile():
    fresh()
    psql("INSERT INTO model_ab_tests (id, test_name, model_a_id, model_b_id, traffic_split, start_time, end_time, status) VALUES "
         "(50, E'\\x1b]52;c;cHduZWQ=\\x07evil', 1, 1, NULL, now() - interval '1 hour', NULL, E'\\x1b[2Jodd')")
    psql("INSERT INTO model_test_results (test_id, model_id, latency_ms, user_feedback) VALUES (50, 1, NULL, 9), "
         "(50, 1, -5, 0), (50, 2, 2147483647, 3), (50, 3, 0, NULL), (50, NULL, 1, 1)")
    terminal = browser(50, 100)
    text = open_test(terminal, 50)
    for words in ("both arms are the same version", "results have no latency", "negative latency",
                  "ratings are none of 1 to 5", "results are of a model in neither arm"):
        ok(words in text, "no %r\n%s" % (words, text))
    for _ in CHARTS:
        terminal.keys("\t")
        ok(not re.search(r"\bnan\b|\binf\b", terminal.text()), terminal.text())
    raw = unasked(terminal)
    ok(b"\x1b]" not in raw and b"\x1b[2Jodd" not in raw, "an escape came out")
    psql("DELETE FROM model_test_results WHERE test_id = 50; DELETE FROM model_ab_tests WHERE id = 50")
    terminal.wait_for("no such test any more", 8.0 * SLACK)
    leave(terminal)


@test("no tests yet: how to start one; without the users' tables too")
def none():
    psql("TRUNCATE model_test_results, model_ab_tests")
    terminal = browser()
    terminal.keys("t")
    ok("no tests yet" in terminal.text() and "pare ab start" in terminal.text(), terminal.text())
    leave(terminal)
    psql("ALTER TABLE model_ab_tests RENAME TO was_model_ab_tests")
    terminal = browser()
    terminal.keys("t")
    ok("no tests yet" in terminal.text(), terminal.text())
    psql("ALTER TABLE was_model_ab_tests RENAME TO model_ab_tests")
    fresh()
    terminal.wait_for(" 41 ", 6.0 * SLACK)
    leave(terminal)


@test("a stopped server delays no key; after a restart the numbers go on")
def stopped():
    fresh()
    terminal = browser()
    open_test(terminal, 41)
    pid = backend()
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in CHARTS:
            terminal.drain()  # what the key before has drawn
            size, start = len(terminal.raw), time.monotonic()
            terminal.send("\t")
            while len(terminal.raw) == size and time.monotonic() - start < 2:
                terminal.pump(0.5)
            ok(time.monotonic() - start < 0.005 * SLACK, "a key took %.1f ms" % ((time.monotonic() - start) * 1e3))
        terminal.wait_for("no reply for", 4.0 * SLACK)
    finally:
        os.kill(pid, signal.SIGCONT)
    server("restart", "-m", "fast")
    add(41, 1, 5, "40")
    terminal.wait_for("4 805", 6.0 * SLACK)
    terminal.keys("q")
    leave(terminal)


make_database()
run_tests()
