"""Frameworks that import sentence_transformers and fastembed themselves, run as they are after install()."""

import importlib.util
import subprocess
import sys

import pytest
from conftest import MODELS

FRAMEWORKS = {
    "langchain_community": """
from langchain_community.embeddings import HuggingFaceBgeEmbeddings, HuggingFaceEmbeddings
plain = HuggingFaceEmbeddings(model_name=MODEL, encode_kwargs={"normalize_embeddings": True})
pooled = HuggingFaceEmbeddings(model_name=MODEL, multi_process=True)
assert len(plain.embed_documents(["a", "b"])[1]) == len(HuggingFaceBgeEmbeddings(model_name=MODEL).embed_query("a")) == 32
assert pooled.embed_documents(["a"]) == pooled.embed_documents(["a"])
from langchain_community.cross_encoders import HuggingFaceCrossEncoder
assert len(HuggingFaceCrossEncoder(model_name=RERANKER).score([("a", "b")])) == 1
""",
    "chromadb": """
from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction
assert SentenceTransformerEmbeddingFunction(model_name=MODEL, normalize_embeddings=True)(["a", "b"])[0].shape == (32,)
""",
    "mteb": """
from mteb.models import SentenceTransformerEncoderWrapper
assert type(SentenceTransformerEncoderWrapper(MODEL).model).__module__.startswith("bgecpp.")
""",
    "llama_index": """
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
model = HuggingFaceEmbedding(model_name=MODEL, device="cpu")
assert type(model._model).__module__.startswith("bgecpp.")
assert len(model.get_text_embedding_batch(["a", "b"])[1]) == len(model.get_query_embedding("a")) == 32
from llama_index.core.postprocessor import SentenceTransformerRerank
from llama_index.core.schema import NodeWithScore, TextNode
reranker = SentenceTransformerRerank(model=RERANKER, top_n=1)
assert type(reranker._model).__module__.startswith("bgecpp.")
assert len(reranker.postprocess_nodes([NodeWithScore(node=TextNode(text=t)) for t in "ab"], query_str="q")) == 1
""",
    "qdrant_client": """
from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType
from qdrant_client import QdrantClient, models
assert TextEmbedding.__module__.startswith("bgecpp.")
TextEmbedding.add_custom_model(model="some/tiny", pooling=PoolingType.MEAN, normalization=True,
                               sources=ModelSource(hf="some/tiny"), dim=32, model_file="model.onnx")
def embedded(text):
    return models.Document(text=text, model="some/tiny", options={"specific_model_path": MODEL})
client = QdrantClient(":memory:")
client.create_collection("texts", vectors_config=models.VectorParams(size=32, distance=models.Distance.COSINE))
texts = ["a cat", "the dog", "some words"]
client.upload_points("texts", [models.PointStruct(id=i, vector=embedded(text)) for i, text in enumerate(texts)])
assert [client.query_points("texts", query=embedded(text)).points[0].id for text in texts] == [0, 1, 2]
""",
}


@pytest.mark.oracle
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_frameworks_that_import_sentence_transformers_run_as_they_are(framework):
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    paths = f"MODEL, RERANKER = {str(MODELS / 'tiny-bert')!r}, {str(MODELS / 'tiny-reranker')!r}\n"
    code = "import bgecpp; bgecpp.install()\n" + paths + FRAMEWORKS[framework] + "print('done')\n"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip().endswith("done"), done.stderr
