"""Pooling of token vectors in NumPy, for inputs that the engine does not take as texts: pairs, ids, and
prompts whose tokens are left out although the model's files say otherwise."""

from __future__ import annotations

import numpy as np

from ._arrays import Array, FloatArray


def pool(hidden: FloatArray, bounds: Array, modes: list[str], prompt_length: int) -> FloatArray:
    """(N, H * len(modes)) of token vectors (T, H): text i has rows bounds[i]:bounds[i + 1].

    The first prompt_length tokens of each are left out.
    """
    rows = [
        np.concatenate([_pooled(hidden[begin:end], mode, prompt_length) for mode in modes])
        for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist())
    ]
    return np.stack(rows).astype(np.float32)


def pool_padded(hidden: Array, mask: Array, modes: list[str], prompt_length: int) -> FloatArray:
    """The same of (N, L, H), where the mask (N, L) is not zero."""
    kept = mask.astype(bool)
    bounds = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return pool(hidden[kept], bounds, modes, prompt_length)


def _pooled(tokens: FloatArray, mode: str, prompt_length: int) -> Array:
    kept = tokens[prompt_length:]
    if mode == "cls":
        # Where the prompt leaves nothing, the first of all.
        result: Array = kept[0] if len(kept) else tokens[0]
    elif mode == "lasttoken":
        result = tokens[-1] if len(kept) else np.zeros_like(tokens[-1])
    elif mode == "max":
        result = kept.max(axis=0, initial=-np.inf)
    elif mode in ("mean", "mean_sqrt_len_tokens"):
        count = max(len(kept), 1e-9)
        total = kept.astype(np.float64).sum(axis=0)
        result = total / (count if mode == "mean" else np.sqrt(count))
    elif mode == "weightedmean":
        weights = np.arange(prompt_length + 1, len(tokens) + 1, dtype=np.float64)
        result = weights @ kept / max(weights.sum(), 1e-9)
    else:
        raise ValueError(f"pooling: found {mode!r}")
    return result
