"""python -m bgecpp.run SCRIPT [ARG...] | -m MODULE [ARG...] | -c CODE [ARG...] | - [ARG...]: runs a program whose
imports of FlagEmbedding, sentence_transformers and fastembed give bgecpp's classes, in the Python processes that it
starts too. The program is not changed."""

import os
import runpy
import sys
from typing import NoReturn


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
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *arguments[2:]]
        _put_first("")
        _execute(arguments[1], "<string>")
    elif first == "-":
        sys.argv = arguments
        _put_first("")
        _execute(sys.stdin.read(), "<stdin>")
    else:
        sys.argv = arguments
        # Of a folder or archive run_path() puts that there itself.
        if os.path.isfile(first):
            _put_first(os.path.dirname(os.path.realpath(first)))
        runpy.run_path(first, run_name="__main__")


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


def _execute(code: str, name: str) -> None:
    """As the program's main module, where what it defines can be found (by pickle, for one)."""
    import types

    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    exec(compile(code, name, "exec"), module.__dict__)


if __name__ == "__main__":
    main()
