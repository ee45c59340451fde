#!/usr/bin/env python3
"""PyTorch's files beside PyTorch: what pare writes loads with weights_only, mapped into memory or
not, and holds the tensors that torch itself would cast, sharing what was shared.

    pytorch.py        TAP on stdout

Runs pare of the build folder (top_builddir). Skips itself where torch cannot be imported, unless
PARE_PEERS is set; requirements-torch.txt pins what it was written against.
"""
import os
import sys
import tempfile
import zipfile

from tap import finish, need, ok, pare

need("torch")

import torch



# ---- the objects ----

class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(32, 16)
        self.up = torch.nn.Linear(16, 48)
        self.norm = torch.nn.BatchNorm1d(48)
        self.conv = torch.nn.Conv1d(4, 4, 3)
        self.lm_head = torch.nn.Linear(16, 32, bias=False)
        self.lm_head.weight = self.embed.weight


def views():
    big = torch.randn(30, 4)
    return {"q.weight": big[:10], "k.weight": big[10:20], "turned.weight": torch.randn(6, 5).t(),
            "every_other": torch.arange(20.)[::2], "row": torch.randn(9, 8)[3]}


def dtypes():
    names = ["float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "bool",
             "complex64", "complex128", "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2"]
    return {n: torch.randn(5, 3).abs().to(getattr(torch, n)) for n in names if hasattr(torch, n)}


def training():
    m = Small()
    o = torch.optim.Adam(m.parameters())
    m.lm_head(m.embed(torch.tensor([1, 2]))).sum().backward()
    o.step()
    return {"model": m.state_dict(), "optimizer": o.state_dict(), "epoch": 3, "loss": 0.25,
            "history": [1.5, -1, 2 ** 70, None, True, "é"], "size": torch.Size([2, 3])}


# ---- beside torch ----

def same(a, b, dtype):
    """Equal, but that floats may have become `dtype`, as torch casts them."""
    if isinstance(a, torch.Tensor):
        if a.dtype in (torch.float32, torch.float16, torch.bfloat16) and b.dtype == dtype:
            a = a.to(dtype)
        raw = lambda t: t.detach().contiguous().reshape(-1).view(torch.uint8) if t.numel() else t
        return a.shape == b.shape and a.dtype == b.dtype and torch.equal(raw(a), raw(b))
    if isinstance(a, dict):
        return list(a) == list(b) and type(a) is type(b) and all(same(a[k], b[k], dtype) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y, dtype) for x, y in zip(a, b))
    return a == b


def groups(value, found=None, path=""):
    """Which tensors begin at the same byte."""
    found = {} if found is None else found
    if isinstance(value, torch.Tensor) and value.numel():
        found.setdefault(value.data_ptr(), []).append(path)
    elif isinstance(value, dict):
        for k in value:
            groups(value[k], found, "%s.%s" % (path, k))
    return sorted(found.values())


def check(folder, name, objects):
    source = os.path.join(folder, name + ".pt")
    torch.save(objects, source)
    looked = pare("inspect", source)
    ok(looked.returncode == 0, name + ": pare looks at it", looked.stderr)
    for scheme, dtype in (("fp16", torch.float16), ("bf16", torch.bfloat16)):
        out = os.path.join(folder, "%s_%s.pt" % (name, scheme))
        run = pare("quantize", source, "--scheme", scheme, "-o", out)
        if run.returncode:
            ok(False, "%s: %s" % (name, scheme), run.stderr)
            continue
        for mapped in (False, True):
            after = torch.load(out, weights_only=True, mmap=mapped)
            ok(same(objects, after, dtype) and groups(objects) == groups(after),
               "%s: %s is what torch casts, shared as before%s"
               % (name, scheme, ", mapped" if mapped else ""), run.stderr)
        with zipfile.ZipFile(out) as z:
            ok(z.testzip() is None, "%s: the CRC-32s of %s" % (name, scheme))


def refusals(folder):
    whole = os.path.join(folder, "whole.pt")
    torch.save(Small(), whole)
    run = pare("inspect", whole)
    ok(run.returncode and "__main__.Small" in run.stderr, "a whole module is refused by name", run.stderr)
    old = os.path.join(folder, "old.pt")
    torch.save(Small().state_dict(), old, _use_new_zipfile_serialization=False)
    run = pare("inspect", old)
    ok(run.returncode and "before 1.6" in run.stderr, "the form before 1.6 is refused", run.stderr)


def main():
    torch.manual_seed(6)
    with tempfile.TemporaryDirectory() as folder:
        check(folder, "module", Small().state_dict())
        check(folder, "parameters", dict(Small().named_parameters()))
        check(folder, "views", dict(views()))
        check(folder, "dtypes", dict(dtypes(), one=torch.randn(3, 3)))
        check(folder, "training", training())
        check(folder, "tensor", torch.randn(7, 5))
        refusals(folder)
    sys.exit(finish())


main()
