"""Plain mistakes, and values that Python takes for others: each surface computes them or names them."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import need

from bgecpp import BGEM3FlagModel, FlagModel, FlagReranker, SentenceTransformer, SparseEncoder
from bgecpp.fastembed.rerank.cross_encoder import TextCrossEncoder

TEXTS = ["hello there", "x"]


@pytest.mark.parametrize("yes, no", [(1, 0), (np.True_, np.False_), ("yes", "")])
def test_switches_count_by_their_truth(models: Path, yes: Any, no: Any) -> None:
    def equal(ours: Any, theirs: Any) -> None:
        np.testing.assert_array_equal(ours, theirs)

    transformer = SentenceTransformer(str(models / "tiny-bert"))
    for given, meant in ((yes, True), (no, False)):
        equal(transformer.encode(TEXTS, normalize_embeddings=given), transformer.encode(TEXTS, normalize_embeddings=meant))
        flag = FlagModel(str(models / "tiny-bert"), normalize_embeddings=given)
        equal(flag.encode(TEXTS), FlagModel(str(models / "tiny-bert"), normalize_embeddings=meant).encode(TEXTS))
        m3 = BGEM3FlagModel(str(models / "tiny-m3"), normalize_embeddings=given)
        meant_m3 = BGEM3FlagModel(str(models / "tiny-m3"), normalize_embeddings=meant)
        equal(m3.encode(TEXTS)["dense_vecs"], meant_m3.encode(TEXTS)["dense_vecs"])
        found = m3.encode(TEXTS, return_dense=given, return_sparse=given, return_colbert_vecs=yes)
        assert [found[name] is not None for name in ("dense_vecs", "lexical_weights", "colbert_vecs")] == [meant, meant, True]


def test_what_is_no_text_is_named_by_its_argument(models: Path) -> None:
    flag, m3 = FlagModel(str(models / "tiny-bert")), BGEM3FlagModel(str(models / "tiny-m3"))
    reranker = FlagReranker(str(models / "tiny-bert-reranker"))
    good = [("a", "b")] * 299
    for call, message in (
        (lambda: flag.encode(None), "sentences: expected a str or an iterable of str, found NoneType"),
        (lambda: flag.encode(5), "sentences: expected a str or an iterable of str, found int"),
        (lambda: m3.encode_queries(None), "sentences: expected a str or an iterable of str, found NoneType"),
        (lambda: m3.compute_score(None), "sentence_pairs: expected pairs of str, found NoneType"),
        (lambda: m3.compute_score([*good, ("a", None)]), "sentence_pairs[299]: expected two texts, found str and NoneType"),
        (lambda: reranker.compute_score(None), "sentence_pairs: expected pairs of str, found NoneType"),
        (lambda: reranker.compute_score([*good, ("a", None)]), "sentence_pairs[299]: expected two texts, found str and NoneType"),
        (lambda: flag.encode("a", max_length=8.0), "Embedder.encode(): max_length: expected int | None, found float '8.0'"),
    ):
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            call()


def test_a_cross_encoder_of_fastembeds_takes_pairs_alone(models: Path) -> None:
    model = TextCrossEncoder("Xenova/ms-marco-MiniLM-L-6-v2", specific_model_path=str(models / "tiny-bert-reranker"))
    for call, message in (
        (lambda: model.rerank_pairs(["ab"]), "pairs[0]: expected a pair of str, found str"),
        (lambda: model.rerank_pairs([("a", "b"), ("a", "b", "c")]), "pairs[1]: expected a pair of str, found str, str, str"),
        (lambda: model.rerank_pairs([("a", None)]), "pairs[0]: expected a pair of str, found str, NoneType"),
        (lambda: model.rerank(["q", "r"], ["d", "e"]), "query: expected a str, found list: rerank_pairs() takes several"),
        (lambda: model.rerank("q", None), "documents"),
    ):
        with pytest.raises(TypeError) as caught:
            list(call())
        assert str(caught.value).startswith(message)
    assert list(model.rerank_pairs(("a", "b"))) == list(model.rerank_pairs([["a", "b"]])) == list(model.rerank("a", ["b"]))


def test_sparse_vectors_are_made_without_warnings(models: Path) -> None:
    need("torch")
    model = SparseEncoder(str(models / "tiny-splade"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model.encode(TEXTS)
        assert found.is_sparse and model.encode(TEXTS, max_active_dims=3).is_sparse
        model.intersection(found[0], found)


def test_installing_after_the_real_package_says_so(tmp_path: Path) -> None:
    (tmp_path / "fastembed.py").write_text("class TextEmbedding: pass")
    program = "import bgecpp, fastembed\nbgecpp.install()\nimport fastembed\nprint(fastembed.TextEmbedding.__module__)"
    paths = [str(tmp_path), *(path for path in sys.path if path)]
    done = subprocess.run([sys.executable, "-c", f"import sys\nsys.path[:0] = {paths!r}\n{program}"], capture_output=True, text=True)
    assert done.stdout == "bgecpp.fastembed.text.text_embedding\n", done.stderr
    assert "RuntimeWarning: bgecpp.install(): fastembed: imported before" in done.stderr
