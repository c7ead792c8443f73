"""FlagEmbedding's classes for inference, on this package's engine.

Encoder models are computed here. Of decoder models (FlagLLMModel and so on) the classes are the installed
FlagEmbedding's, where there is one.
"""

from typing import Any

from ._abstract import AbsEmbedder, AbsReranker
from ._auto import EmbedderModelClass, FlagAutoModel, FlagAutoReranker, RerankerModelClass, real_class
from ._compat import Compat, compat
from ._embedder import FlagModel
from ._m3 import BGEM3FlagModel
from ._reranker import FlagReranker

__all__ = [
    "AbsEmbedder",
    "AbsReranker",
    "BGEM3FlagModel",
    "Compat",
    "EmbedderModelClass",
    "FlagAutoModel",
    "FlagAutoReranker",
    "FlagModel",
    "FlagReranker",
    "RerankerModelClass",
    "compat",
]

# The release whose interface this is.
__version__ = "1.4.2"

_DECODERS = {
    "FlagLLMModel",
    "FlagICLModel",
    "FlagPseudoMoEModel",
    "FlagLLMReranker",
    "LayerWiseFlagLLMReranker",
    "LightWeightFlagLLMReranker",
}


def __getattr__(name: str) -> Any:
    if name in _DECODERS:
        return real_class(name)
    raise AttributeError(f"module 'bgecpp.flag_embedding' has no attribute '{name}'")
