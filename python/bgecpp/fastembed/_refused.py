"""Classes of FastEmbed for images, which the engine does not read: the real package's where it is installed."""

from __future__ import annotations

from typing import Any

from bgecpp import errors
from bgecpp.fastembed import _model


class _Images:
    """A class that knows no model, and says so when it is made."""

    _real: str

    def __new__(cls, model_name: str, *args: Any, **kwargs: Any) -> Any:
        if (real := _model.real_class(cls._real)) is not None:
            return real(model_name, *args, **kwargs)
        raise errors.Unsupported(f"{cls.__name__}: bgecpp reads texts only: images need the package fastembed")

    @classmethod
    def list_supported_models(cls) -> list[dict[str, Any]]:
        real = _model.real_class(cls._real)
        models: list[dict[str, Any]] = [] if real is None else real.list_supported_models()
        return models


class ImageEmbedding(_Images):
    _real = "fastembed.image.image_embedding.ImageEmbedding"


class LateInteractionMultimodalEmbedding(_Images):
    _real = (
        "fastembed.late_interaction_multimodal.late_interaction_multimodal_embedding."
        "LateInteractionMultimodalEmbedding"
    )
