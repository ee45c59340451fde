#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every figure that has a bar, in one table: `make bench`; with --check (`make bench-check`) a missed bar fails.

    PARE=./pare PARE_PYTHON=VENV/bin/python tests/with-postgres --synced tests/bench/bars.py [--check] [WORD...]

Only groups with a WORD in their name, if any is given. Times say something on a machine that does nothing else:
the load is printed. PARE_PYTHON names a Python with onnx and onnxruntime, the peer of the engine.
"""
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import keys  # noqa: E402
from terminal import Terminal  # noqa: E402

PARE = os.path.abspath(os.environ.get("PARE", "./pare"))
PYTHON = os.environ.get("PARE_PYTHON")
MIB = 1 << 20
LARGE_MIB = 1024
missed, groups = [], []


def group(function):
    groups.append(function)
    return function


def show(what, value, unit, bar=None, least=False):
    """One line: the figure, its bar, the figure as a share of the bar (below 1 is good when the bar is a ceiling)."""
    verdict = ""
    if bar is not None:
        good = value >= bar if least else value <= bar
        verdict = "%s %-9g %s" % (">=" if least else "<=", bar, "ok" if good else "MISSED")
        if bar:
            verdict += "  x%.2f" % (value / bar)
        if not good:
            missed.append(what)
    print("%-58s %10.4g %-6s %s" % (what, value, unit, verdict), flush=True)


def at(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def run(*words, **environment):
    """Seconds, and the peak memory in MiB, of a command that must succeed.

    The kernel counts this process's own memory into the peak of what it starts: it stays small.
    """
    start = time.monotonic()
    child = subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, env={**os.environ, **environment})
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    took = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError("%s: %s" % (" ".join(map(str, words)), said.decode(errors="replace")))
    return took, usage.ru_maxrss / 1024


def sql(text):
    return subprocess.run(["psql", "-XAtqc", text], check=True, capture_output=True, text=True).stdout.strip()


def rest(warm_mib=0):
    """What was written before is on the disk and does not take part in what is measured next.

    A virtual machine's free pages may have gone back to its host, and then the first touch of each costs more than
    the copy into it: `warm_mib` of them are written and freed, for the page cache to take.
    """
    sql("CHECKPOINT")
    os.sync()
    if warm_mib:
        with tempfile.TemporaryFile() as file:
            for _ in range(warm_mib):
                file.write(bytes(MIB))


# ---- the browser ----

def written(terminal):
    """What came when, until nothing did for a second: a list of seconds since the start and bytes. No screen is made
    of it meanwhile: that takes longer than what is measured."""
    came = []
    while select.select([terminal.master], [], [], 1)[0]:
        data = os.read(terminal.master, 65536)
        came.append((time.monotonic() - terminal.started, data))
    return came


def first(terminal, came, is_so):
    """When the screen was first so; what came until then is drawn, and taken from the list."""
    while came:
        when, data = came.pop(0)
        terminal.stream.feed(data)
        if is_so(terminal.text()):
            return when
    raise TimeoutError("never so: " + terminal.text())


def remembered():
    """With an order that the server does not deliver: the last page at once, then its rows, then all."""
    with tempfile.TemporaryDirectory(prefix="pare-state.") as state:
        env = {"XDG_STATE_HOME": state}
        terminal = Terminal([PARE], 48, 160, env)
        terminal.settle()
        terminal.keys(b"ssso")  # by accuracy, the worst first
        terminal.send(b"q")
        terminal.wait_exit()
        terminal.close()
        pages, fresh, whole = [], [], []
        for _ in range(20):
            keys.leave_alone()
            terminal = Terminal([PARE], 48, 160, env, idle=False)
            came = written(terminal)
            pages.append(first(terminal, came, lambda screen: "on their way" in screen))
            fresh.append(first(terminal, came, lambda screen: "on their way" not in screen and "v5.3_int4" in screen))
            whole.append(first(terminal, came, lambda screen: "100 000 ver" in screen and "loading" not in screen))
            terminal.send(b"q")
            terminal.wait_exit()
            terminal.close()
        show("first paint in a remembered order, p95 of 20", at(pages, .95) * 1e3, "ms", 60)
        show("... with the rows as they are now, p95", at(fresh, .95) * 1e3, "ms", 200)
        show("... with all rows behind them, p95", at(whole, .95) * 1e3, "ms")


def silent(terminal):
    """A server that is stopped: keys to one browser, the way out of another."""
    other = Terminal([PARE], 48, 160)
    other.settle()
    backends = [int(pid) for pid in sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'pare'").split()]
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(3)  # both have asked by then
        moves = [keys.first_byte(terminal, b"j" if i % 40 < 20 else b"k")[0] for i in range(200)]
        other.send(b"q")
        left = other.wait_exit()
        other.close()
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
    show("key to first byte, the server stopped, p99 of 200", at(moves, .99) * 1e3, "ms", 5)
    show("q, the server stopped", left * 1e3, "ms", 200)
    terminal.settle()


def exporting(terminal, folder):
    """Keys while all rows are written to a file (e): the list is long enough for a few hundred of them."""
    path, moves, worked = os.path.join(folder, "all.csv"), [], []
    terminal.keys(b"e")
    terminal.keys(b"\x7f" * 10 + path.encode())
    terminal.send(b"\r")
    while not os.path.exists(path) and len(moves) < 5000:
        before = keys.cpu_seconds(terminal)
        moves.append(keys.first_byte(terminal, b"k" if len(moves) % 2 else b"j")[0])
        worked.append(keys.cpu_seconds(terminal) - before)
    show("key to first byte while all rows are exported, p99 of %d" % len(moves), at(moves, .99) * 1e3, "ms", 5)
    show("... of which the browser works, p99", at(worked, .99) * 1e3, "ms")
    terminal.settle()


@group
def browser(folder):
    keys.PARE = PARE
    keys.make_registry()
    sql("VACUUM ANALYZE")
    rest()
    keys.paint()
    show("first paint, 100 000 versions, p95 of 60", at([keys.paint()[0] for _ in range(60)], .95) * 1e3, "ms", 60)
    show("a frame with no server, p95 of 60", at([keys.nobody()[0] for _ in range(60)], .95) * 1e3, "ms", 30)
    streaming, worked = [], []
    for _ in range(5):
        keys.leave_alone()
        terminal = Terminal([PARE], 48, 160)
        while b"model_0001" not in terminal.raw:
            terminal.pump(5)
        for i in range(60):
            before = keys.cpu_seconds(terminal)
            streaming.append(keys.first_byte(terminal, b"k" if i % 2 else b"j")[0])
            worked.append(keys.cpu_seconds(terminal) - before)
        terminal.settle()
        if len(streaming) < 300:
            terminal.send(b"q")
            terminal.wait_exit()
            terminal.close()
    show("key to first byte while rows stream in, p99 of 300", at(streaming, .99) * 1e3, "ms", 5)
    show("... of which the browser works, p99", at(worked, .99) * 1e3, "ms")
    moves = [keys.first_byte(terminal, b"j" if i % 40 < 20 else b"k")[0] for i in range(1000)]
    show("key to first byte, p50 of 1000", at(moves, .5) * 1e3, "ms", 1)
    show("key to first byte, p99 of 1000", at(moves, .99) * 1e3, "ms", 5)
    terminal.keys(b"/")
    typed = []
    for _ in range(6):
        typed += [keys.first_byte(terminal, bytes([key]))[0] for key in b"model_2 lat<20 created>2026-02"]
        typed += [keys.first_byte(terminal, b"\x7f")[0] for _ in range(30)]
    show("keystroke of a filter, p99 of 360", at(typed, .99) * 1e3, "ms", 30)
    terminal.keys(b"\r")
    sorts = [keys.first_byte(terminal, b"s")[0] for _ in range(25)]
    sorts += [keys.first_byte(terminal, b"o")[0] for _ in range(25)]
    show("sort by the next column, or turned, p99 of 50", at(sorts, .99) * 1e3, "ms", 80)
    terminal.keys(b"v")
    terminal.keys(b"o")
    keyed = []
    for key in b"gssjssjssjssjssjss":  # from name on: up to five keys, words among them
        took = keys.first_byte(terminal, bytes([key]))[0]
        keyed += [took] if key == ord("s") else []
    show("sort by several keys, words too, worst of 12", max(keyed) * 1e3, "ms", 80)
    terminal.keys(b"oq")
    show("bytes of a cursor move, p99 of 200", at([keys.first_byte(terminal, b"j" if i % 100 < 70 else b"k")[1] for i in range(200)], .99), "B", 700)
    terminal.settle()
    start = time.monotonic()
    terminal.send(b"jk" * 100)
    while terminal.idle_bytes < terminal.sent:
        terminal.pump(1)
    show("200 keys in one write, all taken and drawn", (time.monotonic() - start) * 1e3, "ms", 100)
    size = len(terminal.raw)
    terminal.resize(47, 160)
    terminal.settle()
    show("all of the screen again", len(terminal.raw) - size, "B", 20000)
    exporting(terminal, folder)
    silent(terminal)
    seen = []
    for number in range(3):
        sql("INSERT INTO ml_models (name, version) VALUES ('a_new_one', 'v%d')" % number)
        seen.append(terminal.wait_for("100 %03d ver" % (number + 1)))
    show("somebody else's change is seen, worst of 3", max(seen), "s", 3)
    terminal.settle()
    show("memory after that", terminal.memory_kb("VmHWM") / 1024 * 1.048576, "MB", 24)
    sql("DELETE FROM ml_models WHERE name = 'a_new_one'")
    show("a deletion is seen: the list is read as a whole", terminal.wait_for("100 000 ver"), "s", 3)
    terminal.settle()
    show("memory, with the old list beside the new one", terminal.memory_kb("VmHWM") / 1024 * 1.048576, "MB", 24)
    size, ticks, end = len(terminal.raw), terminal.cpu_ticks(), time.monotonic() + 20
    while time.monotonic() < end:
        terminal.pump(0.5)
    show("idle for 20 s: bytes written", len(terminal.raw) - size, "B", 0)
    show("idle for 20 s: CPU", (terminal.cpu_ticks() - ticks) * 100 / os.sysconf("SC_CLK_TCK") / 20, "%", .1)
    terminal.send(b"q")
    terminal.wait_exit()
    terminal.close()
    remembered()
    sql("TRUNCATE ml_models CASCADE; TRUNCATE pare.default_event")


# ---- bytes in and out ----

class BackendMemory(threading.Thread):
    """The largest anonymous memory in MiB of any server process that a client talks to, sampled."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self.over = 0, False

    def run(self):
        while not self.over:
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open("/proc/%s/cmdline" % pid, "rb") as line:
                        if not line.read(200).startswith(b"postgres: "):
                            continue
                    with open("/proc/%s/status" % pid) as status:
                        anon = [row.split()[1] for row in status if row.startswith("RssAnon")]
                    self.peak = max(self.peak, int(anon[0]) / 1024)
                except (OSError, IndexError):
                    pass
            time.sleep(0.1)

    def stop(self):
        self.over = True
        self.join()
        return self.peak


