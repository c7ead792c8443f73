"""Classes of frameworks that stand on sentence-transformers, and ours in their place: arguments and vectors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bgecpp
from bgecpp import _drop_in, errors

TEXTS = ["cats sit on mats", "dogs bark at night", "the sea is deep"]
LIMIT = 1e-5
MODELS = Path(__file__).resolve().parents[2] / "tests/data/models"
NAMES = ["tiny-bert", "bare", "tiny-distilbert"]
ENCODE = [{}, {"normalize_embeddings": True}, {"normalize_embeddings": False}, {"truncate_dim": 8}, {"prompt": "q: "}]
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny models, and `bare`, whose last module is its pooling: its vectors are not of length 1."""
    folder = tmp_path_factory.mktemp("models")
    for path in MODELS.iterdir():
        (folder / path.name).symlink_to(path)
    shutil.copytree(MODELS / "tiny-bert", folder / "bare")
    modules = json.loads((folder / "bare/modules.json").read_text())
    (folder / "bare/modules.json").write_text(json.dumps(modules[:2]))
    return folder


def close(ours: Any, theirs: Any) -> bool:
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    return a.shape == b.shape and bool(np.abs(a - b).max() < LIMIT * max(1.0, np.abs(b).max()))


def test_normalizing_is_the_models_own(models: Path) -> None:
    plain, unit = (bgecpp.Embedder(str(models / name)) for name in ("bare", "tiny-bert"))
    assert [_drop_in.normalize(plain, asked, None) for asked in (None, True, False)] == [False, True, False]
    assert [_drop_in.normalize(unit, asked, None) for asked in (None, True, False)] == [True, True, False]
    assert not _drop_in.normalize(unit, None, 8)


def test_arguments_are_read_or_refused() -> None:
    own = _drop_in.own_arguments
    assert own("C", {"device": "cpu", "truncate_dim": 4}, {"batch_size": 8}) == {"truncate_dim": 4}
    assert own("C", None, {"normalize_embeddings": False, "precision": "float32"}) == {"normalize": None}
    for model, encode in (({"backend": "onnx"}, None), (None, {"precision": "int8"}), (None, {"prompt_nam": "q"})):
        with pytest.raises(errors.Unsupported, match="C: (model|encode)_kwargs: (backend|precision|prompt_nam)"):
            own("C", model, encode)
    with pytest.raises(TypeError, match="model_name and model are one argument"):
        _drop_in.renamed({"model": "a", "model_name": "b"}, {"model_name": "model"})


# LangChain


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("encode", ENCODE)
def test_langchain_embeddings(models: Path, name: str, encode: dict[str, Any]) -> None:
    pytest.importorskip("sentence_transformers")
    community = pytest.importorskip("langchain_community.embeddings", reason="langchain-community is not installed")
    from bgecpp.langchain import BgeEmbeddings

    given: dict[str, Any] = {
        "model_name": str(models / name),
        "model_kwargs": {"device": "cpu"},
        "encode_kwargs": {"batch_size": 2, **encode},
    }
    theirs = community.HuggingFaceEmbeddings(**given)
    instructions = {} if "prompt" in encode else {"query_instruction": "", "document_instruction": ""}
    ours = BgeEmbeddings(**given, **instructions)
    assert close(ours.embed_documents(TEXTS), theirs.embed_documents(TEXTS))
    assert close(ours.embed_query(TEXTS[0]), theirs.embed_query(TEXTS[0]))


