"""The models of FastEmbed's catalogue that the engine reads, under FastEmbed's names.

FastEmbed's own entries point at ONNX files (most of them on Qdrant's pages of the hub), which the engine does not read:
here each points at the original weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from bgecpp.fastembed.common.model_description import (
    BaseModelDescription,
    DenseModelDescription,
    ModelSource,
    PoolingType,
    SparseModelDescription,
)


@dataclass(frozen=True)
class Pooled:
    """How FastEmbed makes one vector of a model's token vectors."""

    pooling: PoolingType
    normalization: bool


_CLS = Pooled(PoolingType.CLS, True)
_MEAN = Pooled(PoolingType.MEAN, True)
_BARE_MEAN = Pooled(PoolingType.MEAN, False)

# name, length of vectors, licence, GB of weights, how it is pooled
_DENSE: list[tuple[str, int, str, float, Pooled]] = [
    ("BAAI/bge-base-en", 768, "mit", 0.44, _CLS),
    ("BAAI/bge-base-en-v1.5", 768, "mit", 0.44, _CLS),
    ("BAAI/bge-large-en-v1.5", 1024, "mit", 1.34, _CLS),
    ("BAAI/bge-small-en", 384, "mit", 0.13, _CLS),
    ("BAAI/bge-small-en-v1.5", 384, "mit", 0.13, _CLS),
    ("BAAI/bge-small-zh-v1.5", 512, "mit", 0.10, _CLS),
    ("mixedbread-ai/mxbai-embed-large-v1", 1024, "apache-2.0", 0.67, _CLS),
    ("snowflake/snowflake-arctic-embed-xs", 384, "apache-2.0", 0.09, _CLS),
    ("snowflake/snowflake-arctic-embed-s", 384, "apache-2.0", 0.13, _CLS),
    ("snowflake/snowflake-arctic-embed-m", 768, "apache-2.0", 0.44, _CLS),
    ("snowflake/snowflake-arctic-embed-l", 1024, "apache-2.0", 1.34, _CLS),
    ("sentence-transformers/all-MiniLM-L6-v2", 384, "apache-2.0", 0.09, _MEAN),
    ("thenlper/gte-base", 768, "mit", 0.22, _MEAN),
    ("thenlper/gte-large", 1024, "mit", 0.67, _MEAN),
    ("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", 384, "apache-2.0", 0.47, _BARE_MEAN),
    ("sentence-transformers/paraphrase-multilingual-mpnet-base-v2", 768, "apache-2.0", 1.11, _BARE_MEAN),
    ("intfloat/multilingual-e5-large", 1024, "mit", 2.24, _BARE_MEAN),
]

# Hub names are not sensitive to case on the hub, but are in its cache.
_HUB_NAMES = {
    "snowflake/snowflake-arctic-embed-xs": "Snowflake/snowflake-arctic-embed-xs",
    "snowflake/snowflake-arctic-embed-s": "Snowflake/snowflake-arctic-embed-s",
    "snowflake/snowflake-arctic-embed-m": "Snowflake/snowflake-arctic-embed-m",
    "snowflake/snowflake-arctic-embed-l": "Snowflake/snowflake-arctic-embed-l",
    "Xenova/ms-marco-MiniLM-L-6-v2": "cross-encoder/ms-marco-MiniLM-L6-v2",
    "Xenova/ms-marco-MiniLM-L-12-v2": "cross-encoder/ms-marco-MiniLM-L12-v2",
    "prithvida/Splade_PP_en_v1": "prithivida/Splade_PP_en_v1",
}

_FILE = "model.safetensors"


def _source(name: str) -> ModelSource:
    return ModelSource(hf=_HUB_NAMES.get(name, name))


DENSE: list[DenseModelDescription] = [
    DenseModelDescription(name, _source(name), _FILE, f"{dim} dimensions, original weights", license, size, dim=dim)
    for name, dim, license, size, _ in _DENSE
]
POOLED: dict[str, Pooled] = {name.lower(): pooled for name, _, _, _, pooled in _DENSE}

SPARSE: list[SparseModelDescription] = [
    SparseModelDescription(name, _source(name), _FILE, "SPLADE++ for English", "apache-2.0", 0.44, vocab_size=30522)
    for name in ("prithivida/Splade_PP_en_v1", "prithvida/Splade_PP_en_v1")
]

LATE_INTERACTION: list[DenseModelDescription] = [
    DenseModelDescription(name, _source(name), _FILE, "ColBERT for English", license, size, dim=dim)
    for name, dim, license, size in (
        ("colbert-ir/colbertv2.0", 128, "mit", 0.44),
        ("answerdotai/answerai-colbert-small-v1", 96, "apache-2.0", 0.13),
    )
]

CROSS_ENCODERS: list[BaseModelDescription] = [
    BaseModelDescription(name, _source(name), _FILE, "cross-encoder, original weights", license, size)
    for name, license, size in (
        ("Xenova/ms-marco-MiniLM-L-6-v2", "apache-2.0", 0.09),
        ("Xenova/ms-marco-MiniLM-L-12-v2", "apache-2.0", 0.13),
        ("BAAI/bge-reranker-base", "mit", 1.11),
        ("BAAI/bge-reranker-v2-m3", "apache-2.0", 2.27),
    )
]