def server_alone(words, statement):
    """What the same bytes cost with no client of ours: the best of three, in MB/s."""
    show("for comparison: " + words, LARGE_MIB * 1.048576 / min((rest(4 * LARGE_MIB), run("psql", "-XAtqc", statement)[0])[1] for _ in range(3)),
         "MB/s")


def rate(megabytes, *words):
    """MB/s of the best of three, the largest peak of client and backend in MiB."""
    watch = BackendMemory()
    watch.start()
    took = []
    for i in range(3):
        rest(4 * megabytes)
        took.append(run(PARE, *(str(word).replace("@", str(i)) for word in words)))
    return megabytes * 1.048576 / min(seconds for seconds, _ in took), max(peak for _, peak in took), watch.stop()


@group
def transfer(folder):
    large = os.path.join(folder, "large")
    subprocess.run(["sh", "-c", 'head -c %dM /dev/urandom >"$1"' % LARGE_MIB, "sh", large], check=True)
    subprocess.run([PARE, "init"], check=True, stderr=subprocess.DEVNULL)
    sql("UPDATE pare.setting SET value = '0' WHERE key = 'inline_limit_bytes'")
    rest(2 * LARGE_MIB)
    start = time.monotonic()
    subprocess.run(["dd", "if=" + large, "of=" + large + ".copy", "bs=1M", "conv=fsync"], check=True, capture_output=True)
    show("for comparison: dd conv=fsync of %d MiB" % LARGE_MIB, LARGE_MIB * 1.048576 / (time.monotonic() - start), "MB/s")
    os.unlink(large + ".copy")
    for i in range(3):  # each of its own: equal bytes would not be sent
        subprocess.run(["sh", "-c", 'head -c %dM /dev/urandom >"$1"' % LARGE_MIB, "sh", large + str(i)], check=True)
    speed, client, backend = rate(LARGE_MIB, "import", large + "@", "--name", "large", "--version", "v@")
    show("import of %d MiB into chunks, best of 3" % LARGE_MIB, speed, "MB/s", 200, least=True)
    server_alone("INSERT of the same chunks, no client", "INSERT INTO pare.artifact (folder, actor)"
                 " VALUES (false, 'bench'); INSERT INTO pare.piece SELECT {0}, size_bytes, bytes || ''"
                 " FROM pare.piece WHERE sha256 IN (SELECT sha256 FROM pare.chunk WHERE artifact_id = 1);"
                 " INSERT INTO pare.chunk SELECT (SELECT max(id) FROM pare.artifact), start_at, {0}"
                 " FROM pare.chunk WHERE artifact_id = 1".format(
                     "sha256(sha256 || int8send((SELECT max(id) FROM pare.artifact)))"))
    show("import: client's memory", client, "MiB", 64)
    show("import: backend's own memory", backend, "MiB", 128)
    speed, client, backend = rate(LARGE_MIB, "export", "large:v0", "-o", os.path.join(folder, "back@"))
    show("export of %d MiB from chunks, best of 3" % LARGE_MIB, speed, "MB/s", 500, least=True)
    server_alone("COPY of the same chunks into psql", "COPY (SELECT bytes FROM pare.chunk c JOIN pare.piece p"
                 " USING (sha256) WHERE artifact_id = 1 ORDER BY start_at) TO STDOUT (FORMAT binary)")
    show("export: client's memory", client, "MiB", 64)
    show("export: backend's own memory", backend, "MiB", 128)
    subprocess.run(["cmp", large + "0", os.path.join(folder, "back2")], check=True)
    sql("UPDATE pare.setting SET value = '500000000' WHERE key = 'inline_limit_bytes'")
    inline = os.path.join(folder, "inline")
    subprocess.run(["sh", "-c", 'head -c 400M "$1" >"$2"', "sh", large, inline], check=True)
    speed, client, _ = rate(400, "import", inline, "--name", "inline", "--version", "v@")
    show("import of 400 MiB into model_data, best of 3", speed, "MB/s")
    show("import into model_data: client's memory", client, "MiB", 64)
    speed, client, _ = rate(400, "export", "inline:v0", "-o", os.path.join(folder, "inline@"))
    show("export of 400 MiB from model_data, best of 3", speed, "MB/s")
    show("export from model_data: client's memory", client, "MiB", 64)


