"""What all surfaces promise: nothing heavy is loaded by importing them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "torch", "transformers", "fastembed", "infinity_emb", "pydantic", "pandas", "pyarrow", "tqdm")


@pytest.mark.parametrize("module", ["fastembed", "fastembed.rerank.cross_encoder", "transformers", "infinity"])
def test_importing_a_surface_loads_no_package(module: str) -> None:
    code = f"import sys, bgecpp.{module}; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
