"""Models that the tests use, and what is skipped where something is absent."""

import importlib.util
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests/data/models"


def pytest_configure(config):
    config.addinivalue_line("markers", "oracle: compares with the reference package, where that is installed")


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of committed tiny models."""
    if not MODELS.is_dir():
        pytest.skip(f"no tiny models: {MODELS} is not there (a checkout has it)")
    return MODELS


@pytest.fixture(scope="session")
def minilm() -> Path:
    """all-MiniLM-L6-v2, where $BGE_TEST_MINILM or ./dev demo's folder has it."""
    for folder in (os.environ.get("BGE_TEST_MINILM"), ROOT / ".demo/all-MiniLM-L6-v2"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    pytest.skip("no all-MiniLM-L6-v2: ./dev demo fetches it, or set BGE_TEST_MINILM")


@pytest.fixture(scope="session")
def real_model():
    """A function from a name to a directory among the developers' full-size models, else a skip."""
    folder = Path(os.environ.get("BGE_ORACLE_CACHE", Path.home() / ".cache/bge-oracle"))

    def find(name: str) -> Path:
        if not (folder / name).is_dir():
            pytest.skip(f"no model {name}: tools/oracle makes it in {folder}")
        return folder / name

    return find


def need(package: str):
    """The installed reference package; skips the test, saying so, where there is none."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install {package} to compare with it")
    return importlib.import_module(package)
