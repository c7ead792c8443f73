"""transformers.AutoTokenizer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bgecpp import _names
from bgecpp.transformers._tokenizer import PreTrainedTokenizerFast


class AutoTokenizer:
    """Loads the tokenizer of a model directory, or of a name in the hub's cache."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **kwargs: Any) -> PreTrainedTokenizerFast:
        """kwargs: revision, cache_dir, token and local_files_only say where its files come from; use_fast,
        trust_remote_code, force_download and use_auth_token are accepted; others are fields of tokenizer_config.json to
        have instead. Unsupported for those that would make other ids."""
        download = not kwargs.pop("local_files_only", False)
        for name in ("use_fast", "trust_remote_code", "force_download"):
            kwargs.pop(name, None)
        name = str(pretrained_model_name_or_path)
        place = {key: kwargs.pop(key, None) for key in ("cache_dir", "token", "revision")}
        if os.path.exists(name):
            return PreTrainedTokenizerFast(name, **kwargs)
        from bgecpp import _core

        model = _names.located(name, download=download, complete=False, **place)
        directory = _core.model_directory(model, download=download)
        return PreTrainedTokenizerFast(name, directory=directory, **kwargs)