# ---- A/B tests ----

ROLLUP = os.path.join(os.path.dirname(PARE), "tests", "bench", "rollup")


@group
def abtest(folder):
    """20 million results, two tests, each with two arms."""
    sql("CREATE DATABASE rollup")
    said = subprocess.run([ROLLUP], check=True, capture_output=True, text=True, env={**os.environ, "PGDATABASE": "rollup"})
    found = {name: float(value) for name, value in (line.split() for line in said.stdout.splitlines())}
    show("results rolled up, 20 million", found["catch_up_rows_per_second"], "/s", 500000, least=True)
    show("a tick of 750 new results, p95 of 60", found["tick_p95_ms"], "ms")
    show("what a screen reads of a test, p95 of 40", found["read_p95_ms"], "ms", 50)
    show("... and what it computes", found["judge_p95_ms"], "ms")
    sql("DROP DATABASE rollup WITH (FORCE)")


# ---- the engine ----

MODEL = """
import sys, numpy, onnx
from onnx import TensorProto, helper, numpy_helper
path, layers, side = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random, nodes, weights, last = numpy.random.default_rng(1), [], [], "x"
for i in range(layers):
    weights.append(numpy_helper.from_array(random.standard_normal((side, side), dtype=numpy.float32) * .02, "w%d" % i))
    nodes.append(helper.make_node("MatMul", [last, "w%d" % i], ["h%d" % i], name="m%d" % i))
    last = "h%d" % i
value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", side])
graph = helper.make_graph(nodes, "g", [value("x")], [value(last)], weights)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
"""
PEER = """
import sys
from onnxruntime.quantization import QuantType, quantize_dynamic
quantize_dynamic(sys.argv[1], sys.argv[2], weight_type=QuantType.QInt8, per_channel=sys.argv[3] == "channel")
"""


