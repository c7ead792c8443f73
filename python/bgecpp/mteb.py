"""MTEB: an encoder and a cross-encoder.

    mteb.evaluate(BgeEncoder(path), tasks)

Needs mteb 2.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mteb.models import ModelMeta
from mteb.models.abs_encoder import AbsEncoder, get_prompt_name
from mteb.models.model_meta import ScoringFunction
from mteb.types import PromptType

from bgecpp import _common
from bgecpp.native import Embedder, Reranker

__all__ = ["BgeCrossEncoder", "BgeEncoder"]

_SIMILARITIES = {"cosine": ScoringFunction.COSINE, "dot": ScoringFunction.DOT_PRODUCT}


def _meta(info: dict[str, Any], revision: str | None, more: dict[str, Any]) -> ModelMeta:
    # MTEB wants "organisation/name".
    name = str(info["name"])
    fields = {
        "name": name if "/" in name else f"bgecpp/{Path(name).name}",
        "revision": revision or "no_revision_available",
        "n_parameters": info["num_parameters"],
        "max_tokens": info["max_length"],
        "framework": [],
    }
    return ModelMeta.create_empty(overwrites={**fields, **more})


def _name(model: str | Path, revision: str | None) -> str:
    return str(model) if revision is None or Path(model).is_dir() else f"{model}@{revision}"


class BgeEncoder(AbsEncoder):
    """Dense vectors of unit length. model_prompts: text by task, type of task or "query" and "document", as mteb's own
    wrapper takes them; without one for a text the model's own instruction for queries or documents is put in front."""

    def __init__(
        self,
        model_name: str | Path,
        revision: str | None = None,
        device: str | None = None,
        *,
        model_prompts: dict[str, str] | None = None,
        threads: int = 0,
        dtype: str = "default",
        max_length: int | None = None,
        truncate_dim: int | None = None,
        packed_cache: str = "",
        **kwargs: Any,
    ) -> None:
        _common.on_cpu(device)
        _common.ignored(**kwargs)
        self.model = Embedder(
            _name(model_name, revision), threads=threads, dtype=dtype, max_length=max_length, packed_cache=packed_cache
        )
        self.model_prompts = self.validate_task_to_prompt_name(model_prompts)
        self._truncate_dim = truncate_dim
        info = self.model.info
        similarity = _SIMILARITIES.get(info["similarity"], ScoringFunction.COSINE)
        more = {"embed_dim": truncate_dim or info["dimension"], "similarity_fn_name": similarity}
        self.mteb_model_meta = _meta(info, revision, more)

    def encode(
        self,
        inputs: Any,
        *,
        task_metadata: Any,
        hf_split: str,
        hf_subset: str,
        prompt_type: PromptType | None = None,
        **kwargs: Any,
    ) -> Any:
        """[texts, dimension] float32."""
        texts = [text for batch in inputs for text in batch["text"]]
        name = get_prompt_name(self.model_prompts, task_metadata, prompt_type)
        if name is not None and self.model_prompts is not None:
            how: dict[str, Any] = {"instruction": self.model_prompts[name]}
        else:
            how = {"role": None if prompt_type is None else str(prompt_type.value)}
        with _common.progress_bar(bool(kwargs.get("show_progress_bar")), "bgecpp") as progress:
            return self.model.encode(texts, truncate_dim=self._truncate_dim, progress=progress, **how)


class BgeCrossEncoder:
    """Scores of pairs by a reranker: logits."""

    def __init__(
        self,
        model_name: str | Path,
        revision: str | None = None,
        device: str | None = None,
        *,
        threads: int = 0,
        dtype: str = "default",
        max_length: int | None = None,
        packed_cache: str = "",
        **kwargs: Any,
    ) -> None:
        _common.on_cpu(device)
        _common.ignored(**kwargs)
        self.model = Reranker(
            _name(model_name, revision), threads=threads, dtype=dtype, max_length=max_length, packed_cache=packed_cache
        )
        self.mteb_model_meta = _meta(self.model.info, revision, {"model_type": ["cross-encoder"]})

    def predict(
        self,
        inputs1: Any,
        inputs2: Any,
        *,
        task_metadata: Any,
        hf_split: str,
        hf_subset: str,
        prompt_type: PromptType | None = None,
        **kwargs: Any,
    ) -> Any:
        """[pairs] float32."""
        queries = [text for batch in inputs1 for text in batch["text"]]
        passages = [text for batch in inputs2 for text in batch["text"]]
        with _common.progress_bar(bool(kwargs.get("show_progress_bar")), "bgecpp") as progress:
            return self.model.compute_score(queries, passages, normalize=False, progress=progress)
