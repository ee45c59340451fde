#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same moments at every size, in UTF-8 and the C locale, in 256 colours, 8 and none.

    PARE=./pare tests/with-postgres tests/screen/moments.py [--accept] [WORD...]     only views whose name has a WORD

moments/VIEW holds what a view looks like: for each size its text in UTF-8; those lines of it that differ in the C
locale, by number; and its looks, a letter a cell. What a letter is in 256 colours, 8 and none is in moments/looks;
a blank is the terminal's own. The text must be the same whatever the colours are. --accept writes what is found.
"""
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
from scene import DATA, SLACK, browser, leave, make_database, normal, pare, psql, psql_file  # noqa: E402

FOLDER = os.path.join(here, "moments")
SIZES = ((40, 12), (80, 24), (120, 30), (160, 48), (200, 60))
LOCALES = ("UTF-8", "C")
COLOURS = {"256": {"TERM": "xterm-256color"}, "8": {"TERM": "xterm"}, "mono": {"NO_COLOR": "1"}}
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

# A view, the keys that lead there, what is on the screen then, the keys that lead back to Models.
VIEWS = (
    ("models", "gj", "pare list", ""),
    ("filter", "/lat<20 &", "at column 8", "\x7f" * 9 + "\r"),
    ("version", "gj\r", "pare show", "q"),
    ("new-job", "g]n", "bytes in all", "q"),
    ("jobs", "gw", "pare jobs", ""),
    ("job", "\r", "pare job show", "qq"),
    ("tests", "t", "WAIT_", ""),
    ("test", "\r", "pare ab show", "qq"),
    ("promote", "gjjjP", "pare promote", "q"),
    ("help", "?", "pare --help", "q"),
)


def look_of(cell):
    """What a cell looks like apart from its character."""
    words = [cell.fg] if cell.fg != "default" else []
    words += ["on " + cell.bg] if cell.bg != "default" else []
    words += [word for word in ("bold", "reverse", "underscore") if getattr(cell, word)]
    words += ["faint"] if cell.italics else []
    return " ".join(words)


def take(terminal):
    """The text, and the looks, of what is on the screen, by lines."""
    text = normal(terminal.text()).rstrip("\n").split("\n")
    buffer = terminal.screen.buffer
    looks = [[look_of(buffer[y][x]) for x in range(terminal.columns)] for y in range(terminal.rows)]
    return text, looks


def walk(locale, colours, views, seen):
    """Each view at each size, the largest first, into `seen`: by view, size, locale and colours."""
    psql("UPDATE pare.jobs SET started_at = now() - interval '300 hours 5 minutes 5 seconds' WHERE state = 'running'")
    terminal = browser(*reversed(SIZES[-1]), {"LC_ALL": "C.UTF-8" if locale == "UTF-8" else "C", **COLOURS[colours]})
    for name, keys, words, back in VIEWS:
        terminal.keys(keys)
        terminal.wait_for(words, 4.0 * SLACK)
        terminal.settle()
        for columns, rows in reversed(SIZES) if name in views else ():
            if (columns, rows) != (terminal.columns, terminal.rows):
                terminal.resize(rows, columns)
                terminal.settle()
            seen[name, (columns, rows), locale, colours] = take(terminal)
        if name in views:
            terminal.resize(*reversed(SIZES[-1]))
            terminal.settle()
        if back:
            terminal.keys(back)
    leave(terminal)


class Looks:
    """Letters for looks: the ones that were given stay."""

    def __init__(self, path):
        self.path, self.letters = path, {("", "", ""): " "}
        if os.path.exists(path):
            with open(path) as file:
                for line in file:
                    letter, *looks = (word.strip() for word in line.rstrip("\n").split("|"))
                    self.letters[tuple(looks)] = letter

    def letter(self, looks):
        if looks not in self.letters:
            self.letters[looks] = LETTERS[len(self.letters) - 1]
        return self.letters[looks]

    def write(self):
        with open(self.path, "w") as file:
            for looks, letter in self.letters.items():
                if letter != " ":
                    file.write(letter + " | " + " | ".join(looks) + "\n")


def letters_of(looks, seen, view, size, locale):
    """A letter a cell for what it looks like in all the colours."""
    planes = [seen[view, size, locale, colours][1] for colours in COLOURS]
    rows = ["".join(looks.letter(cell) for cell in zip(*lines)).rstrip() for lines in zip(*planes)]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def differing(lines, base):
    """The lines that are not as in `base`, by number."""
    padded = lines + [""] * (len(base) - len(lines))
    return ["%d|%s" % (number, line) for number, line in enumerate(padded, 1)
            if number > len(base) or line != base[number - 1]]


def blocks_of(looks, seen, view):
    """What the view's file says, by the heading of each block."""
    blocks = {}
    for size in SIZES:
        at = "%dx%d" % size
        text, ascii_text = (seen[view, size, locale, "256"][0] for locale in LOCALES)
        shapes, ascii_shapes = (letters_of(looks, seen, view, size, locale) for locale in LOCALES)
        blocks[at + " UTF-8"] = ["|" + line for line in text]
        blocks[at + " C, where it differs"] = differing(ascii_text, text)
        blocks[at + " looks"] = ["|" + line for line in shapes]
        blocks[at + " looks in C, where they differ"] = differing(ascii_shapes, shapes)
    return blocks


