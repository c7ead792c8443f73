"""bgecpp.fastembed: alone, and against FastEmbed with ONNX graphs of the same weights."""

from __future__ import annotations

import importlib.util
import json
import pickle
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import GeneratorType
from typing import Any

import numpy as np
import pytest
from conftest import put_in_cache

import bgecpp
from bgecpp.fastembed import (
    ImageEmbedding,
    LateInteractionTextEmbedding,
    SparseEmbedding,
    SparseTextEmbedding,
    TextEmbedding,
)
from bgecpp.fastembed.common.model_description import ModelSource, PoolingType
from bgecpp.fastembed.rerank.cross_encoder import TextCrossEncoder

TEXTS = [
    "hello world",
    "a",
    "",
    "Hello, World! (the second) - it's here; isn't it?",
    "the cat sat on the mat " * 30,
    "naïve café 中文 \u2028 ok",
    "one two three four five six",
    "[MASK] is a token, and so is [SEP]",
]
SMALL = "BAAI/bge-small-en-v1.5"
COLBERT = "colbert-ir/colbertv2.0"
SPLADE = "prithivida/Splade_PP_en_v1"
RERANKER = "Xenova/ms-marco-MiniLM-L-6-v2"
LIMIT = 1e-5
LIMIT_MANY = 2e-5


def test_embed_yields_float32_vectors_of_unit_length(models: Path) -> None:
    model = TextEmbedding(SMALL, specific_model_path=str(models / "tiny-bert"))
    vectors = model.embed(TEXTS, batch_size=2)
    assert isinstance(vectors, GeneratorType)
    rows = list(vectors)
    assert len(rows) == len(TEXTS)
    assert all(v.dtype == np.float32 and v.ndim == 1 for v in rows)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_catalogue_decides_the_pooling(models: Path) -> None:
    path = str(models / "tiny-bert")
    cls = np.stack(list(TextEmbedding(SMALL, specific_model_path=path).embed(TEXTS)))
    mean = np.stack(
        list(TextEmbedding("sentence-transformers/all-MiniLM-L6-v2", specific_model_path=path).embed(TEXTS))
    )
    assert np.abs(cls - bgecpp.Embedder(path, pooling="cls").encode(TEXTS)).max() < 1e-6
    assert np.abs(mean - bgecpp.Embedder(path, pooling="mean").encode(TEXTS)).max() < 1e-6
    bare = TextEmbedding("intfloat/multilingual-e5-large", specific_model_path=path)
    lengths = [np.linalg.norm(v) for v in bare.embed(TEXTS)]
    assert max(abs(length - 1) for length in lengths) > 0.1


def test_directory_is_pooled_as_its_files_say(models: Path) -> None:
    path = str(models / "tiny-roberta")
    model = TextEmbedding(path)
    assert model.embedding_size == bgecpp.Embedder(path).info["dimension"]
    assert np.abs(np.stack(list(model.embed(TEXTS))) - bgecpp.Embedder(path).encode(TEXTS)).max() < 1e-6


def test_one_text_and_generators_and_queries(models: Path) -> None:
    model = TextEmbedding(SMALL, specific_model_path=str(models / "tiny-bert"))
    (one,) = model.embed("hello world")
    (query,) = model.query_embed("hello world")
    (passage,) = model.passage_embed(["hello world"])
    assert np.array_equal(one, query) and np.array_equal(one, passage)
    seen = []

    def stream() -> Any:
        for text in TEXTS:
            seen.append(text)
            yield text

    rows = model.embed(stream(), batch_size=3)
    assert not seen
    first = next(rows)
    assert len(seen) == 3
    assert np.allclose(first, one, atol=1e-6)
    assert len(list(rows)) == len(TEXTS) - 1
    assert list(model.embed([])) == []
    with pytest.raises(ValueError, match="batch_size must be >= 1"):
        next(iter(model.embed(TEXTS, batch_size=0)))


