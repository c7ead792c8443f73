"""Models by name, where the caller has a cache or a token of their own. Other names the engine looks up itself."""

from __future__ import annotations

import os
from typing import Any

from bgecpp import _common, _core


def located(
    model: Any,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
    revision: str | None = None,
    download: bool = True,
    complete: bool = True,
) -> str:
    """What the engine loads: a directory as it is; the directory of a name in cache_dir, a folder of the hub's layout,
    into which it is downloaded where it is not there; a name, with its revision, where neither cache_dir nor a token is
    given. token: a str is sent to the hub instead of the environment's, with False none is. complete: as
    _core.model_directory's; a tokenizer needs no whole model.

    What can neither be found in cache_dir nor downloaded is taken from Hugging Face's own cache, with a warning."""
    name = os.fspath(model)
    if os.path.isdir(name):
        return str(name)
    full = f"{name}@{revision}" if revision else str(name)
    sent = "" if token is False else token if isinstance(token, str) else None
    if cache_dir is None and (sent is None or not download):
        return full
    cache = None if cache_dir is None else os.fspath(cache_dir)
    try:
        return _core.model_directory(full, download=download, cache_dir=cache, token=sent, complete=complete and download)
    except OSError as error:
        if cache is None:
            raise
        try:
            found = _core.model_directory(full)
        except OSError:
            raise error from None
        _common.warn_once(f"bgecpp: {name} is not in {cache}: Hugging Face's own cache is used")
        return found
