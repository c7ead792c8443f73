"""What the surface reads of a model directory beside what the native module tells: prompts, names."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def read_json(directory: str | os.PathLike[str], *names: str) -> dict[str, Any]:
    """The first of these files that there is, as a dict; {} where there is none, or it is no object."""
    for name in names:
        try:
            with open(os.path.join(directory, name), encoding="utf-8-sig") as file:
                value = json.load(file)
        except (OSError, ValueError):
            continue
        return value if isinstance(value, dict) else {}
    return {}


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def cached_snapshot(cache_folder: str, name: str, revision: str | None) -> str | None:
    """The folder of a model in a cache of Hugging Face's layout; None where it is not there."""
    model = os.path.join(cache_folder, "models--" + name.replace("/", "--"))
    commit = revision or "main"
    try:
        with open(os.path.join(model, "refs", commit), encoding="utf-8") as file:
            commit = file.read().strip()
    except OSError:
        pass
    snapshot = os.path.join(model, "snapshots", commit)
    return snapshot if os.path.isdir(snapshot) else None


def position_limit(config: dict[str, Any]) -> int | None:
    """Tokens that the model has positions for, by its config.json."""
    limit = config.get("max_position_embeddings")
    if not isinstance(limit, int):
        return None
    if config.get("model_type") in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        limit -= 2  # positions count from the padding token's id on
    return limit
