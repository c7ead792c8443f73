"""Vectors in fewer bits: a byte a value, or a bit."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from .._arrays import Array, is_tensor, to_numpy
from .tensor import _has_nan

logger = logging.getLogger("sentence_transformers.util.quantization")

_BYTES = {"int8": np.int8, "uint8": np.uint8}
_BITS = {"binary": np.int8, "ubinary": np.uint8}
_ROWS_AT_ONCE = 1024  # which stay in the caches


def _ranges(embeddings: Array, precision: str, calibration_embeddings: Any) -> Array:
    """(2, D): least and greatest values, of the calibration set or else of the vectors themselves."""
    if calibration_embeddings is None:
        if embeddings.ndim == 1 or len(embeddings) == 1:
            raise ValueError(
                f"{precision}: a single vector has no range of values. Give `ranges` or `calibration_embeddings`."
            )
        if len(embeddings) < 100:
            logger.warning(
                f"Computing {precision} quantization buckets based on {len(embeddings)} embeddings. "
                "More of them, `ranges` or `calibration_embeddings` make them more stable."
            )
        calibration_embeddings = embeddings
    rows = to_numpy(calibration_embeddings)
    return np.vstack((rows.min(axis=0), rows.max(axis=0)))


def quantize_embeddings(
    embeddings: Any, precision: str, ranges: Any = None, calibration_embeddings: Any = None
) -> Array | list[Array]:
    """Vectors (N, D) in another precision.

    float32: as they are. int8, uint8: (N, D), each dimension cut into 256 equal steps between its least
    and greatest value: of `ranges` (2, D), else of calibration_embeddings, else of the vectors (which
    must then be more than one: ValueError). binary, ubinary: (N, ceil(D / 8)), a bit for each value, 1
    above zero, most significant first, as int8 (minus 128) or uint8. A list of (tokens, D) gives a list,
    with common ranges.
    """
    if isinstance(embeddings, list):
        if not embeddings:
            return []
        if getattr(embeddings[0], "ndim", 0) == 2:
            matrices = [to_numpy(matrix) for matrix in embeddings]
            if (
                precision in _BYTES
                and ranges is None
                and (calibration_embeddings is not None or any(map(len, matrices)))
            ):
                ranges = _ranges(np.concatenate(matrices), precision, calibration_embeddings)
            return [_quantize(matrix, precision, ranges, calibration_embeddings) for matrix in matrices]
    if is_tensor(embeddings) or isinstance(embeddings, list):
        embeddings = to_numpy(embeddings)
    return _quantize(embeddings, precision, ranges, calibration_embeddings)


def _quantize(embeddings: Array, precision: str, ranges: Any, calibration_embeddings: Any) -> Array:
    if embeddings.dtype in (np.int8, np.uint8):
        raise Exception("Embeddings to quantize must be float rather than int8 or uint8.")
    if precision == "float32":
        return embeddings.astype(np.float32)
    if _has_nan(embeddings):
        raise ValueError(f"embeddings: expected numbers, found NaN, which has no {precision}")
    if precision in _BITS:
        bits = np.packbits(embeddings > 0, axis=-1)
        return bits if precision == "ubinary" else (bits.astype(np.int16) - 128).astype(np.int8)
    if precision not in _BYTES:
        raise ValueError(f"Precision {precision!r} is not supported")
    if embeddings.ndim == 2 and len(embeddings) == 0:
        return np.zeros(embeddings.shape, _BYTES[precision])
    if ranges is None:
        ranges = _ranges(embeddings, precision, calibration_embeddings)
    if _has_nan(to_numpy(ranges)):
        raise ValueError("ranges or calibration_embeddings: expected numbers, found NaN")
    least, greatest = np.asarray(ranges).astype(np.float32)
    steps = (greatest - least) / 255
    steps = np.where(steps == 0, 1, steps)
    rows = embeddings.reshape(-1, embeddings.shape[-1])
    result = np.empty(rows.shape, _BYTES[precision])
    for begin in range(0, len(rows), _ROWS_AT_ONCE):
        values = (rows[begin : begin + _ROWS_AT_ONCE] - least) / steps
        np.clip(np.floor(values, out=values), 0, 255, out=values)
        if precision == "int8":
            values -= 128
        result[begin : begin + _ROWS_AT_ONCE] = values
    return result.reshape(embeddings.shape)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    from .._real import attribute

    return attribute("util.quantization", name)  # semantic_search_faiss, semantic_search_usearch
