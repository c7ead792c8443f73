"""python -m bgecpp.run SCRIPT [ARG...] | -m MODULE [ARG...] | -c CODE [ARG...] | - [ARG...]: runs a program whose
imports of FlagEmbedding, sentence_transformers and fastembed give bgecpp's classes, in the Python processes that it
starts too. The program is not changed."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
import types
from typing import Any, NoReturn


def main() -> None:
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__.strip(), file=sys.stderr if not arguments else sys.stdout)
        sys.exit(2 if not arguments else 0)
    first = arguments[0]
    if first in ("-m", "-c") and len(arguments) < 2:
        _end(f"nothing behind {first}: {__doc__.strip().splitlines()[0]}")
    if first.startswith("-") and first not in ("-m", "-c", "-"):
        _end(f"unknown option {first}: options of Python's own stand before -m bgecpp.run")
    if first not in ("-m", "-c", "-") and not os.path.exists(first):
        _end(f"no such file: {first}: give a Python program")
    from bgecpp.imports import install

    install()
    _install_in_children()
    if first == "-m":
        sys.argv = arguments[1:]
        _put_first(os.getcwd())
        _execute_module(arguments[1])
    elif first == "-c":
        sys.argv = ["-c", *arguments[2:]]
        _put_first("")
        _execute(compile(arguments[1], "<string>", "exec"))
    elif first == "-":
        sys.argv = arguments
        _put_first("")
        _execute(compile(sys.stdin.read(), "<stdin>", "exec"))
    else:
        sys.argv = arguments
        _execute_file(first)


def _install_in_children() -> None:
    """The environment of processes that the program starts: they install() as they start."""
    startup = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_startup")
    os.environ["BGE_RUN_PREFIX"] = sys.prefix
    paths = os.environ.get("PYTHONPATH", "")
    if startup not in paths.split(os.pathsep):
        # An empty part is the working folder: those that there are stay.
        os.environ["PYTHONPATH"] = f"{startup}{os.pathsep}{paths}" if paths else startup


def _end(message: str) -> NoReturn:
    print(f"bge: error: {message}", file=sys.stderr)
    sys.exit(2)


def _put_first(folder: str) -> None:
    """In the place of the folder that `python -m bgecpp.run` has put there; with -P (safe_path) it puts none."""
    if not sys.flags.safe_path:
        sys.path[0] = folder


# As Python itself does it. runpy would take the main module away once its last line has run: threads and what is done at exit
# would miss it, and so would pickle.


def _execute(code: types.CodeType, **names: Any) -> None:
    """As the main module, which has these names beside its own."""
    module = types.ModuleType("__main__")
    module.__dict__.update(names, __builtins__=__builtins__)
    sys.modules["__main__"] = module
    exec(code, module.__dict__)


def _execute_file(path: str) -> None:
    """A source file, a compiled one, or a folder or an archive with a __main__."""
    full = os.path.abspath(path)
    inside = importlib.machinery.PathFinder.find_spec("__main__", [full])
    if inside is not None:
        _put_first(full)
        return _execute_spec(inside)
    if os.path.isdir(path):
        _end(f"no __main__ in it: {path}: give a Python program")
    _put_first(os.path.dirname(os.path.realpath(path)))
    loader: importlib.machinery.SourceFileLoader | importlib.machinery.SourcelessFileLoader
    if path.endswith(".pyc"):
        loader = importlib.machinery.SourcelessFileLoader("__main__", full)
        code = loader.get_code("__main__")
        assert code is not None
    else:
        loader = importlib.machinery.SourceFileLoader("__main__", full)
        code = loader.source_to_code(loader.get_data(full), full)  # get_code() would leave a .pyc
    _execute(code, __file__=full, __loader__=loader, __cached__=None)


def _execute_module(name: str) -> None:
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except ModuleNotFoundError as error:
        _end(f"{error}: give a module that has a program")
    if spec is None:
        _end(f"no module named {name}, or no __main__ in it: give a module that has a program")
    sys.argv[0] = spec.origin or name
    _execute_spec(spec)


def _execute_spec(spec: importlib.machinery.ModuleSpec) -> None:
    loader: Any = spec.loader
    code = loader.get_code(spec.name) if hasattr(loader, "get_code") else None
    if code is None:
        _end(f"no Python code: {spec.origin or spec.name}: give a Python program")
    _execute(code, __file__=spec.origin, __loader__=loader, __package__=spec.parent, __spec__=spec, __cached__=spec.cached)


if __name__ == "__main__":
    main()
