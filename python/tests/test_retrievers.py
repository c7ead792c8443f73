"""The retrievers of bgecpp.langchain and bgecpp.llama_index: they know the model of their Index, and can be copied."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

import bgecpp
from bgecpp import _index_space

TEXTS = ["bread is flour", "paris is a city", "cats purr"]
# What `bge index build` embeds, of which it writes the first values.
SENTENCE = "A ship left the harbour at dawn, and nobody saw it again."
REFUSED = "^this index was built with another model or other settings: .*: built with .*, given .*: "
pytestmark = pytest.mark.oracle


def build(path: Path, model: Path, *, normalize: bool = True, probe: str | None = None, **settings: Any) -> Path:
    """An index as `bge index build` writes it, of texts without an instruction. settings: encode's and metadata's."""
    shutil.rmtree(path, ignore_errors=True)
    engine = bgecpp.Embedder(str(model))
    vectors = engine.encode([SENTENCE, *TEXTS], instruction="", normalize=normalize, **settings)
    metadata = {"normalize": str(normalize).lower(), **{name: str(value) for name, value in settings.items()}}
    metadata["probe"] = " ".join(map(str, vectors[0, :32].tolist())) if probe is None else probe
    writer = bgecpp.IndexWriter(str(path), vectors.shape[1], str(model), metadata)
    writer.add([str(i) for i in range(len(TEXTS))], TEXTS, vectors[1:])
    writer.finish()
    return path


class OfLangChain:
    need = "langchain_core"

    def embeddings(self, model: Path, **settings: Any) -> Any:
        from bgecpp.langchain import BgeEmbeddings

        return BgeEmbeddings(**{"model": str(model), "query_instruction": "", **settings})

    def retriever(self, index: Path, embeddings: Any) -> Any:
        from bgecpp.langchain import BgeIndexRetriever

        return BgeIndexRetriever(index=index, embeddings=embeddings, k=1)

    def best(self, retriever: Any, query: str) -> str:
        return str(retriever.invoke(query)[0].page_content)

    def other(self, vectors: Any) -> Any:
        """Of another package: a function from texts to vectors."""
        from langchain_core.embeddings import Embeddings

        class Other(Embeddings):
            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                return list(vectors(texts).tolist())

            def embed_query(self, text: str) -> list[float]:
                return self.embed_documents([text])[0]

        return Other()


class OfLlamaIndex(OfLangChain):
    need = "llama_index.core"

    def embeddings(self, model: Path, **settings: Any) -> Any:
        from bgecpp.llama_index import BgeEmbedding

        return BgeEmbedding(model, **settings)

    def retriever(self, index: Path, embeddings: Any) -> Any:
        from bgecpp.llama_index import BgeIndexRetriever

        return BgeIndexRetriever(index, embeddings, similarity_top_k=1)

    def best(self, retriever: Any, query: str) -> str:
        return str(retriever.retrieve(query)[0].text)

    def other(self, vectors: Any) -> Any:
        from llama_index.core.base.embeddings.base import BaseEmbedding

        class Other(BaseEmbedding):
            def _get_text_embedding(self, text: str) -> list[float]:
                return list(vectors([text])[0].tolist())

            def _get_query_embedding(self, query: str) -> list[float]:
                return self._get_text_embedding(query)

            async def _aget_query_embedding(self, query: str) -> list[float]:
                return self._get_text_embedding(query)

        return Other()


@pytest.fixture(params=[OfLangChain, OfLlamaIndex], ids=lambda of: of.need)
def of(request: pytest.FixtureRequest) -> OfLangChain:
    pytest.importorskip(request.param.need)
    made: OfLangChain = request.param()
    return made


def refused(of: OfLangChain, index: Path, embeddings: Any, why: str) -> None:
    with pytest.raises(bgecpp.errors.InvalidArgument, match=REFUSED + why) as caught:
        of.retriever(index, embeddings)
    assert "\n" not in str(caught.value)


def test_the_rule_is_the_command_lines() -> None:
    rule = (ROOT / "apps/index_space.cc").read_text()
    names = {"kProbeText": f'"{_index_space._TEXT}"', "kProbeValues": _index_space._VALUES}
    names |= {"kMinCosine": _index_space._MIN_COSINE, "kMaxLengthRatio": _index_space._MAX_LENGTH_RATIO}
    assert _index_space._TEXT == SENTENCE and all(f" {name} = {value};" in rule for name, value in names.items())


def test_another_models_vectors_are_refused(of: OfLangChain, models: Path, tmp_path: Path) -> None:
    index = build(tmp_path / "index", models / "tiny-modernbert")
    assert of.best(of.retriever(index, of.embeddings(models / "tiny-modernbert")), TEXTS[1]) == TEXTS[1]
    refused(of, index, of.embeddings(models / "tiny-mpnet"), "a test sentence has another vector: give the model")  # 24 values too
    refused(of, index, of.embeddings(models / "tiny-bert"), "found 32 values a vector, expected 24: ")
    refused(of, index, of.embeddings(models / "tiny-modernbert", pooling="cls"), "a test sentence has another vector: ")
    settings: dict[str, Any] = {"truncate_dim": 8, "normalize": True}
    cut = build(tmp_path / "cut", models / "tiny-modernbert", **settings)
    assert of.best(of.retriever(cut, of.embeddings(models / "tiny-modernbert", **settings)), TEXTS[1]) == TEXTS[1]
    refused(of, cut, of.embeddings(models / "tiny-modernbert"), "found 24 values a vector, expected 8: ")


def test_instructions_are_no_other_model(of: OfLangChain, models: Path, tmp_path: Path) -> None:
    index = build(tmp_path / "index", models / "tiny-modernbert")
    document = "document_instruction" if of.need == "langchain_core" else "text_instruction"
    far = "stars shine over the deep sea while dogs bark: "
    bare, other = (bgecpp.Embedder(str(models / "tiny-modernbert")).encode(SENTENCE, instruction=text) for text in ("", far))
    assert bare @ other < 0.9
    assert of.retriever(index, of.embeddings(models / "tiny-modernbert", **{"query_instruction": far, document: far}))


def test_lengths_of_vectors_are_the_indexs(of: OfLangChain, models: Path, tmp_path: Path) -> None:
    model = models / "tiny-bert-f16"  # which has no Normalize module
    unit, raw = build(tmp_path / "unit", model), build(tmp_path / "raw", model, normalize=False)
    why = r"a test sentence has a vector of length [0-9.]+, expected 1: let the embeddings normalise theirs \(normalize=True\)"
    for normalize in (True, None):
        embeddings = of.embeddings(model, normalize=normalize)
        assert of.retriever(unit if normalize else raw, embeddings)
        refused(of, raw if normalize else unit, embeddings, "a test sentence has a vector of another length: " if normalize else why)


def test_the_sentence_is_cut_as_the_indexs_texts(of: OfLangChain, models: Path, tmp_path: Path) -> None:
    index = build(tmp_path / "index", models / "tiny-modernbert", max_length=4)
    assert of.retriever(index, of.embeddings(models / "tiny-modernbert"))
    refused(of, index, of.embeddings(models / "tiny-mpnet"), "a test sentence has another vector: ")


def test_an_index_without_the_sentence_is_any_models(of: OfLangChain, models: Path, tmp_path: Path) -> None:
    vectors = bgecpp.Embedder(str(models / "tiny-modernbert")).encode(TEXTS)
    writer = bgecpp.IndexWriter(str(tmp_path / "index"), 24, metadata={"normalize": "true"})
    writer.add(["0", "1", "2"], TEXTS, vectors)
    writer.finish()
    assert of.best(of.retriever(tmp_path / "index", of.embeddings(models / "tiny-mpnet")), "bread") in TEXTS


def test_a_sentence_that_is_no_vector(of: OfLangChain, models: Path, tmp_path: Path) -> None:
    for i, probe in enumerate(("", "no numbers", "0.1 0.2", "nan " * 24)):
        index = build(tmp_path / str(i), models / "tiny-mpnet", probe=probe)
        refused(of, index, of.embeddings(models / "tiny-mpnet"), "a test sentence has another vector: ")


def test_an_index_that_is_built_again_with_another_model(of: OfLangChain, models: Path, tmp_path: Path) -> None:
    index = build(tmp_path / "index", models / "tiny-modernbert")
    retriever = of.retriever(index, of.embeddings(models / "tiny-modernbert"))
    assert of.best(retriever, TEXTS[0]) == TEXTS[0]
    build(index, models / "tiny-mpnet")
    for _ in range(2):
        with pytest.raises(bgecpp.errors.InvalidArgument, match=REFUSED + "a test sentence has another vector"):
            of.best(retriever, TEXTS[0])
    build(index, models / "tiny-modernbert")
    assert of.best(retriever, TEXTS[2]) == TEXTS[2]


def test_embeddings_of_other_packages(of: OfLangChain, models: Path, tmp_path: Path) -> None:
    index = build(tmp_path / "index", models / "tiny-modernbert")
    right, wrong = (bgecpp.Embedder(str(models / name)) for name in ("tiny-modernbert", "tiny-mpnet"))
    asked: list[list[str]] = []

    def vectors(texts: list[str]) -> Any:
        asked.append(texts)
        return right.encode(texts, instruction="", normalize=True)

    retriever = of.retriever(index, of.other(vectors))
    assert asked == [[SENTENCE]]
    assert of.best(retriever, TEXTS[1]) == TEXTS[1]
    # They may put instructions in front of documents: who embeds with them has a vector that is near.
    near = vectors([SENTENCE])[0]
    near = near + 0.5 * np.roll(near, 1)
    assert of.retriever(index, of.other(lambda texts: np.array([near / np.linalg.norm(near)] * len(texts))))
    refused(of, index, of.other(lambda texts: wrong.encode(texts)), "a test sentence has another vector: ")
    refused(of, index, of.other(lambda texts: vectors(texts)[:, :8]), "found 8 values a vector, expected 24: ")
    refused(of, index, of.other(lambda texts: 3 * vectors(texts)), "a test sentence has a vector of length 3, expected 1: ")


def test_langchain_communitys_class(models: Path, tmp_path: Path) -> None:
    pytest.importorskip("langchain_core")
    from bgecpp.langchain import BgeIndexRetriever, HuggingFaceBgeEmbeddings

    index = build(tmp_path / "index", models / "tiny-modernbert")
    right = HuggingFaceBgeEmbeddings(model_name=str(models / "tiny-modernbert"), embed_instruction="far from it: " * 5)
    assert BgeIndexRetriever(index=index, embeddings=right).invoke("bread")
    wrong = HuggingFaceBgeEmbeddings(model_name=str(models / "tiny-mpnet"))
    with pytest.raises(bgecpp.errors.InvalidArgument, match=REFUSED + "a test sentence has another vector"):
        BgeIndexRetriever(index=index, embeddings=wrong)


@pytest.mark.filterwarnings("ignore")
def test_the_packages_own_embeddings(models: Path, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    theirs: list[tuple[OfLangChain, Any]] = []
    if importlib.util.find_spec("langchain_huggingface"):
        from langchain_huggingface import HuggingFaceEmbeddings

        theirs.append((OfLangChain(), HuggingFaceEmbeddings))
    if importlib.util.find_spec("llama_index.embeddings.huggingface"):
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding

        theirs.append((OfLlamaIndex(), HuggingFaceEmbedding))
    index = build(tmp_path / "index", models / "tiny-modernbert")
    for of, cls in theirs:
        assert of.best(of.retriever(index, cls(model_name=str(models / "tiny-modernbert"))), TEXTS[1]) == TEXTS[1]
        refused(of, index, cls(model_name=str(models / "tiny-mpnet")), "a test sentence has another vector: ")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))], ids=["copy", "deepcopy", "pickle"])
def test_copies(of: OfLangChain, models: Path, tmp_path: Path, copied: Any) -> None:
    index = build(tmp_path / "index", models / "tiny-bert")
    retriever = of.retriever(index, of.embeddings(models / "tiny-bert", query_instruction="query: "))
    again = copied(retriever)
    for query in TEXTS:
        assert of.best(again, query) == of.best(retriever, query)
    editor = bgecpp.IndexEditor(str(index))
    editor.delete(["0"])
    editor.commit()
    assert TEXTS[0] not in {of.best(again, query) for query in TEXTS}
