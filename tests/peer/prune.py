#!/usr/bin/env python3
"""Pruning beside torch.nn.utils.prune: the same masks for every method, in files of safetensors and
of PyTorch, for shares and for counts; of random, whose stream is not torch's, the same numbers.

    prune.py        TAP on stdout

Runs pare of the build folder (top_builddir). Skips itself where torch or safetensors cannot be
imported, unless PARE_PEERS is set to required or torch.
"""
import os
import subprocess
import sys
import tempfile

import tap
from tap import PARE, finish, need, ok

need("torch.nn.utils.prune", "safetensors.torch")

import torch
import torch.nn.utils.prune as peer
from safetensors.torch import load_file, save_file

SHAPES = {"fc1": (96, 40), "fc2": (40, 96), "odd": (7, 12), "conv": (16, 8, 3, 3), "line": (12, 4, 5)}
AMOUNTS = ["0.5", "0.3", "0.0", "1.0", "0.125", "0.35", "1", "3"]


def number(word):
    """As pare's command line and torch tell a count from a share."""
    return float(word) if "." in word else int(word)


def modules():
    """No two magnitudes are alike, so that the mask follows from the rule alone."""
    made = {}
    total = sum(torch.Size(s).numel() for s in SHAPES.values())
    sizes = (torch.randperm(total) + 1).float() / 4096
    signs = torch.where(torch.rand(total) < .5, -1.0, 1.0)
    at = 0
    for name, shape in SHAPES.items():
        n = torch.Size(shape).numel()
        made[name] = torch.nn.Module()
        made[name].weight = torch.nn.Parameter((sizes * signs)[at:at + n].reshape(shape))
        at += n
    return made


def pare(folder, kind, tensors, *words):
    """What pare prune makes of the tensors, or None and its words."""
    source, out = os.path.join(folder, "in." + kind), os.path.join(folder, "out." + kind)
    save_file(tensors, source) if kind == "safetensors" else torch.save(tensors, source)
    done = subprocess.run([PARE, "prune", source, *words, "-o", out], capture_output=True, text=True, check=False)
    if done.returncode:
        return None, done.stderr
    return (load_file(out) if kind == "safetensors" else torch.load(out, weights_only=True)), done.stderr


def same(ours, theirs):
    """Bits and all: a pruned negative is -0."""
    return [name for name, m in theirs.items()
            if not torch.equal(ours[name + ".weight"].view(torch.int32), m.weight.detach().view(torch.int32))]


def check(folder, what, apply, *words):
    for kind in ("safetensors", "pt"):
        torch.manual_seed(tap.count)
        made = modules()
        tensors = {name + ".weight": m.weight.detach().clone() for name, m in made.items()}
        apply(made)
        ours, said = pare(folder, kind, tensors, *words)
        if ours is None and "changes nothing" in said:
            ours = tensors
        differs = said if ours is None else same(ours, made)
        ok(not differs, "%s: %s" % (kind, what), differs)


def each(function):
    def apply(made):
        for m in made.values():
            function(m)
    return apply


def random_counts(folder):
    tensors = {name + ".weight": m.weight.detach().clone() for name, m in modules().items()}
    for word in ("0.3", "0.35", "0.5", "7"):
        made = {name: torch.nn.Module() for name in SHAPES}
        for name, m in made.items():
            m.weight = torch.nn.Parameter(tensors[name + ".weight"].clone())
            peer.random_unstructured(m, "weight", number(word))
        ours, said = pare(folder, "safetensors", tensors, "--method", "random", "--amount", word, "--seed", "5")
        ok(ours and all(int((ours[n + ".weight"] == 0).sum()) == int((m.weight == 0).sum()) for n, m in made.items()),
           "random by %s: as many as torch takes" % word, said)


def halves(folder):
    """Of float16 and bfloat16 with ties: exactly k, all that is less, nothing that is more."""
    for dtype in (torch.float16, torch.bfloat16):
        x = torch.randn(64, 64).to(dtype)
        ours, said = pare(folder, "safetensors", {"a.weight": x}, "--method", "l1", "--amount", "0.37")
        y = ours["a.weight"] if ours else x
        gone = y == 0
        exact = int(gone.sum()) == round(.37 * x.numel()) and y.dtype == dtype
        border = x.abs()[gone].max()
        ok(exact and (x.abs()[~gone] >= border).all(), "%s: exactly k, the least" % dtype, said)


def refused(folder):
    x = {"a.weight": torch.randn(6, 6)}
    m = torch.nn.Module()
    m.weight = torch.nn.Parameter(x["a.weight"].clone())
    for word in ("37", "1.5", "-0.1"):
        try:
            peer.l1_unstructured(m, "weight", number(word))
            theirs = True
        except ValueError:
            theirs = False
        ours, _ = pare(folder, "safetensors", x, "--method", "l1", "--amount", word)
        ok(not theirs and ours is None, "amount %s is refused by both" % word)
    ours, said = pare(folder, "safetensors", x, "--method", "2:4")
    ok(ours is None and "no multiple of 4" in said, "2:4 of six inputs is refused", said)


def two_of_four(folder):
    x = {"a.weight": torch.randn(32, 64), "c.weight": torch.randn(8, 12, 3, 3)}
    ours, said = pare(folder, "safetensors", x, "--method", "2:4")
    for name, t in x.items():
        rows = t.movedim(1, -1).reshape(-1, 4)
        mask = torch.ones_like(rows).scatter(1, rows.abs().topk(2, dim=1, largest=False).indices, 0)
        got = ours[name].movedim(1, -1).reshape(-1, 4) if ours else rows
        ok(torch.equal(got, rows * mask), "2:4 of %s: the two least of four inputs" % name, said)


def main():
    torch.manual_seed(20240229)
    with tempfile.TemporaryDirectory() as folder:
        for word in AMOUNTS:
            check(folder, "l1_unstructured by %s" % word, each(lambda m: peer.l1_unstructured(m, "weight", number(word))),
                  "--method", "l1", "--amount", word)
            check(folder, "global_unstructured by %s" % word, lambda made: peer.global_unstructured(
                [(made[n], "weight") for n in sorted(made)], peer.L1Unstructured, amount=number(word)),
                  "--method", "global-l1", "--amount", word)
            for dim in (0, 1, -1):
                for n in (1, 2):
                    check(folder, "ln_structured by %s, dim %d, n %d" % (word, dim, n),
                          each(lambda m: peer.ln_structured(m, "weight", number(word), n, dim)), "--method", "ln",
                          "--amount", word, "--dim", str(dim), "--n", str(n))
        random_counts(folder)
        halves(folder)
        refused(folder)
        two_of_four(folder)
    sys.exit(finish())


main()
