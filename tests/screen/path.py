#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The main path by keys: start, filter, open, new job, watch it finish, promote, see the star move, quit.

    PARE=./pare tests/with-postgres tests/screen/path.py [WORD...]      only tests whose sentence has a WORD
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scene import (DATA, PARE, SLACK, backend, browser, leave, make_database, ok, pare, psql,  # noqa: E402
                   run_tests, server, test)

MODEL = os.path.join(DATA, "mnist-8.onnx")
UP = "\x1b[A"


def rubout(terminal, count=40):
    terminal.keys("\x7f" * count)


def new_version(name, environment=None):
    pare("import", MODEL, "--name", name, "--version", "v1_fp32", **(environment or {}))
    pare("promote", name + ":v1_fp32", **(environment or {}))


def forget(name):
    psql("DELETE FROM pare.default_event WHERE name = '%s'; DELETE FROM ml_models WHERE name = '%s'" % (name, name))


def open_form(terminal, name):
    """From Models by the filter to the version, and from there to the form with its plan."""
    terminal.keys("/name~%s" % name)
    terminal.keys("\r")
    ok("1 of " in terminal.text(), "the filter\n" + terminal.text())
    terminal.keys("\r")
    ok("pare show %s:v1_fp32" % name in terminal.text(), "not opened\n" + terminal.text())
    terminal.keys("n")
    text = terminal.text()
    ok("New job" in text and "v1_int8" in text and "tensors change" in text and "bytes in all" in text,
       "no plan\n" + text)
    return text


def planned_bytes(text):
    line = next(line for line in text.split("\n") if "bytes in all" in line)
    return int(line.split("change, ")[1].split(" ")[0])


def to_models(terminal):
    """q until Models is on top."""
    for _ in range(4):
        if "$ pare list" in terminal.text():
            return
        terminal.keys("q")


def promote_made(terminal, name):
    """In Models, filtered to one model of two versions: the second becomes the default."""
    terminal.wait_for("v1_int8", 3.0 * SLACK)
    terminal.settle()
    terminal.keys("GP")
    ok("pare promote %s:v1_int8 --expect @1" % name in terminal.text(), "no preview\n" + terminal.text())
    terminal.keys("\ryes\r")
    terminal.wait_for("is the default now", 1.0 * SLACK)
    terminal.settle()
    starred = [line for line in terminal.text().split("\n") if line.startswith("★")]
    ok(len(starred) == 1 and "v1_int8" in starred[0], "the star is at %r" % starred)


