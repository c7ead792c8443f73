"""Names of FastEmbed's first releases."""

from bgecpp.fastembed.text import TextEmbedding

DefaultEmbedding = TextEmbedding
FlagEmbedding = TextEmbedding

__all__ = ["DefaultEmbedding", "FlagEmbedding", "TextEmbedding"]
