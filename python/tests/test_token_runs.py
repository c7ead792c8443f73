"""How many texts are computed at once where something is made of each token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bgecpp import FlagModel, SentenceTransformer, _token_runs

TEXTS = ["one", "two words", "", "the cat sat on the mat " * 9, "a b c d e f g", "naïve café"] * 7


def test_runs_cover_all_texts() -> None:
    lengths = np.random.default_rng(0).integers(0, 9, 500)
    bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    runs = list(_token_runs.runs(bounds, 20))
    assert [begin for begin, _ in runs] == [0] + [end for _, end in runs[:-1]] and runs[-1][1] == 500
    for begin, end in runs:
        assert begin < end and bounds[end] - bounds[begin] <= 20
        assert end == 500 or bounds[end + 1] - bounds[begin] > 20
    assert list(_token_runs.runs(np.array([0, 30, 31, 90], np.int32), 20)) == [(0, 1), (1, 2), (2, 3)]
    assert list(_token_runs.runs(np.array([0], np.int32), 20)) == []


@pytest.fixture
def few_tokens(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the runs short; the tokens of each call of an engine from then on."""

    def watched(engine: Any) -> list[int]:
        sizes: list[int] = []
        hidden_states = engine.hidden_states

        def counted(ids: Any, *others: Any) -> Any:
            sizes.append(len(ids))
            return hidden_states(ids, *others)

        monkeypatch.setattr(engine, "hidden_states", counted)
        monkeypatch.setattr(_token_runs, "_MOST_TOKENS", 100)
        return sizes

    return watched


def test_sentence_transformers_tokens(models: Path, few_tokens: Any) -> None:
    model = SentenceTransformer(str(models / "tiny-bert"))
    pairs = [(text, "another") for text in TEXTS]
    tokens, vectors = model.encode(TEXTS, output_value="token_embeddings"), model.encode(pairs)
    sizes = few_tokens(model._embedder)
    again = model.encode(TEXTS, output_value="token_embeddings")
    assert all(np.abs(np.asarray(a) - np.asarray(b)).max() < 1e-6 for a, b in zip(tokens, again, strict=True))
    assert sum(sizes) == sum(map(len, tokens)) and max(sizes) <= 100
    sizes.clear()
    assert np.abs(model.encode(pairs) - vectors).max() < 1e-6 and len(sizes) > 5 and max(sizes) <= 100


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_flag_models_pooling(models: Path, few_tokens: Any, pooling: str) -> None:
    expected = FlagModel(str(models / "tiny-bert"), pooling_method=pooling).encode(TEXTS)
    model = FlagModel(str(models / "tiny-bert"), pooling_method="mean" if pooling == "cls" else "cls")
    model.pooling_method = pooling
    sizes = few_tokens(model._engine)
    assert np.abs(model.encode(TEXTS) - expected).max() < 1e-6
    assert len(sizes) > 5 and max(sizes) <= 100


def test_flag_models_own_pooling(models: Path, few_tokens: Any) -> None:
    class Own(FlagModel):
        def pooling(self, last_hidden_state: Any, attention_mask: Any = None) -> Any:
            return last_hidden_state[:, 0]

    model = Own(str(models / "tiny-bert"))
    sizes = few_tokens(model._engine)
    assert np.abs(model.encode(TEXTS) - FlagModel(str(models / "tiny-bert")).encode(TEXTS)).max() < 1e-6
    assert len(sizes) > 5 and max(sizes) <= 100
