"""Native functions as Python functions: with their signature, with errors that name the argument, for paths of any kind.

nanobind's functions have no signature that inspect knows, and name no argument where one does not fit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type)

# Arguments that name a model, a file or a folder.
_PATHS = frozenset({"model", "out", "packed_cache", "cache_dir"})
_KINDS: dict[str, type | tuple[type, ...]] = {"bool": bool, "int": int, "float": (int, float), "str": str}


def python_methods(cls: _Class) -> _Class:
    """Gives a subclass of a native class Python functions for those that it inherits."""
    native = cls.__mro__[1]
    for name, function in vars(native).items():
        if hasattr(function, "__nb_signature__") and name not in vars(cls) and name not in _SPECIAL:
            setattr(cls, name, python_function(function, f"{cls.__name__}.{name}", cls.__module__))
    return cls


# Python calls them, and pickle: no user does.
_SPECIAL = frozenset({"__getstate__", "__setstate__", "__repr__", "__len__", "__contains__"})


def python_function(native: Any, qualified_name: str, module: str) -> Callable[..., Any]:
    """The native function as a Python function. qualified_name: with the class of a method."""
    text, document, defaults = native.__nb_signature__[0]
    inside, _, result = text[text.index("(") + 1 :].rpartition(") -> ")
    known: dict[str, Any] = {"_native": native, "_explained": _explained, "_path": _path, "_defaults": defaults}
    shown, passed, kinds, before = [], [], [], []
    keyword = False
    for part in _parts(inside):
        name, _, kind = part.partition(":")
        name, (kind, _, default) = name.strip(), kind.strip().partition(" = ")
        kind = re.sub(r"ndarray\[.*\]", "ndarray", kind)
        if name == "*":
            keyword = True
            shown.append(name)
            continue
        annotation = f": {kind}" if kind else ""
        shown.append(f"{name}{annotation}" + (f" = _defaults[{default[1:]}]" if default.startswith("\\") else ""))
        passed.append(f"{name}={name}" if keyword else name)
        if kind:
            kinds.append(f"({name!r}, {name}, {kind!r})")
        if name in _PATHS:
            before.append(f"    {name} = _path({name})\n")
    name = qualified_name.rpartition(".")[2]
    calls = f"_native({', '.join(passed)})"
    source = (
        f"from __future__ import annotations\ndef {name}({', '.join(shown)}) -> {result}:\n{''.join(before)}"
        f"    try:\n        return {calls}\n"
        f"    except TypeError as error:\n        _explained(error, {qualified_name!r}, ({''.join(k + ', ' for k in kinds)}))\n"
        "        raise\n"
    )
    exec(source, known)  # of what the native module says of itself, and nothing else
    function: Callable[..., Any] = known[name]
    function.__doc__, function.__qualname__, function.__module__ = document, qualified_name, module
    return function


def _parts(inside: str) -> list[str]:
    """The parameters of a signature's text, which are separated by commas outside of brackets."""
    parts, depth, begin = [], 0, 0
    for place, sign in enumerate(inside):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            parts.append(inside[begin:place].strip())
            begin = place + 1
    return [*parts, inside[begin:].strip()] if inside.strip() else []


def _path(value: Any) -> Any:
    """A str of a path of any kind; what is none stays."""
    return os.fsdecode(value) if isinstance(value, (os.PathLike, bytes)) else value


def _explained(error: TypeError, function: str, arguments: tuple[tuple[str, Any, str], ...]) -> None:
    """Raises a TypeError that names the argument which does not fit, where nanobind's only says that one does not."""
    if "incompatible function arguments" not in str(error):
        return
    function = function.removesuffix(".__init__")
    for name, value, kind in arguments:
        found = type(value).__name__ if name == "token" else f"{type(value).__name__} {str(value)[:60]!r}"
        if not _fits(value, kind):
            raise TypeError(f"{function}(): {name}: expected {kind}, found {found}") from None
        if isinstance(value, str) and name != "token" and not _is_utf8(value):
            raise TypeError(f"{function}(): {name}: expected text in UTF-8, found {_shown(value)}") from None
        if isinstance(value, int) and "int" in kind.split(" | ") and not -(1 << 31) <= value < 1 << 31:
            raise TypeError(f"{function}(): {name}: found {str(value)[:60]}, which is out of its range") from None
    arrays = [f"{name}: {kind}" for name, _, kind in arguments if "ndarray" in kind]
    found = ", ".join(f"{name}: {_described(value)}" for name, value, kind in arguments if "ndarray" in kind)
    raise TypeError(f"{function}(): expected {', '.join(arrays) or 'other types'}, found {found or 'none of them'}") from None


def _fits(value: Any, kind: str) -> bool:
    kinds = kind.split(" | ")
    if any(k not in _KINDS and k != "None" for k in kinds):
        return True  # objects and arrays: not known here
    if value is None or isinstance(value, bool):
        return ("None" if value is None else "bool") in kinds
    if hasattr(value, "__index__") and "int" in kinds:
        return True  # NumPy's
    return any(isinstance(value, _KINDS[k]) for k in kinds if k != "None")


def _shown(text: str) -> str:
    """A str that is no UTF-8: the bytes of a path, or the str with its lone surrogates as escapes."""
    try:
        return f"{os.fsencode(text)!r}: rename it, or give a link to it"
    except UnicodeEncodeError:
        return f"{ascii(text[:60])}: it has lone surrogates"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _described(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    return type(value).__name__ if dtype is None else f"{dtype} of shape {tuple(value.shape)}"
