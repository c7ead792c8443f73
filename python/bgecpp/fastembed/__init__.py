"""FastEmbed's classes for texts (fastembed 0.9) on the engine.

    from bgecpp.fastembed import TextEmbedding
    from bgecpp.fastembed.rerank.cross_encoder import TextCrossEncoder

Models that the engine does not read are passed to the package fastembed where it is installed.
"""

from bgecpp.fastembed._refused import ImageEmbedding, LateInteractionMultimodalEmbedding
from bgecpp.fastembed.late_interaction import LateInteractionTextEmbedding
from bgecpp.fastembed.sparse import SparseEmbedding, SparseTextEmbedding
from bgecpp.fastembed.text import TextEmbedding

__version__ = "0.9.1"
__all__ = [
    "TextEmbedding",
    "SparseTextEmbedding",
    "SparseEmbedding",
    "ImageEmbedding",
    "LateInteractionTextEmbedding",
    "LateInteractionMultimodalEmbedding",
]