def worker(*words, env=None):
    return subprocess.Popen([PARE, "worker", *words], env=dict(os.environ, PGDATABASE="scene", **(env or {})),
                            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def walk(rows, columns):
    new_version("walk")
    terminal = browser(rows, columns)
    wanted = planned_bytes(open_form(terminal, "walk"))
    start = time.monotonic()
    terminal.send("S")
    terminal.wait_for("on its way", 1.0 * SLACK)
    print("# submitted after %.0f ms" % ((time.monotonic() - start) * 1e3))
    terminal.settle()
    ok("Jobs" in terminal.text() and "waits" in terminal.text(), "not in Jobs\n" + terminal.text())
    running = worker("--once")
    took = terminal.wait_for("plan: ", 5.0 * SLACK)  # its log
    running.wait()
    while "running" in terminal.text() or "waits" in terminal.text():
        terminal.pump(0.1)
    print("# its log after %.1f s" % took)
    terminal.settle()
    terminal.keys("v")
    ok("pare show walk:v1_int8" in terminal.text(), "not at its version\n" + terminal.text())
    size = int(psql("SELECT octet_length(model_data) FROM ml_models WHERE name = 'walk' AND version = 'v1_int8'"))
    ok(size == wanted, "the plan said %d bytes, it has %d" % (wanted, size))
    to_models(terminal)
    promote_made(terminal, "walk")
    ok(json.loads(pare("show", "walk", "--format", "json"))[0]["version"] == "v1_int8", "not the default")
    leave(terminal)
    forget("walk")


@test("the main path at 80x24")
def small():
    walk(24, 80)


@test("the main path at 200x60")
def large():
    walk(60, 200)


@test("the server restarted in the middle: before the job ends, the form and the list go on")
def restarted():
    new_version("again")
    terminal = browser()
    open_form(terminal, "again")
    server("stop", "-m", "fast")
    terminal.wait_for("connection lost")
    terminal.send("S")
    terminal.wait_for("no connection", 1.0 * SLACK)
    server("start")
    terminal.wait_for("again:v1_fp32", 1.0 * SLACK)
    while "connection lost" in terminal.text():
        terminal.pump(0.1)
    terminal.keys("jjjjj")  # the form still has its plan and takes keys
    ok("bytes in all" in terminal.text(), "the plan is gone\n" + terminal.text())
    terminal.send("S")
    terminal.wait_for("on its way", 2.0 * SLACK)
    server("stop", "-m", "fast")
    terminal.wait_for("connection lost")
    ok("waits" in terminal.text(), "the list is gone\n" + terminal.text())
    server("start")
    running = worker("--once")
    terminal.wait_for("done", 10.0 * SLACK)
    running.wait()
    to_models(terminal)
    promote_made(terminal, "again")
    leave(terminal)
    forget("again")


@test("a stopped server: the form takes keys, q leaves at once, and the planner goes too")
def stopped():
    new_version("still")
    terminal = browser()
    open_form(terminal, "still")
    pid = backend()
    os.kill(pid, signal.SIGSTOP)
    try:
        for key in ("j", "j", UP, "k", "\r"):
            terminal.drain()  # what the key before has drawn
            size, start = len(terminal.raw), time.monotonic()
            terminal.send(key)
            while len(terminal.raw) == size and time.monotonic() - start < 2:
                terminal.pump(0.5)
            ok(time.monotonic() - start < 0.005 * SLACK, "a key took %.1f ms" % ((time.monotonic() - start) * 1e3))
        terminal.send("S")
        terminal.wait_for("writing", 1.0 * SLACK)
        leave(terminal)
    finally:
        os.kill(pid, signal.SIGCONT)
    forget("still")
    psql("DELETE FROM pare.jobs")


@test("on the private cluster submitting starts a worker unasked, and leaving pare does not stop it")
def private():
    with tempfile.TemporaryDirectory(prefix="pare-path.", ignore_cleanup_errors=True) as home:
        os.chmod(home, 0o755)
        clean = {key: None for key in os.environ if key.startswith("PG")}
        own = {"XDG_DATA_HOME": os.path.join(home, "data"), "HOME": home, "PARE_USER": "tester"}
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")} | own

        def command(*words):
            return subprocess.run([PARE, *words], env=environment, check=True, capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL).stdout
        try:
            command("import", MODEL, "--name", "walk", "--version", "v1_fp32")
            command("promote", "walk:v1_fp32")
            terminal = browser(env={**clean, **own, "PGDATABASE": None}, settle=False)
            terminal.wait_for("walk", 5.0 * SLACK)
            terminal.settle()
            open_form(terminal, "walk")
            terminal.send("S")
            terminal.wait_for("on its way", 2.0 * SLACK)
            terminal.wait_for("done", 10.0 * SLACK)
            terminal.settle()
            to_models(terminal)
            promote_made(terminal, "walk")
            terminal.keys("gn")
            terminal.keys("l")  # prune by half
            ok("_l1p50" in terminal.text(), "no prune\n" + terminal.text())
            terminal.send("S")
            terminal.wait_for("on its way", 2.0 * SLACK)
            leave(terminal)
            end = time.monotonic() + 10.0 * SLACK
            while not any(job["id"] == 2 and job["state"] == "done"
                          for job in json.loads(command("jobs", "--format", "json"))):
                ok(time.monotonic() < end, "the job did not end without the browser")
                if time.monotonic() > end:
                    break
                time.sleep(0.2)
        finally:
            subprocess.run([PARE, "db", "stop"], env=environment, stdin=subprocess.DEVNULL, capture_output=True)
            end = time.monotonic() + 2.0 * SLACK  # its keeper says goodbye a moment later
            while os.path.isdir(home) and time.monotonic() < end:
                shutil.rmtree(home, ignore_errors=True)
                time.sleep(0.05)
            ok(not os.path.isdir(home), "the private cluster still writes")
            os.makedirs(home, exist_ok=True)


@test("a job that cannot be done says why; cancelled it is tried again, and its log is there")
def cancelled():
    new_version("twice")
    terminal = browser()
    open_form(terminal, "twice")
    terminal.send("S")
    terminal.wait_for("on its way", 1.0 * SLACK)
    terminal.settle()
    terminal.keys("K")
    ok("Cancel job" in terminal.text() and "$ pare job cancel" in terminal.text(), "it does not ask\n" + terminal.text())
    terminal.keys("x")
    ok("Cancel job" not in terminal.text() and "$ pare jobs" in terminal.text(), "another key\n" + terminal.text())
    ok(psql("SELECT count(*) FROM pare.jobs WHERE cancel_requested_at IS NOT NULL AND state = 'queued'") == "0", "unasked")
    terminal.keys("K")
    terminal.send("\r")
    terminal.wait_for("cancelled", 1.0 * SLACK)
    terminal.settle()
    ok("asked to stop" in terminal.text(), terminal.text())
    terminal.send("K")
    terminal.wait_for("nothing to cancel", 1.0 * SLACK)
    psql("INSERT INTO ml_models (name, version) VALUES ('twice', 'v1_int8')")
    terminal.keys("T")
    ok("Try again job" in terminal.text() and "$ pare job retry" in terminal.text(), "it does not ask\n" + terminal.text())
    terminal.send("\r")
    terminal.wait_for("waits again", 1.0 * SLACK)
    running = worker("--once")
    terminal.wait_for("failed", 5.0 * SLACK)
    running.wait()
    terminal.settle()
    ok("is there already" in terminal.text() or "taken" in terminal.text(), "not why\n" + terminal.text())
    terminal.keys("\r")
    ok("what went wrong" in terminal.text() and "plan: " in terminal.text(), terminal.text())
    terminal.keys("q")
    terminal.keys("T\r")
    terminal.keys("K\rq")  # the answer comes to another screen
    ok("asked to stop" in terminal.text() and "pare show" in terminal.text(), terminal.text())
    terminal.keys("w\r")
    ok("cancelled" in terminal.text() and "plan: " in terminal.text(), terminal.text())
    leave(terminal)
    forget("twice")


@test("the form: bad values are said at once, the name follows, taken names are refused")
def form():
    new_version("form")
    terminal = browser()
    open_form(terminal, "form")
    terminal.keys("l")
    terminal.keys("jj\r")
    rubout(terminal, 5)
    terminal.keys("1.5")
    ok("a share from 0 to 1" in terminal.text(), terminal.text())
    rubout(terminal, 5)
    terminal.keys(".7\r")
    ok("v1_fp32_l1p70" in terminal.text() and "--amount .7" in terminal.text(), terminal.text())
    terminal.keys("jl")
    ok("v1_int8_l1p70" in terminal.text() and "--then int8" in terminal.text(), terminal.text())
    terminal.keys("j\r")
    terminal.keys("nothing*\r")
    ok("matches no tensor" in terminal.text(), terminal.text())
    terminal.keys("S")
    ok("S starts the job" not in terminal.text() and "Jobs" not in terminal.text(), terminal.text())
    terminal.keys("\r")
    rubout(terminal)
    terminal.keys("\rjjj\r")
    rubout(terminal)
    terminal.keys("v1_fp32\r")
    ok("--as v1_fp32" in terminal.text(), terminal.text())
    terminal.keys("S")
    ok("is there already" in terminal.text(), terminal.text())
    ok(psql("SELECT count(*) FROM pare.jobs WHERE model_name = 'form'") == "0", "a job was made")
    leave(terminal)
    forget("form")


@test("a guest and --read-only see the plan and start nothing; who cannot read the bytes is told")
def reader():
    new_version("plain")
    psql("CREATE ROLE reader LOGIN; GRANT SELECT ON ml_models TO reader; "
         "INSERT INTO ml_models (name, version, model_data) VALUES ('plain', 'v0', 'no model at all')")
    for env, options in ({"PGUSER": "reader"}, ()), ({}, ("--read-only",)):
        terminal = browser(env=env, options=options)
        terminal.keys("/plain v1\r")
        terminal.keys("n")
        ok("bytes in all" in terminal.text(), "no plan\n" + terminal.text())
        terminal.keys("S")
        ok("New job" in terminal.text() and "S starts" not in terminal.text(), "no refusal\n" + terminal.text())
        leave(terminal)
    terminal = browser()
    terminal.keys("/plain v0\r")
    terminal.keys("n")
    ok("not" in terminal.text() and "bytes in all" not in terminal.text(), terminal.text())
    terminal.keys("S")
    ok("Jobs" not in terminal.text(), terminal.text())
    leave(terminal)
    ok(psql("SELECT count(*) FROM pare.jobs WHERE model_name = 'plain'") == "0", "a job was made")
    forget("plain")


@test("what the planner had is gone with the form")
def spool():
    with tempfile.TemporaryDirectory(prefix="pare-path.") as folder:
        new_version("gone")
        terminal = browser(env={"TMPDIR": folder})
        open_form(terminal, "gone")
        spools = os.listdir(folder)
        ok(len(spools) == 1 and os.listdir(os.path.join(folder, spools[0])), "no spool: %r" % spools)
        terminal.keys("q")
        end = time.monotonic() + 1.0 * SLACK
        while os.listdir(os.path.join(folder, spools[0])) and time.monotonic() < end:
            time.sleep(0.02)
        ok(not os.listdir(os.path.join(folder, spools[0])), "still there")
        leave(terminal)
        forget("gone")


make_database()
run_tests()
