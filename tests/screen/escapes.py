# SPDX-License-Identifier: MIT
"""What a program may write to a terminal: the sequences that its terminfo entry gives it, and printable text."""
import curses
import re
import subprocess
import unicodedata

PASTE = (b"\x1b[?2004h", b"\x1b[?2004l")
ASKED = (b"\x1b[?2026$p", b"\x1b]11;?\x1b\\")  # whether it holds frames, what its ground is
# Capabilities with numbers in them; the rest is written as it stands.
NUMBERED = ("cup", "csr", "hpa", "vpa", "cuf", "cub", "cuu", "cud", "ech", "dch", "ich", "il", "dl", "indn", "rin")
BIDI = {0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029}


def sequences(term):
    """A pattern for any one control sequence that the terminal's description holds."""
    curses.setupterm(term, 1)
    names = re.findall(r"^\t(\w+)=", subprocess.run(["infocmp", "-1", term], check=True, capture_output=True,
                                                     text=True).stdout, re.M)
    keep = lambda name: re.sub(rb"\$<[^>]*>", b"", curses.tigetstr(name) or b"")
    fixed = {keep(name) for name in names if name[0] != "k" and b"%" not in keep(name)}
    for name in ("setaf", "setab"):
        fixed |= {curses.tparm(curses.tigetstr(name), number) for number in range(max(curses.tigetnum("colors"), 8))}
    if curses.tigetflag("AX") == 1:  # the terminal's own colours, each alone
        fixed |= {b"\x1b[39m", b"\x1b[49m"}
    if curses.tigetstr("sgr"):
        bits = lambda number: [number >> at & 1 for at in range(9)]
        fixed |= {curses.tparm(curses.tigetstr("sgr"), *bits(number)) for number in range(512)}
    patterns = [re.escape(one) for one in set(fixed) | set(PASTE) | set(ASKED) if one]
    for name in NUMBERED:
        if curses.tigetstr(name):
            patterns.append(re.sub(rb"\d+", rb"\\d+", re.escape(curses.tparm(curses.tigetstr(name), 7, 11))))
    if curses.tigetstr("rep"):
        patterns.append(rb"\x1b\[\d+b")
    return re.compile(b"|".join(sorted(patterns, key=len, reverse=True)))


def strangers(raw, pattern, ascii_only):
    """What was written that is neither: a few words about each."""
    found, rest, at = [], bytearray(), 0
    while at < len(raw):
        match = pattern.match(raw, at) if raw[at] < 0x20 else None
        if match and match.end() > at:
            at = match.end()
        elif raw[at] < 0x20 and raw[at] not in b"\r\n\b":
            found.append("the control sequence %r" % bytes(raw[at:at + 12]))
            at += 1
        else:
            rest.append(raw[at])
            at += 1
    if ascii_only and not rest.isascii():
        found.append("a byte above 127")
    try:
        text = rest.decode("utf-8")
    except UnicodeDecodeError as error:
        return found + ["what is no UTF-8: %r" % error.object[error.start:error.start + 8]]
    for letter in set(text):
        if unicodedata.category(letter) in ("Cc", "Cs", "Cn") and letter not in "\r\n\b" or ord(letter) in BIDI:
            found.append("the character U+%04X" % ord(letter))
    return found
