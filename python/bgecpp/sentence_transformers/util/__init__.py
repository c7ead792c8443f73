"""sentence_transformers.util: similarities, searches among vectors, quantization.

What is not here is that of the real package, where it is installed.
"""

from __future__ import annotations

import logging
from typing import Any

from .quantization import quantize_embeddings
from .retrieval import (
    community_detection,
    information_retrieval,
    paraphrase_mining,
    paraphrase_mining_embeddings,
    semantic_search,
)
from .similarity import (
    SimilarityFunction,
    cos_sim,
    dot_score,
    euclidean_sim,
    manhattan_sim,
    pairwise_angle_sim,
    pairwise_cos_sim,
    pairwise_dot_score,
    pairwise_euclidean_sim,
    pairwise_manhattan_sim,
    pytorch_cos_sim,
)
from .tensor import (
    _convert_to_batch,
    _convert_to_batch_tensor,
    _convert_to_tensor,
    _move_tensors_to_cpu,
    batch_to_device,
    compute_count_vector,
    normalize_embeddings,
    select_max_active_dims,
    to_scipy_coo,
    truncate_embeddings,
)

logger = logging.getLogger("sentence_transformers.util")

__all__ = [
    "SimilarityFunction",
    "_convert_to_batch",
    "_convert_to_batch_tensor",
    "_convert_to_tensor",
    "_move_tensors_to_cpu",
    "batch_to_device",
    "community_detection",
    "compute_count_vector",
    "cos_sim",
    "dot_score",
    "euclidean_sim",
    "get_device_name",
    "information_retrieval",
    "is_datasets_available",
    "manhattan_sim",
    "normalize_embeddings",
    "pairwise_angle_sim",
    "pairwise_cos_sim",
    "pairwise_dot_score",
    "pairwise_euclidean_sim",
    "pairwise_manhattan_sim",
    "paraphrase_mining",
    "paraphrase_mining_embeddings",
    "pytorch_cos_sim",
    "quantize_embeddings",
    "select_max_active_dims",
    "semantic_search",
    "to_scipy_coo",
    "truncate_embeddings",
]


def get_device_name() -> str:
    """Where models are computed: "cpu"."""
    return "cpu"


def is_datasets_available() -> bool:
    """Whether Hugging Face's datasets are installed."""
    import importlib.util

    return importlib.util.find_spec("datasets") is not None


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    from .._real import attribute

    return attribute("util", name)