def test_langchain_arguments(models: Path) -> None:
    pytest.importorskip("langchain_core", reason="langchain-core is not installed")
    from bgecpp.langchain import BgeCrossEncoder, BgeEmbeddings, BgeReranker, HuggingFaceBgeEmbeddings

    path = models / "bare"
    expected = BgeEmbeddings(model=str(path)).embed_query("a")
    for given in (
        {"model": path},
        {"model_name": path, "device": "cpu", "multi_process": True, "show_progress": False, "cache_folder": "/x"},
    ):
        assert BgeEmbeddings(**given).embed_query("a") == expected  # type: ignore[arg-type]
    both = BgeEmbeddings(
        model=path, encode_kwargs={"prompt": "d: "}, query_encode_kwargs={"prompt": "q: "}
    )  # type: ignore[call-arg, arg-type]
    engine = bgecpp.Embedder(str(path))
    assert close(both.embed_query("a"), engine.encode("a", instruction="q: ", normalize=False))
    assert close(both.embed_documents(["a"])[0], engine.encode("a", instruction="d: ", normalize=False))
    named = BgeEmbeddings(
        model=path,
        model_kwargs={"prompts": {"mine": "m: "}, "default_prompt_name": "mine", "token": "t"},
        query_encode_kwargs={"prompt_name": "absent"},
    )  # type: ignore[call-arg, arg-type]
    assert named.model_name == str(path) and "token" not in repr(named) and "token" not in named.model_dump()
    assert close(named.embed_documents(["a"])[0], engine.encode("a", instruction="m: ", normalize=False))
    with pytest.raises(ValueError, match="absent"):  # no prompt of the model's
        named.embed_query("a")
    for wrong_model in ({}, {"model": str(path / "absent/x/y")}):
        for cls in (BgeEmbeddings, BgeCrossEncoder):
            with pytest.raises((ValueError, OSError)) as caught:
                cls(token="hf_secret", **wrong_model)  # type: ignore[arg-type]
            assert "hf_secret" not in str(caught.value)
    for model in (named, BgeEmbeddings(model=str(path), document_instruction="m: ")):
        assert model.embed_documents(["a\nb"]) == model.embed_documents(["a b"])
    line = BgeEmbeddings(model=str(models / "tiny-modernbert"), query_instruction="")
    assert line.embed_query("a\nb") == line.embed_query("a b")
    whole = bgecpp.Embedder(str(models / "tiny-modernbert"))
    assert not close(whole.encode("a\nb"), whole.encode("a b")), "line ends are tokens of this model"
    mean, cls = (BgeEmbeddings(model=str(path), pooling=pooling).embed_query("a") for pooling in ("mean", "cls"))
    assert not close(mean, cls)
    for wrong in ({"modle": path}, {"model": path, "encode_kwargs": {"precision": "int8"}}, {"model": path, "model_name": path}):
        with pytest.raises((ValueError, TypeError, NotImplementedError)):
            BgeEmbeddings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="precision"):
        HuggingFaceBgeEmbeddings(model_name=str(path), encode_kwargs={"precision": "int8"})
    for model in (BgeEmbeddings(model=str(path)), HuggingFaceBgeEmbeddings(model_name=str(path))):
        with pytest.raises(TypeError, match="texts: expected a list of str, found a str"):
            model.embed_documents("abc")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"texts\[1\]: expected a str, found int"):
            model.embed_documents(["a", 5])  # type: ignore[list-item]
        with pytest.raises(TypeError, match="text: expected a str, found list"):
            model.embed_query(["a"])  # type: ignore[arg-type]
    reranker = models / "tiny-bert-reranker"
    scores = BgeCrossEncoder(model=str(reranker)).score([("a", "b")])
    assert BgeCrossEncoder(model_name=reranker, model_kwargs={"device": "cpu"}).score([("a", "b")]) == scores  # type: ignore[call-arg]
    assert BgeReranker(model_name=reranker, top_n=1).top_n == 1  # type: ignore[call-arg]


def test_langchain_cross_encoder(models: Path) -> None:
    pytest.importorskip("sentence_transformers")
    community = pytest.importorskip("langchain_community.cross_encoders", reason="langchain-community is not installed")
    from bgecpp.langchain import BgeCrossEncoder

    for name in ("tiny-bert-reranker", "tiny-mpnet-reranker"):
        given = {"model_name": str(models / name)}
        pairs = [("cat", text) for text in TEXTS]
        assert close(BgeCrossEncoder(**given).score(pairs), community.HuggingFaceCrossEncoder(**given).score(pairs))  # type: ignore[arg-type]


# Chroma


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("normalize", [False, True])
def test_chroma(models: Path, name: str, normalize: bool) -> None:
    pytest.importorskip("sentence_transformers")
    functions = pytest.importorskip("chromadb.utils.embedding_functions", reason="chromadb is not installed")
    from bgecpp.chroma import BgeEmbeddingFunction

    given: dict[str, Any] = {"model_name": str(models / name), "device": "cpu", "normalize_embeddings": normalize}
    theirs = functions.SentenceTransformerEmbeddingFunction(**given)(TEXTS)
    ours = BgeEmbeddingFunction(**given, document_instruction="")
    assert close(ours(TEXTS), theirs)
    again = BgeEmbeddingFunction.build_from_config(ours.get_config())
    assert close(again(TEXTS), theirs) and again.get_config() == ours.get_config()


