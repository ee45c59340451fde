#!/usr/bin/env python3
"""A labelled dataset for the magika models out of this machine's own files: a file's extension is its label.

    magika_rows.py --wheel magika-1.0.3-*.whl --root /usr --rows 600 --out rows.npz

Only reads; nothing leaves the machine. The same files give the same bytes. Needs nothing but Python.
What the model wants (its config.min.json): the first 1024 bytes of the file's first 4096 with blanks stripped
at the left, the last 1024 of its last 4096 stripped at the right, 256 where there are fewer, as int32[2048].
"""
import argparse
import array
import hashlib
import io
import json
import os
import struct
import sys
import zipfile

NOISY = {"pl", "wav", "r", "txt", "dat", "in", "m4", "h", "s"}  # extensions that say too little about the content
SIZE_MAX = 4 << 20


def read_wheel(path):
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        config = json.loads(wheel.read(next(n for n in names if n.endswith("config.min.json"))))
        kinds = json.loads(wheel.read(next(n for n in names if n.endswith("content_types_kb.min.json"))))
    return config, kinds


def label_of_extension(config, kinds):
    """extension -> index of the one label that claims it"""
    space = config["target_labels_space"]
    claims = {}
    for label, kind in kinds.items():
        for extension in kind.get("extensions", []):
            claims.setdefault(extension, set()).add(label)
    return {e: space.index(next(iter(c))) for e, c in claims.items()
            if len(c) == 1 and e not in NOISY and next(iter(c)) in space}


def features(path, config):
    size, pad = config["block_size"], config["padding_token"]
    begin_size, end_size = config["beg_size"], config["end_size"]
    with open(path, "rb") as file:
        head = file.read(size)
        file.seek(max(0, os.fstat(file.fileno()).st_size - size))
        tail = file.read(size)
    begin = list(head.lstrip()[:begin_size])
    end = list(tail.rstrip()[-end_size:])
    return begin + [pad] * (begin_size - len(begin)) + [pad] * (end_size - len(end)) + end


def candidates(root, labels, config):
    """Files by label, each list in an order that depends on the paths below the root alone."""
    found = {}
    for folder, folders, files in os.walk(root, onerror=lambda error: None):
        folders.sort()
        for name in files:
            extension = name.rsplit(".", 1)[-1].lower() if "." in name.strip(".") else None
            path = os.path.join(folder, name)
            if extension not in labels or os.path.islink(path):
                continue
            try:
                size = os.stat(path).st_size
            except OSError:
                continue
            if config["min_file_size_for_dl"] <= size <= SIZE_MAX:
                found.setdefault(labels[extension], []).append(path)
    for paths in found.values():
        paths.sort(key=lambda p: hashlib.sha256(os.path.relpath(p, root).encode("utf-8", "surrogateescape")).digest())
    return found


def choose(found, rows):
    """In turn from each label, so that no kind of file drowns the others."""
    chosen, turn = [], 0
    while len(chosen) < rows:
        more = [(paths[turn], label) for label, paths in sorted(found.items()) if turn < len(paths)]
        if not more:
            break
        chosen += more
        turn += 1
    return chosen[:rows]


def npy(values, code, shape):
    dtype = {"i": "<i4", "q": "<i8"}[code]
    header = "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }" % (dtype, "".join("%d, " % n for n in shape))
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    data = array.array(code, values)
    if sys.byteorder == "big":
        data.byteswap()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data.tobytes()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wheel", required=True)
    parser.add_argument("--root", default="/usr")
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    config, kinds = read_wheel(args.wheel)
    chosen = choose(candidates(args.root, label_of_extension(config, kinds), config), args.rows)
    inputs, labels = [], []
    for path, label in chosen:
        try:
            inputs += features(path, config)
            labels.append(label)
        except OSError:
            continue
    if len(labels) < 50:
        sys.exit("magika_rows: only %d files below %s can be read; give another --root" % (len(labels), args.root))
    width = config["beg_size"] + config["end_size"]
    arrays = {"bytes": npy(inputs, "i", (len(labels), width)), "label": npy(labels, "q", (len(labels),))}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in arrays.items():
            archive.writestr(zipfile.ZipInfo(name + ".npy"), data)
    with open(args.out + ".part", "wb") as file:
        file.write(out.getvalue())
    os.replace(args.out + ".part", args.out)
    print("%d files of %d kinds below %s" % (len(labels), len(set(labels)), args.root))


if __name__ == "__main__":
    main()
