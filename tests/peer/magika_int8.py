#!/usr/bin/env python3
"""The main job on a real model, on data pinned by their digest: magika, int8, through the registry.

Prints TAP. Run under tests/with-postgres with top_srcdir and top_builddir. Fetches two wheels from the Python
package index (the model; Django, whose files are the labelled data) into the build folder and checks their SHA-256.
Where they cannot be had it skips itself, unless PARE_PEERS is set.
"""
import hashlib
import json
import os
import subprocess
import sys
import zipfile

from tap import finish, ok
from wheels import wheel

SRC, BUILD = os.environ.get("top_srcdir", "."), os.environ.get("top_builddir", "build")
CACHE = os.path.join(BUILD, "peer-cache")
MAGIKA, DJANGO = "magika==1.0.3", "django==5.1.4"
SHA256 = {
    "model.onnx": "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
    DJANGO: "236e023f021f5ce7dee5779de7b286565fdea5f4ab86bae5338e3f7b69896cf0",
    "rows.npz": "0beb8a5edd1cf69a74d775e90d653c7396f705f110caa8b9cec2c6c957cccbcb",
}


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def gather():
    magika, django = wheel(CACHE, MAGIKA), wheel(CACHE, DJANGO)
    model, rows, folder = (os.path.join(CACHE, n) for n in ("model.onnx", "rows.npz", "django"))
    with zipfile.ZipFile(magika) as archive:
        with open(model, "wb") as file:
            file.write(archive.read(next(n for n in archive.namelist() if n.endswith("/model.onnx"))))
    ok(sha256(django) == SHA256[DJANGO], "the labelled files are the pinned ones")
    ok(sha256(model) == SHA256["model.onnx"], "the model is the pinned one")
    if not os.path.isdir(folder):
        with zipfile.ZipFile(django) as archive:
            archive.extractall(folder)
    subprocess.run([sys.executable, SRC + "/tests/sample/magika_rows.py", "--wheel", magika, "--root", folder, "--rows", "2000",
                    "--out", rows], check=True, stdout=subprocess.DEVNULL)
    ok(sha256(rows) == SHA256["rows.npz"], "the dataset is the pinned one", sha256(rows))
    return model, rows


def pare(*args):
    return subprocess.run([BUILD + "/pare", *args], capture_output=True, text=True)


def must(*args):
    result = pare(*args)
    ok(result.returncode == 0, "pare " + " ".join(args[:2]), result.stderr)
    return result


def measured(version):
    text = subprocess.run(["psql", "-XAtqc", "SELECT c.result FROM pare.measurement c JOIN ml_models m ON m.id = c.model_id "
                           "WHERE m.version = '%s' ORDER BY c.id DESC LIMIT 1" % version],
                          check=True, capture_output=True, text=True).stdout
    return json.loads(text) if text.strip() else {}


def main():
    model, rows = gather()
    must("init")
    must("import", model, "--name", "magika", "--version", "fp32")
    must("promote", "magika:fp32")
    must("dataset", "import", rows, "--name", "pinned")
    must("quantize", "magika:fp32", "--scheme", "int8", "--as", "int8")
    must("prune", "magika:fp32", "--method", "l1", "--amount", "0.7", "--as", "l1p70")
    must("measure", "magika:int8", "--seconds", "15")
    must("measure", "magika:l1p70", "--seconds", "1")
    sizes = {v["version"]: v["size_bytes"] for v in json.loads(pare("list", "--format", "json").stdout)}
    int8, fp32 = measured("int8"), measured("fp32")
    share = sizes["int8"] / sizes["fp32"]
    ok(share <= 0.27, "the int8 file is at most 27 %% of fp32: %.1f %%" % (100 * share))
    drop = fp32.get("accuracy", 0) - int8.get("accuracy", -1)
    ok(abs(drop) <= 0.005, "its accuracy falls by at most .005: %+.4f" % -drop)
    ok(int8.get("agreement", 0) >= 0.995, "it agrees on at least .995: %.4f" % int8.get("agreement", 0))
    print("# latency against fp32, in turns: %.3f [%.3f, %.3f], %s" % tuple(
        int8.get(k, "?" if k == "speed" else float("nan")) for k in ("ratio", "ratio_low", "ratio_high", "speed")))
    refused = pare("promote", "magika:l1p70")
    ok(refused.returncode == 4 and "accuracy" in refused.stderr, "the 70 % cut fails its gate", refused.stderr)
    must("promote", "magika:int8", "--expect", "magika:fp32")
    return finish()


sys.exit(main())
