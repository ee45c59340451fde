# SPDX-License-Identifier: MIT
"""What tests of the Tests and Test screens share: the tests of ab.sql, results that come, the way to a test."""
import os
import subprocess

from scene import DATABASE, SLACK, psql

here = os.path.dirname(os.path.abspath(__file__))


def fresh():
    """The tests as they were at first, nothing rolled up."""
    psql("TRUNCATE model_test_results, pare.ab_plan, pare.ab_segment, pare.ab_event, pare.ab_count, pare.ab_bucket, "
         "pare.ab_exact, pare.ab_block, model_ab_tests; UPDATE pare.ab_mark SET id = 0")
    subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", DATABASE, "-f", os.path.join(here, "ab.sql")],
                   check=True, stdout=subprocess.DEVNULL)


def add(test_id, model, count, milliseconds):
    psql("INSERT INTO model_test_results (test_id, model_id, response, latency_ms) "
         "SELECT %d, %d, 'r', %s FROM generate_series(1, %d) i" % (test_id, model, milliseconds, count))


def open_test(terminal, number, until="B - A"):
    """From Models by Tests to the test; the screen's text."""
    terminal.keys("t")
    terminal.wait_for(" %d " % number, 2.0 * SLACK)
    terminal.settle()
    for _ in range(5):
        if terminal.row().split()[:1] == [str(number)]:
            break
        terminal.keys("j")
    terminal.keys("\r")
    terminal.wait_for(until, 3.0 * SLACK)
    terminal.settle()
    return terminal.text()
