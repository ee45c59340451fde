#!/usr/bin/env python3
"""An evaluator for pare measure --exec: how well a language model of transformers predicts a text, how
fast, and in how much memory.

    pare measure REF --exec 'python3 evaluate.py'
    evaluate.py [--text FILE] [--reference FOLDER] [--seconds S] [--threads N] FOLDER

FOLDER is a checkpoint with config.json, quantized by bitsandbytes or not. Prints one JSON object:
  perplexity       exp of the mean loss over the text's tokens
  accuracy         how often the token thought likeliest is the next one
  inference_ms     the median of one forward pass over the text's first window
  tokens_per_s     of such passes
  peak_mb          the most memory of this process
  agreement        with --reference: how often both think the same token likeliest
  cosine           with --reference: the mean cosine of the last hidden states

The text is the one below, or a file. Where FOLDER has a tokenizer, it makes the tokens; else the
text's bytes are the tokens, modulo the vocabulary, which is enough to compare versions of a model.
"""
import argparse
import contextlib
import json
import math
import os
import resource
import statistics
import sys
import time

import torch
import transformers

TEXT = """A gardener cuts a tree in winter, when it sleeps. What is dead goes first, then what crosses, then what
grows inward and takes the light from the rest. She steps back after each cut and looks, for a branch that is
gone does not come back this year. In spring the tree has fewer buds and each of them gets more. A visitor who
saw it only then would say that nothing is missing; one who had counted the branches would know how much was
taken, and might ask how she knew where to stop. She would say that she did not know; she looked.
"""
WINDOW = 128


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--text", help="a file of UTF-8 text instead of the one in here")
    parser.add_argument("--reference", help="a checkpoint to agree with")
    parser.add_argument("--seconds", type=float, default=5, help="how long to time it")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def load(folder):
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="auto", local_files_only=True).eval()


def has_tokenizer(folder):
    return any(os.path.exists(os.path.join(folder, name))
               for name in ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json"))


def tokens_of(folder, text, vocabulary):
    if has_tokenizer(folder):
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)(text)["input_ids"]
    return [byte % vocabulary for byte in text.encode()]


def windows(ids, limit):
    size = min(WINDOW, limit or WINDOW)
    return [torch.tensor([ids[at:at + size]]) for at in range(0, len(ids) - 1, size) if len(ids) - at > 1]


def look(model, parts):
    """Of each window what is thought likeliest and the hidden states; and the loss and hits over all."""
    loss = hits = count = 0
    best, hidden = [], []
    for part in parts:
        out = model(part, output_hidden_states=True)
        logits, wanted = out.logits[0, :-1].float(), part[0, 1:]
        loss += torch.nn.functional.cross_entropy(logits, wanted, reduction="sum").item()
        likeliest = logits.argmax(-1)
        hits += (likeliest == wanted).sum().item()
        count += len(wanted)
        best.append(likeliest)
        hidden.append(out.hidden_states[-1][0].float())
    return {"perplexity": math.exp(min(loss / count, 700)), "accuracy": hits / count, "scored": count}, torch.cat(best), torch.cat(hidden)


def timed(model, part, seconds):
    model(part)
    times, until = [], time.monotonic() + seconds
    while len(times) < 5 or time.monotonic() < until:
        began = time.perf_counter()
        model(part)
        times.append(time.perf_counter() - began)
    median = statistics.median(times)
    return {"inference_ms": 1000 * median, "tokens_per_s": part.shape[1] / median}


def measure(arguments):
    text = TEXT
    if arguments.text:
        with open(arguments.text, encoding="utf-8") as file:
            text = file.read()
    model = load(arguments.folder)
    parts = windows(tokens_of(arguments.folder, text, model.config.vocab_size),
                    getattr(model.config, "max_position_embeddings", None))
    figures, best, hidden = look(model, parts)
    figures.update(timed(model, parts[0], arguments.seconds))
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    if arguments.reference:
        _, other_best, other_hidden = look(load(arguments.reference), parts)
        figures["agreement"] = (best == other_best).float().mean().item()
        figures["cosine"] = torch.nn.functional.cosine_similarity(hidden, other_hidden).mean().item()
    return figures


def main():
    arguments = read_arguments()
    torch.set_num_threads(arguments.threads)
    # Whatever a library says on the way is for people: stdout is the object's alone.
    with contextlib.redirect_stdout(sys.stderr), torch.inference_mode():
        figures = measure(arguments)
    print(json.dumps(figures, allow_nan=False))


if __name__ == "__main__":
    main()
