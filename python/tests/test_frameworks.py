"""bgecpp.llama_index, haystack, chroma and mteb, each where its framework is installed."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bgecpp

TEXTS = ["cats sit on mats", "dogs bark at night", "the sea is deep", "stars shine", "a cat and a dog"]
pytestmark = pytest.mark.oracle


# LlamaIndex has no suite for embeddings of others: these are the behaviours that its core's tests of BaseEmbedding, of
# caches and of events check on its mock.


@pytest.fixture
def embedding(models: Path) -> Any:
    pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")
    from bgecpp.llama_index import BgeEmbedding

    return BgeEmbedding(model_name=str(models / "tiny-bert"), query_instruction="query: ")


def test_llama_index_vectors(models: Path, embedding: Any) -> None:
    from llama_index.core.base.embeddings.base import BaseEmbedding

    assert isinstance(embedding, BaseEmbedding) and embedding.class_name() == "BgeEmbedding"
    engine = bgecpp.Embedder(str(models / "tiny-bert"))
    expected = engine.encode(TEXTS, instruction="")
    batch = embedding.get_text_embedding_batch(TEXTS * 5)
    assert isinstance(batch[0], list) and isinstance(batch[0][0], float)
    assert np.abs(np.array(batch) - np.tile(expected, (5, 1))).max() < 1e-6
    assert np.abs(np.array(embedding.get_text_embedding(TEXTS[0])) - expected[0]).max() < 1e-6
    query = engine.encode("a", instruction="query: ")
    assert np.abs(np.array(embedding.get_query_embedding("a")) - query).max() < 1e-6
    mean = embedding.get_agg_embedding_from_queries(["a", "b"])
    assert np.allclose(mean, np.mean([embedding.get_query_embedding(q) for q in "ab"], axis=0))

    async def run() -> None:
        assert await embedding.aget_query_embedding("a") == embedding.get_query_embedding("a")
        assert await embedding.aget_text_embedding(TEXTS[0]) == embedding.get_text_embedding(TEXTS[0])
        assert await embedding.aget_text_embedding_batch(TEXTS) == embedding.get_text_embedding_batch(TEXTS)

    asyncio.run(run())


# BAAI's names have instructions; names that are none of them, and prompts in a model's files, have no effect there.
@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("BAAI/bge-small-en-v1.5", "tiny-distilbert"), ("BAAI/bge-large-en", "tiny-distilbert"), ("BAAI/bge-base-zh-v1.5", "tiny-roberta"),
        ("BAAI/bge-m3", "tiny-distilbert"), ("models/bge-small-en-v1.5", "tiny-distilbert"), ("intfloat/e5-small-v2", "tiny-bert"),
        ("nomic/search", "tiny-modernbert"), ("no-normalize", "tiny-bert"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_llama_index_gives_its_own_classs_vectors(models: Path, tmp_path: Path, name: str, model: str, monkeypatch: Any) -> None:
    theirs = pytest.importorskip("llama_index.embeddings.huggingface", reason="llama-index-embeddings-huggingface is not installed")
    from bgecpp.llama_index import BgeEmbedding

    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(models / model, tmp_path / name)
    if name == "no-normalize":
        modules = json.loads((tmp_path / name / "modules.json").read_text())
        (tmp_path / name / "modules.json").write_text(json.dumps(modules[:-1]))
    monkeypatch.chdir(tmp_path)  # so that the name is a directory's
    instructions = [{}, {"query_instruction": "", "text_instruction": ""}, {"query_instruction": "q: ", "text_instruction": "t: "}]
    for settings in (*instructions, {"normalize": False}, {"normalize": False, "truncate_dim": 8}):
        real = theirs.HuggingFaceEmbedding(model_name=name, device="cpu", **settings)
        ours = BgeEmbedding(model_name=name, **settings)
        assert np.abs(np.array(ours.get_query_embedding("what is bread")) - real.get_query_embedding("what is bread")).max() < 1e-5
        assert np.abs(np.array(ours.get_text_embedding("bread")) - real.get_text_embedding("bread")).max() < 1e-5
        assert np.abs(np.array(ours.get_text_embedding_batch(TEXTS)) - real.get_text_embedding_batch(TEXTS)).max() < 1e-5


def test_llama_index_with_the_models_own_prompts(models: Path, embedding: Any) -> None:
    path = str(models / "tiny-modernbert")
    engine = bgecpp.Embedder(path)
    assert engine.info["query_instruction"] and engine.info["document_instruction"]
    own = type(embedding)(path, own_prompts=True)
    for copy in (own, type(embedding).from_dict(own.to_dict())):
        assert np.abs(np.array(copy.get_query_embedding("a")) - engine.encode("a", role="query")).max() < 1e-6
        assert np.abs(np.array(copy.get_text_embedding("a")) - engine.encode("a", role="document")).max() < 1e-6
    none = type(embedding)(path, own_prompts=True, query_instruction="", text_instruction="t: ")
    assert np.abs(np.array(none.get_query_embedding("a")) - engine.encode("a", instruction="")).max() < 1e-6
    assert np.abs(np.array(none.get_text_embedding("a")) - engine.encode("a", instruction="t: ")).max() < 1e-6


def test_llama_index_gives_the_engine_many_texts_at_once(embedding: Any, monkeypatch: Any) -> None:
    sizes: list[int] = []
    encode = type(embedding)._encode

    def counted(self: Any, texts: Any, *args: Any) -> Any:
        sizes.append(len(texts))
        return encode(self, texts, *args)

    monkeypatch.setattr(type(embedding), "_encode", counted)
    assert len(embedding.get_text_embedding_batch(["a"] * 300)) == 300
    assert sizes == [256, 44]
    assert type(embedding)(model_name=embedding.model_name, embed_batch_size=7).embed_batch_size == 7


def test_llama_index_similarities_dicts_and_nodes(embedding: Any) -> None:
    from llama_index.core.base.embeddings.base import SimilarityMode
    from llama_index.core.schema import TextNode

    a, b = embedding.get_text_embedding(TEXTS[0]), embedding.get_text_embedding(TEXTS[1])
    assert abs(embedding.similarity(a, a) - 1) < 1e-6
    assert abs(embedding.similarity(a, b) - embedding.similarity(a, b, mode=SimilarityMode.DOT_PRODUCT)) < 1e-6
    assert embedding.similarity(a, b, mode=SimilarityMode.EUCLIDEAN) < 0
    fields = embedding.to_dict()
    assert fields["class_name"] == "BgeEmbedding" and fields["model_name"] == embedding.model_name
    again = type(embedding)(**{k: v for k, v in fields.items() if k in ("model_name", "query_instruction")})
    assert again.get_query_embedding("a") == embedding.get_query_embedding("a")
    nodes = embedding([TextNode(text=t) for t in TEXTS])
    assert nodes[0].embedding == a


def test_llama_index_cache_and_events(models: Path, embedding: Any) -> None:
    import llama_index.core.instrumentation as instrument
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler
    from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent
    from llama_index.core.storage.kvstore import SimpleKVStore

    cached = type(embedding)(model_name=embedding.model_name, embeddings_cache=SimpleKVStore())
    expected = cached.get_text_embedding("Hello")
    stored = cached.embeddings_cache.get(key="Hello", collection="embeddings")
    assert next(iter(stored.values())) == expected
    assert cached.get_text_embedding_batch(["Hello"]) == [expected]
    assert asyncio.run(cached.aget_text_embedding_batch(["Hello"])) == [expected]
    seen: list[Any] = []

    class Capture(BaseEventHandler):
        @classmethod
        def class_name(cls) -> str:
            return "Capture"

        def handle(self, event: Any, **kwargs: Any) -> None:
            if isinstance(event, EmbeddingEndEvent):
                seen.append(event)

    handler = Capture()
    root = instrument.get_dispatcher()
    root.add_event_handler(handler)
    try:
        vector = embedding.get_text_embedding("test")
    finally:
        root.event_handlers.remove(handler)
    assert len(seen) == 1 and seen[0].embeddings == [vector] and seen[0].chunks == ["test"]


def test_llama_index_rerank_and_retriever(models: Path, embedding: Any, tmp_path: Path) -> None:
    from llama_index.core.schema import NodeWithScore, TextNode

    from bgecpp.llama_index import BgeIndexRetriever, BgeRerank

    path = str(models / "tiny-bert-reranker")
    scores = bgecpp.Reranker(path).compute_score("cat", TEXTS, normalize=True)
    order = np.argsort(-scores, kind="stable")

    def nodes() -> list[Any]:
        return [NodeWithScore(node=TextNode(text=t, id_=str(i)), score=0.5) for i, t in enumerate(TEXTS)]

    rerank = BgeRerank(model=path, top_n=3, keep_retrieval_score=True)
    best = rerank.postprocess_nodes(nodes(), query_str="cat")
    assert [n.node.node_id for n in best] == [str(i) for i in order[:3]]
    assert np.allclose([n.score for n in best], scores[order[:3]], atol=1e-6)
    assert best[0].node.metadata["retrieval_score"] == 0.5
    assert len(asyncio.run(rerank.apostprocess_nodes(nodes(), query_str="cat"))) == 3
    assert rerank.postprocess_nodes([], query_str="cat") == []
    with pytest.raises(ValueError, match="query bundle"):
        rerank.postprocess_nodes(nodes())
    writer = bgecpp.IndexWriter(str(tmp_path / "index"), 32)
    plain = type(embedding)(model_name=embedding.model_name, query_instruction="", text_instruction="")
    writer.add([f"id{i}" for i in range(5)], TEXTS, np.array(plain.get_text_embedding_batch(TEXTS), np.float32))
    writer.finish()
    retriever = BgeIndexRetriever(tmp_path / "index", plain, similarity_top_k=2)
    hits = retriever.retrieve(TEXTS[3])
    assert len(hits) == 2 and hits[0].node.node_id == "id3" and hits[0].text == TEXTS[3] and hits[0].score > 0.999
    assert asyncio.run(retriever.aretrieve(TEXTS[3]))[0].node.node_id == "id3"


def test_haystack(models: Path) -> None:
    pytest.importorskip("haystack", reason="haystack-ai is not installed")
    from haystack import Document, Pipeline

    from bgecpp.haystack import BgeDocumentEmbedder, BgeRanker, BgeTextEmbedder

    model = str(models / "tiny-bert")
    engine = bgecpp.Embedder(model)
    query = BgeTextEmbedder(model, instruction="query: ")
    (vector, _) = query.run("a").values()
    assert np.abs(np.array(vector) - engine.encode("a", instruction="query: ")).max() < 1e-6
    with pytest.raises(TypeError):
        query.run([Document(content="a")])
    documents = [Document(content=t, meta={"title": f"t{i}"}) for i, t in enumerate(TEXTS)]
    embedder = BgeDocumentEmbedder(model, meta_fields_to_embed=["title"])
    embedded = embedder.run(documents)["documents"]
    expected = engine.encode([f"t{i}\n{t}" for i, t in enumerate(TEXTS)], role="document")
    assert np.abs(np.array([d.embedding for d in embedded]) - expected).max() < 1e-6
    assert all(d.embedding is None for d in documents) and embedded[0].content == TEXTS[0]
    with pytest.raises(TypeError):
        embedder.run("a")
    path = str(models / "tiny-bert-reranker")
    ranker = BgeRanker(path, top_k=2)
    scores = bgecpp.Reranker(path).compute_score("cat", TEXTS, normalize=True)
    best = ranker.run("cat", [*documents, documents[0]])["documents"]
    assert np.allclose([d.score for d in best], np.sort(scores)[::-1][:2], atol=1e-6)
    raw = ranker.run("cat", documents, top_k=5, scale_score=False, score_threshold=-100.0)["documents"]
    assert len(raw) == 5 and ranker.run("cat", []) == {"documents": []}
    assert asyncio.run(ranker.run_async("cat", documents))["documents"] == best
    with pytest.raises(ValueError, match="top_k"):
        BgeRanker(path, top_k=0)
    pipeline = Pipeline()
    pipeline.add_component("embedder", BgeTextEmbedder(model))
    again = Pipeline.loads(pipeline.dumps(), allowed_modules=["bgecpp.haystack"])
    assert again.run({"embedder": {"text": "a"}}) == pipeline.run({"embedder": {"text": "a"}})
    for part in (embedder, ranker):
        assert type(part).from_dict(part.to_dict()).to_dict() == part.to_dict()


def test_chroma(models: Path) -> None:
    chromadb = pytest.importorskip("chromadb", reason="chromadb is not installed")
    from bgecpp.chroma import BgeEmbeddingFunction

    function = BgeEmbeddingFunction(str(models / "tiny-bert"))
    vectors = function(TEXTS)
    expected = bgecpp.Embedder(str(models / "tiny-bert")).encode(TEXTS, role="document")
    assert np.abs(np.array(vectors) - expected).max() < 1e-6 and vectors[0].dtype == np.float32
    again = BgeEmbeddingFunction.build_from_config(function.get_config())
    assert np.array_equal(again(TEXTS[:1])[0], function(TEXTS[:1])[0])
    with pytest.raises(ValueError, match="cannot be changed"):
        function.validate_config_update(function.get_config(), {"model": "other"})
    client = chromadb.EphemeralClient(chromadb.Settings(anonymized_telemetry=False))
    function = BgeEmbeddingFunction(str(models / "tiny-bert"), query_instruction="", document_instruction="")
    collection = client.create_collection("texts", embedding_function=function)
    collection.add(ids=[str(i) for i in range(5)], documents=TEXTS)
    found = collection.query(query_texts=[TEXTS[2]], n_results=2)
    assert found["ids"][0][0] == "2" and found["distances"][0][0] < 1e-5
    assert client.get_collection("texts").query(query_texts=[TEXTS[1]], n_results=1)["ids"] == [["1"]]


def _loader(texts: list[str]) -> list[dict[str, list[str]]]:
    return [{"text": texts[:2]}, {"text": texts[2:]}]


def test_mteb_protocols(models: Path) -> None:
    pytest.importorskip("mteb", reason="mteb is not installed")
    from mteb.models.models_protocols import CrossEncoderProtocol, EncoderProtocol
    from mteb.types import PromptType

    from bgecpp.mteb import BgeCrossEncoder, BgeEncoder

    class Task:
        name, type, prompt = "SciFact", "Retrieval", None

    common: dict[str, Any] = {"task_metadata": Task(), "hf_split": "test", "hf_subset": "default"}
    model = BgeEncoder(models / "tiny-bert", model_prompts={"query": "query: ", "STS": "sts: "})
    assert isinstance(model, EncoderProtocol) and model.mteb_model_meta.embed_dim == 32
    engine = bgecpp.Embedder(str(models / "tiny-bert"))
    for prompt_type, how in (
        (PromptType.query, {"instruction": "query: "}),
        (PromptType.document, {"role": "document"}),
        (None, {}),
    ):
        vectors = model.encode(_loader(TEXTS), prompt_type=prompt_type, batch_size=8, **common)
        assert np.abs(vectors - engine.encode(TEXTS, **how)).max() < 1e-6
    assert abs(float(model.similarity(vectors, vectors)[1][1]) - 1) < 1e-5
    ranker = BgeCrossEncoder(models / "tiny-bert-reranker")
    assert isinstance(ranker, CrossEncoderProtocol)
    scores = ranker.predict(_loader(TEXTS), _loader(TEXTS[::-1]), **common)
    expected = bgecpp.Reranker(str(models / "tiny-bert-reranker")).compute_score(TEXTS, TEXTS[::-1], normalize=False)
    assert np.abs(scores - expected).max() < 1e-6