class Watched:
    """An engine, and the texts of each of its calls."""

    def __init__(self, model: Any) -> None:
        self.engine, self.calls = model.model, []
        model._lazy._engine = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def encode(self, texts: Any, **settings: Any) -> Any:
        self.calls.append(texts)
        return self.engine.encode(texts, **settings)

    def encode_all(self, texts: Any, **settings: Any) -> Any:
        self.calls.append(texts)
        return self.engine.encode_all(texts, **settings)

    def compute_score(self, queries: Any, texts: Any, **settings: Any) -> Any:
        self.calls.append(texts)
        return self.engine.compute_score(queries, texts, **settings)


def test_a_list_is_not_computed_whole_before_its_first_vector(models: Path) -> None:
    model = TextEmbedding(SMALL, specific_model_path=str(models / "tiny-bert"))
    watched = Watched(model)
    texts = [f"text {i}" for i in range(2500)]
    rows = model.embed(texts, batch_size=2)
    first = next(rows)
    assert watched.calls == [texts[:1024]]
    assert np.abs(np.stack([first, *rows]) - np.stack(list(model.embed(iter(texts))))).max() < 1e-6


@pytest.mark.parametrize("name", ["tiny-m3", "tiny-colbert-stanford"])
def test_token_vectors_are_computed_in_groups_of_so_many_bytes(
    models: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from bgecpp.fastembed.late_interaction import late_interaction_text_embedding

    model = LateInteractionTextEmbedding(str(models / name))
    texts = [f"{text} {i}" for i in range(20) for text in TEXTS]
    expected = [list(embed(texts)) for embed in (model.embed, model.query_embed)]
    watched = Watched(model)
    most = 4 * model.embedding_size * 200
    monkeypatch.setattr(late_interaction_text_embedding, "_BYTES_TOGETHER", most)
    for embed, whole in zip((model.embed, model.query_embed), expected):
        watched.calls.clear()
        found = list(embed(texts))
        assert all(np.abs(a - b).max() < 1e-6 for a, b in zip(found, whole, strict=True))
        assert sum(watched.calls, []) == texts
        rows = iter(map(len, found))
        sizes = [sum(next(rows) for _ in part) for part in watched.calls]
        if embed == model.embed:
            assert 5 < len(sizes) < 40 and max(sizes) <= 200 + 2 * 64
    watched.calls.clear()
    assert len(list(model.embed(iter(texts)))) == len(texts) and len(watched.calls) > 5
    watched.calls.clear()
    assert len(list(model.embed(TEXTS[:3]))) == 3 and watched.calls == [TEXTS[:3]]


def columns(texts: list[str]) -> dict[str, Any]:
    pyarrow, pandas, polars = (pytest.importorskip(name) for name in ("pyarrow", "pandas", "polars"))
    index = np.arange(len(texts))[::-1] / 2  # of which pandas' own [] takes labels
    return {
        "Array": pyarrow.array(texts),
        "ChunkedArray": pyarrow.chunked_array([texts[:5], texts[5:]]),
        "Polars": polars.Series(texts),
        "pandas": pandas.Series(texts, index=index, dtype=pandas.ArrowDtype(pyarrow.string())),
    }


@pytest.mark.parametrize("kind", ["Array", "ChunkedArray", "Polars", "pandas"])
def test_columns_are_texts_that_the_engine_reads_in_place(models: Path, kind: str) -> None:
    texts = [f"text {i}" for i in range(1030)]
    column = columns(texts)[kind]
    if not hasattr(column, "__arrow_c_stream__") and not hasattr(column, "__arrow_c_array__"):
        pytest.skip("this pandas' columns have no interface of Arrow's")
    path = str(models / "tiny-m3")
    for model in (TextEmbedding(path), LateInteractionTextEmbedding(path), SparseTextEmbedding(path)):
        watched = Watched(model)
        for embed in (model.embed, model.passage_embed, model.query_embed):
            expected = list(embed(texts))
            watched.calls.clear()
            found = list(embed(column))
            assert [type(part) for part in watched.calls] == [type(column)] * 2
            assert list(map(len, watched.calls)) == [1024, 6]
            if isinstance(model, SparseTextEmbedding):
                found, expected = ([row.values for row in rows] for rows in (found, expected))
            assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(found, expected, strict=True))
        assert model.token_count(column) == model.token_count(texts)
    reranker = TextCrossEncoder(str(models / "tiny-reranker"))
    expected = list(reranker.rerank("text", texts))
    watched = Watched(reranker)
    assert np.abs(np.array(list(reranker.rerank("text", column))) - expected).max() < 1e-6
    assert [type(part) for part in watched.calls] == [type(column)] * 2


