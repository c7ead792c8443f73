"""BGE embedding models and rerankers on CPUs, without torch.

    from bgecpp import Embedder                     # this package's own classes
    from bgecpp import FlagModel, BGEM3FlagModel    # FlagEmbedding's
    from bgecpp import SentenceTransformer          # sentence-transformers'
    from bgecpp import TextEmbedding                # FastEmbed's

Programs that import those packages themselves run unchanged: `python -m bgecpp.run script.py`, or
bgecpp.install() before they are imported. Names are loaded when they are first used.
"""

import importlib as _importlib
import typing as _typing
from typing import Any as _Any

# Where each name comes from. NumPy, and whatever else those modules need, is loaded with the first.
_NAMES = {
    "Embedder": "bgecpp.native",
    "Reranker": "bgecpp.native",
    "Tokenizer": "bgecpp.native",
    "Index": "bgecpp.native",
    "IndexEditor": "bgecpp.native",
    "IndexWriter": "bgecpp.native",
    "colbert_score": "bgecpp.native",
    "is_reranker": "bgecpp.native",
    "max_sim": "bgecpp.native",
    "model_directory": "bgecpp.native",
    "quantize": "bgecpp.native",
    "search_vectors": "bgecpp.native",
    "vectors_above": "bgecpp.native",
    "__version__": "bgecpp._core",
    "BgeError": "bgecpp.errors",
    "AbsEmbedder": "bgecpp.flag_embedding",
    "AbsReranker": "bgecpp.flag_embedding",
    "BGEM3FlagModel": "bgecpp.flag_embedding",
    "EmbedderModelClass": "bgecpp.flag_embedding",
    "FlagAutoModel": "bgecpp.flag_embedding",
    "FlagAutoReranker": "bgecpp.flag_embedding",
    "FlagModel": "bgecpp.flag_embedding",
    "FlagReranker": "bgecpp.flag_embedding",
    "RerankerModelClass": "bgecpp.flag_embedding",
    "CrossEncoder": "bgecpp.sentence_transformers",
    "SentenceTransformer": "bgecpp.sentence_transformers",
    "SparseEncoder": "bgecpp.sentence_transformers",
    "LateInteractionTextEmbedding": "bgecpp.fastembed",
    "SparseTextEmbedding": "bgecpp.fastembed",
    "TextEmbedding": "bgecpp.fastembed",
    "AutoModel": "bgecpp.transformers",
    "AutoModelForSequenceClassification": "bgecpp.transformers",
    "AutoTokenizer": "bgecpp.transformers",
    "AsyncEmbeddingEngine": "bgecpp.infinity",
    "install": "bgecpp.imports",
    "uninstall": "bgecpp.imports",
}

__all__ = [name for name in _NAMES if name != "__version__"]

# What programs import beside those, some of it from the real packages, where they are installed.
_OTHERS = {
    "AutoConfig": "bgecpp.transformers",
    "EngineArgs": "bgecpp.infinity",
    "FlagICLModel": "bgecpp.flag_embedding",
    "FlagLLMModel": "bgecpp.flag_embedding",
    "FlagLLMReranker": "bgecpp.flag_embedding",
    "InputExample": "bgecpp.sentence_transformers",
    "LayerWiseFlagLLMReranker": "bgecpp.flag_embedding",
    "LightWeightFlagLLMReranker": "bgecpp.flag_embedding",
    "SimilarityFunction": "bgecpp.sentence_transformers",
    "TextCrossEncoder": "bgecpp.fastembed.rerank.cross_encoder",
    "quantize_embeddings": "bgecpp.sentence_transformers",
    "util": "bgecpp.sentence_transformers",
}


if _typing.TYPE_CHECKING:
    # The same for type checkers.
    from bgecpp._core import __version__ as __version__
    from bgecpp.errors import BgeError as BgeError
    from bgecpp.fastembed import LateInteractionTextEmbedding as LateInteractionTextEmbedding
    from bgecpp.fastembed import SparseTextEmbedding as SparseTextEmbedding
    from bgecpp.fastembed import TextEmbedding as TextEmbedding
    from bgecpp.fastembed.rerank.cross_encoder import TextCrossEncoder as TextCrossEncoder
    from bgecpp.flag_embedding import AbsEmbedder as AbsEmbedder
    from bgecpp.flag_embedding import AbsReranker as AbsReranker
    from bgecpp.flag_embedding import BGEM3FlagModel as BGEM3FlagModel
    from bgecpp.flag_embedding import EmbedderModelClass as EmbedderModelClass
    from bgecpp.flag_embedding import FlagAutoModel as FlagAutoModel
    from bgecpp.flag_embedding import FlagAutoReranker as FlagAutoReranker
    from bgecpp.flag_embedding import FlagModel as FlagModel
    from bgecpp.flag_embedding import FlagReranker as FlagReranker
    from bgecpp.flag_embedding import RerankerModelClass as RerankerModelClass
    from bgecpp.imports import install as install
    from bgecpp.imports import uninstall as uninstall
    from bgecpp.infinity import AsyncEmbeddingEngine as AsyncEmbeddingEngine
    from bgecpp.infinity import EngineArgs as EngineArgs
    from bgecpp.native import colbert_score as colbert_score
    from bgecpp.native import Embedder as Embedder
    from bgecpp.native import Index as Index
    from bgecpp.native import IndexEditor as IndexEditor
    from bgecpp.native import IndexWriter as IndexWriter
    from bgecpp.native import is_reranker as is_reranker
    from bgecpp.native import max_sim as max_sim
    from bgecpp.native import model_directory as model_directory
    from bgecpp.native import quantize as quantize
    from bgecpp.native import Reranker as Reranker
    from bgecpp.native import search_vectors as search_vectors
    from bgecpp.native import Tokenizer as Tokenizer
    from bgecpp.native import vectors_above as vectors_above
    from bgecpp.sentence_transformers import util as util
    from bgecpp.sentence_transformers.cross_encoder.model import CrossEncoder as CrossEncoder
    from bgecpp.sentence_transformers.sentence_transformer.model import SentenceTransformer as SentenceTransformer
    from bgecpp.sentence_transformers.sparse_encoder.model import SparseEncoder as SparseEncoder
    from bgecpp.sentence_transformers.util.quantization import quantize_embeddings as quantize_embeddings
    from bgecpp.sentence_transformers.util.similarity import SimilarityFunction as SimilarityFunction
    from bgecpp.transformers import AutoConfig as AutoConfig
    from bgecpp.transformers import AutoModel as AutoModel
    from bgecpp.transformers import AutoModelForSequenceClassification as AutoModelForSequenceClassification
    from bgecpp.transformers import AutoTokenizer as AutoTokenizer


def __getattr__(name: str) -> _Any:
    module = _NAMES.get(name) or _OTHERS.get(name)
    if module is None:
        raise AttributeError(f"module 'bgecpp' has no attribute '{name}'")
    value = getattr(_importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES, *_OTHERS})
