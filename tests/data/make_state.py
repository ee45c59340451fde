# Makes state.pt, which tests/format/pytorch.c reads, with the PyTorch that is installed; the file in
# the tree was made by 2.13: python3 tests/data/make_state.py tests/data/state.pt
import sys

import torch

table = torch.arange(24, dtype=torch.float32).reshape(6, 4) / 8
layer = torch.arange(12, dtype=torch.float32).reshape(3, 4) - 6
state = {
    "embed.weight": table,
    "up.weight": torch.nn.Parameter(layer, requires_grad=False),
    "up.bias": torch.tensor([1.0, -2.0, 0.5]),
    "lm_head.weight": table,
    "tail.weight": table[4:],
    "turned.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3).t(),
    "half.weight": (layer / 3).half(),
    "steps": torch.tensor(7),
    "none": torch.empty(0, 3, dtype=torch.bfloat16),
}
tied = {"one.weight": layer.clone()}
tied["two.weight"] = tied["one.weight"].view(4, 3)
torch.save(
    {"state_dict": state, "tied": tied, "epoch": 3, "rates": [0.5, -1, 2**70], "name": "é"}, sys.argv[1]
)
