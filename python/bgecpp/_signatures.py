"""Native functions as Python functions: with their signature, with errors that name the argument, for paths of any kind.

nanobind's functions have no signature that inspect knows, and name no argument where one does not fit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
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
_SPECIAL = frozenset({"__getstate__", "__setstate__", "__repr__", "__len__"})


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
        exact, kind = kind, re.sub(r"ndarray\[.*\]", "ndarray", kind)
        if name == "*":
            keyword = True
            shown.append(name)
            continue
        annotation = f": {kind}" if kind else ""
        shown.append(f"{name}{annotation}" + (f" = _defaults[{default[1:]}]" if default.startswith("\\") else ""))
        passed.append(f"{name}={name}" if keyword else name)
        if kind:
            kinds.append(f"({name!r}, {name}, {exact!r})")
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
        if not _fits(value, kind):
            found = _type_name(value) if name == "token" else _described(value, name, kind)
            raise TypeError(f"{function}(): {name}: expected {_in_words(kind)}, found {found}") from None
        if isinstance(value, str) and name != "token" and not _is_utf8(value):
            raise TypeError(f"{function}(): {name}: expected text in UTF-8, found {_excerpt(value)}") from None
        if isinstance(value, int) and "int" in kind.split(" | ") and not -(1 << 31) <= value < 1 << 31:
            raise TypeError(f"{function}(): {name}: found {str(value)[:60]}, which is out of its range") from None
    expected = ", ".join(f"{name}: {_in_words(kind)}" for name, _, kind in arguments)
    found = ", ".join(f"{name}: {_described(value, name, kind)}" for name, value, kind in arguments if name != "token")
    raise TypeError(f"{function}(): expected {expected}, found {found}") from None


def _fits(value: Any, kind: str) -> bool:
    """Whether nanobind may take it: what is not known here may."""
    if kind in _WORDS:
        return _CHECKS[kind](value)
    if kind.startswith("ndarray"):
        dimensions = _dimensions(kind)
        if value is None:
            return kind.endswith(" | None")
        return hasattr(value, "__dlpack__") and dimensions in (None, getattr(value, "ndim", None))
    kinds = kind.split(" | ")
    if any(k not in _KINDS and k != "None" for k in kinds):
        return True
    if value is None or isinstance(value, bool):
        return ("None" if value is None else "bool") in kinds
    if hasattr(value, "__index__") and "int" in kinds:
        return True  # NumPy's
    return any(isinstance(value, _KINDS[k]) for k in kinds if k != "None")


# How nanobind writes what an argument may be: in words, and the check. An object that must be there is texts.
_WORDS = {
    "object": "a str or an iterable of str",
    "str | os.PathLike": "a path",
    "collections.abc.Sequence[int]": "integers",
    "collections.abc.Mapping[str, str]": "a dict of str to str",
}
_CHECKS: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: value is not None,
    "str | os.PathLike": lambda value: isinstance(value, (str, bytes, os.PathLike)),
    "collections.abc.Sequence[int]": lambda value: not isinstance(value, str) and _all_are(value, "__index__"),
    "collections.abc.Mapping[str, str]": lambda value: isinstance(value, Mapping) and _all_are([*value, *value.values()], "casefold"),
}


def _all_are(values: Any, attribute: str) -> bool:
    return hasattr(values, "__iter__") and all(hasattr(value, attribute) for value in values)


def _dimensions(kind: str) -> int | None:
    """Of the array that nanobind wants; None: any."""
    shape = re.search(r"shape=\(([^)]*)\)", kind)
    return shape[1].count("*") if shape else None


def _in_words(kind: str) -> str:
    if not kind.startswith("ndarray"):
        return _WORDS.get(kind, kind)
    optional = " | None" if kind.endswith(" | None") else ""
    dtype, dimensions = re.search(r"dtype=(\w+)", kind), _dimensions(kind)
    if dimensions is None:
        return "ndarray" + optional
    return f"a {dtype[1] + ' ' if dtype else ''}array of {dimensions} dimension{'s' * (dimensions != 1)}{optional}"


def _described(value: Any, name: str, kind: str) -> str:
    if not kind.startswith("ndarray"):
        return "None" if value is None else f"{_type_name(value)} {str(value)[:60]!r}"
    dtype, dimensions = getattr(value, "dtype", None), _dimensions(kind)
    if dtype is None:
        return f"{_type_name(value)}" + (f": numpy.asarray({name}) makes one" if isinstance(value, (list, tuple)) else "")
    one = dimensions is not None and len(value.shape) + 1 == dimensions
    return f"{dtype} of shape {tuple(value.shape)}" + (f": for one vector give {name}[None]" if one else "")


def _type_name(value: Any) -> str:
    """With its package, where it has one: NumPy has a bool too."""
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    return kind.__name__ if package in ("builtins", "__main__") else f"{package}.{kind.__name__}"


def _excerpt(text: str) -> str:
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
