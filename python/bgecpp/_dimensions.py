"""How long a model's vectors are before its settings cut them."""

from __future__ import annotations

import bisect
from typing import Any

from bgecpp import _common, errors

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

    least = int(_common.info_of(embedder)["dimension"])
    if refused(least + 1):
        return least
    return least + bisect.bisect_left(range(least, _LONGEST), True, key=refused) - 1


def uncut(embedder: Any) -> dict[str, Any]:
    """Arguments of Embedder.encode for vectors that a length in the directory's settings does not cut: none where it has
    none, as a truncate_dim has Normalize run before it."""
    fields: dict[str, Any] = embedder.__dict__
    if "_uncut" not in fields:
        whole = whole_dimension(embedder)
        fields["_uncut"] = {} if whole == _common.info_of(embedder)["dimension"] else {"truncate_dim": whole}
    found: dict[str, Any] = fields["_uncut"]
    return found
