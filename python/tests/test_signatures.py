"""The native classes as Python shows them: signatures, errors that name the argument, paths of any kind."""

import inspect
import os
import pathlib
import pickle
import shutil

import numpy as np
import pytest
from conftest import MODELS

import bgecpp
from bgecpp import Embedder, Reranker, Tokenizer

BERT = str(MODELS / "tiny-bert")


@pytest.fixture(scope="module")
def embedder():
    return Embedder(BERT)


def test_signatures_are_known(embedder):
    found = inspect.signature(Embedder.encode).parameters
    assert list(found)[:3] == ["self", "texts", "role"]
    assert (found["role"].kind, found["role"].default) == (inspect.Parameter.KEYWORD_ONLY, None)
    assert found["return_stats"].default is False and found["role"].annotation == "str | None"
    assert "batch_tokens: 'int' = 0" in str(inspect.signature(embedder.encode_all))
    assert list(inspect.signature(Embedder).parameters)[:3] == ["model", "threads", "pooling"]
    for function in (Reranker, Reranker.compute_score, Tokenizer, Tokenizer.encode, bgecpp.quantize, bgecpp.is_reranker):
        assert inspect.signature(function).parameters
    assert "Dense vectors" in Embedder.encode.__doc__ and Embedder.encode.__qualname__ == "Embedder.encode"


def test_arguments_that_do_not_fit_are_named(embedder):
    reranker, tokenizer = Reranker(str(MODELS / "tiny-reranker")), Tokenizer(BERT)
    for call, message in (
        (lambda: embedder.encode(["a"], prompt=5), r"Embedder.encode\(\) got an unexpected keyword argument 'prompt'"),
        (lambda: embedder.encode(), r"Embedder.encode\(\) missing 1 required positional argument: 'texts'"),
        (lambda: embedder.encode(["a"], max_length=2.5), r"max_length: expected int \| None, found float '2.5'"),
        (lambda: Embedder(BERT, threads="4"), r"Embedder\(\): threads: expected int, found str '4'"),
        (lambda: Embedder(5), r"Embedder\(\): model: expected str, found int '5'"),
        (lambda: reranker.compute_score([("q", "p")]), "missing 1 required positional argument: 'passages'"),
        (lambda: embedder.hidden_states([1], None, [0, 1]), r"ids: expected ndarray, found list: numpy.asarray\(ids\) makes one"),
        (lambda: bgecpp.quantize(BERT, 3), r"quantize\(\): out: expected str, found int"),
        (lambda: embedder.encode([3]), r"texts\[0\]: expected a str, found int"),
        (lambda: embedder.encode(None), r"Embedder.encode\(\): texts: expected a str or an iterable of str, found None"),
        (lambda: embedder.encode("a", normalize=np.True_), r"normalize: expected bool \| None, found numpy.bool_? 'True'"),
        (lambda: reranker.compute_score(None, ["a"]), "queries: expected a str or an iterable of str, found None"),
        (lambda: tokenizer.encode(None), r"Tokenizer.encode\(\): texts: expected a str or an iterable of str, found None"),
        (lambda: tokenizer.decode("a"), r"Tokenizer.decode\(\): ids: expected integers, found str 'a'"),
        (lambda: tokenizer.decode([1.5]), r"Tokenizer.decode\(\): ids: expected integers, found list '\[1.5\]'"),
    ):
        with pytest.raises(TypeError, match=message):
            call()
    assert embedder.encode(["a"], max_length=np.int64(5)).shape == (1, 32)


def test_paths_are_of_any_kind(tmp_path):
    path = pathlib.Path(BERT)
    expected = Embedder(BERT).encode("a")
    for model in (path, os.fsencode(path)):
        np.testing.assert_array_equal(Embedder(model).encode("a"), expected)
        assert Tokenizer(model).count_tokens(["a"]) == Tokenizer(BERT).count_tokens(["a"])
        assert bgecpp.is_reranker(model) is False and bgecpp.model_directory(model) == BERT
    assert Reranker(MODELS / "tiny-reranker").info["name"] == "tiny-reranker"
    assert bgecpp.quantize(path, tmp_path / "int8")["matrices"] > 0
    again = pickle.loads(pickle.dumps(Embedder(path)))
    assert type(again) is Embedder and type(pickle.loads(pickle.dumps(Tokenizer(path)))) is Tokenizer


def test_names_that_are_not_utf8_are_refused_by_name(tmp_path):
    place = os.fsencode(tmp_path) + b"/\xff"
    try:
        shutil.copytree(os.fsencode(BERT), place)
    except OSError:
        pytest.skip("the file system has no such names")
    for load in (Embedder, Tokenizer, bgecpp.SentenceTransformer, bgecpp.CrossEncoder, bgecpp.SparseEncoder):
        with pytest.raises(TypeError, match="model: expected text in UTF-8"):
            load(os.fsdecode(place))


def test_what_has_the_right_type_and_does_not_fit_is_named():
    model = Embedder(BERT)
    with pytest.raises(TypeError, match=r"^Embedder.encode\(\): instruction: expected text in UTF-8, found '\\ud800': it has lone"):
        model.encode("a", instruction="\ud800")
    for large in (2**63, -(2**70)):
        with pytest.raises(TypeError, match=rf"^Embedder.encode\(\): max_length: found {large}, which is out of its range$"):
            model.encode("a", max_length=large)
