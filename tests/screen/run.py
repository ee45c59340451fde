#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Screens as pictures: each *.test is a list of steps against a database of its own.

    PARE=./pare tests/with-postgres tests/screen/run.py [--accept] [FILE.test...]

A step a line, a picture's lines begin with "|":
    size 80x24          before the start (default)      env NAME=VALUE   before the start
    options WORDS       of pare, before the start       resize 40x10
    keys WORDS          \\r, \\t, \\e, \\b as in C         sql STATEMENT
    wait WORDS          until they are on the screen    cursor WORDS     the cursor's line has them
    pare WORDS          a command beside the browser; {data} is tests/data
    screen              must look like the lines below  quit N           q was sent: exit code N
    looks FROM-TO       the same of some rows (from 0), a row of letters below each: which look each
                        character has; then what the letters mean. "." is plain
    again               as started first, once more, with what it remembers
--accept writes the pictures that are found. Times and the socket's folder are made equal first.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
from scene import PARE, normal  # noqa: E402
from terminal import Terminal  # noqa: E402

ESCAPES = {"\\r": "\r", "\\t": "\t", "\\e": "\x1b", "\\b": "\x7f", "\\s": " ", "\\\\": "\\"}


def psql(database, *arguments):
    subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, *arguments], check=True,
                   stdout=subprocess.DEVNULL)


def make_database(name):
    psql("postgres", "-c", 'CREATE DATABASE "%s"' % name)
    environment = dict(os.environ, PGDATABASE=name)
    subprocess.run([PARE, "init"], env=environment, check=True, stderr=subprocess.DEVNULL)
    psql(name, "-f", os.path.join(here, "registry.sql"))


def look_of(cell):
    words = [word for word, is_so in (("bold", cell.bold), ("underlined", cell.underscore), ("reversed", cell.reverse))
             if is_so]
    words += [cell.fg] if cell.fg != "default" else []
    words += ["on " + cell.bg] if cell.bg != "default" else []
    return " ".join(words)


def looks(terminal, first, last):
    """Rows of the screen, each with its attributes below it."""
    letters, lines = {"": "."}, []
    for y in range(first, last + 1):
        cells = [terminal.screen.buffer[y][x] for x in range(terminal.columns)]
        cells = [cell for cell in cells if cell.data]  # without second halves
        row = "".join(letters.setdefault(look_of(cell), chr(ord("a") + len(letters) - 1)) for cell in cells)
        lines += ["".join(cell.data for cell in cells).rstrip(), row.rstrip(".")]
    return "\n".join(lines + ["%s = %s" % (letter, look) for look, letter in letters.items() if look])


class Scenario:
    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)[:-5]
        self.size, self.env, self.options = (24, 80), {}, []
        self.terminal = None
        self.state = tempfile.TemporaryDirectory(prefix="pare-state.")
        self.failures, self.moments = [], 0

    def command(self, words):
        """Before the start or beside it."""
        environment = dict(os.environ, PGDATABASE=self.name, PARE_USER="tester")
        subprocess.run([PARE, *words.replace("{data}", os.path.join(here, "..", "data")).split()], env=environment,
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        if not self.terminal:
            self.env["PGDATABASE"] = self.name
            self.env.setdefault("XDG_STATE_HOME", self.state.name)
            self.terminal = Terminal([PARE, *self.options], *self.size, self.env)
            self.terminal.settle()

    def step(self, word, rest, number):
        if word == "size":
            columns, rows = rest.split("x")
            self.size = int(rows), int(columns)
            return
        if word == "env":
            key, _, value = rest.partition("=")
            self.env[key] = value
            return
        if word == "pare":
            self.command(rest)
            return
        if word == "options":
            self.options = rest.split()
            return
        self.start()
        terminal = self.terminal
        if word == "again":
            terminal.close()
            self.terminal = None
            self.start()
        elif word == "keys":
            terminal.keys(re.sub(r"\\.", lambda m: ESCAPES[m.group()], rest))
        elif word == "resize":
            columns, rows = rest.split("x")
            terminal.resize(int(rows), int(columns))
            terminal.settle()
        elif word == "sql":
            psql(self.name, "-c", rest)
        elif word == "wait":
            terminal.wait_for(rest)
            terminal.settle()
        elif word == "cursor":
            if rest not in terminal.row():
                self.failures.append("line %d: the cursor is on %r" % (number, terminal.row()))
        elif word == "quit":
            terminal.send("q")
            terminal.wait_exit()
            code = os.waitstatus_to_exitcode(terminal.status) if terminal.status is not None else None
            if code != int(rest):
                self.failures.append("line %d: exit code %r" % (number, code))
        else:
            self.failures.append("line %d: no such step: %s" % (number, word))

    def run(self):
        """The file as it should be, by what was seen."""
        make_database(self.name)
        with open(self.path) as file:
            lines = file.read().split("\n")
        seen, at = [], 0
        while at < len(lines):
            line = lines[at]
            at += 1
            seen.append(line)
            if not line or line.startswith("#"):
                continue
            word, _, rest = line.partition(" ")
            self.moments += word in ("screen", "looks", "cursor", "quit")
            if word not in ("screen", "looks"):
                self.step(word, rest, at)
                continue
            self.start()
            wanted = []
            while at < len(lines) and lines[at].startswith("|"):
                wanted.append(lines[at][1:])
                at += 1
            shown = self.terminal.text() if word == "screen" else looks(self.terminal, *map(int, rest.split("-")))
            found = normal(shown).rstrip("\n").split("\n")
            seen += ["|" + found_line for found_line in found]
            if found != wanted:
                self.failures.append("line %d: the screen differs" % at)
                for number in range(max(len(found), len(wanted))):
                    want = wanted[number] if number < len(wanted) else None
                    got = found[number] if number < len(found) else None
                    if want != got:
                        self.failures += ["  want |%s" % want, "   got |%s" % got]
        if self.terminal:
            self.terminal.close()
        return "\n".join(seen)


def main():
    accept = "--accept" in sys.argv
    paths = [word for word in sys.argv[1:] if word != "--accept"]
    paths = paths or sorted(glob.glob(os.path.join(here, "*.test")))
    failed, moments = False, 0
    for number, path in enumerate(paths, 1):
        scenario = Scenario(path)
        try:
            seen = scenario.run()
        except Exception as error:  # a scenario that cannot go on has failed
            scenario.failures.append("%s: %s" % (type(error).__name__, error))
            seen = None
            if scenario.terminal:
                scenario.terminal.close()
        if accept and seen is not None:
            with open(path, "w") as file:
                file.write(seen)
        print("%sok %d - screens of %s" % ("not " if scenario.failures else "", number, scenario.name))
        for failure in scenario.failures:
            print("# " + failure.replace("\n", "\n# "))
        sys.stdout.flush()
        failed |= bool(scenario.failures)
        moments += scenario.moments
    print("# %d scenarios: screens, places of the cursor, exit codes" % moments)
    print("1..%d" % len(paths))
    sys.exit(failed)


main()