@group
def engine(folder):
    if not PYTHON:
        print("engine: PARE_PYTHON names no Python with onnx and onnxruntime; left out", flush=True)
        missed.append("the engine's peer is not there")
        return
    model, small = os.path.join(folder, "model.onnx"), os.path.join(folder, "small.onnx")
    layers, side = 24, 2048
    subprocess.run([PYTHON, "-c", MODEL, model, str(layers), str(side)], check=True)
    megabytes, tensor = os.path.getsize(model) / 1e6, side * side * 4 / MIB
    copy, ours, shipped, full = [], [], [], []
    for _ in range(7):
        copy.append(run("cp", "--reflink=never", model, small)[0])
        ours.append(run(PARE, "quantize", model, "--scheme", "int8", "--no-digest", "--no-sync", "-o", small))
        shipped.append(run(PARE, "quantize", model, "--scheme", "int8", "-o", small)[0])
        start = time.monotonic()
        subprocess.run(["sh", "-c", 'cp --reflink=never "$1" "$2" && sync "$2" && sha256sum "$1" >/dev/null', "sh", model,
                        small], check=True)
        full.append(time.monotonic() - start)
    print("engine: ONNX of %.0f MB in %d MatMul, int8 per channel, medians of 7 in turns" % (megabytes, layers))
    mine = at([seconds for seconds, _ in ours], .5)
    show("int8 --no-digest --no-sync against cp", mine / at(copy, .5), "x")
    show("int8 as shipped against cp + sync + sha256sum", at(shipped, .5) / at(full, .5), "x")
    show("int8: memory beyond the largest tensor", max(peak for _, peak in ours) - tensor, "MiB", 64)
    beside_peer(model, small, "tensor", 10, {"": ["--per-tensor"], ", matched": ["--match", "onnxruntime"]})
    beside_peer(model, small, "channel", 30, {"": [], ", matched": ["--match", "onnxruntime", "--per-channel"]})


