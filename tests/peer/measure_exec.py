#!/usr/bin/env python3
"""A checkpoint measured by an evaluator of transformers: a small LLaMA is imported, made nf4 and int8 by
pare, and all are measured with evaluate.py; what list and show say of them is no longer empty.

    measure_exec.py        TAP on stdout

Runs pare of the build folder (top_builddir) in a PostgreSQL of its own (tests/with-postgres). Skips itself
where torch, transformers or bitsandbytes cannot be imported, unless PARE_PEERS is set.
"""
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.environ.get("top_srcdir", os.path.dirname(os.path.dirname(HERE)))

from tap import finish, need, ok, pare

need("bitsandbytes", "torch", "transformers")

import bitsandbytes  # noqa: F401 (what loads the quantized versions)
import torch
import transformers

if not os.environ.get("PARE_TEST_SERVER"):
    os.environ["PARE_TEST_SERVER"] = "yes"
    server = os.path.join(SRC, "tests", "with-postgres")
    os.execv(server, [server, sys.executable, os.path.abspath(__file__)])


def must(*words):
    result = pare(*words)
    if result.returncode != 0:
        print("Bail out! pare %s: %s" % (" ".join(words), result.stderr))
        sys.exit(1)


def make(folder):
    """Seeded and trained for a moment on the evaluator's own text, so that its figures mean something."""
    sys.path.insert(0, HERE)
    sys.dont_write_bytecode = True
    import evaluate
    torch.manual_seed(20240229)
    torch.set_num_threads(2)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=256, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=False))
    ids = torch.tensor([list(evaluate.TEXT.encode())[:256]])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model(ids, labels=ids).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)


def row(version):
    found = json.loads(pare("list", "m", "--filter", "version=" + version, "--format", "json").stdout)
    return found[0] if found else {}


def measuring(folder):
    command = "%s %s --reference %s --seconds 0.2" % (sys.executable, os.path.join(HERE, "evaluate.py"), folder)
    figures = {}
    for version in ("fp32", "nf4", "int8"):
        result = pare("measure", "m:" + version, "--exec", command)
        ok(result.returncode == 0, "%s is measured" % version, result.stderr)
        listed = row(version)
        figures[version] = metrics = json.loads(pare("show", "m:" + version, "--format", "json").stdout)[0].get("metrics") or {}
        ok((listed.get("latency_ms") or 0) > 0 and 0 < (listed.get("accuracy") or 0) <= 1, "%s: list has latency and accuracy" % version, listed)
        ok(metrics.get("perplexity", 0) > 1 and metrics.get("tokens_per_s", 0) > 0 and metrics.get("peak_mb", 0) > 0,
           "%s: and its metrics the rest" % version, metrics)
        shown = pare("show", "m:" + version).stdout
        ok(all(word in shown for word in ("latency", "accuracy", "metrics.perplexity")), "%s: show too" % version, shown)
    return figures


def comparing(figures):
    fp32, nf4, int8 = (figures[version] for version in ("fp32", "nf4", "int8"))
    ok(fp32.get("agreement") == 1 and fp32.get("cosine", 0) > 0.9999, "the unquantized one agrees with itself", fp32)
    ok(fp32.get("perplexity", 256) < 50, "it has learnt something", fp32)
    for name, one, agreement, decibels in (("nf4", nf4, 0.7, 15), ("int8", int8, 0.9, 30)):
        ok(agreement <= one.get("agreement", 0) <= 1 and one.get("cosine", 0) > 0.95, "%s agrees with it" % name, one)
        ok(abs(one.get("perplexity", 0) / fp32["perplexity"] - 1) < 0.5, "%s: a perplexity near its own" % name, one)
        ok(one.get("weight_sqnr_db", 0) > decibels, "%s: the SQNR of its weights was there before" % name, one)
    fits = json.loads(pare("show", "m:nf4", "--for", "4GiB", "--format", "json").stdout)[0]
    ok(fits["fits"] == "yes" and fits["cache_bytes"] == 2 * 2 * 2 * 16 * 4 * 2048, "it fits 4 GiB", fits)


def main():
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "model")
        make(folder)
        must("init")
        must("import", folder, "--name", "m", "--version", "fp32")
        must("quantize", "m:fp32", "--scheme", "nf4", "--as", "nf4")
        must("quantize", "m:fp32", "--scheme", "int8", "--as", "int8")
        comparing(measuring(folder))
    return finish()


if __name__ == "__main__":
    sys.exit(main())
