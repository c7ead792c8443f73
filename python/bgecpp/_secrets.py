"""Tokens of the hub: used where they are given, and not kept in what is shown, pickled or saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# What arguments that hold one are called.
NAMES: Final = frozenset({"token", "use_auth_token", "hf_token", "api_key", "api_token", "access_token", "headers"})


def without(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """A copy of arguments without tokens, those in model_kwargs, tokenizer_args and the like among them included."""
    return {
        name: without(value) if isinstance(value, Mapping) and str(name).endswith(("kwargs", "args")) else value
        for name, value in (options or {}).items()
        if name not in NAMES
    }


class Held:
    """A token that is needed later: shown as ***, None where it is pickled. Copies in this process have it."""

    __slots__ = ("value",)

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "***"

    def __copy__(self) -> Held:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Held:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Held, ()
