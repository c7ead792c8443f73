"""fastembed.SparseEmbedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass
class SparseEmbedding:
    """Weights of one text: values (n,) float64 and indices (n,) int64, ascending."""

    values: NDArray[np.float64] | NDArray[np.float32]
    indices: NDArray[np.int64] | NDArray[np.int32]

    def as_object(self) -> dict[str, Any]:
        return {"values": self.values, "indices": self.indices}

    def as_dict(self) -> dict[int, float]:
        return dict(zip(self.indices.tolist(), self.values.tolist()))

    @classmethod
    def from_dict(cls, data: dict[int, float]) -> SparseEmbedding:
        import numpy as np

        return cls(values=np.array(list(data.values())), indices=np.array(list(data), dtype=np.int64))
