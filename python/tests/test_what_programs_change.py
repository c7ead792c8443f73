"""What programs change of a loaded model, or have of their own instead: it counts, or it is refused."""

from __future__ import annotations

import asyncio
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bgecpp
from bgecpp import AbsEmbedder, AbsReranker, BGEM3FlagModel, FlagModel, FlagReranker, SentenceTransformer, errors
from bgecpp.fastembed import TextEmbedding
from bgecpp.infinity import AsyncEmbeddingEngine, EngineArgs

TEXTS = ["hello there", "x", "the sea is deep and the stars shine", "", "one two three"]


class LastToken(FlagModel):
    """A subclass with pooling of its own, which takes what torch or NumPy gives."""

    def pooling(self, states: Any, mask: Any) -> Any:  # type: ignore[override]
        places = mask.sum(1) - 1
        return states[list(range(len(places))), places]


def test_a_subclasss_pooling_is_what_encode_gives(models: Path) -> None:
    path = str(models / "tiny-bert")
    last = bgecpp.Embedder(path, pooling="lasttoken")
    expected = last.encode(TEXTS)
    model = LastToken(path, use_fp16=False, pooling_method="last")  # a name that is its own
    found = model.encode(TEXTS)
    assert found.dtype == np.float32 and np.abs(found - expected).max() < 1e-6
    assert np.abs(model.encode("x") - expected[1]).max() < 1e-6
    many = model.encode(TEXTS * 120)  # of several batches, in their order
    assert np.abs(many - np.tile(expected, (120, 1))).max() < 1e-6
    assert np.abs(model.encode_queries(["x"])[0] - expected[1]).max() < 1e-6
    raw = LastToken(path, use_fp16=False, normalize_embeddings=False, truncate_dim=5).encode(TEXTS)
    assert np.abs(raw - last.encode(TEXTS, normalize=False)[:, :5]).max() < 1e-5
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.encode(TEXTS), found)
    # The same of an object.
    plain = FlagModel(path, use_fp16=False)
    cls = plain.encode(TEXTS)
    plain.pooling = lambda hidden, attention_mask=None: hidden[:, 0]  # type: ignore[method-assign]
    assert np.abs(plain.encode(TEXTS) - cls).max() < 1e-6
    plain.pooling = lambda hidden, attention_mask=None: np.concatenate([hidden[:, 0], hidden[:, 0]], 1)  # type: ignore[method-assign]
    assert plain.encode(TEXTS).shape == (len(TEXTS), 64)


def test_pooling_that_was_set_later_takes_batches_and_columns(models: Path) -> None:
    model = FlagModel(str(models / "tiny-bert"), use_fp16=False)
    model.pooling_method = "mean"
    expected = FlagModel(str(models / "tiny-bert"), use_fp16=False, pooling_method="mean").encode(TEXTS)
    assert np.abs(model.encode(TEXTS * 120) - np.tile(expected, (120, 1))).max() < 1e-6
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    assert np.abs(model.encode(pyarrow.array(TEXTS)) - expected).max() < 1e-6
    seen: list[tuple[int, int]] = []
    model._encode(TEXTS * 120, 512, lambda done, total: seen.append((done, total)))
    assert seen == [(256, 600), (512, 600), (600, 600)]


