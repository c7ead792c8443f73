"""bgecpp.langchain: LangChain's own standard tests, and ours."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("langchain_core", reason="langchain-core is not installed")

import bgecpp  # noqa: E402
from bgecpp.langchain import (  # noqa: E402
    BgeCrossEncoder,
    BgeEmbeddings,
    BgeIndexRetriever,
    BgeReranker,
    HuggingFaceBgeEmbeddings,
)

MODELS = Path(__file__).resolve().parents[2] / "tests/data/models"
TEXTS = ["cats sit on mats", "dogs bark at night", "the sea is deep", "stars shine", "a cat and a dog"]
pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("index") / "index")
    embeddings = BgeEmbeddings(model=str(MODELS / "tiny-bert"), document_instruction="")
    writer = bgecpp.IndexWriter(path, 32)
    vectors = np.array(embeddings.embed_documents(TEXTS), np.float32)
    writer.add([f"id{i}" for i in range(len(TEXTS))], TEXTS, vectors)
    writer.finish()
    return path


def test_vectors_are_the_engines() -> None:
    model = BgeEmbeddings(model=str(MODELS / "tiny-bert"), query_instruction="query: ")
    engine = bgecpp.Embedder(str(MODELS / "tiny-bert"))
    assert np.abs(np.array(model.embed_documents(TEXTS)) - engine.encode(TEXTS, role="document")).max() < 1e-6
    assert np.abs(np.array(model.embed_query("a")) - engine.encode("a", instruction="query: ")).max() < 1e-6
    assert asyncio.run(model.aembed_query("a")) == model.embed_query("a")
    assert model.embed_documents([]) == []
    raw = BgeEmbeddings(model=str(MODELS / "tiny-bert"), normalize=False, truncate_dim=8).embed_query("a")
    assert len(raw) == 8
    with pytest.raises(ValueError):
        BgeEmbeddings(model=str(MODELS / "tiny-bert"), unknown=1)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", ["tiny-bert", "tiny-distilbert", "normalizing"])
@pytest.mark.filterwarnings("ignore")
def test_the_bge_page_changes_its_import_alone(tmp_path: Path, name: str, normalize: bool) -> None:
    pytest.importorskip("sentence_transformers")
    community = pytest.importorskip("langchain_community.embeddings", reason="langchain-community is not installed")
    source = MODELS / name
    if name == "normalizing":
        source = Path(shutil.copytree(MODELS / "tiny-bert", tmp_path / name))
        modules = json.loads((source / "modules.json").read_text())
        last = {"idx": len(modules), "name": "9", "path": "9_Normalize", "type": "sentence_transformers.models.Normalize"}
        (source / "modules.json").write_text(json.dumps([*modules, last]))
        (source / "9_Normalize").mkdir()
    (tmp_path / f"{name}-zh").symlink_to(source)
    for path in (source, tmp_path / f"{name}-zh"):
        settings: dict[str, Any] = {
            "model_name": str(path),
            "model_kwargs": {"device": "cpu"},
            "encode_kwargs": {"normalize_embeddings": normalize},
        }
        theirs = community.HuggingFaceBgeEmbeddings(**settings)
        ours = HuggingFaceBgeEmbeddings(**settings)
        assert ours.query_instruction == theirs.query_instruction
        for text in (*TEXTS, "two\nlines"):
            assert np.abs(np.array(ours.embed_query(text)) - np.array(theirs.embed_query(text))).max() < 1e-5
        documents = np.array(ours.embed_documents(TEXTS)), np.array(theirs.embed_documents(TEXTS))
        assert np.abs(documents[0] - documents[1]).max() < 1e-5 and documents[0].shape == documents[1].shape


def test_reranker_and_cross_encoder() -> None:
    from langchain_core.documents import Document

    path = str(MODELS / "tiny-bert-reranker")
    documents = [Document(page_content=t, metadata={"place": i}) for i, t in enumerate(TEXTS)]
    best = BgeReranker(model=path, top_n=2).compress_documents(documents, "cat")
    scores = bgecpp.Reranker(path).compute_score("cat", TEXTS, normalize=True)
    order = np.argsort(-scores, kind="stable")[:2]
    assert [d.metadata["place"] for d in best] == order.tolist()
    assert np.allclose([d.metadata["relevance_score"] for d in best], scores[order])
    assert all("relevance_score" not in d.metadata for d in documents)
    every = asyncio.run(BgeReranker(model=path, top_n=None).acompress_documents(documents, "cat"))
    assert len(every) == len(TEXTS)
    assert BgeReranker(model=path).compress_documents([], "cat") == []
    pairs = [("cat", t) for t in TEXTS]
    assert np.allclose(BgeCrossEncoder(model=path, normalize=True).score(pairs), scores)


def test_retriever_sees_what_is_committed_later(index: str) -> None:
    same = {"query_instruction": "", "document_instruction": ""}
    embeddings = BgeEmbeddings(model=str(MODELS / "tiny-bert"), **same)
    retriever = BgeIndexRetriever(index=index, embeddings=embeddings, k=1)
    (first,) = retriever.invoke(TEXTS[2])
    assert first.page_content == TEXTS[2] and first.id == "id2" and first.metadata["score"] > 0.999
    editor = bgecpp.IndexEditor(index)
    editor.add(["new"], ["a new row"], np.array(embeddings.embed_documents(["a new row"]), np.float32))
    editor.commit()
    assert retriever.invoke("a new row")[0].id == "new"


langchain_tests = pytest.importorskip("langchain_tests", reason="langchain-tests is not installed")
from langchain_tests.integration_tests import EmbeddingsIntegrationTests, RetrieversIntegrationTests  # noqa: E402
from langchain_tests.unit_tests import EmbeddingsUnitTests  # noqa: E402


class _Params:
    @property
    def embeddings_class(self) -> Any:
        return BgeEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": str(MODELS / "tiny-bert")}


@pytest.mark.filterwarnings("ignore:.*is marked with '@pytest.mark.asyncio'")
@pytest.mark.asyncio
class TestStandardUnit(_Params, EmbeddingsUnitTests):  # type: ignore[misc]
    pass


@pytest.mark.filterwarnings("ignore:.*is marked with '@pytest.mark.asyncio'")
@pytest.mark.asyncio
class TestStandardIntegration(_Params, EmbeddingsIntegrationTests):  # type: ignore[misc]
    pass


@pytest.mark.filterwarnings("ignore:.*is marked with '@pytest.mark.asyncio'")
@pytest.mark.asyncio
class TestStandardRetriever(RetrieversIntegrationTests):  # type: ignore[misc]
    @pytest.fixture(autouse=True)
    def _index(self, index: str) -> None:
        self._path = index

    @property
    def retriever_constructor(self) -> Any:
        return BgeIndexRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"index": self._path, "embeddings": BgeEmbeddings(model=str(MODELS / "tiny-bert"))}

    @property
    def retriever_query_example(self) -> str:
        return "cats"
