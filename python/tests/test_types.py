"""_core.pyi says what the native module has."""

import ast
import re

import pytest
from conftest import ROOT

from bgecpp import _core

STUB = ast.parse((ROOT / "python/bgecpp/_core.pyi").read_text())


def arguments(node: ast.FunctionDef) -> list[str]:
    return [a.arg for a in (*node.args.args, *node.args.kwonlyargs) if a.arg != "self"]


def native_arguments(function) -> list[str]:
    # "def encode(self, texts: object, *, role: str | None = None, ...) -> object"
    text = function.__nb_signature__[0][0]
    inside = text[text.index("(") + 1 : text.rindex(")")]
    inside = re.sub(r"\[[^\[\]]*(\[[^\[\]]*\][^\[\]]*)*\]", "", inside)
    names = [part.split(":")[0].split("=")[0].strip() for part in inside.split(",")]
    return [name for name in names if name not in ("self", "*", "/", "")]


def test_every_name_is_in_the_stub():
    stubbed = {node.name for node in STUB.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    native = {name for name in dir(_core) if not name.startswith("_")}
    assert stubbed == native


@pytest.mark.parametrize("node", [n for n in STUB.body if isinstance(n, ast.ClassDef)], ids=lambda n: n.name)
def test_classes_have_these_methods_and_arguments(node):
    native = getattr(_core, node.name)
    methods = [m for m in node.body if isinstance(m, ast.FunctionDef)]
    assert {m.name for m in methods if not m.name.startswith("_")} == {
        name for name in vars(native) if not name.startswith("_")
    }
    for method in methods:
        function = vars(native)[method.name]
        if hasattr(function, "__nb_signature__") and not method.name.startswith("__l"):
            assert arguments(method) == native_arguments(function), method.name


@pytest.mark.parametrize("node", [n for n in STUB.body if isinstance(n, ast.FunctionDef)], ids=lambda n: n.name)
def test_functions_have_these_arguments(node):
    assert arguments(node) == native_arguments(getattr(_core, node.name))
