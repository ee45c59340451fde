#!/usr/bin/env python3
"""Checkpoints beside transformers and bitsandbytes: what pare makes of a small LLaMA, in safetensors
and in PyTorch's file, loads with from_pretrained, generates, and computes nearly the same; both
formats hold equal tensors; and either becomes the other.

    checkpoint.py        TAP on stdout

Runs pare of the build folder (top_builddir). Skips itself where one of torch, safetensors,
transformers and bitsandbytes cannot be imported, unless PARE_PEERS is set to required.
"""
import json
import os
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")

from tap import finish, need, ok, pare

need("bitsandbytes", "torch", "transformers", "safetensors.torch")

import bitsandbytes  # noqa: F401
import torch
import transformers
from safetensors.torch import load_file

# Name, pare's words, the least cosine of the logits with those of the source.
SCHEMES = [("nf4", ["--scheme", "nf4"], 0.97), ("nf4-plain", ["--scheme", "nf4", "--no-double-quant"], 0.97),
           ("fp4", ["--scheme", "fp4"], 0.94), ("int8", ["--scheme", "int8"], 0.99),
           ("fp16", ["--scheme", "fp16"], 0.9999), ("bf16", ["--scheme", "bf16"], 0.999)]
TOKENS = [[1, 5, 9, 42, 17, 200, 3, 77]]


# ---- the model ----

def make(folder, tied):
    """One model as a folder of safetensors and as one of PyTorch's file."""
    torch.manual_seed(6)
    config = transformers.LlamaConfig(
        vocab_size=256, hidden_size=128, intermediate_size=384, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        tie_word_embeddings=tied)
    model = transformers.LlamaForCausalLM(config).eval()
    safe, torch_made = os.path.join(folder, "safe"), os.path.join(folder, "torch")
    model.save_pretrained(safe)
    os.makedirs(torch_made)
    model.config.save_pretrained(torch_made)
    with open(os.path.join(torch_made, "tokenizer.json"), "w", encoding="utf-8") as f:
        f.write("{}")
    torch.save(model.state_dict(), os.path.join(torch_made, "pytorch_model.bin"))
    return model, safe, torch_made


def logits(model):
    with torch.no_grad():
        return model(torch.tensor(TOKENS)).logits.float()


def cosine(a, b):
    return torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0).item()


def tensors(folder):
    safe = os.path.join(folder, "model.safetensors")
    if os.path.exists(safe):
        return load_file(safe)
    return torch.load(os.path.join(folder, "pytorch_model.bin"), weights_only=True, mmap=True)


def raw(t):
    return t.detach().contiguous().reshape(-1).view(torch.uint8)


def same(a, b):
    return (set(a) == set(b) and
            all(a[k].dtype == b[k].dtype and a[k].shape == b[k].shape and torch.equal(raw(a[k]), raw(b[k]))
                for k in a))


# ---- beside transformers ----

def check_loads(folder, name, expected, least):
    # What transformers itself says of the file, so that a failure tells.
    try:
        model, info = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
        model.eval()
        got = logits(model)
        made = model.generate(torch.tensor(TOKENS), max_new_tokens=4, do_sample=False)
    except Exception as failure:  # noqa: BLE001
        ok(False, name + ": transformers loads it", repr(failure))
        return
    ok(not info["missing_keys"] and not info["unexpected_keys"], name + ": no key is missing, none too many", info)
    ok(cosine(got, expected) >= least, "%s: cosine %.5f" % (name, cosine(got, expected)), "at least %s" % least)
    ok(made.shape[1] > len(TOKENS[0]), name + ": it generates")


def check_config(folder, name, scheme):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    if scheme in ("fp16", "bf16"):
        dtype = config.get("dtype", config.get("torch_dtype"))
        ok(dtype == {"fp16": "float16", "bf16": "bfloat16"}[scheme], name + ": config.json has its dtype", dtype)
    else:
        ok(config["quantization_config"]["quant_method"] == "bitsandbytes", name + ": config.json says so", config)


