"""What models return: fields by name, by key, or by place among those that are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class ModelOutput:
    """Fields in order; those that are None count as absent."""

    hidden_states: Any = None
    attentions: Any = None

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def to_tuple(self) -> tuple[Any, ...]:
        return tuple(self.values())

    def keys(self) -> list[str]:
        return [name for name, value in self.__dict__.items() if value is not None]

    def values(self) -> list[Any]:
        return [value for value in self.__dict__.values() if value is not None]

    def items(self) -> list[tuple[str, Any]]:
        return list(zip(self.keys(), self.values()))

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default

    def __getitem__(self, key: str | int | slice) -> Any:
        if isinstance(key, str):
            if key not in self:
                raise KeyError(key)
            return self.__dict__[key]
        return self.to_tuple()[key]

    def __contains__(self, name: object) -> bool:
        return self.__dict__.get(str(name)) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({fields})"


class BaseModelOutputWithPooling(ModelOutput):
    """last_hidden_state [B, L, H], zeros where the attention mask is zero; pooler_output [B, H] or None."""

    last_hidden_state: Any
    pooler_output: Any
    past_key_values: Any = None
    cross_attentions: Any = None


class SequenceClassifierOutput(ModelOutput):
    """logits [B, 1]."""

    loss: Any
    logits: Any
