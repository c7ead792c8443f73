"""BGE embedding models and rerankers on CPUs, without torch.

    from bgecpp import Embedder                     # this package's own classes
    from bgecpp import FlagModel, BGEM3FlagModel    # FlagEmbedding's
    from bgecpp import SentenceTransformer          # sentence-transformers'
    from bgecpp import TextEmbedding                # FastEmbed's

Programs that import those packages themselves run unchanged: `python -m bgecpp.run script.py`, or
bgecpp.install() before they are imported. Names are loaded when they are first used.
"""

import importlib as _importlib
from typing import Any as _Any

# Where each name comes from. NumPy, and whatever else those modules need, is loaded with the first.
_NAMES = {
    "Embedder": "bgecpp.native",
    "Reranker": "bgecpp.native",
    "Tokenizer": "bgecpp._core",
    "Index": "bgecpp._core",
    "IndexEditor": "bgecpp._core",
    "IndexWriter": "bgecpp._core",
    "colbert_score": "bgecpp._core",
    "is_reranker": "bgecpp._core",
    "max_sim": "bgecpp._core",
    "model_directory": "bgecpp._core",
    "quantize": "bgecpp._core",
    "search_vectors": "bgecpp._core",
    "vectors_above": "bgecpp._core",
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


def __getattr__(name: str) -> _Any:
    module = _NAMES.get(name)
    if module is None:
        raise AttributeError(f"module 'bgecpp' has no attribute '{name}'")
    value = getattr(_importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_NAMES))
