"""Distances of bgecpp.sentence_transformers.util where torch is not installed."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from bgecpp.sentence_transformers import util
from bgecpp.sentence_transformers.util import similarity


@pytest.fixture(autouse=True)
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "torch_or_none", lambda: None)


def vectors(count: int, dimension: int, kind: Any = np.float32) -> Any:
    return np.random.default_rng(count).standard_normal((count, dimension)).astype(kind)


@pytest.mark.parametrize("dimension", [1, 7, 384, 30_000])
@pytest.mark.parametrize("kinds", [(np.float32, np.float32), (np.float64, np.float64), (np.float32, np.float64)])
def test_distances_are_those_of_the_differences(dimension: int, kinds: tuple[Any, Any]) -> None:
    """Manhattan's bit for bit; Euclid's too of float64 and of few rows, else as exact as float32 is."""
    others = vectors(50 if dimension == 30_000 else 1500, dimension, kinds[1])
    for count in (3, 40):
        rows = vectors(count, dimension, kinds[0])
        manhattan, euclidean = util.manhattan_sim(rows, others), util.euclidean_sim(rows, others)
        assert manhattan.dtype == euclidean.dtype == np.result_type(*kinds)
        assert np.array_equal(manhattan, [-np.abs(others - row).sum(axis=-1) for row in rows])
        direct = np.stack([-np.sqrt(np.square(others - row).sum(axis=-1)) for row in rows])
        if euclidean.dtype == np.float64 or count < 16:
            assert np.array_equal(euclidean, direct)
            continue
        doubles = others.astype(np.float64)
        exact = np.stack([-np.sqrt(np.square(doubles - row).sum(axis=-1)) for row in rows])
        errors = [np.abs(found / exact - 1).max() for found in (euclidean, direct)]
        assert errors[0] <= max(errors[1], 6e-8)


def test_equal_and_near_vectors() -> None:
    """Which the difference of their products does not tell from others."""
    rows = vectors(1100, 16)
    assert not util.euclidean_sim(rows, rows.copy()).diagonal().any()
    assert not util.euclidean_sim(np.zeros((20, 16), np.float32), np.zeros((3, 16), np.float32)).any()
    far = rows + np.float32(1000)
    near = far.copy()
    near[:, 3] = np.nextafter(near[:, 3], np.float32(2000))
    assert np.array_equal(-util.euclidean_sim(far, near).diagonal(), near[:, 3] - far[:, 3])


@pytest.mark.filterwarnings("ignore:invalid value")
def test_infinite_numbers() -> None:
    rows = vectors(20, 4)
    others = rows.copy()
    others[2, 1] = np.inf
    found = util.euclidean_sim(rows, others)
    assert (found[:, 2] == -np.inf).all() and np.isfinite(np.delete(found, 2, axis=1)).all()


@pytest.mark.parametrize("of", [util.manhattan_sim, util.euclidean_sim])
def test_memory_is_that_of_the_result(of: Any) -> None:
    rows, others = vectors(16, 384), vectors(20_000, 384)
    tracemalloc.start()
    found = of(rows, others)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.shape == (16, 20_000) and peak < found.nbytes + (12 << 20) < others.nbytes


def test_no_rows() -> None:
    for of in (util.manhattan_sim, util.euclidean_sim):
        assert of(vectors(0, 4), vectors(3, 4)).shape == (0, 3) and of(vectors(3, 4), vectors(0, 4)).shape == (3, 0)
