"""What Python loads first in the processes that a program under `python -m bgecpp.run` starts with its own interpreter
(multiprocessing's spawn and forkserver, a server's workers, subprocess): the packages' names give bgecpp's classes there
too. run.py puts this folder on PYTHONPATH."""

import importlib.machinery
import importlib.util
import os
import sys


def _install() -> None:
    # Another environment's interpreter has other packages, maybe another bgecpp: it is left as it is.
    if os.environ.get("BGE_RUN_PREFIX") != sys.prefix:
        return
    try:
        from bgecpp.imports import install
    except ImportError:
        return
    install()


def _next() -> None:
    """Loads the sitecustomize that this one is found before."""
    here = os.path.dirname(os.path.realpath(__file__))
    others = [folder for folder in sys.path if os.path.realpath(folder) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_install()
_next()
