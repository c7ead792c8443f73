"""BatchEncoding: what a tokenizer gives a model."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable
from typing import Any


class BatchEncoding(UserDict[str, Any]):
    """input_ids, attention_mask and so on, by key or attribute; of an int or slice, those of a text or texts."""

    def __init__(
        self,
        data: dict[str, Any] | None = None,
        tokens: Callable[[int], list[str]] | None = None,
        tensor_type: str | None = None,
        n_sequences: int | None = None,
    ) -> None:
        super().__init__(data or {})
        self._tokens = tokens
        self._n_sequences = n_sequences
        self.convert_to_tensors(tensor_type)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self.data[key]
        if isinstance(key, slice):
            return {name: value[key] for name, value in self.data.items()}
        raise KeyError(f"{key!r}: expected a name or a slice: tokens(i) has the tokens of a text")

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["data"][name]
        except KeyError:
            raise AttributeError(f"no {name} among what was encoded") from None

    @property
    def n_sequences(self) -> int | None:
        """1 of texts, 2 of pairs."""
        return self._n_sequences

    @property
    def is_fast(self) -> bool:
        return self._tokens is not None

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The tokens of a text, as the vocabulary spells them."""
        if self._tokens is None:
            raise ValueError("tokens(): only of what a tokenizer has just encoded")
        return self._tokens(batch_index)

    def convert_to_tensors(self, tensor_type: str | None = None) -> BatchEncoding:
        """Lists become int64 arrays ("np") or torch tensors ("pt"), and arrays such tensors."""
        kind = getattr(tensor_type, "value", tensor_type)
        if kind is None:
            return self
        if kind not in ("np", "pt"):
            raise ValueError(f"return_tensors: expected None, 'np' or 'pt', found {tensor_type!r}")
        for name, value in self.data.items():
            if isinstance(value, list) or kind == "pt" and type(value).__module__ == "numpy":
                self.data[name] = _tensor(name, value, kind)
        return self

    def to(self, device: Any, *, non_blocking: bool = False) -> BatchEncoding:
        """Moves torch tensors; the engine itself computes on the CPU."""
        for name, value in self.data.items():
            if callable(getattr(value, "cpu", None)):
                self.data[name] = value.to(device=device, non_blocking=non_blocking)
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {"data": self.data, "_n_sequences": self._n_sequences, "_tokens": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def _tensor(name: str, value: Any, kind: str) -> Any:
    import numpy as np

    rows = [v for v in value if isinstance(v, list)]
    if len({len(row) for row in rows}) > 1:
        raise ValueError(
            f"{name}: texts of different numbers of tokens make no tensor: use padding=True, and truncation=True where "
            "they are too long"
        )
    array = np.asarray(value, dtype=np.int64)
    if kind == "np":
        return array
    import torch

    return torch.from_numpy(array)
