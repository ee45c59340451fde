#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The browser over 100 000 versions: first paint, key to first byte, memory, idle.

    PARE=./pare tests/with-postgres tests/bench/keys.py

Figures for PRODUCT.md 6, no pass or fail. Wants python3-pyte for its terminal.
"""
import os
import select
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "screen"))
from terminal import Terminal  # noqa: E402

PARE = os.environ.get("PARE", "./pare")


def spread(name, seconds, unit=1e3, word="ms"):
    values = sorted(value * unit for value in seconds)
    at = lambda share: values[min(len(values) - 1, int(share * len(values)))]
    print("%-44s p50 %7.2f  p95 %7.2f  p99 %7.2f  max %7.2f %s  (n=%d)"
          % (name, at(.5), at(.95), at(.99), values[-1], word, len(values)))


def first_byte(terminal, key):
    """Seconds from the write of a key to the first byte that answers, and how many bytes there were."""
    while select.select([terminal.master], [], [], 0)[0]:
        terminal.pump()
    size = len(terminal.raw)
    terminal.sent += len(key)
    start = time.perf_counter()
    os.write(terminal.master, key)
    if not select.select([terminal.master], [], [], 5)[0]:
        raise TimeoutError("no answer to %r" % key)
    took = time.perf_counter() - start
    terminal.pump()
    while select.select([terminal.master], [], [], 0.002)[0]:
        terminal.pump()
    return took, len(terminal.raw) - size


def cpu_seconds(terminal):
    """How long the browser has been on a CPU."""
    with open("/proc/%d/schedstat" % terminal.pid) as stat:
        return int(stat.read().split()[0]) / 1e9


def leave_alone():
    """Wait until the server has noticed that the browsers before have gone: they read all rows, on the same cores."""
    gone = ("DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pare') LOOP"
            " PERFORM pg_sleep(0.02), pg_stat_clear_snapshot(); END LOOP; END $$")
    subprocess.run(["psql", "-XAtqc", gone], check=True)


def paint(env=None):
    """Seconds from the start until rows are on the screen."""
    leave_alone()
    terminal = Terminal([PARE], 48, 160, env, idle=False)
    while b"model_0001" not in terminal.raw:
        if not terminal.pump(5):
            raise TimeoutError("nothing painted")
    took = time.monotonic() - terminal.started
    with open("/proc/%d/schedstat" % terminal.pid) as stat:
        waited = int(stat.read().split()[1]) / 1e9
    terminal.send(b"q")
    terminal.wait_exit()
    terminal.close()
    return took, took - waited


def nobody():
    """Seconds until the screen says that it is connecting, with no server there."""
    terminal = Terminal([PARE], 48, 160, {"PGHOST": "/nowhere", "PGPORT": "1"}, idle=False)
    while b"pare" not in terminal.raw:
        terminal.pump(5)
    took = time.monotonic() - terminal.started
    terminal.send(b"q")
    left = terminal.wait_exit()
    terminal.close()
    return took, left


def make_registry():
    """100 000 versions in the database of the environment."""
    subprocess.run([PARE, "init"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", os.path.join(here, "registry.sql")],
                   check=True)


def main():
    make_registry()
    paints = [paint() for _ in range(20)]
    spread("first paint, 100 000 versions", [took for took, _ in paints])
    spread("... less its wait for a busy CPU", [alone for _, alone in paints])
    frames = [nobody() for _ in range(10)]
    spread("frame with no server", [took for took, _ in frames])
    spread("q with no server", [left for _, left in frames])

    terminal = Terminal([PARE], 48, 160)
    while b"model_0001" not in terminal.raw:
        terminal.pump(5)
    streaming = [first_byte(terminal, b"k" if i % 2 else b"j")[0] for i in range(60)]
    spread("key while rows stream in (first 60 keys)", streaming)
    terminal.settle()
    print("%-44s %.0f ms" % ("all loaded after", (time.monotonic() - terminal.started) * 1e3))
    print("%-44s %d kB" % ("memory, all loaded", terminal.memory_kb()))
    moves = [first_byte(terminal, b"j" if i % 40 < 20 else b"k") for i in range(1000)]
    spread("cursor move", [took for took, _ in moves])
    spread("bytes of a cursor move", [size for _, size in moves], 1, "B ")
    spread("page", [first_byte(terminal, b"f")[0] for _ in range(200)])
    spread("to the end and back", [first_byte(terminal, b"G" if i % 2 else b"g")[0] for i in range(100)])
    terminal.keys(b"/")
    typed = []
    for _ in range(8):
        for key in b"model_2 lat<20":
            typed.append(first_byte(terminal, bytes([key]))[0])
        for _ in range(14):
            typed.append(first_byte(terminal, b"\x7f")[0])
    spread("keystroke of a filter", typed)
    terminal.keys(b"\r")
    terminal.keys(b":open ")
    typed = []
    for text in (b"model 12 v3", b"e", b"m7v", b"00001 int8 v2", b"zzz"):
        typed += [first_byte(terminal, bytes([key]))[0] for key in text]
        typed += [first_byte(terminal, b"\x7f")[0] for _ in text]
    spread("keystroke of the palette, over all versions", typed)
    terminal.keys(b"\x1b")
    spread("sort", [first_byte(terminal, b"s")[0] for _ in range(25)])
    terminal.settle()
    start = time.perf_counter()
    terminal.send(b"jk" * 100)
    terminal.settle()
    print("%-44s %.0f ms" % ("200 keys in one write", (time.perf_counter() - start) * 1e3))
    size = len(terminal.raw)
    terminal.resize(47, 160)
    terminal.settle()
    print("%-44s %d B" % ("full repaint", len(terminal.raw) - size))
    print("%-44s %d kB" % ("memory, used", terminal.memory_kb()))
    for _ in range(3):  # somebody else writes: the list is read again beside the old one
        subprocess.run(["psql", "-XAtqc", "UPDATE ml_models SET model_type = model_type WHERE id = 1"], check=True)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            terminal.pump(0.2)
    print("%-44s %d kB" % ("memory, after three reloads", terminal.memory_kb()))
    print("%-44s %d kB" % ("memory, at its highest", terminal.memory_kb("VmHWM")))
    size, ticks = len(terminal.raw), terminal.cpu_ticks()
    end = time.monotonic() + 20
    while time.monotonic() < end:
        terminal.pump(0.5)
    print("%-44s %d B, %d ms of CPU" % ("20 s idle", len(terminal.raw) - size,
                                         (terminal.cpu_ticks() - ticks) * 1000 // os.sysconf("SC_CLK_TCK")))
    terminal.send(b"q")
    print("%-44s %.0f ms" % ("q", terminal.wait_exit() * 1e3))
    terminal.close()


if __name__ == "__main__":
    main()
