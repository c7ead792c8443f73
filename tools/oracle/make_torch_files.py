"""Writes tests/data/torch/: small files of torch.save, for the reader in src/weights/torch_file.cc.

    python tools/oracle/make_torch_files.py

tensors.pt   a state_dict: float32, float16, bfloat16 and int64 tensors, views of one storage, a scalar, a Parameter
legacy.pt    the format from before torch 1.6
strided.pt   a transposed tensor
list.pt      no dict
evil.pt      a pickle that would call os.system
"""

import collections
import os
import pickle
from pathlib import Path

import torch

OUT = Path(__file__).resolve().parents[2] / "tests" / "data" / "torch"


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/bge-torch-file-was-executed",)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    both = torch.arange(6, dtype=torch.float32)
    state = collections.OrderedDict(
        [("weight", torch.tensor([[1.5, -2.0, 3.25], [0.0, 5.0, -6.5]])), ("half", torch.tensor([1.0, -0.5], dtype=torch.float16)),
         ("brain", torch.tensor([2.0, -3.0], dtype=torch.bfloat16)), ("ids", torch.arange(3)), ("first", both[:2]), ("rest", both[2:].view(2, 2)),
         ("scalar", torch.tensor(7.0)), ("bias", torch.nn.Parameter(torch.tensor([0.25, 0.5])))])
    state._metadata = {"": {"version": 1}}
    torch.save(state, OUT / "tensors.pt")
    torch.save({"weight": torch.ones(2)}, OUT / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save({"weight": torch.arange(6.0).view(2, 3).t()}, OUT / "strided.pt")
    torch.save([torch.ones(1)], OUT / "list.pt")
    torch.save({"weight": torch.ones(1), "code": Evil()}, OUT / "evil.pt", pickle_module=pickle)
    for path in sorted(OUT.iterdir()):
        print(path.name, path.stat().st_size)


main()