def beside_peer(model, small, how, bar, forms):
    """Three rounds of the peer once and every form of ours three times; of both the median, neither synced."""
    theirs, ours, shipped, peaks = [], {form: [] for form in forms}, [], []
    for _ in range(3):
        seconds, peak = run(PYTHON, "-c", PEER, model, small, how)
        theirs.append(seconds)
        peaks.append(peak)
        for _ in range(3):
            for form, options in forms.items():
                ours[form].append(run(PARE, "quantize", model, "--scheme", "int8", "--no-digest", "--no-sync", *options,
                                      "-o", small)[0])
        shipped.append(run(PARE, "quantize", model, "--scheme", "int8", *forms[""], "-o", small)[0])
    for form, took in ours.items():
        show("quantize_dynamic per %s takes as long%s, times" % (how, form), at(theirs, .5) / at(took, .5), "x", bar,
             least=True)
    show("... as it as shipped, with digest and sync", at(theirs, .5) / at(shipped, .5), "x")
    show("... and its memory", max(peaks), "MiB")


TORCH = """
import time, torch
import torch.nn.utils.prune as prune
torch.set_num_threads(1)
layer = torch.nn.Linear(4096, 4096, bias=False)
for _ in range(5):
    torch.nn.init.normal_(layer.weight, 0, .02)
    start = time.perf_counter()
    prune.l1_unstructured(layer, "weight", .5)
    print(time.perf_counter() - start)
    prune.remove(layer, "weight")
"""


@group
def pruning(folder):
    """Half of 4096 x 4096 by magnitude, on one core, in memory: the mask found and the weights zeroed."""
    program = os.path.join(os.path.dirname(PARE), "tests", "bench", "prune")
    said = [line.split() for line in subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()]
    for method, took in said:
        show("prune %s, 4096 x 4096, one core" % method, float(took), "ms")
    theirs = subprocess.run([PYTHON or sys.executable, "-c", TORCH], capture_output=True, text=True, check=False)
    if theirs.returncode:
        print("pruning: PARE_PYTHON names no Python with torch; its peer is skipped", flush=True)
        return
    median = at([1e3 * float(line) for line in theirs.stdout.split()], .5)
    show("torch's l1_unstructured takes as long, times", median / float(dict(said)["l1"]), "x", 8, least=True)


# ---- checkpoints ----

CHECKPOINT = os.path.join(os.path.dirname(PARE), "tests", "slow", "checkpoint")


