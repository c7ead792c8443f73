"""docs/python-surfaces.md says what each reference class has, and what becomes of it here."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from conftest import ROOT

import bgecpp
from bgecpp.fastembed.rerank.cross_encoder import TextCrossEncoder

PAGE = ROOT / "docs/python-surfaces.md"
ROW = re.compile(r"^\| (?:`(\w+)`|(constructor)) \| (?:`([\w, ]*)`)? \| (same|better|accepted|refused|absent)\b")
# Classes of other packages that a reference inherits from: modules of torch, adapters, generics.
FOREIGN = ("torch", "typing", "abc", "huggingface_hub", "peft", "transformers", "builtins")
MODULES = {"TextCrossEncoder": "fastembed.rerank.cross_encoder"}


def rows_of(page: str) -> dict[str, dict[str, tuple[list[str], str]]]:
    """Class -> name -> (arguments, verdict). Every row of a table must be one."""
    tables: dict[str, dict[str, tuple[list[str], str]]] = {}
    for line in page.splitlines():
        if line.startswith("## "):
            rows = tables.setdefault(line.split()[1], {})
        elif line.startswith("| ") and not line.startswith("| name "):
            match = ROW.match(line)
            assert match is not None, f"no row: {line}"
            arguments = [a.strip() for a in (match[3] or "").split(",") if a.strip()]
            rows[match[1] or "__init__"] = arguments, match[4]
    return tables


TABLES = rows_of(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}


def ours(name: str) -> Any:
    return TextCrossEncoder if name == "TextCrossEncoder" else getattr(bgecpp, name)


def arguments_of(function: Any) -> list[str]:
    named = inspect.signature(function).parameters.values()
    return [p.name for p in named if p.name != "self" and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def parameters_of(cls: Any, method: str) -> dict[str, inspect.Parameter]:
    """Of a method; where it hands on all that it does not name (*args, **kwargs), with those of the base's method."""
    found: dict[str, inspect.Parameter] = {}
    for owner in cls.__mro__:
        if method in vars(owner):
            parameters = inspect.signature(getattr(owner, method)).parameters.values()
            for parameter in parameters:
                found.setdefault(parameter.name, parameter)
            if not any(p.kind is p.VAR_POSITIONAL for p in parameters):
                break
    return found


def public_names(cls: type) -> set[str]:
    names = set()
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] not in FOREIGN:
            names |= {name for name in vars(base) if not name.startswith("_") or name == "__init__"}
    return {name for name in names if not inspect.isclass(getattr(cls, name))}


@pytest.mark.parametrize("title", TABLES)
def test_each_row_is_true_of_ours(title: str) -> None:
    cls = ours(title.rpartition(".")[2])
    for name, (arguments, verdict) in TABLES[title].items():
        assert hasattr(cls, name) == (verdict != "absent"), f"{title}.{name}: {verdict}"
        found = getattr(cls, name, None)
        if verdict in ("same", "better", "accepted") and callable(found) and arguments:
            # By its name: **kwargs take all, also what has no effect.
            missing = set(arguments) - set(parameters_of(cls, name))
            assert not missing, f"{title}.{name}: {missing}"


@pytest.mark.oracle
@pytest.mark.parametrize("title", TABLES)
def test_the_page_has_all_that_the_reference_has(title: str) -> None:
    package, _, name = title.partition(".")
    reference = getattr(pytest.importorskip(MODULES.get(name, package)), name)
    rows = TABLES[title]
    assert public_names(reference) == set(rows)
    for method, (arguments, _) in rows.items():
        function = getattr(reference, method)
        expected = [a for a in arguments_of(function) if a not in ("args", "kwargs")] if callable(function) else []
        assert arguments == expected, f"{title}.{method}"


@pytest.mark.oracle
@pytest.mark.parametrize("title", TABLES)
def test_arguments_stand_where_they_stand_in_the_reference(title: str) -> None:
    """Programs pass some of them without a name."""
    package, _, name = title.partition(".")
    reference = getattr(pytest.importorskip(MODULES.get(name, package)), name)
    for method, (_, verdict) in TABLES[title].items():
        function, mine = getattr(reference, method), getattr(ours(name), method, None)
        if verdict not in ("same", "better", "accepted") or not callable(function) or function is object.__init__:
            continue
        theirs, own = positional(function), positional(mine)
        if own is not None:
            assert own[: len(theirs or [])] == theirs, f"{title}.{method}"


# Arguments whose default is another one here, and why.
OTHER_DEFAULTS = {
    ("FlagModel.start_multi_process_pool", "process_target_func"): "no process is started, so none need be said",
    ("BGEM3FlagModel.start_multi_process_pool", "process_target_func"): "as FlagModel's",
    ("SentenceTransformer.encode_multi_process", "pool"): "there is none to be given",
    **{
        (method, argument): "its old names are taken too"
        for method, argument in (
            ("SentenceTransformer.encode", "inputs"),
            ("SentenceTransformer.encode_query", "inputs"),
            ("SentenceTransformer.encode_document", "inputs"),
            ("SparseEncoder.encode", "inputs"),
            ("SparseEncoder.encode_query", "inputs"),
            ("SparseEncoder.encode_document", "inputs"),
            ("CrossEncoder.predict", "inputs"),
            ("CrossEncoder.rank", "query"),
            ("CrossEncoder.rank", "documents"),
        )
    },
}


@pytest.mark.oracle
@pytest.mark.parametrize("title", TABLES)
def test_defaults_are_the_references(title: str) -> None:
    package, _, name = title.partition(".")
    reference = getattr(pytest.importorskip(MODULES.get(name, package)), name)
    differing = set()
    for method, (arguments, verdict) in TABLES[title].items():
        function, mine = getattr(reference, method), getattr(ours(name), method, None)
        if verdict not in ("same", "better", "accepted") or not callable(function) or function is object.__init__:
            continue
        assert callable(mine), f"{title}.{method}"
        theirs, own = inspect.signature(function).parameters, parameters_of(ours(name), method)
        for argument in arguments:
            # Enumerations are each package's own.
            a, b = (getattr(side[argument].default, "value", side[argument].default) for side in (theirs, own))
            if (type(a), a) != (type(b), b):
                differing.add((f"{name}.{method}", argument))
    assert differing == {key for key in OTHER_DEFAULTS if key[0].startswith(f"{name}.")}


def test_the_checks_of_signatures_can_fail() -> None:
    class Base:
        def method(self, a: int, b: int = 2) -> None: ...

    class HandingOn(Base):
        def method(self, a: int, *args: Any, **kwargs: Any) -> None: ...

    class TakingAny(Base):
        def method(self, a: int, **kwargs: Any) -> None: ...

    assert parameters_of(HandingOn, "method")["b"].default == 2
    assert "b" not in parameters_of(TakingAny, "method")


def positional(function: Any) -> list[str] | None:
    """Arguments that may be given by their place; None where all that come are handed on."""
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def test_the_page_is_there() -> None:
    if not (ROOT / "docs").is_dir():
        pytest.skip("no docs: a checkout has them")
    assert len(TABLES) == 12