def test_scores_of_many_pairs_show_how_far_they_are(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    model = BGEM3FlagModel(str(models / "tiny-m3"), use_fp16=False)
    pairs = [(text, "the sea") for text in TEXTS if text]
    capsys.readouterr()
    model.compute_score(pairs)
    assert "Compute Scores" not in capsys.readouterr().err
    model.compute_score(pairs, batch_size=2)
    shown = capsys.readouterr().err
    assert "Compute Scores" in shown and "2/2" in shown


class Counting(AbsEmbedder):
    """As the reference's docstring asks: a class that computes by itself."""

    def __init__(self, model_name_or_path: str, **kwargs: Any) -> None:
        super().__init__(model_name_or_path, **kwargs)
        assert self.model is None and self.tokenizer is None
        self.tokenizer = str.split
        self.model = len

    def encode_single_device(self, sentences: Any, **kwargs: Any) -> Any:
        return np.array([[float(self.model(self.tokenizer(s)))] for s in sentences], np.float32)


class Overlap(AbsReranker):
    def __init__(self, model_name_or_path: str, **kwargs: Any) -> None:
        super().__init__(model_name_or_path, **kwargs)
        self.model = lambda a, b: float(len(set(a) & set(b)))

    def compute_score_single_gpu(self, sentence_pairs: Any, **kwargs: Any) -> list[float]:
        return [self.model(*pair) for pair in sentence_pairs]


def test_subclasses_of_the_abstract_classes_compute_by_themselves() -> None:
    model = Counting("nowhere", query_instruction_for_retrieval="query: ")
    assert model.encode(["a b", "c"]).tolist() == [[2.0], [1.0]]
    assert model.encode_queries(["a b"]).tolist() == [[3.0]]
    assert pickle.loads(pickle.dumps(model)).encode(["a b c"]).tolist() == [[3.0]]
    assert Overlap("nowhere").compute_score([("abc", "bcd")]) == [2.0]


def test_the_engines_model_and_tokenizer_are_its_own(models: Path) -> None:
    for model in (FlagModel(str(models / "tiny-bert")), FlagReranker(str(models / "tiny-bert-reranker"))):
        model.tokenizer = model.tokenizer
        model.model = model.model
        for name in ("tokenizer", "model"):
            with pytest.raises(errors.Unsupported, match=f"another {name}: the engine computes"):
                setattr(model, name, object())
        assert "_model" not in pickle.loads(pickle.dumps(model)).__dict__


@pytest.mark.parametrize("mode", ["cls", "max", "weightedmean", "lasttoken", ("cls", "mean"), ["max"]])
def test_a_pooling_mode_that_is_set_counts(models: Path, tmp_path: Path, mode: Any) -> None:
    path = str(models / "tiny-bert")
    model = SentenceTransformer(path)
    before = model.encode(TEXTS)
    pooling: Any = model[1]
    pooling.pooling_mode = mode
    names = [mode] if isinstance(mode, str) else list(mode)
    assert pooling.pooling_mode == (names[0] if len(names) == 1 else tuple(names))
    parts = [bgecpp.Embedder(path, pooling=name).encode(TEXTS, normalize=False) for name in names]
    joined = np.concatenate(parts, axis=1)
    expected = joined / np.linalg.norm(joined, axis=1, keepdims=True)  # its last module is Normalize
    found = model.encode(TEXTS)
    assert np.abs(found - expected).max() < 1e-5
    assert np.abs(model.encode("x", normalize_embeddings=True) - expected[1]).max() < 1e-5
    many = [*TEXTS, ("a", "b")] * 60
    assert np.abs(model.encode(many)[300:305] - expected).max() < 1e-5
    with pytest.raises(TypeError, match=r"inputs\[360\]: expected a str or a pair of str, found int"):
        model.encode([*many, 7])
    features = model.tokenize(TEXTS)
    assert np.abs(np.asarray(model(features)["sentence_embedding"]) - expected).max() < 1e-5
    assert np.abs(np.asarray(pooling(model[0](features))["sentence_embedding"]) - joined).max() < 1e-5
    model.save(str(tmp_path / "saved"))
    assert np.abs(SentenceTransformer(str(tmp_path / "saved")).encode(TEXTS) - expected).max() < 1e-5
    pooling.pooling_mode = "cls"  # as the directory has it
    assert np.array_equal(model.encode(TEXTS), before)
    for wrong in ("sum", ("cls", "sum"), ()):
        with pytest.raises(ValueError, match="Invalid pooling mode"):
            pooling.pooling_mode = wrong
    assert pooling.pooling_mode == "cls"


def test_a_pooling_mode_is_saved_where_the_directory_has_its_pooling(models: Path, tmp_path: Path) -> None:
    source = tmp_path / "model"
    shutil.copytree(models / "tiny-bert", source)
    (source / "1_Pooling").rename(source / "of_tokens")
    modules = (source / "modules.json").read_text(encoding="utf-8")
    assert '"1_Pooling"' in modules
    (source / "modules.json").write_text(modules.replace('"1_Pooling"', '"of_tokens"'), encoding="utf-8")
    model = SentenceTransformer(str(source))
    pooling: Any = model[1]
    pooling.pooling_mode = "max"
    model.save(str(tmp_path / "saved"))
    assert not (tmp_path / "saved/1_Pooling").exists()
    assert np.abs(SentenceTransformer(str(tmp_path / "saved")).encode(TEXTS) - model.encode(TEXTS)).max() < 1e-5


def test_a_pooling_mode_counts_for_columns_too(models: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    model = SentenceTransformer(str(models / "tiny-bert"))
    pooling: Any = model[1]
    pooling.pooling_mode = "mean"
    expected = model.encode(TEXTS)
    for column in (pyarrow.array(TEXTS), pyarrow.chunked_array([TEXTS[:2], TEXTS[2:]])):
        assert np.array_equal(model.encode(column), expected)


def test_prompts_and_lengths_of_a_directory_are_sentence_transformers(models: Path, tmp_path: Path) -> None:
    """FastEmbed and Infinity read neither: their classes give what they give without them."""
    path = shutil.copytree(models / "tiny-bert", tmp_path / "model")
    settings = {"prompts": {"p": "say this: "}, "default_prompt_name": "p", "truncate_dim": 8}
    (path / "config_sentence_transformers.json").write_text(json.dumps(settings))
    expected = bgecpp.Embedder(str(models / "tiny-bert")).encode(TEXTS, instruction="", normalize=True)
    assert expected.shape[1] == 32 and SentenceTransformer(str(path)).encode("a").shape == (8,)
    model = TextEmbedding(str(path))
    assert np.abs(np.stack(list(model.embed(TEXTS))) - expected).max() < 1e-6

    async def embed() -> Any:
        async with AsyncEmbeddingEngine.from_args(EngineArgs(model_name_or_path=str(path))) as engine:
            return (await engine.embed(sentences=TEXTS))[0]

    assert np.abs(np.stack(asyncio.run(embed())) - expected).max() < 1e-6