def beside_copy(folder, model, scheme, tensor_mib):
    """Medians of seven in turns, of seconds and of processor time; each output is removed before the next is made."""
    out, options = os.path.join(folder, "out"), ["--scheme", scheme, "--threads", "2", "-o"]
    commands = {"bare": [PARE, "quantize", model, "--no-digest", "--no-sync", *options, out],
                "cp": ["cp", "--reflink=never", model, out],
                "shipped": [PARE, "quantize", model, *options, out],
                "cp, sync and sha256sum": ["sh", "-c", 'cp --reflink=never "$1" "$2" && sync "$2" && sha256sum "$1"', "sh",
                                           model, out]}
    took, worked, peak = {name: [] for name in commands}, {name: [] for name in commands}, 0
    for _ in range(7):
        for name, words in commands.items():
            rest()
            before = os.times()
            seconds, mib = run(*words)
            after = os.times()
            took[name].append(seconds)
            worked[name].append(after.children_user + after.children_system - before.children_user - before.children_system)
            peak = max(peak, mib) if name == "shipped" else peak
            os.unlink(out)
    for name in commands:
        print("    %-24s %6.2f s, %6.2f s of processor time" % (name, at(took[name], .5), at(worked[name], .5)), flush=True)
    show("%s --no-digest --no-sync against cp" % scheme, at(took["bare"], .5) / at(took["cp"], .5), "x", 1)
    show("... of processor time", at(worked["bare"], .5) / at(worked["cp"], .5), "x")
    full = "cp, sync and sha256sum"
    show("%s as shipped against cp + sync + sha256sum" % scheme, at(took["shipped"], .5) / at(took[full], .5), "x", .7)
    show("... of processor time", at(worked["shipped"], .5) / at(worked[full], .5), "x")
    show("%s: memory beyond the largest tensor" % scheme, peak - tensor_mib, "MiB", 64)


@group
def checkpoint(folder):
    """The last layers of LLaMA-2-7B with lm_head, from the page cache: 2.7 GB of fp16, then 3.0 GB of fp32."""
    lm_head = 32000 * 4096 / MIB
    for dtype, first, scheme, size in (("f16", 26, "nf4", 2), ("f32", 29, "int8", 4)):
        if shutil.disk_usage(folder).free < 8 << 30:
            print("checkpoint: 8 GiB of disk are not free in %s; left out" % folder, flush=True)
            missed.append("%s of a checkpoint has no room" % scheme)
            return
        subprocess.run([CHECKPOINT, dtype, str(first), "32", folder], check=True)
        model = os.path.join(folder, "part.safetensors")
        print("checkpoint: safetensors, %s, %.0f MB, medians of 7 in turns" % (dtype, os.path.getsize(model) / 1e6), flush=True)
        beside_copy(folder, model, scheme, lm_head * size)
        os.unlink(model)


# ---- kernels ----

KERNELS = os.path.join(os.path.dirname(PARE), "tests", "bench", "kernels")


@group
def kernels(folder):
    """float32 input of one core from the cache; int8 is quantized and measured, as the engine does it."""
    said = subprocess.run([KERNELS], check=True, capture_output=True, text=True)
    for table, function, speed in map(str.split, said.stdout.splitlines()):
        bar = None if table in ("scalar", "neon") else 3
        show("kernel %s of %s" % (function, table), float(speed), "GB/s", bar, least=True)


# ---- promote ----

@group
def promote(folder):
    subprocess.run([PARE, "init"], check=True, stderr=subprocess.DEVNULL)
    sql("INSERT INTO ml_models (name, version) SELECT 'race', 'v' || n FROM generate_series(0, 16) n")
    run(PARE, "promote", "race:v0")
    racers = [subprocess.Popen([PARE, "promote", "race:v%d" % n, "--expect", "v0"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for n in range(1, 17)]
    codes = [racer.wait() for racer in racers]
    show("16 promotes with one expectation: those that win", codes.count(0), "", 1)
    show("... and those that are refused", codes.count(4), "", 15, least=True)


def main():
    words = [word for word in sys.argv[1:] if word != "--check"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open("/proc/cpuinfo") as info:
        cpu = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "unknown")
    print("%s, %d cores, load %s; PostgreSQL %s; pare %s" % (
        cpu, os.cpu_count(), os.getloadavg()[0], sql("SHOW server_version"),
        subprocess.run([PARE, "--version"], capture_output=True, text=True).stdout.strip()), flush=True)
    for function in groups:
        if words and not any(word in function.__name__ for word in words):
            continue
        with tempfile.TemporaryDirectory(prefix="pare-bench.") as folder:
            function(folder)
    print("load at the end %s" % os.getloadavg()[0])
    for what in missed:
        print("MISSED: " + what)
    sys.exit(bool(missed) and "--check" in sys.argv)


main()
