# SPDX-License-Identifier: MIT
"""A program in a pseudo-terminal, its screen as pyte sees it, and no sleeps.

The browser says on a descriptor of its own (PARE_TUI_IDLE_FD) each time it is about to
wait with nothing pending, and how many bytes it has had from the keyboard by then. So
a key is sent, and waited for until the browser has taken it in and drawn all of it.
"""
import fcntl
import os
import select
import shutil
import signal
import struct
import sys
import tempfile
import termios
import time
import unicodedata

try:
    import pyte
    from wcwidth import wcwidth
except ImportError:
    print("1..0 # SKIP python3-pyte is not installed")
    sys.exit(0)


def is_drawn(letter):
    """Vowels and finals of Hangul are part of the syllable before them, which Debian's wcwidth does not know."""
    if "\u1160" <= letter <= "\u11ff" or "\ud7b0" <= letter <= "\ud7ff":
        return False
    return wcwidth(letter) != 0 or unicodedata.combining(letter)


class Screen(pyte.Screen):
    """pyte's, with what xterm knows and pyte 0.8 does not: scroll up and down, repeat a character, and marks
    without a combining class, behind which pyte would drop the rest of the text."""
    last = " "

    def draw(self, data):
        self.last = data[-1:] or self.last
        if not data.isascii():
            data = "".join(letter for letter in data if is_drawn(letter))
        super().draw(data)

    def select_graphic_rendition(self, *attrs):
        """Faint, which pyte does not know, is kept as italics, which nothing here writes."""
        colour = {at for at, code in enumerate(attrs) if at and attrs[at - 1] == 5 or code == 5 and at and attrs[at - 1] in (38, 48)}
        super().select_graphic_rendition(*(3 if code == 2 and at not in colour else code for at, code in enumerate(attrs)))

    def _scroll(self, count, by):
        keep, top, bottom = self.cursor.y, *(self.margins or (0, self.lines - 1))
        for _ in range(count or 1):
            self.cursor.y = top if by < 0 else bottom
            (self.reverse_index if by < 0 else self.index)()
        self.cursor.y = keep

    def scroll_up(self, count=1):
        self._scroll(count, 1)

    def scroll_down(self, count=1):
        self._scroll(count, -1)

    def repeat(self, count=1):
        self.draw(self.last * (count or 1))


class Stream(pyte.ByteStream):
    csi = dict(pyte.ByteStream.csi, S="scroll_up", T="scroll_down", b="repeat")
    events = pyte.ByteStream.events | {"scroll_up", "scroll_down", "repeat"}


PATIENCE = float(os.environ.get("PATIENCE", "20"))  # seconds until a wait counts as failed; nothing normal comes near


class Terminal:
    def __init__(self, argv, rows=24, columns=80, env=None, idle=True):
        self.rows, self.columns = rows, columns
        self.screen = Screen(columns, rows)
        self.stream = Stream(self.screen)
        self.raw = bytearray()  # all that was ever written
        self.sent = 0
        self.idle_bytes = -1    # the newest word of the browser
        self.idle_words = b""
        self.status = None
        self.master, slave = os.openpty()
        self.before = termios.tcgetattr(slave)
        self.set_size(rows, columns)
        self.idle, idle_write = os.pipe()
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LC_ALL": "C.UTF-8",
                       "PARE_USER": "tester", "HOME": os.environ.get("HOME", "/")}
        for key, value in os.environ.items():
            if key.startswith("PG") or key.startswith("ASAN") or key.startswith("UBSAN"):
                environment[key] = value
        self.state = tempfile.mkdtemp(prefix="pare-state.")  # nothing is remembered from another test
        environment["XDG_STATE_HOME"] = self.state
        if idle:
            environment["PARE_TUI_IDLE_FD"] = str(idle_write)
        for key, value in (env or {}).items():
            environment.pop(key, None)
            if value is not None:
                environment[key] = value
        self.started = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(slave, fd)
            os.set_inheritable(idle_write, True)
            os.close(self.master)
            os.execvpe(argv[0], argv, environment)
        os.close(idle_write)
        self.slave = slave  # kept open: the modes can be read after the program has gone

    def set_size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.drain()
        self.screen.resize(rows, columns)
        self.idle_bytes = -1    # an older word says nothing of this
        self.set_size(rows, columns)  # the kernel sends SIGWINCH

    def pump(self, seconds=0.0):
        """Take in what has been written; true when there was something."""
        ready, _, _ = select.select([self.master, self.idle], [], [], seconds)
        if self.master in ready:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:  # it has gone
                return False
            self.raw += data
            self.stream.feed(data)
        if self.idle in ready:
            self.idle_words += os.read(self.idle, 65536)
            lines = self.idle_words.split(b"\n")
            self.idle_words = lines.pop()
            if lines:
                self.idle_bytes = int(lines[-1])
                return bool(ready)
        return bool(ready)

    def send(self, keys):
        data = keys if isinstance(keys, bytes) else keys.encode()
        self.sent += len(data)
        os.write(self.master, data)

    def settle(self):
        """Until the browser has had every key and has nothing left to do or draw."""
        end = time.monotonic() + PATIENCE
        while self.idle_bytes < self.sent:
            if time.monotonic() > end:
                raise TimeoutError("the browser did not come to rest\n" + self.text())
            self.pump(0.5)
        self.drain()

    def drain(self):
        """What is on its way: the kernel hands a terminal's output over a moment after the pipe's."""
        while self.pump(0.02):
            pass

    def keys(self, keys):
        self.send(keys)
        self.settle()

    def wait_for(self, words, patience=PATIENCE):
        """Until the words are on the screen; how long that took."""
        start = time.monotonic()
        while words not in self.text():
            if time.monotonic() - start > patience:
                raise TimeoutError("never saw %r\n%s" % (words, self.text()))
            self.idle_bytes = -1
            self.pump(0.1)
        return time.monotonic() - start

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip() + "\n"

    def row(self):
        """The line that the cursor rests on."""
        return self.screen.display[self.screen.cursor.y].rstrip()

    def wait_exit(self, patience=PATIENCE, or_rest=False):
        """How long it took to exit; None: it has not, or has come to rest instead."""
        start = time.monotonic()
        self.idle_bytes = -1
        while time.monotonic() - start < patience and not (or_rest and self.idle_bytes >= self.sent):
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
                took = time.monotonic() - start
                while self.pump():
                    if not select.select([self.master], [], [], 0)[0]:
                        break
                return took
            self.pump(0.005)
        return None

    def close(self):
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        for fd in (self.master, self.slave, self.idle):
            os.close(fd)
        shutil.rmtree(self.state, ignore_errors=True)

    def memory_kb(self, which="VmRSS"):
        with open("/proc/%d/status" % self.pid) as status:
            for line in status:
                if line.startswith(which):
                    return int(line.split()[1])
        return 0

    def cpu_ticks(self):
        with open("/proc/%d/stat" % self.pid) as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
