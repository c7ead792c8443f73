"""Whether an Index and the vectors that it is searched with are of one model: by the sentence that `bge index build`
embeds, as `bge search` tells (apps/index_space.cc). Files are not hashed here: a quantized copy of the model passes
without a warning, and so does one that was trained a little further."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from bgecpp import errors
from bgecpp._model_files import shown
from bgecpp.native import Index

_TEXT = "A ship left the harbour at dawn, and nobody saw it again."
_VALUES = 32
_MIN_COSINE = 0.98
_MAX_LENGTH_RATIO = 1.1
# With an instruction in front, of which other embedders do not tell: MiniLM's own cosines are 0.7 and more.
_MIN_COSINE_OF_OTHERS = 0.5


@runtime_checkable
class Bare(Protocol):
    """An embedder that can leave instructions out."""

    def _bare(self, text: str, max_length: int | None) -> Any:
        """The vector of a text without an instruction, else as the embedder's other vectors."""


def opened(path: str | os.PathLike[str], embedder: Any, embed: Callable[[str], Sequence[float]]) -> Index:
    """The Index. InvalidArgument where it remembers a vector of the sentence, and embedder's is another; embed: of a
    document, where embedder is not Bare."""
    index = Index(path)
    _check(index, path, embedder, embed)
    return index


def newest(index: Index, path: str | os.PathLike[str], embedder: Any, embed: Callable[[str], Sequence[float]]) -> Index:
    """The Index as it is now, which may have been built again, with another model."""
    newer = index.refresh()
    if newer is None:
        return index
    before, after = index.info, newer.info
    if any(before[name] != after[name] for name in ("model", "dimension", "metadata")):
        _check(newer, path, embedder, embed)
    return newer


def _check(index: Index, path: str | os.PathLike[str], embedder: Any, embed: Callable[[str], Sequence[float]]) -> None:
    import numpy as np

    info = index.info
    metadata: dict[str, str] = info["metadata"]
    if "probe" not in metadata:  # written by an IndexWriter
        return
    bare = isinstance(embedder, Bare)
    max_length = metadata.get("max_length", "")
    cut = int(max_length) if max_length.isdecimal() else None
    vector = np.asarray(embedder._bare(_TEXT, cut) if bare else embed(_TEXT), np.float64)
    head, probe = vector[:_VALUES], _values(metadata["probe"])
    length = float(np.linalg.norm(vector))
    fix = "give the model and the settings that `bge index info` shows, or build the index again"
    if len(vector) != info["dimension"]:
        difference = f"found {len(vector)} values a vector, expected {info['dimension']}"
    elif not _is_same_direction(head, probe, _MIN_COSINE if bare else _MIN_COSINE_OF_OTHERS):
        difference = "a test sentence has another vector"
    elif metadata.get("normalize") == "true" and not _is_same_length(length, 1):
        difference = f"a test sentence has a vector of length {length:.3g}, expected 1"
        fix = "let the embeddings normalise theirs (normalize=True), or build the index again"
    elif bare and not _is_same_length(float(np.linalg.norm(head)), float(np.linalg.norm(probe))):
        difference = "a test sentence has a vector of another length"
    else:
        return
    name = getattr(embedder, "model_name", None) or getattr(embedder, "model", None)
    given = name if isinstance(name, str) else type(embedder).__name__
    raise errors.InvalidArgument(
        f"this index was built with another model or other settings: {os.fspath(path)}: built with {shown(info['model'][:1000])}, "
        f"given {given}: {difference}: {fix}"
    )


def _values(probe: str) -> Any:
    """Of numbers with spaces between; none where something else is there."""
    import numpy as np

    try:
        return np.array([float(value) for value in probe.split()])
    except ValueError:
        return np.empty(0)


def _is_same_direction(a: Any, b: Any, min_cosine: float) -> bool:
    if len(a) != len(b):
        return False
    lengths = float((a @ a) * (b @ b)) ** 0.5
    return bool(a @ b >= min_cosine * lengths) if lengths else a.any() == b.any()


def _is_same_length(a: float, b: float) -> bool:
    return a == b or b / _MAX_LENGTH_RATIO < a < b * _MAX_LENGTH_RATIO
