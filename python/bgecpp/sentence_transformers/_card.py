"""The model card: what training keeps about a model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from bgecpp import errors


class ModelCardData(SimpleNamespace):
    """Holds what callers put into it; nothing is generated from it."""

    def __init__(self, **values: Any) -> None:
        defaults: dict[str, Any] = {
            "language": None,
            "license": None,
            "model_name": None,
            "model_id": None,
            "base_model": None,
            "base_model_revision": None,
            "tags": [],
            "generate_widget_examples": False,
        }
        super().__init__(**{**defaults, **values})

    def set_evaluation_metrics(self, evaluator: Any, metrics: dict[str, Any], epoch: int = 0, step: int = 0) -> None:
        """Keeps an evaluator's results, as `evaluations`."""
        self.__dict__.setdefault("evaluations", []).append((evaluator, metrics))

    def set_base_model(self, model_id: str, revision: str | None = None) -> None:
        self.base_model, self.base_model_revision = model_id, revision

    def add_tags(self, tags: Any) -> None:
        """What trainers do first, before they fail for want of torch's modules."""
        raise errors.Unsupported(
            "training: this model is bgecpp's, for inference: train one of sentence-transformers itself, in a process "
            "without bgecpp.install() or after bgecpp.uninstall()"
        )

    def set_model_id(self, model_id: str) -> None:
        self.model_id = model_id
