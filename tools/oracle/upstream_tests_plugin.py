"""The pytest plugin of upstream_tests.py: which package `sentence_transformers` is, and where its models are.

BGE_UPSTREAM_PACKAGE: "real", or "bgecpp": bgecpp.install() is called first.
BGE_UPSTREAM_MODELS: folder of the models that stand for those of the hub.
BGE_UPSTREAM_REPORT: file that gets a line of JSON for each test.
"""

import importlib
import json
import os
from pathlib import Path

NAME = "sentence_transformers"

# Names on the hub -> folders of upstream_tests.py's models.
MODELS = {
    "sentence-transformers-testing/stsb-bert-tiny-safetensors": "stsb-bert-tiny",
    "sentence-transformers/all-MiniLM-L6-v2": "all-MiniLM-L6-v2",
    "sentence-transformers/static-retrieval-mrl-en-v1": "stsb-bert-tiny",  # any model will do
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


def set_up():
    if os.environ["BGE_UPSTREAM_PACKAGE"] == "bgecpp":
        importlib.import_module("bgecpp").install()
    package = importlib.import_module(NAME)
    for name in ("SentenceTransformer", "CrossEncoder", "SparseEncoder"):
        map_models(getattr(package, name))


set_up()  # before pytest loads the tests' conftest.py, which imports the package


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: as upstream")
    config.addinivalue_line("markers", "custom: as upstream")


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        outcome = "failed" if report.failed else report.outcome
        message = (
            ""
            if report.passed
            else str(report.longrepr.reprcrash.message if hasattr(report.longrepr, "reprcrash") else report.longrepr)
        )
        line = {"test": report.nodeid, "when": report.when, "outcome": outcome, "message": message[:400]}
        with open(os.environ["BGE_UPSTREAM_REPORT"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def pytest_collectreport(report):
    if report.failed:
        line = {"test": report.nodeid, "when": "collect", "outcome": "failed", "message": str(report.longrepr)[-400:]}
        with open(os.environ["BGE_UPSTREAM_REPORT"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