def read_blocks(view):
    blocks, lines = {}, []
    path = os.path.join(FOLDER, view)
    if os.path.exists(path):
        with open(path) as file:
            for line in file.read().rstrip("\n").split("\n"):
                if line.startswith("== "):
                    lines = blocks.setdefault(line[3:], [])
                else:
                    lines.append(line)
    return blocks


def write_blocks(view, blocks):
    with open(os.path.join(FOLDER, view), "w") as file:
        for heading, lines in blocks.items():
            file.write("".join(line + "\n" for line in ["== " + heading, *lines] if lines))


def differences(found, wanted):
    for number in range(max(len(found), len(wanted))):
        want = wanted[number] if number < len(wanted) else None
        got = found[number] if number < len(found) else None
        if want != got:
            yield "want %s" % want
            yield " got %s" % got


def plane(blocks, at, kind):
    """The lines of a picture in UTF-8, and in the C locale."""
    lines = [line[1:] for line in blocks.get(at + (" looks" if kind else " UTF-8"), [])]
    other = dict(line.split("|", 1) for line in blocks.get(at + (" looks in C, where they differ" if kind else " C, where it differs"), []))
    height = max([len(lines)] + [int(number) for number in other])
    odd = [other.get(str(number + 1), lines[number] if number < len(lines) else "") for number in range(height)]
    return dict(zip(LOCALES, (lines, odd)))


def judge(seen, view, found, wanted):
    """The moments of a view: a sentence, and what is wrong with it."""
    for size in SIZES:
        at = "%dx%d" % size
        texts, shapes, drawn = plane(wanted, at, 0), plane(wanted, at, 1), plane(found, at, 1)
        for locale in LOCALES:
            for colours in COLOURS:
                text = seen[view, size, locale, colours][0]
                wrong = list(differences(text, texts[locale]))
                wrong += list(differences(drawn[locale], shapes[locale])) if not wrong else []
                wrong += ["not ASCII"] * (locale == "C" and not "".join(text).isascii())
                yield "%s at %s, %s, %s" % (view, at, locale, {"256": "256 colours", "8": "8 colours", "mono": "no colour"}[colours]), wrong


def main():
    accept = "--accept" in sys.argv
    words = [word for word in sys.argv[1:] if word != "--accept"]
    views = [view[0] for view in VIEWS if not words or any(word in view[0] for word in words)]
    make_database()
    psql_file(os.path.join(here, "moments.sql"))
    pare("import", os.path.join(DATA, "mnist-8.onnx"), "--name", "digits", "--version", "v1_fp32")
    seen, looks, failed, number = {}, Looks(os.path.join(FOLDER, "looks")), False, 0
    for locale in LOCALES:
        for colours in COLOURS:
            walk(locale, colours, views, seen)
    os.makedirs(FOLDER, exist_ok=True)
    for view in views:
        found, wanted = blocks_of(looks, seen, view), read_blocks(view)
        if accept:
            write_blocks(view, found)
        for sentence, wrong in judge(seen, view, found, wanted):
            number += 1
            print("%sok %d - %s" % ("not " if wrong else "", number, sentence))
            for line in wrong:
                print("# " + line)
            failed |= bool(wrong)
    if accept:
        looks.write()
    print("# %d scenarios" % number)
    print("1..%d" % number)
    sys.exit(failed)


main()
