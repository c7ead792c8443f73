"""What all surfaces promise: nothing heavy is loaded by importing them, and common names are found."""

from __future__ import annotations

import subprocess
import sys

import pytest

import bgecpp

HEAVY = ("numpy", "torch", "transformers", "fastembed", "infinity_emb", "pydantic", "pandas", "pyarrow", "tqdm")


@pytest.mark.parametrize("module", ["fastembed", "fastembed.rerank.cross_encoder", "transformers", "infinity"])
def test_importing_a_surface_loads_no_package(module: str) -> None:
    code = f"import sys, bgecpp.{module}; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_names_that_programs_import_are_there() -> None:
    from bgecpp import AutoConfig, EngineArgs, SimilarityFunction, TextCrossEncoder, quantize_embeddings, util

    assert util.cos_sim and SimilarityFunction.COSINE.value == "cosine" and quantize_embeddings is util.quantize_embeddings
    assert AutoConfig.from_pretrained and EngineArgs and TextCrossEncoder
    assert {"util", "InputExample", "FlagLLMModel"} <= set(dir(bgecpp)) and "InputExample" not in bgecpp.__all__


@pytest.mark.parametrize("name", ["InputExample", "FlagLLMModel"])
def test_names_of_the_real_packages_are_theirs_or_say_so(name: str) -> None:
    try:
        found = getattr(bgecpp, name)
    except (AttributeError, NotImplementedError, ImportError) as error:
        assert name in str(error) and "install" in str(error)
    else:
        assert not found.__module__.startswith("bgecpp.sentence_transformers")
