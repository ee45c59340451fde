#!/usr/bin/env python3
"""Channels and heads taken out of a small LLaMA by pare: it loads with transformers, its outputs are
finite, and where only what was zero went they are those of the whole model to the bit.

    structure.py        TAP on stdout

Runs pare of the build folder (top_builddir). Skips itself where torch or transformers cannot be
imported, unless PARE_PEERS is set; requirements-torch.txt pins what it was written against.
"""
import json
import os
import subprocess
import sys
import tempfile

from tap import PARE, finish, need, ok

need("torch", "transformers")

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

HIDDEN, INNER, HEADS, SHARED = 64, 160, 8, 4


def pare(*words):
    done = subprocess.run([PARE, *words], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stderr


def small():
    torch.manual_seed(1)
    return LlamaForCausalLM(LlamaConfig(
        hidden_size=HIDDEN, intermediate_size=INNER, num_hidden_layers=2, vocab_size=96,
        num_attention_heads=HEADS, num_key_value_heads=SHARED, max_position_embeddings=64))


def silence(model):
    """Half of the channels and of the heads of each layer do nothing from now on."""
    width = HIDDEN // SHARED
    with torch.no_grad():
        for layer in model.model.layers:
            layer.mlp.down_proj.weight[:, torch.randperm(INNER)[:INNER // 2]] = 0
            for i in torch.randperm(SHARED)[:SHARED // 2].tolist():
                layer.self_attn.o_proj.weight[:, i * width:(i + 1) * width] = 0
    return model


def logits(folder):
    torch.manual_seed(2)
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        return model, model(torch.randint(0, 96, (2, 20))).logits


def chosen_by_norms(weights, amount):
    """The channels that stay, by the product of the norms of their slices."""
    score = torch.ones(INNER, dtype=torch.float64)
    for name, axis in (("gate_proj", 1), ("up_proj", 1), ("down_proj", 0)):
        score *= weights[name].double().norm(dim=axis)
    return score.argsort(stable=True)[round(amount * INNER):].sort().values


def try_zeros(folder):
    whole, expected = logits(folder)
    for steps, what in ((("ffn",), "channels"), (("heads",), "heads"), (("ffn", "heads"), "both")):
        out = os.path.join(folder, "..", "-".join(steps))
        recipe = out + ".json"
        with open(recipe, "w") as f:
            json.dump({"steps": [{"step": "prune", "method": s, "amount": 0.5} for s in steps]}, f)
        done, says = pare("run", folder, "--recipe", recipe, "-o", out)
        ok(done, "%s that are zero are taken out" % what, says)
        if done:
            model, found = logits(out)
            ok(torch.equal(found, expected), "no bit of the output changes",
               (found - expected).abs().max())
            ok(model.num_parameters() < whole.num_parameters(), "with fewer parameters")


def try_any(folder):
    out = os.path.join(folder, "..", "less")
    done, says = pare("prune", folder, "--method", "ffn", "--amount", "0.3", "-o", out)
    ok(done, "channels of any weights are taken out", says)
    if not done:
        return
    whole, _ = logits(folder)
    model, found = logits(out)
    ok(torch.isfinite(found).all(), "the outputs are finite")
    for i, layer in enumerate(model.model.layers):
        before = {n: getattr(whole.model.layers[i].mlp, n).weight
                  for n in ("gate_proj", "up_proj", "down_proj")}
        stay = chosen_by_norms(before, 0.3)
        ok(torch.equal(layer.mlp.up_proj.weight, before["up_proj"][stay]) and
           torch.equal(layer.mlp.gate_proj.weight, before["gate_proj"][stay]) and
           torch.equal(layer.mlp.down_proj.weight, before["down_proj"][:, stay]),
           "layer %d has those of the greatest norms" % i)


def main():
    with tempfile.TemporaryDirectory() as folder:
        silent, loud = os.path.join(folder, "silent"), os.path.join(folder, "loud")
        silence(small()).save_pretrained(silent)
        small().save_pretrained(loud)
        try_zeros(silent)
        try_any(loud)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
