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


def takes_any(function: Any) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())


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
            missing = set(arguments) - set(arguments_of(found))
            assert not missing or takes_any(found), f"{title}.{name}: {missing}"


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
