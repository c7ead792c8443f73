"""Models by name with a cache or a token of the caller's own, and lists of texts and pairs that all surfaces read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, put_in_cache

import bgecpp
from bgecpp import FlagModel, FlagReranker, SentenceTransformer, _common, _names, _pairs
from bgecpp.fastembed import TextEmbedding
from bgecpp.fastembed.common.model_description import ModelSource, PoolingType
from bgecpp.transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

sys.path.insert(0, str(ROOT / "tools/oracle"))
from hub_server import COMMIT, Hub  # noqa: E402

REPO = "someone/tiny"


# Without libcurl huggingface_hub downloads, whose arguments test_hub.py looks at.
downloads = pytest.mark.skipif(not bgecpp._core.can_download(), reason="a build without libcurl")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "own"


@pytest.fixture
def hub(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has tiny-bert as someone/tiny; Hugging Face's own cache is empty."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "usual"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    server = Hub(REPO, models / "tiny-bert", {})
    monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
    _common._warned.clear()
    yield server
    server.close()


def _fastembed(cache: str | None, **kwargs: Any) -> Any:
    name = f"own/{cache}"
    if name.lower() not in {d.model.lower() for d in TextEmbedding._registry.known}:
        TextEmbedding.add_custom_model(name, PoolingType.MEAN, True, ModelSource(hf=REPO), dim=32)
    (vector,) = TextEmbedding(name, cache_dir=cache, **kwargs).embed("hello")
    return vector


LOAD: dict[str, Callable[..., Any]] = {
    "SentenceTransformer": lambda cache, **kwargs: SentenceTransformer(REPO, cache_folder=cache, **kwargs).encode("hello"),
    "FastEmbed": _fastembed,
    "AutoModel": lambda cache, **kwargs: AutoModel.from_pretrained(REPO, cache_dir=cache, **kwargs).config.hidden_size,
    "AutoTokenizer": lambda cache, **kwargs: AutoTokenizer.from_pretrained(REPO, cache_dir=cache, **kwargs)("hello")["input_ids"],
    "FlagModel": lambda cache, local_files_only=False: FlagModel(REPO, cache_dir=cache).encode("hello"),
}


@downloads
@pytest.mark.parametrize("surface", LOAD)
def test_a_folder_of_ones_own_is_downloaded_to(
    hub: Hub, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, surface: str
) -> None:
    found = LOAD[surface](str(own))
    assert (own / "models--someone--tiny/snapshots" / COMMIT / "model.safetensors").exists()
    assert not (tmp_path / "usual").exists(), "Hugging Face's own cache stays as it is"
    # Its next user needs no hub.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    again = LOAD[surface](str(own), local_files_only=True)
    assert np.array_equal(found, again)


@downloads
@pytest.mark.parametrize(("surface", "variable"), [("SentenceTransformer", "SENTENCE_TRANSFORMERS_HOME"), ("FastEmbed", "FASTEMBED_CACHE_PATH")])
def test_so_is_that_of_the_environment(
    hub: Hub, own: Path, monkeypatch: pytest.MonkeyPatch, surface: str, variable: str
) -> None:
    monkeypatch.setenv(variable, str(own))
    LOAD[surface](None)
    assert (own / "models--someone--tiny/refs/main").read_text() == COMMIT


@downloads
def test_a_token_is_sent_instead_of_the_environments(hub: Hub, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_environment")
    for number, (token, sent) in enumerate(
        [(None, "Bearer hf_environment"), (True, "Bearer hf_environment"), ("hf_mine", "Bearer hf_mine"), (False, None)]
    ):
        hub.authorizations.clear()
        SentenceTransformer(REPO, cache_folder=str(own / str(number)), token=token)
        assert set(hub.authorizations) == {(False, sent), (True, None)}, token
    hub.authorizations.clear()
    SentenceTransformer(REPO, token="hf_mine")  # into Hugging Face's own cache
    assert set(hub.authorizations) == {(False, "Bearer hf_mine"), (True, None)}
    with pytest.raises(ValueError, match="the token that was given"):
        SentenceTransformer(REPO, cache_folder=str(own / "wrong"), token="a\tb")


@downloads
def test_a_part_of_a_model_is_completed(hub: Hub, own: Path) -> None:
    SentenceTransformer(REPO, cache_folder=str(own))
    weights = own / "models--someone--tiny/snapshots" / COMMIT / "model.safetensors"
    weights.resolve().unlink()
    assert SentenceTransformer(REPO, cache_folder=str(own)).encode("hello").shape == (32,)
    assert weights.exists()


def test_without_a_hub_the_usual_cache_serves(
    hub: Hub, models: Path, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_cache(tmp_path / "usual", REPO, models / "tiny-bert")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.warns(UserWarning, match="is not in .*own: Hugging Face's own cache is used"):
        model = SentenceTransformer(REPO, cache_folder=str(own))
    expected = bgecpp.Embedder(str(models / "tiny-bert")).encode("hello", normalize=True)
    assert np.abs(model.encode("hello") - expected).max() < 1e-6
    with pytest.raises(FileNotFoundError, match="someone/other"):
        SentenceTransformer("someone/other", cache_folder=str(own))


def test_names_of_no_organisation(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that papers published are the hub's own; others are sentence-transformers'."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("bert-base-uncased", "sentence-transformers/tiny", "xlm-roberta-base"):
        put_in_cache(tmp_path, name, models / "tiny-bert")
    for name in ("bert-base-uncased", "BERT-base-uncased", "xlm-roberta-base", "tiny"):
        if name.lower() == name:
            assert SentenceTransformer(name).encode("hello").shape == (32,)
        else:  # asked for as it is written
            with pytest.raises(FileNotFoundError, match=f"{name}:"):
                SentenceTransformer(name)
    with pytest.raises(FileNotFoundError, match="sentence-transformers/absent"):
        SentenceTransformer("absent")


def test_located(models: Path, tmp_path: Path) -> None:
    """What the engine finds by itself it is given as it is."""
    path = models / "tiny-bert"
    assert _names.located(path, cache_dir=tmp_path, token="t") == str(path)
    assert _names.located("a/b") == "a/b" and _names.located("a/b", revision="v2", token=True) == "a/b@v2"
    assert _names.located("a/b", token="t", download=False) == "a/b"


def test_rerankers_are_found_so_too(models: Path, own: Path) -> None:
    put_in_cache(own, "someone/reranker", models / "tiny-bert-reranker")
    (score,) = FlagReranker("someone/reranker", cache_dir=str(own)).compute_score(("a", "b"))
    assert score == FlagReranker(str(models / "tiny-bert-reranker")).compute_score(("a", "b"))[0]
    model = AutoModelForSequenceClassification.from_pretrained("someone/reranker", cache_dir=str(own), local_files_only=True)
    assert model.name_or_path == "someone/reranker"


# Texts and pairs.


MIXED: list[Any] = ["hello there", ("a query", "its passage, which is longer"), "x", ["b", "c"], "the sea is deep"]


def test_pairs_are_encoded_at_their_places(models: Path) -> None:
    tokenizer = bgecpp.Tokenizer(str(models / "tiny-bert"))
    found = _pairs.encode(tokenizer, MIXED, max_length=64, want_offsets=True)
    bounds = found["cu_seqlens"].tolist()
    for n, item in enumerate(MIXED):
        texts, pairs = ([item], None) if isinstance(item, str) else ([item[0]], [item[1]])
        alone = tokenizer.encode(texts, pairs, max_length=64, want_offsets=True)
        for key in ("ids", "type_ids", "offsets", "special_tokens_mask"):
            assert np.array_equal(found[key][bounds[n] : bounds[n + 1]], alone[key]), (n, key)
    assert found["cu_seqlens"].dtype == alone["cu_seqlens"].dtype


def test_lists_that_mix_texts_and_pairs(models: Path) -> None:
    path = str(models / "tiny-bert")
    model, flag, tokenizer = SentenceTransformer(path), FlagModel(path, use_fp16=False), AutoTokenizer.from_pretrained(path)
    for order in (MIXED, MIXED[::-1]):
        vectors = model.encode(order)
        flags = flag.encode(order)
        tokens = model.encode(order, output_value="token_embeddings", convert_to_numpy=False)
        ids = tokenizer(order)["input_ids"]
        for n, item in enumerate(order):
            assert np.abs(vectors[n] - model.encode([item])[0]).max() < 1e-6
            assert np.abs(flags[n] - flag.encode([item])[0]).max() < 1e-6
            assert len(tokens[n]) == len(ids[n])
            assert ids[n] == tokenizer([item])["input_ids"][0]
        prompted = model.encode(order, prompt="say: ")
        expected = model.encode([f"say: {i}" if isinstance(i, str) else (f"say: {i[0]}", i[1]) for i in order])
        assert np.abs(prompted - expected).max() < 1e-6
    for wrong, found in ((("a", "b", "c"), "a tuple of 3"), (("a",), "a tuple of 1"), (("a", 1), "a tuple of 2"), (7, "int")):
        for call in (model.encode, tokenizer, flag.encode):
            with pytest.raises(TypeError, match=rf"\[2\]: expected a str or a pair of str, found {found}"):
                call([("a", "b"), "hi", wrong])
