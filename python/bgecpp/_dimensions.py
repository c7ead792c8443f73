"""How long a model's vectors are before its settings cut them."""

from __future__ import annotations

import bisect
from typing import Any

from bgecpp import errors

_LONGEST = 1 << 20


def whole_dimension(embedder: Any) -> int:
    """Values of a dense vector of an Embedder without any cut. `info["dimension"]` heeds a truncate_dim of
    config_sentence_transformers.json; what output_dimension refuses is beyond the vector."""

    def refused(dimension: int) -> bool:
        try:
            embedder.output_dimension(dimension)
        except errors.InvalidArgument:
            return True
        return False

    least = int(embedder.info["dimension"])
    if refused(least + 1):
        return least
    return least + bisect.bisect_left(range(least, _LONGEST), True, key=refused) - 1