def check_scheme(folder, label, sources, expected, scheme, words, least):
    made = []
    for form, source in sources:
        name, out = "%s %s %s" % (label, scheme, form), os.path.join(folder, "%s-%s" % (scheme, form))
        run = pare("quantize", source, *words, "-o", out)
        if run.returncode:
            ok(False, name, run.stderr)
            continue
        check_config(out, name, scheme)
        check_loads(out, name, expected, least)
        made.append(tensors(out))
        if scheme not in ("fp16", "bf16"):
            run = pare("quantize", out, *words, "-o", out + "-again")
            ok(run.returncode == 4 and "quantized already" in run.stderr, name + ": a second time it is refused",
               run.stderr)
    if len(made) == 2:
        names = set(made[0]) & set(made[1]) if label == "tied" else set(made[0]) | set(made[1])
        ok(same(*[{k: m[k] for k in names if k in m} for m in made]),
           "%s %s: both formats hold the same" % (label, scheme))


def check_conversion(folder, label, sources, expected):
    recipe = os.path.join(folder, "none.json")
    with open(recipe, "w", encoding="utf-8") as f:
        f.write('{"steps": []}')
    for form, source in sources:
        name, out = "%s %s converted" % (label, form), os.path.join(folder, "converted-" + form)
        run = pare("run", source, "--recipe", recipe, "-o", out)
        if run.returncode:
            ok(False, name, run.stderr)
            continue
        files = sorted(os.listdir(out))
        ok(("pytorch_model.bin" if form == "safe" else "model.safetensors") in files and "config.json" in files,
           name + ": its files", files)
        ok(same(tensors(source), tensors(out)), name + ": its tensors")
        check_loads(out, name, expected, 0.999999)
    source = os.path.join(sources[1][1], "pytorch_model.bin")
    alone, packed = os.path.join(folder, "alone.safetensors"), os.path.join(folder, "alone.pt")
    first = pare("run", source, "--recipe", recipe, "-o", alone)
    second = pare("run", alone, "--recipe", recipe, "-o", packed)
    ok(first.returncode == 0 and second.returncode == 0, label + ": a lone file there and back",
       first.stderr + second.stderr)
    if first.returncode == 0 and second.returncode == 0:
        ok(same(tensors(sources[1][1]), load_file(alone)) and
           same(load_file(alone), torch.load(packed, weights_only=True, mmap=True)), label + ": it holds the same")
    nf4 = os.path.join(folder, "alone_nf4.pt")
    run = pare("quantize", source, "--scheme", "nf4", "-o", nf4)
    ok(run.returncode == 0 and run.stderr.find("slow") < 0, label + ": a lone file in nf4, and no word of ONNX Runtime",
       run.stderr)


def check_parameters(folder):
    """Parameters, a dict in a dict, and one value under two names."""
    layer = torch.nn.Linear(64, 32)
    state = {"net": {"up.weight": layer.weight, "up.bias": layer.bias, "down": {"weight": torch.randn(8, 64)}}, "epoch": 3}
    state["net"]["copy.weight"] = state["net"]["down"]["weight"]
    source, out = os.path.join(folder, "parameters.pt"), os.path.join(folder, "parameters_out.pt")
    torch.save(state, source)
    for scheme, suffix in (("nf4", "weight.absmax"), ("int8", "SCB")):
        run = pare("quantize", source, "--scheme", scheme, "-o", out)
        if run.returncode:
            ok(False, "parameters: " + scheme, run.stderr)
            continue
        net = torch.load(out, weights_only=True, mmap=True)["net"]
        ok("up." + suffix in net and suffix in net["down"] and "copy." + suffix in net and
           net["copy.weight"].data_ptr() == net["down"]["weight"].data_ptr() and not net["up.weight"].requires_grad,
           "parameters: %s beside its weight, in its dict, shared as before" % scheme, list(net))


def main():
    with tempfile.TemporaryDirectory() as folder:
        for label, tied in (("plain", False), ("tied", True)):
            here = os.path.join(folder, label)
            os.makedirs(here)
            model, safe, torch_made = make(here, tied)
            sources, expected = [("safe", safe), ("torch", torch_made)], logits(model)
            for scheme, words, least in SCHEMES if not tied else SCHEMES[:1]:
                check_scheme(here, label, sources, expected, scheme, words, least)
            check_conversion(here, label, sources, expected)
        check_parameters(folder)
    sys.exit(finish())


main()
