"""FlagReranker: scores of pairs with a cross-encoder."""

from __future__ import annotations

from typing import Any

import numpy as np

from bgecpp import _common, native
from bgecpp._names import located

from ._abstract import AbsReranker, Devices, own_settings


class FlagReranker(AbsReranker):
    """FlagEmbedding's FlagReranker. Its own settings beside the reference's: as FlagModel."""

    def __init__(
        self,
        model_name_or_path: str,
        use_fp16: bool = False,
        query_instruction_for_rerank: str | None = None,
        query_instruction_format: str = "{}{}",
        passage_instruction_for_rerank: str | None = None,
        passage_instruction_format: str = "{}{}",
        trust_remote_code: bool = False,
        cache_dir: str | None = None,
        devices: Devices = None,
        batch_size: int = 128,
        query_max_length: int | None = None,
        max_length: int = 512,
        normalize: bool = False,
        **kwargs: Any,
    ):
        own = own_settings(kwargs, set())
        super().__init__(
            model_name_or_path,
            use_fp16=use_fp16,
            query_instruction_for_rerank=query_instruction_for_rerank,
            query_instruction_format=query_instruction_format,
            passage_instruction_for_rerank=passage_instruction_for_rerank,
            passage_instruction_format=passage_instruction_format,
            devices=devices,
            batch_size=batch_size,
            query_max_length=query_max_length,
            max_length=max_length,
            normalize=normalize,
            **kwargs,
        )
        model = located(self.model_name_or_path, cache_dir=cache_dir)
        self._engine = native.Reranker(model, pair_style="flagembedding", **own)

    def compute_score_single_gpu(
        self,
        sentence_pairs: Any,
        batch_size: int | None = None,
        query_max_length: int | None = None,
        max_length: int | None = None,
        normalize: bool | None = None,
        device: str | None = None,
        **kwargs: Any,
    ) -> list[float]:
        """One score a pair: the logit, or with `normalize` its sigmoid. The query keeps at most
        query_max_length tokens (three quarters of max_length), then the passage is cut."""
        own_settings(kwargs, set())
        _common.on_cpu(device)
        if len(sentence_pairs) > 0 and isinstance(sentence_pairs[0], str):
            sentence_pairs = [sentence_pairs]
        length = self.max_length if max_length is None else max_length
        length = min(length, int(_common.info_of(self._engine)["max_positions"]))
        if query_max_length is None:
            query_max_length = self.query_max_length
        if query_max_length is None:
            query_max_length = length * 3 // 4
        query_max_length = min(query_max_length, length - self._engine.tokenizer.num_special_tokens(True) - 1)
        size = self.batch_size if batch_size is None else batch_size
        with _common.progress_bar(len(sentence_pairs) >= size, "Compute Scores") as progress:
            logits = self._engine.compute_score(
                [pair[0] for pair in sentence_pairs],
                [pair[1] for pair in sentence_pairs],
                normalize=False,
                max_length=length,
                query_max_length=query_max_length,
                progress=progress,
            )
        if self.normalize if normalize is None else normalize:
            scores: list[float] = (1 / (1 + np.exp(-logits.astype(np.float64)))).tolist()
        else:
            scores = logits.tolist()
        return scores


# The name in the module of the reference that defines it.
BaseReranker = FlagReranker