def test_columns_of_no_texts(models: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    model = TextEmbedding(str(models / "tiny-bert"))
    assert list(model.embed(pyarrow.array([], pyarrow.string()))) == []
    with pytest.raises(ValueError, match="null"):
        list(model.embed(pyarrow.array(["a", None])))
    with pytest.raises((TypeError, ValueError), match="string"):
        list(model.embed(pyarrow.table({"text": ["a"]})))


def test_parallel_gives_the_same(models: Path) -> None:
    model = TextEmbedding(SMALL, specific_model_path=str(models / "tiny-bert"), threads=1)
    alone = np.stack(list(model.embed(TEXTS)))
    assert np.array_equal(alone, np.stack(list(model.embed(TEXTS, parallel=2, batch_size=2))))
    assert np.array_equal(alone, np.stack(list(model.embed(TEXTS, parallel=0))))


def test_lazy_load_reads_nothing_until_used(models: Path, tmp_path: Path) -> None:
    model = TextEmbedding(SMALL, specific_model_path=str(tmp_path / "absent"), lazy_load=True)
    with pytest.raises(bgecpp.BgeError):
        next(iter(model.embed("a")))
    with pytest.raises(bgecpp.BgeError):
        TextEmbedding(SMALL, specific_model_path=str(tmp_path / "absent"))


def test_models_are_pickled_by_path(models: Path) -> None:
    for make in (
        lambda: TextEmbedding(SMALL, specific_model_path=str(models / "tiny-bert")),
        lambda: TextEmbedding(str(models / "tiny-bert"), lazy_load=True),
    ):
        model = make()
        again = pickle.loads(pickle.dumps(model))
        assert np.array_equal(list(model.embed("a b"))[0], list(again.embed("a b"))[0])


def test_unknown_names_and_images(models: Path) -> None:
    if importlib.util.find_spec("fastembed") is None:
        for cls in (TextEmbedding, SparseTextEmbedding, LateInteractionTextEmbedding, TextCrossEncoder):
            with pytest.raises(ValueError, match=f"is not supported in {cls.__name__}"):
                cls("Qdrant/bm25")
        with pytest.raises(NotImplementedError, match="images need the package fastembed"):
            ImageEmbedding("Qdrant/clip-ViT-B-32-vision")
        assert ImageEmbedding.list_supported_models() == []


def test_list_supported_models_has_fastembeds_fields() -> None:
    (entry,) = [d for d in TextEmbedding.list_supported_models() if d["model"] == SMALL]
    assert entry["dim"] == 384 and entry["sources"]["hf"] == SMALL
    assert TextEmbedding.get_embedding_size(SMALL.upper()) == 384
    with pytest.raises(ValueError, match="Available model names"):
        TextEmbedding.get_embedding_size("nobody/nothing")
    assert LateInteractionTextEmbedding.get_embedding_size(COLBERT) == 128


def test_add_custom_model(models: Path) -> None:
    source = ModelSource(hf=str(models / "tiny-bert"))
    TextEmbedding.add_custom_model("my/model", PoolingType.MEAN, False, source, dim=32)
    with pytest.raises(ValueError, match="already registered"):
        TextEmbedding.add_custom_model("My/Model", PoolingType.MEAN, False, source, dim=32)
    model = TextEmbedding("my/model")
    expected = bgecpp.Embedder(str(models / "tiny-bert"), pooling="mean").encode(TEXTS, normalize=False)
    assert np.abs(np.stack(list(model.embed(TEXTS))) - expected).max() < 1e-6
    with pytest.raises(NotImplementedError, match="DISABLED"):
        TextEmbedding.add_custom_model("my/other", PoolingType.DISABLED, False, source, dim=32)
    with pytest.raises(ValueError, match="At least one source"):
        ModelSource()


def test_cache_dir_is_laid_out_as_the_hubs(models: Path, tmp_path: Path) -> None:
    put_in_cache(tmp_path, SMALL, models / "tiny-bert")
    (vector,) = TextEmbedding(SMALL, cache_dir=str(tmp_path), local_files_only=True).embed("hello")
    expected = bgecpp.Embedder(str(models / "tiny-bert"), pooling="cls").encode("hello")
    assert np.abs(vector - expected).max() < 1e-6


def test_devices_warn_once(models: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            TextEmbedding(SMALL, specific_model_path=str(models / "tiny-bert"), cuda=True, lazy_load=True)
            TextEmbedding(SMALL, specific_model_path=str(models / "tiny-bert"), lazy_load=True)
    assert len([w for w in caught if "cuda" in str(w.message)]) <= 1


@pytest.mark.parametrize(("tiny", "limit"), [("tiny-bert", 64), ("tiny-m3", 64)])
def test_no_more_tokens_than_positions(models: Path, tmp_path: Path, tiny: str, limit: int) -> None:
    path = shutil.copytree(models / tiny, tmp_path / tiny)
    config = json.loads((path / "tokenizer_config.json").read_text())
    for said, expected in ((100000, limit), (int(1e30), limit), (20, 20)):
        (path / "tokenizer_config.json").write_text(json.dumps({**config, "model_max_length": said}))
        assert TextEmbedding(str(path)).token_count("word " * 200) == expected


def test_sparse_embeddings(models: Path) -> None:
    model = SparseTextEmbedding(SPLADE, specific_model_path=str(models / "tiny-splade"))
    rows = list(model.embed(TEXTS))
    assert len(rows) == len(TEXTS)
    for row in rows:
        assert row.values.dtype == np.float64 and row.indices.dtype == np.int64
        assert (np.diff(row.indices) > 0).all() and (row.values > 0).all()
        assert row.as_dict() == {int(i): float(v) for i, v in zip(row.indices, row.values)}
        assert set(row.as_object()) == {"values", "indices"}
    (query,) = model.query_embed(TEXTS[0])
    assert np.array_equal(query.values, rows[0].values)
    back = SparseEmbedding.from_dict({3: 0.5, 7: 1.0})
    assert back.indices.tolist() == [3, 7] and back.values.tolist() == [0.5, 1.0]
    assert SparseEmbedding.from_dict({}).indices.dtype == np.int64
    with pytest.raises(ValueError, match="no sparse vectors"):
        SparseTextEmbedding(str(models / "tiny-bert"))


def test_m3_by_directory_has_all_three(models: Path) -> None:
    path = str(models / "tiny-m3")
    (dense,) = TextEmbedding(path).embed("hello world")
    (sparse,) = SparseTextEmbedding(path).embed("hello world")
    (many,) = LateInteractionTextEmbedding(path).embed("hello world")
    all_kinds = bgecpp.Embedder(path).encode_all(["hello world"], sparse=True, colbert=True)
    assert np.abs(dense - all_kinds["dense"][0]).max() < 1e-6
    assert np.array_equal(sparse.values, all_kinds["sparse"][2].astype(np.float64))
    assert np.abs(many - all_kinds["colbert"][0]).max() < 1e-6


def test_query_weights_of_a_router(models: Path) -> None:
    model = SparseTextEmbedding(str(models / "tiny-doc-sparse"))
    (query,) = model.query_embed("hello world")
    (document,) = model.embed("hello world")
    assert len(query.indices) < len(document.indices)


def test_cross_encoder(models: Path) -> None:
    model = TextCrossEncoder(RERANKER, specific_model_path=str(models / "tiny-bert-reranker"))
    scores = list(model.rerank("hello", TEXTS, batch_size=3))
    assert all(type(s) is float for s in scores)
    assert scores == list(model.rerank_pairs([("hello", t) for t in TEXTS], parallel=2))
    assert list(model.rerank_pairs(("hello", TEXTS[0]))) == scores[:1]  # type: ignore[arg-type]
    assert model.token_count([("a", "b")]) == 5


# Against FastEmbed.


@pytest.fixture(scope="module")
def export(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(tiny model, kind, file) to a directory that FastEmbed loads."""
    pytest.importorskip("fastembed")
    pytest.importorskip("onnxruntime")
    from fastembed_oracle import export as make

    def exported(name: str, kind: str, file: str) -> str:
        return str(make(models / name, tmp_path_factory.mktemp(name), kind, file))

    return exported


def largest(ours: Any, theirs: Any) -> float:
    ours, theirs = list(ours), list(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert a.shape == b.shape and a.dtype == b.dtype
    return max(float(np.abs(a - b).max(initial=0)) for a, b in zip(ours, theirs))


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "file"),
    [
        (SMALL, "model_optimized.onnx"),
        ("sentence-transformers/all-MiniLM-L6-v2", "model.onnx"),
        ("intfloat/multilingual-e5-large", "model.onnx"),
    ],
)
@pytest.mark.parametrize("tiny", ["tiny-bert", "tiny-m3"])
def test_dense_is_fastembeds(models: Path, export: Any, name: str, file: str, tiny: str) -> None:
    pytest.importorskip("fastembed")
    from fastembed import TextEmbedding as Theirs

    theirs = Theirs(name, specific_model_path=export(tiny, "hidden", file))
    ours = TextEmbedding(name, specific_model_path=str(models / tiny))
    assert largest(ours.embed(TEXTS), theirs.embed(TEXTS)) < LIMIT
    assert largest(ours.query_embed(TEXTS[0]), theirs.query_embed(TEXTS[0])) < LIMIT
    assert ours.token_count(TEXTS) == theirs.token_count(TEXTS)
    assert ours.embedding_size == theirs.embedding_size


@pytest.mark.oracle
def test_sparse_is_fastembeds(models: Path, export: Any) -> None:
    pytest.importorskip("fastembed")
    from fastembed import SparseTextEmbedding as Theirs

    theirs = Theirs(SPLADE, specific_model_path=export("tiny-splade", "mlm", "model.onnx"))
    ours = SparseTextEmbedding(SPLADE, specific_model_path=str(models / "tiny-splade"))
    a, b = list(ours.embed(TEXTS)), list(theirs.embed(TEXTS))
    assert [x.indices.tolist() for x in a] == [x.indices.tolist() for x in b]
    assert largest([x.values for x in a], [x.values for x in b]) < LIMIT_MANY
    assert largest([x.indices for x in a], [x.indices for x in b]) == 0
    assert ours.token_count(TEXTS) == theirs.token_count(TEXTS)


@pytest.mark.oracle
def test_late_interaction_is_fastembeds(models: Path, export: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fastembed")
    from fastembed import LateInteractionTextEmbedding as Theirs
    from fastembed.late_interaction.colbert import Colbert

    # The tiny model has other ids for its markers, and queries of 16 tokens.
    from bgecpp.fastembed.late_interaction import late_interaction_text_embedding as module

    monkeypatch.setattr(Colbert, "MIN_QUERY_LENGTH", 15)
    tokenizer = bgecpp.Tokenizer(str(models / "tiny-colbert-stanford"))
    monkeypatch.setattr(Colbert, "QUERY_MARKER_TOKEN_ID", tokenizer.token_to_id("[unused0]"))
    monkeypatch.setattr(Colbert, "DOCUMENT_MARKER_TOKEN_ID", tokenizer.token_to_id("[unused1]"))
    monkeypatch.setattr(module, "_QUERY_MARKER_ID", tokenizer.token_to_id("[unused0]"))
    theirs = Theirs(COLBERT, specific_model_path=export("tiny-colbert-stanford", "colbert", "model.onnx"))
    ours = LateInteractionTextEmbedding(COLBERT, specific_model_path=str(models / "tiny-colbert-stanford"))
    assert largest(ours.embed(TEXTS), theirs.embed(TEXTS)) < LIMIT_MANY
    assert largest(ours.query_embed(TEXTS), theirs.query_embed(TEXTS)) < LIMIT_MANY
    assert max(len(v) for v in ours.query_embed(TEXTS)) > 16
    for settings in ({}, {"is_doc": False}, {"is_doc": False, "include_extension": True}, {"include_extension": True}):
        assert ours.token_count(TEXTS, **settings) == theirs.token_count(TEXTS, **settings)


@pytest.mark.oracle
@pytest.mark.parametrize("tiny", ["tiny-bert-reranker", "tiny-reranker"])
def test_cross_encoder_is_fastembeds(models: Path, export: Any, tiny: str) -> None:
    pytest.importorskip("fastembed")
    from fastembed.rerank.cross_encoder import TextCrossEncoder as Theirs

    theirs = Theirs(RERANKER, specific_model_path=export(tiny, "logits", "onnx/model.onnx"))
    ours = TextCrossEncoder(RERANKER, specific_model_path=str(models / tiny))
    for query in TEXTS[:5]:
        a, b = list(ours.rerank(query, TEXTS)), list(theirs.rerank(query, TEXTS))
        assert np.abs(np.array(a) - np.array(b)).max() < LIMIT
    pairs = list(zip(TEXTS, reversed(TEXTS)))
    assert ours.token_count(pairs) == theirs.token_count(pairs)
    assert np.abs(np.array(list(ours.rerank_pairs(pairs))) - np.array(list(theirs.rerank_pairs(pairs)))).max() < LIMIT


@pytest.mark.oracle
def test_what_is_not_ours_goes_to_fastembed() -> None:
    fastembed = pytest.importorskip("fastembed")

    try:
        assert isinstance(SparseTextEmbedding("Qdrant/bm25", specific_model_path="/nowhere"), fastembed.SparseTextEmbedding)
    except (OSError, ValueError) as error:
        assert not isinstance(error, bgecpp.BgeError)
    assert ImageEmbedding.list_supported_models() == fastembed.ImageEmbedding.list_supported_models()
    known = {d["model"] for d in fastembed.TextEmbedding.list_supported_models()}
    assert {d["model"] for d in TextEmbedding.list_supported_models()} - {"my/model"} == known
    for ours in TextEmbedding.list_supported_models():
        if ours["model"] != "my/model":
            assert ours["dim"] == fastembed.TextEmbedding.get_embedding_size(ours["model"])
            assert ours["dim"] == TextEmbedding.get_embedding_size(ours["model"])


@pytest.mark.oracle
def test_minilm_is_fastembeds(minilm: Path, tmp_path: Path) -> None:
    pytest.importorskip("fastembed")
    from fastembed import TextEmbedding as Theirs
    from fastembed_oracle import export as make

    name = "sentence-transformers/all-MiniLM-L6-v2"
    theirs = Theirs(name, specific_model_path=str(make(minilm, tmp_path, "hidden", "model.onnx")))
    ours = TextEmbedding(name, specific_model_path=str(minilm))
    texts = [*TEXTS, "word " * 400, "word " * 700]
    assert largest(ours.embed(texts), theirs.embed(texts)) < LIMIT


INSTALLED = """
import sys, bgecpp
bgecpp.install()
import fastembed
from fastembed import ImageEmbedding, SparseTextEmbedding, TextEmbedding
from fastembed.common import ImageInput, OnnxProvider
from fastembed.common.model_description import ModelSource, PoolingType
from fastembed.common.types import Device
from fastembed.rerank.cross_encoder import TextCrossEncoder
assert TextEmbedding is bgecpp.TextEmbedding and TextCrossEncoder.__module__.startswith("bgecpp")
(vector,) = TextEmbedding(sys.argv[1]).embed("hello")
assert vector.shape == (32,)
"""


def run_python(code: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_installed_it_is_what_programs_import(models: Path) -> None:
    run_python(INSTALLED, str(models / "tiny-bert"))


@pytest.mark.oracle
def test_installed_the_rest_is_fastembeds(models: Path) -> None:
    pytest.importorskip("fastembed")
    rest = """
assert {"clip" in d["model"].lower() for d in ImageEmbedding.list_supported_models()} >= {True}
from fastembed.sparse.bm25 import Bm25
import bgecpp.errors
for cls, name in (SparseTextEmbedding, "Qdrant/bm25"), (TextEmbedding, "jinaai/jina-embeddings-v2-small-en"):
    try:
        made = cls(name, local_files_only=True, cache_dir=sys.argv[2])
        assert not type(made).__module__.startswith("bgecpp")
    except (OSError, ValueError) as error:
        # Theirs looked for files that are not there.
        assert not isinstance(error, bgecpp.BgeError), error
"""
    run_python(INSTALLED + rest, str(models / "tiny-bert"), str(models))


def test_a_child_that_is_forked_while_a_thread_loads(models: Path) -> None:
    code = """
import os, sys, threading
from bgecpp.fastembed import _model
begun, go = threading.Event(), threading.Event()
def make():
    begun.set()
    assert go.wait(30)
    return "engine"
lazy = _model.Lazy(make, lazy_load=True)
thread = threading.Thread(target=lazy.get)
thread.start()
assert begun.wait(30)
child = os.fork()
if child == 0:
    go.set()
    os._exit(0 if lazy.get() == "engine" else 1)
go.set()
thread.join()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_paths_and_models_that_are_not_there(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = models / "tiny-bert"
    by_path, by_name = TextEmbedding(path), TextEmbedding(str(path))
    assert by_path.model_name == str(path)
    assert np.array_equal(next(iter(by_path.embed("a"))), next(iter(by_name.embed("a"))))
    assert pickle.loads(pickle.dumps(by_path)).model_name == str(path)
    assert SparseTextEmbedding(models / "tiny-splade").model_name.endswith("tiny-splade")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for cls, name in (TextEmbedding, "BAAI/bge-small-en-v1.5"), (SparseTextEmbedding, "prithivida/Splade_PP_en_v1"):
        # FastEmbed's is a ValueError.
        for kind in (ValueError, LookupError):
            with pytest.raises(kind, match=f"Could not load model {name} from any source"):
                cls(name, local_files_only=True, cache_dir=str(tmp_path))


@pytest.mark.oracle
def test_installed_the_modules_are_named(models: Path) -> None:
    fastembed = pytest.importorskip("fastembed")
    # What its __init__ needs for its version is no part of it.
    names = [name for name in dir(fastembed) if not name.startswith("_") and name not in ("importlib", "version")]
    listed = [d["model"] for d in fastembed.TextEmbedding.list_supported_models()]
    assert set(listed) <= {d["model"] for d in TextEmbedding.list_supported_models()}
    run_python(INSTALLED + f"\nassert set({names!r}) <= set(dir(sys.modules['fastembed'])), dir(sys.modules['fastembed'])", str(models / "tiny-bert"))
