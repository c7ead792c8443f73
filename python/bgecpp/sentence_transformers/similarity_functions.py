"""sentence_transformers.similarity_functions: where util.similarity once was."""

from __future__ import annotations

from .util.similarity import SimilarityFunction

__all__ = ["SimilarityFunction"]
