"""sentence-transformers' classes and functions for inference, on the engine.

It may stand in for the package sentence_transformers itself: what is not here (training, evaluation,
other modules) is that of the real package, where it is installed. docs/python.md lists all of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# The version whose behaviour is followed: _saving.FOLLOWED_VERSION too.
__version__ = "6.2.0"

# Where each name comes from. NumPy is loaded with the first.
_NAMES = {
    "SentenceTransformer": "sentence_transformer.model",
    "CrossEncoder": "cross_encoder.model",
    "SparseEncoder": "sparse_encoder.model",
    "SparseVectors": "_sparse",
    "SimilarityFunction": "util.similarity",
    "quantize_embeddings": "util.quantization",
}
_MODULES = (
    "cross_encoder",
    "evaluation",
    "losses",
    "models",
    "quantization",
    "readers",
    "sentence_transformer",
    "similarity_functions",
    "sparse_encoder",
    "util",
)

__all__ = ["CrossEncoder", "SentenceTransformer", "SimilarityFunction", "SparseEncoder", "quantize_embeddings"]


if TYPE_CHECKING:
    # The same for type checkers.
    from .cross_encoder.model import CrossEncoder as CrossEncoder
    from .sentence_transformer.model import SentenceTransformer as SentenceTransformer
    from .sparse_encoder.model import SparseEncoder as SparseEncoder
    from .util.quantization import quantize_embeddings as quantize_embeddings
    from .util.similarity import SimilarityFunction as SimilarityFunction


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'sentence_transformers' has no attribute '{name}'")
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    else:
        from ._real import attribute

        value = attribute("", name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES, *_MODULES})
