"""What a pass makes of texts token by token, and the vectors that are pooled from that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bgecpp import _pairs, _token_runs, errors
from bgecpp._common import torch_or_none
from bgecpp.native import Embedder
from bgecpp.transformers._models import checked_batch

from .._arrays import Array, FloatArray, to_numpy, to_tensor, unit_rows
from .._base import BaseModel
from .._modules import Pooling
from .._pooling import pool

_TOKEN_TEXTS = 256  # texts that are tokenised at once
METHODS = ("preprocess", "forward", "__call__")  # that encode calls where a subclass has its own


class TokenModel(BaseModel):
    """The part of SentenceTransformer that knows token vectors."""

    _embedder: Embedder

    def _vectors(
        self,
        texts: Any,
        prompt: str | None,
        normalize: bool,
        dim: int | None,
        max_length: int | None,
        progress: Any = None,
    ) -> FloatArray:
        """(N, D), float32, by the engine."""
        raise NotImplementedError

    def _pooling(self) -> Pooling | None:
        return next((module for module in self if isinstance(module, Pooling)), None)

    def _as_tensor(self, vectors: FloatArray) -> Any:
        """A tensor of the model's dtype; without torch the array."""
        if torch_or_none() is None:
            return vectors.astype(np.float16) if self._dtype == "float16" else vectors
        tensor = to_tensor(vectors)
        return tensor if self._dtype == "float32" else tensor.to(self.dtype)

    def _tokens(self, items: list[Any], prompt: str | None, max_length: int | None) -> dict[str, Array]:
        """Ids, type ids and bounds of texts and pairs, the prompt put in front."""
        if prompt:
            items = _pairs.with_prompt(items, prompt)
        return _pairs.encode(self._embedder.tokenizer, items, max_length=max_length or self._info["max_length"])

    def _hidden(self, tokens: dict[str, Array]) -> FloatArray:
        hidden: FloatArray = self._embedder.hidden_states(tokens["ids"], tokens["type_ids"], tokens["cu_seqlens"])
        return hidden

    def _token_vectors(self, texts: Any, prompt: str | None, max_length: int | None) -> list[FloatArray]:
        """(tokens, H) of each text."""
        items = _checked(texts)
        vectors: list[FloatArray] = []
        for begin in range(0, len(items), _TOKEN_TEXTS):
            for tokens in _token_runs.parts(self._tokens(items[begin : begin + _TOKEN_TEXTS], prompt, max_length)):
                vectors += [rows.copy() for rows in np.split(self._hidden(tokens), tokens["cu_seqlens"][1:-1])]
        return vectors

    def _vectors_of_tokens(self, texts: Any, prompt: str | None, max_length: int | None) -> FloatArray:
        """(N, D) by the token vectors."""
        pooling = self._pooling()
        left_out = 0
        if prompt and pooling is not None and not pooling.include_prompt:
            left_out = self._prompt_length(prompt, max_length)
        items = _checked(texts)
        vectors = []
        for begin in range(0, len(items), _TOKEN_TEXTS):
            for tokens in _token_runs.parts(self._tokens(items[begin : begin + _TOKEN_TEXTS], prompt, max_length)):
                vectors.append(self._pooled(self._hidden(tokens), tokens["cu_seqlens"], left_out))
        return np.concatenate(vectors)

    def _pooled(self, hidden: FloatArray, bounds: Array, left_out: int) -> FloatArray:
        """(N, D) of token vectors, of which each text's first are left out. Unsupported where another module
        computes."""
        names = self._other_modules()
        if names:
            raise errors.Unsupported(
                f"SentenceTransformer: pairs, ids and other prompt settings of a model with {', '.join(names)}: "
                "encode texts, with the model's own settings"
            )
        pooling = self._pooling()
        vectors = pool(hidden, bounds, self._info["poolings"] if pooling is None else pooling.modes, left_out)
        return unit_rows(vectors) if self._ends_normalized else vectors

    def _other_modules(self) -> list[str]:
        """Names of the modules behind the transformer that compute, but for pooling and Normalize."""
        return [name for name in self._info["modules"][1:] if name not in ("Pooling", "Normalize", "Dropout")]

    @property
    def _ends_normalized(self) -> bool:
        return bool(self._info["modules"]) and self._info["modules"][-1] == "Normalize"

    def _features_of(
        self, texts: Any, prompt: str | None, dim: int | None, batch_size: int, kwargs: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """What preprocess and forward, perhaps a subclass's own, make of each text, in batches of the longest texts
        first: padded ids, mask and token vectors (zeros where it is padded), and the text's vector."""
        texts = _checked(texts)
        items: list[dict[str, Any]] = [{}] * len(texts)
        forward = self if self._overridden(*METHODS) or not self._other_modules() else None
        for places in _by_falling(texts, batch_size):
            batch = [texts[i] for i in places]
            features = self.preprocess(batch, prompt=prompt, **kwargs)
            if forward is not None:
                output = forward(features, **kwargs)
            else:  # modules that the engine computes from texts alone
                vectors = self._vectors(batch, prompt, False, None, self._max_length(kwargs))
                output = {**self._with_token_vectors(features)[0], "sentence_embedding": self._as_tensor(vectors)}
            for row, place in enumerate(places):
                item = {
                    name: value[row] if getattr(value, "ndim", 0) > 0 and len(value) == len(places) else value
                    for name, value in output.items()
                }
                item["sentence_embedding"] = item["sentence_embedding"][:dim]
                items[place] = item
        return items

    def _with_token_vectors(self, features: dict[str, Any]) -> tuple[dict[str, Any], FloatArray, Array]:
        """(the features with token_embeddings (N, L, H), zeros where the mask has them; the rows (T, H) of the others;
        the texts' bounds among these)."""
        mask, types = features.get("attention_mask"), features.get("token_type_ids")
        # Padding on the left moves no positions here, whatever the model: vectors do not depend on padding.
        ids, mask, types = checked_batch(features["input_ids"], mask, types, model_type=None)
        bounds = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
        hidden = self._embedder.hidden_states(ids[mask], None if types is None else types[mask], bounds)
        padded = np.zeros((*ids.shape, hidden.shape[1]), np.float32)
        padded[mask] = hidden
        return {**features, "token_embeddings": self._as_tensor(padded)}, hidden, bounds

    def forward(self, input: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """The features with token_embeddings (N, L, H), zeros where the mask has them, and sentence_embedding."""
        output, hidden, bounds = self._with_token_vectors(input)
        pooling = self._pooling()
        left_out = 0 if pooling is None or pooling.include_prompt else int(input.get("prompt_length", 0))
        output["sentence_embedding"] = self._as_tensor(self._pooled(hidden, bounds, left_out))
        return output


def _checked(texts: Any) -> list[Any]:
    """Texts and pairs of a list or a column. TypeError for what is neither, by its place."""
    items: list[Any]
    if hasattr(texts, "to_pylist"):  # pyarrow's, whose elements are objects of its own
        items = texts.to_pylist()
    else:
        items = texts.tolist() if hasattr(texts, "tolist") else list(texts)
    _pairs.check(items, "inputs")
    return items


def _by_falling(texts: list[Any], batch_size: int) -> Iterator[list[int]]:
    """The places of texts or pairs in batches, the longest first."""
    lengths = [len(text) if isinstance(text, str) else sum(map(len, text)) for text in texts]
    order = np.argsort([-length for length in lengths], kind="stable").tolist()
    return (order[begin : begin + batch_size] for begin in range(0, len(order), batch_size))


def length_of(mask: Any) -> int:
    """Tokens up to the last that the mask has."""
    places = np.flatnonzero(to_numpy(mask))
    return int(places[-1]) + 1 if len(places) else 1
