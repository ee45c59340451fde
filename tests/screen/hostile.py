#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""10 000 rows of random bytes and characters: walked through in every view, filtered and sorted.

    PARE=./pare tests/with-postgres tests/screen/hostile.py [WORD...]      only tests whose sentence has a WORD

Nothing of the data may reach the terminal but printable characters, and each column stays where it is. SEED changes
the rows; PAGES (12) is how many pages of the list are looked at in each locale.
"""
import os
import random
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
from escapes import sequences, strangers  # noqa: E402
from scene import DATABASE, SLACK, browser, leave, ok, pare, psql, run_tests, test, unasked  # noqa: E402

ROWS, SEED, PAGES = 10000, int(os.environ.get("SEED", "1")), int(os.environ.get("PAGES", "12"))
RAW = "raw"  # a database of no encoding, where any byte is text
FLOOD = "a" + "\u0301\u0335\u20e3\u0489" * 40
PIECES = ("\x1b]52;c;cHduZWQ=\x07", "\x1b[2J", "\x1b[31m", "\x1bP+q544e\x1b\\", "\x1b[?1049l", "\x1b[6n", "\x1b]0;t\x07",
          "\r", "\n", "\b", "\x7f", "\t", "\x0e", "\x9b31m", "\x9d52;c;x\x9c", "\x90q\x9c", "\x85", "\u202e", "\u2066", "\u2069",
          "\u200f", "\u061c", "\u2028", "\u200b", "\ufeff", "\u200d", "\ufe0f", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
          "\U0001f3f4\U000e0067\U000e007f", "\U0001f1e9\U0001f1ea", "e\u0301\u0302\u0303\u0304\u0305", FLOOD, "\u0627\u0644\u0639",
          "\u05e9\u05dc\u05d5\u05dd", "\u4e2d\u6587", "\uff21", "\u3099", "\u1100\u1161\u11a8", "\uac00", "\ud7b0", "\u0e33", "\ufffe",
          "\U0010ffff", "\ue000", "\xad", "a", "b", "v1", " ", "%s%n", "'", "\"", "\\", "=1+1", "\x01", "\x1f", "\u0378")


def any_character(chance):
    """One that PostgreSQL can store: no zero, no half of a pair."""
    while True:
        code = chance.choice((chance.randrange(1, 0x100), chance.randrange(1, 0x3000), chance.randrange(1, 0x110000)))
        if not 0xD800 <= code < 0xE000:
            return chr(code)


def words(chance, most=6):
    return "".join(chance.choice(PIECES) if chance.random() < .6 else any_character(chance)
                   for _ in range(chance.randrange(1, most)))


def some_bytes(chance):
    """Any bytes but zero: halves of pairs in three bytes, overlong forms, cut sequences."""
    pieces = (b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xc0\x9b31m", b"\xe0\x80\x9b", b"\xf8\x88\x80\x80\x80", b"\xff\xfe", b"\xc2", b"\xe2\x80",
              b"\x9b31m", b"\x9d52;c;x\x9c", b"\x1b]52;c;x\x07", bytes([chance.randrange(1, 256)]), b"ok")
    return b"".join(chance.choice(pieces) for _ in range(chance.randrange(1, 6)))


def json(data):
    """As a JSON string: what is ASCII escaped, and the rest as it stands."""
    return b'"%s"' % b"".join(b"\\u%04x" % byte if byte < 128 else bytes([byte]) for byte in data)


def field(data):
    """For COPY's text form."""
    for byte, escaped in ((b"\\", b"\\\\"), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\t", b"\\t")):
        data = data.replace(byte, escaped)
    return data


def row(chance, number, raw):
    text = (lambda: some_bytes(chance)) if raw else (lambda: words(chance).encode())
    config = b'{%s: [%s, {"x": %s}]}' % tuple(json(text()) for _ in range(3))
    metrics = b'{"size_mb": 440, %s: 1, "accuracy": %s}' % (json(text()), json(text()))
    return b"\t".join([field(text() + b"%d" % (number // 3)), field(text() + b"%d" % number), field(text()), field(text()),
                       field(config), field(metrics)]) + b"\n"


def copy(database, statement, data):
    encoding = "SQL_ASCII" if database == RAW else "UTF8"
    subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement], input=data, check=True,
                   stdout=subprocess.DEVNULL, env=dict(os.environ, PGCLIENTENCODING=encoding))


def fill(database):
    chance = random.Random(SEED)
    raw = database == RAW
    pare("init", database=database)
    copy(database, "COPY ml_models (name, version, model_type, optimization, config, metrics) FROM STDIN",
         b"".join(row(chance, number, raw) for number in range(ROWS)))
    evil = lambda: field(some_bytes(chance) if raw else words(chance).encode())
    copy(database, "COPY pare.jobs (kind, model_id, model_name, model_version, spec, uniq, state, worker, actor, started_at, ended_at,"
         " error) FROM STDIN", b"".join(b"\t".join([b"transform", b"%d" % number, evil(), evil(), b'{"version": "x"}', b"%d" % number,
                                                    chance.choice((b"done", b"failed")), evil(), evil(), b"2026-03-01 12:00Z",
                                                    b"2026-03-01 12:01Z", evil()]) + b"\n" for number in range(1, 200)))
    copy(database, "COPY pare.job_log (job_id, attempt, words) FROM STDIN",
         b"".join(b"%d\t1\t%s\n" % (number % 199 + 1, evil()) for number in range(800)))
    copy(database, "COPY model_ab_tests (test_name, model_a_id, model_b_id, traffic_split, start_time, status) FROM STDIN",
         b"".join(b"%s\t%d\t%d\t.5\t2026-03-01 12:00Z\t%s\n" % (evil(), number, number + 1, evil()) for number in range(1, 60)))
    psql("ANALYZE", database)


def off_columns(terminal):
    """Sizes that do not end where their column ends; how many there were at all."""
    lines = [[terminal.screen.buffer[y][x].data for x in range(terminal.columns)] for y in range(terminal.rows)]
    places, seen = set(), 0
    for line in lines:
        text = "".join(cell[:1] or "\0" for cell in line)  # a wide character's second half is a cell too
        at = text.find("440 MB  ")
        if at >= 0:
            places.add(at)
            seen += 1
    return places, seen


def pages(terminal, locale):
    for number in range(PAGES):
        places, seen = off_columns(terminal)
        ok(len(places) == 1 and seen >= terminal.rows - 7, "%s, page %d: %d sizes at columns %r" % (locale, number, seen, places))
        terminal.keys("f" * max(1, ROWS // (PAGES + 1) // (terminal.rows - 6)))


def into(terminal, key, steps=3):
    """A view and what lies behind a few of its lines."""
    terminal.keys(key)
    for _ in range(steps):
        terminal.keys("\rfG")
        terminal.keys("q")
        terminal.keys("jj")
    terminal.keys("q")


def walk(database, locale):
    terminal = browser(60, 200, {"LC_ALL": "C" if locale == "C" else "C.UTF-8", "PGDATABASE": database})
    pages(terminal, locale)
    terminal.keys("g")
    for _ in range(4):
        for keys in ("\rfG", "q", "n", "q", "P", "q", "R", "q", "]jjj"):
            terminal.keys(keys)
    into(terminal, "w")
    into(terminal, "t", 2)
    for keys in ("/ab\r", "f", "/" + "\x7f" * 9 + "config.x=1 &", "\x7f" * 20 + "name~52\r", "\r", "q", "/" + "\x7f" * 20 + "\r"):
        terminal.keys(keys)
    for _ in range(8):
        terminal.keys("sgf")
        terminal.keys("oG")
    terminal.resize(12, 40)
    terminal.settle()
    terminal.keys("gf\rf")
    terminal.keys("q")
    for wrong in strangers(unasked(terminal), sequences("xterm-256color"), locale == "C")[:8]:
        ok(False, "%s, %s: %s" % (database, locale, wrong))
    print("# %d bytes of output looked at" % len(terminal.raw))
    leave(terminal)


@test("10 000 rows of any characters, UTF-8: nothing but printable characters, columns in their places")
def utf8():
    walk(DATABASE, "UTF-8")


@test("the same in the C locale: nothing above 126")
def c_locale():
    walk(DATABASE, "C")


@test("10 000 rows of any bytes in a database of no encoding, UTF-8")
def raw_utf8():
    walk(RAW, "UTF-8")


@test("the same in the C locale: nothing above 126 either")
def raw_c():
    walk(RAW, "C")


psql("CREATE DATABASE %s" % DATABASE, "postgres")
psql("CREATE DATABASE %s ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'" % RAW, "postgres")
fill(DATABASE)
fill(RAW)
run_tests()
