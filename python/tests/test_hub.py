"""Models by name: in the hub's cache, and downloads where the library was built without libcurl."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import put_in_cache

import bgecpp
from bgecpp import _core, _hub
from bgecpp.transformers import AutoConfig, AutoModel, AutoTokenizer

NAME = "someone/tiny-bert"


@pytest.fixture
def cache(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with tiny-bert as someone/tiny-bert."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    put_in_cache(tmp_path, NAME, models / "tiny-bert")
    return tmp_path


def test_model_directory(cache: Path, models: Path) -> None:
    assert Path(_core.model_directory(str(models / "tiny-bert"))) == models / "tiny-bert"
    assert Path(_core.model_directory(NAME)).resolve() == (models / "tiny-bert").resolve()
    assert Path(_core.model_directory(f"{NAME}@main", download=True)).resolve() == (models / "tiny-bert").resolve()
    with pytest.raises(LookupError, match="nobody/nothing"):
        _core.model_directory("nobody/nothing", download=True)


def test_names_give_what_the_directory_gives(cache: Path, models: Path) -> None:
    """The tokenizer's and the model's files are read, not only the native halves of them."""
    path = str(models / "tiny-bert")
    by_name, by_path = AutoTokenizer.from_pretrained(NAME), AutoTokenizer.from_pretrained(path)
    assert by_name.special_tokens_map == by_path.special_tokens_map and by_name.pad_token_id is not None
    assert by_name.model_max_length == by_path.model_max_length and by_name.vocab_size == by_path.vocab_size
    texts = ["one", "two three four"]
    mine, theirs = (t(texts, padding=True, return_tensors="np") for t in (by_name, by_path))
    assert mine.keys() == theirs.keys() and all(np.array_equal(mine[key], theirs[key]) for key in mine)
    assert AutoConfig.from_pretrained(NAME).to_dict() == AutoConfig.from_pretrained(path).to_dict()
    hidden = [AutoModel.from_pretrained(name)(**mine).last_hidden_state for name in (NAME, path)]
    assert np.array_equal(*hidden)
    assert AutoTokenizer.from_pretrained(NAME, revision="main")("one")["input_ids"] == by_path("one")["input_ids"]


def huggingface_hub(files: list[str], asked: list[dict[str, Any]], snapshot: str) -> ModuleType:
    module: Any = ModuleType("huggingface_hub")
    module.HfApi = lambda token: SimpleNamespace(list_repo_files=lambda name, revision: files)

    def snapshot_download(name: str, **options: Any) -> str:
        asked.append({"name": name, **options})
        return snapshot

    module.snapshot_download = snapshot_download
    return module  # type: ignore[no-any-return]


def test_without_libcurl_huggingface_hub_downloads(
    cache: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    path = str(models / "tiny-bert")
    asked: list[dict[str, Any]] = []
    fake = huggingface_hub(["config.json", "model.safetensors", "pytorch_model.bin"], asked, path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    assert _hub.located(path) == path
    assert Path(_hub.located(NAME)).resolve() == (models / "tiny-bert").resolve() and not asked
    assert _hub.located("someone/else@v2") == path
    (call,) = asked
    assert call["name"] == "someone/else" and call["revision"] == "v2"
    assert "*.safetensors" in call["allow_patterns"] and "pytorch_model*.bin" in call["ignore_patterns"]
    assert call["cache_dir"] is None and call["token"] is None
    # Of a cache and a token of the caller's own; an empty one is none.
    assert _hub.located(NAME, str(cache / "own"), "hf_mine") == path and _hub.located("a/b", None, "") == path
    assert [(call["cache_dir"], call["token"]) for call in asked[1:]] == [(str(cache / "own"), "hf_mine"), (None, False)]
    assert Path(_hub.located(NAME, str(cache), "hf_mine")).resolve() == (models / "tiny-bert").resolve() and len(asked) == 3


def test_without_libcurl_and_huggingface_hub_the_error_says_what_to_do(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(LookupError):  # offline: as the library itself
        _hub.located("someone/else")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with pytest.raises(bgecpp.BgeError, match="built without libcurl. Install huggingface_hub") as caught:
        _hub.located("someone/else")
    assert isinstance(caught.value, NotImplementedError)
