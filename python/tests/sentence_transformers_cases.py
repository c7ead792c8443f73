"""Texts and models of several tests of sentence-transformers' classes."""

import copy

import numpy as np
from conftest import MODELS

from bgecpp import sentence_transformers as st

TEXTS = ["hello world", "A vector of tokens, in two dimensions!", "", "the vector"]
# A small one of each class.
SMALL_MODELS = {"SentenceTransformer": "tiny-bert", "CrossEncoder": "tiny-reranker", "SparseEncoder": "tiny-splade"}

_loaded: dict = {}


def load(cls: str, name: str, **kwargs):
    """A copy of the model, which shares its engine."""
    if (cls, name) not in _loaded:
        _loaded[cls, name] = getattr(st, cls)(str(MODELS / name), **kwargs)
    return copy.deepcopy(_loaded[cls, name])


def to_plain(value):
    """Numbers, lists and dicts of arrays, tensors and sparse vectors."""
    if hasattr(value, "toarray"):
        value = value.toarray()
    if hasattr(value, "to_dense"):
        value = value.to_dense().float().numpy()
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    return [to_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