def test_chroma_arguments(models: Path) -> None:
    pytest.importorskip("chromadb", reason="chromadb is not installed")
    from bgecpp.chroma import BgeEmbeddingFunction

    path = models / "tiny-bert"
    assert close(BgeEmbeddingFunction(path)(["a"]), BgeEmbeddingFunction(model_name=path)(["a"]))
    for wrong in ({}, {"model": path, "modle": 1}, {"model": path, "model_name": path}):
        with pytest.raises(TypeError):
            BgeEmbeddingFunction(**wrong)  # type: ignore[arg-type]
    with pytest.raises((TypeError, ValueError), match="expected a list of str"):
        BgeEmbeddingFunction(path)._encode("ab", "document", None)  # type: ignore[arg-type]
    assert len(BgeEmbeddingFunction(path, truncate_dim=8)(["a"])[0]) == 8


# Haystack and LlamaIndex: what stands on sentence-transformers is in packages of their own; its numbers are known.


@pytest.mark.parametrize("name", NAMES)
def test_haystack(models: Path, name: str) -> None:
    pytest.importorskip("haystack", reason="haystack-ai is not installed")
    reference = pytest.importorskip("sentence_transformers").SentenceTransformer(str(models / name))
    from haystack import Document

    from bgecpp.haystack import BgeDocumentEmbedder, BgeRanker, BgeTextEmbedder

    path = models / name
    theirs: dict[str, Any] = {"device": None, "batch_size": 4, "progress_bar": False, "trust_remote_code": False, "token": None}
    plain = BgeTextEmbedder(path, prefix="q: ", suffix=" s", normalize_embeddings=False, **theirs)
    assert close(plain.run("x")["embedding"], reference.encode("q: x s"))
    unit = BgeTextEmbedder(path, prefix="", normalize_embeddings=True)
    assert close(unit.run("x")["embedding"], reference.encode("x", normalize_embeddings=True))
    cut = BgeDocumentEmbedder(path, prefix="", truncate_dim=8)
    assert close(cut.run([Document(content="x")])["documents"][0].embedding, reference.encode("x", truncate_dim=8))
    for part in (plain, unit, cut):
        again = type(part).from_dict(part.to_dict())
        assert again.to_dict() == part.to_dict()
    for wrong in ({"prefix": "a", "instruction": "b"}, {"normalise": True}):
        with pytest.raises(TypeError):
            BgeTextEmbedder(path, **wrong)
    assert BgeRanker(models / "tiny-bert-reranker", device=None).run(query="a", documents=[Document(content="b")])


@pytest.mark.parametrize("name", NAMES)
def test_llama_index(models: Path, name: str) -> None:
    pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")
    reference = pytest.importorskip("sentence_transformers").SentenceTransformer(str(models / name))
    from bgecpp.llama_index import BgeEmbedding, BgeRerank

    path = models / name
    bare: dict[str, Any] = {"query_instruction": "", "text_instruction": ""}
    theirs: dict[str, Any] = {"device": "cpu", "cache_folder": "/x", "trust_remote_code": True, "show_progress_bar": False}
    assert close(
        BgeEmbedding(path, **bare, **theirs).get_text_embedding("x"), reference.encode("x", normalize_embeddings=True)
    )
    assert close(BgeEmbedding(path, normalize=None, **bare).get_query_embedding("x"), reference.encode("x"))
    fields = BgeEmbedding(str(path), pooling="cls", **bare).to_dict()
    expected = bgecpp.Embedder(str(path), pooling="cls").encode("x", instruction="", normalize=True)
    assert fields["pooling"] == "cls" and close(BgeEmbedding.from_dict(fields).get_text_embedding("x"), expected)
    for wrong in ({"noramlize": False}, {"poolin": "cls"}):
        with pytest.raises(ValueError, match="(?s)(noramlize|poolin).*(xtra|not permitted)"):
            BgeEmbedding(path, **wrong)
    with pytest.raises(ValueError, match="(?s)topn"):
        BgeRerank(models / "tiny-bert-reranker", topn=3)
    assert BgeRerank(models / "tiny-bert-reranker", device="cpu", use_fp16=True).top_n == 2
    with pytest.raises(TypeError, match="texts: expected a list"):
        BgeEmbedding(path)._get_text_embeddings("abc")  # type: ignore[arg-type]
