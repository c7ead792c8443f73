"""The pytest plugin of upstream_tests.py: which package `sentence_transformers` is, and where its models are.

BGE_UPSTREAM_PACKAGE: "real", or "bgecpp" for bgecpp.sentence_transformers under that name.
BGE_UPSTREAM_MODELS: folder of the models that stand for those of the hub.
BGE_UPSTREAM_REPORT: file that gets a line of JSON for each test.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
from pathlib import Path

NAME = "sentence_transformers"
OURS = "bgecpp.sentence_transformers"

# Names on the hub -> folders of upstream_tests.py's models.
MODELS = {
    "sentence-transformers-testing/stsb-bert-tiny-safetensors": "stsb-bert-tiny",
    "sentence-transformers/all-MiniLM-L6-v2": "all-MiniLM-L6-v2",
    "cross-encoder-testing/reranker-bert-tiny-gooaq-bce": "reranker-bert-tiny",
    "cross-encoder-testing/reranker-bert-tiny-gooaq-bce-STv54": "reranker-bert-tiny",
    "cross-encoder-testing/reranker-bert-tiny": "reranker-bert-tiny",
    "cross-encoder-testing/reranker-bert-tiny-gooaq-bce-tanh-v3": "reranker-bert-tiny-tanh-v3",
    "cross-encoder-testing/reranker-bert-tiny-gooaq-bce-tanh-v4": "reranker-bert-tiny-tanh-v4",
    "cross-encoder-testing/stsb-distilroberta-base": "reranker-bert-tiny",
    "cross-encoder/stsb-distilroberta-base": "reranker-bert-tiny",
    "sparse-encoder-testing/splade-bert-tiny-nq": "splade-bert-tiny",
    "sparse-encoder-testing/inference-free-splade-bert-tiny-nq": "inference-free-splade-bert-tiny",
}


class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """sentence_transformers.X is bgecpp's where that has it, else the real one's."""

    stands_in_for = NAME

    def find_spec(self, fullname, path=None, target=None):
        if fullname != NAME and not fullname.startswith(NAME + "."):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec):
        rest = spec.name[len(NAME):]
        try:
            found = importlib.util.find_spec(OURS + rest)
        except ModuleNotFoundError:
            found = None
        if found is not None:
            module = importlib.import_module(OURS + rest)
        else:
            module = importlib.import_module(OURS + "._real").module(rest[1:])
        self.kept = getattr(self, "kept", {})
        self.kept[spec.name] = module.__spec__
        return module

    def exec_module(self, module):
        for name, spec in self.kept.items():
            if sys.modules.get(name) is module:
                module.__spec__ = spec


def map_models(cls):
    """The class with the hub's names taken for our folders."""
    models = Path(os.environ["BGE_UPSTREAM_MODELS"])
    init = cls.__init__

    def wrapped(self, *args, **kwargs):
        if args and args[0] in MODELS:
            args = (str(models / MODELS[args[0]]), *args[1:])
        if kwargs.get("model_name_or_path") in MODELS:
            kwargs["model_name_or_path"] = str(models / MODELS[kwargs["model_name_or_path"]])
        init(self, *args, **kwargs)

    wrapped.__wrapped__ = init
    cls.__init__ = wrapped


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: as upstream")
    config.addinivalue_line("markers", "custom: as upstream")
    if os.environ["BGE_UPSTREAM_PACKAGE"] == "bgecpp":
        sys.meta_path.insert(0, StandIn())
    package = importlib.import_module(NAME)
    for name in ("SentenceTransformer", "CrossEncoder", "SparseEncoder"):
        map_models(getattr(package, name))


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        outcome = "failed" if report.failed else report.outcome
        message = "" if report.passed else str(report.longrepr.reprcrash.message if hasattr(report.longrepr, "reprcrash") else report.longrepr)
        line = {"test": report.nodeid, "when": report.when, "outcome": outcome, "message": message[:400]}
        with open(os.environ["BGE_UPSTREAM_REPORT"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def pytest_collectreport(report):
    if report.failed:
        line = {"test": report.nodeid, "when": "collect", "outcome": "failed", "message": str(report.longrepr)[-400:]}
        with open(os.environ["BGE_UPSTREAM_REPORT"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
