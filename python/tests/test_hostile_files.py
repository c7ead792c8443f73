"""Model directories that are somebody's attack: one clear error, nothing that hangs, no file from elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bgecpp import AutoModel, TextEmbedding, _core, _model_files, _names, _tensors, errors
from bgecpp.fastembed import _model
from bgecpp.transformers import AutoConfig, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def model(models: Path, tmp_path: Path) -> Path:
    """A copy of tiny-bert that a test may damage."""
    shutil.copytree(models / "tiny-bert", tmp_path / "model")
    return tmp_path / "model"


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _outside(path: Path) -> None:
    secret = path.parent.parent / "secret.json"
    secret.write_text('{"password": "p", "model_max_length": 3}')
    path.symlink_to(secret)


def _deep(path: Path) -> None:
    path.write_text("[" * 100_000 + "]" * 100_000)


def _truncated(path: Path) -> None:
    path.write_text('{"a": ')


def _no_object(path: Path) -> None:
    path.write_text("[1]")


def _bytes(path: Path) -> None:
    path.write_bytes(b'{"a": "\xff"}')


def _long_number(path: Path) -> None:
    path.write_text('{"a": ' + "1" * 100_000 + "}")


def _large(path: Path) -> None:
    path.write_text('{"a": "' + " " * (17 << 20) + '"}')


DAMAGES = [_pipe, _endless, _outside, _deep, _truncated, _no_object, _bytes, _long_number, _large]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_files_that_python_reads(model: Path, name: str, damage: Callable[[Path], None]) -> None:
    """In a process with little memory and time: the limits hold before anything is read."""
    (model / name).unlink(missing_ok=True)
    damage(model / name)
    program = f"""
import resource, signal
from bgecpp import TextEmbedding, _model_files, errors
from bgecpp.fastembed import _model
from bgecpp.transformers import AutoConfig
signal.alarm(60)
import numpy
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
for read in (
    lambda: _model_files.read_json({str(model)!r}, {name!r}),
    lambda: _model.token_limit({str(model)!r}) if {name == "tokenizer_config.json"} else AutoConfig.from_pretrained({str(model)!r}),
    lambda: TextEmbedding({str(model)!r}),
):
    try:
        print("no error", read())
    except (errors.CorruptData, errors.InvalidArgument) as error:
        assert {name!r} in str(error), error
"""
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, env=environment)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_tokenizers_read_likewise(model: Path) -> None:
    (model / "special_tokens_map.json").unlink(missing_ok=True)
    _deep(model / "special_tokens_map.json")
    with pytest.raises(errors.BgeError, match="special_tokens_map.json"):
        AutoTokenizer.from_pretrained(str(model))


def test_links_within_a_directory_and_of_the_cache(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (model / "config.json").rename(model / "other.json")
    (model / "config.json").symlink_to("other.json")
    expected = AutoConfig.from_pretrained(model).to_dict()
    assert expected["model_type"] == "bert"
    (model / "config.json").unlink()
    (model / "config.json").symlink_to("nowhere.json")
    assert _model_files.read_json(model, "config.json") is None
    with pytest.raises(OSError, match="config.json"):
        AutoConfig.from_pretrained(model)
    snapshot = tmp_path / "models--a--b/snapshots/0123"
    snapshot.mkdir(parents=True)
    (tmp_path / "models--a--b/blobs").mkdir()
    (model / "other.json").rename(tmp_path / "models--a--b/blobs/0")
    (snapshot / "config.json").symlink_to("../../blobs/0")
    assert AutoConfig.from_pretrained(snapshot).to_dict() == expected
    (snapshot / "config.json").unlink()
    _outside(snapshot.parent.parent / "secret-link.json")
    (snapshot / "config.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(errors.InvalidArgument, match="leads out of the model directory"):
        AutoConfig.from_pretrained(snapshot)
    monkeypatch.setenv("BGE_FOLLOW_LINKS", "1")
    assert AutoConfig.from_pretrained(snapshot).to_dict()["password"] == "p"


def test_odd_fields_of_lengths(model: Path) -> None:
    """What is no length is none; what the engine refuses is refused by it."""
    for limit in ("512", 2**40, 1e30, -1, True, None, [5]):
        (model / "tokenizer_config.json").write_text(json.dumps({"model_max_length": limit}))
        assert _model.token_limit(str(model)) is None
    (model / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 100, "max_length": 7}))
    assert _model.token_limit(str(model)) == 7
    (model / "config.json").write_text(
        json.dumps({"model_type": "roberta", "max_position_embeddings": 6, "pad_token_id": "1"})
    )
    assert _model.token_limit(str(model)) == 5


ESCAPES = ["../../../outside", "..", ".", "/etc", "a/b", "", "x" * 300, "a\n../b", "a\x00b", "\xff"]


@pytest.mark.parametrize("commit", ESCAPES)
def test_references_of_a_cache_lead_nowhere_else(models: Path, tmp_path: Path, commit: str) -> None:
    for folder in (tmp_path / "outside", tmp_path / "cache/models--a--b/snapshots/a/b"):
        folder.mkdir(parents=True)
        shutil.copy(models / "tiny-bert/config.json", folder / "config.json")
    refs = tmp_path / "cache/models--a--b/refs"
    refs.mkdir()
    (refs / "main").write_text(commit)
    with pytest.raises(errors.CorruptData, match="expected a commit hash|file is too large: .*refs.main"):
        _core.model_directory("a/b", cache_dir=str(tmp_path / "cache"))
    for download in (False, True):
        with pytest.raises(errors.CorruptData, match="refs/main"):
            _names.located("a/b", cache_dir=tmp_path / "cache", download=download)


def test_revisions_of_a_cache_lead_nowhere_else(models: Path, tmp_path: Path) -> None:
    from bgecpp import SentenceTransformer

    (tmp_path / "outside").mkdir()
    cache = tmp_path / "cache"
    (cache / "models--a--b/snapshots").mkdir(parents=True)
    for revision in ("../../../outside", str(tmp_path / "outside"), "..", "a/../../../../outside"):
        with pytest.raises((errors.InvalidArgument, errors.NotFound)):
            _names.located("a/b", cache_dir=cache, revision=revision, download=False)
        with pytest.raises((errors.InvalidArgument, errors.NotFound)):
            SentenceTransformer("a/b", cache_folder=str(cache), revision=revision, local_files_only=True)
    for name in ("../b", "a/..", "/etc/absent", "a/../../b"):
        with pytest.raises((errors.InvalidArgument, errors.NotFound)):
            _names.located(name, cache_dir=cache, download=False)
    shutil.copytree(models / "tiny-bert", cache / "models--a--b/snapshots/0123")
    (cache / "models--a--b/refs/pr").mkdir(parents=True)
    (cache / "models--a--b/refs/pr/1").write_text("0123\n")
    for revision in ("0123", "pr/1"):
        found = _names.located("a/b", cache_dir=cache, revision=revision, download=False)
        assert found == str(cache / "models--a--b/snapshots/0123")
        assert len(SentenceTransformer("a/b", cache_folder=str(cache), revision=revision).encode("a")) == 32


# Tensors that Python reads.


def _write(path: Path, header: Any, data: bytes = b"") -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def _one(**fields: Any) -> dict[str, Any]:
    return {"a.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16], **fields}}


def test_tensors_of_files(tmp_path: Path) -> None:
    values = np.arange(4, dtype=np.float32)
    _write(tmp_path / "model.safetensors", _one(), values.tobytes())
    found = _tensors.find_tensor(tmp_path, ["weight"])
    assert found is not None and np.array_equal(found, values.reshape(2, 2))
    assert _tensors.find_tensor(tmp_path, ["eight"]) is None
    _write(tmp_path / "model.safetensors", _one(dtype="F16", data_offsets=[0, 8]), values.astype(np.float16).tobytes())
    found = _tensors.find_tensor(tmp_path, ["a.weight"])
    assert found is not None and np.array_equal(found, values.reshape(2, 2))


@pytest.mark.parametrize(
    "fields",
    [
        {"shape": [2, 3]},
        {"shape": [-2, -2]},
        {"shape": [2.0, 2]},
        {"shape": "22"},
        {"shape": [1] * 40 + [2, 2]},
        {"shape": [1 << 62, 1 << 62]},
        {"data_offsets": [0, 17]},
        {"data_offsets": [4, 0]},
        {"data_offsets": [-16, 0]},
        {"data_offsets": [0]},
        {"data_offsets": [0, 1 << 70]},
        {"data_offsets": None},
    ],
)
def test_damaged_tensors(tmp_path: Path, fields: dict[str, Any]) -> None:
    _write(tmp_path / "model.safetensors", _one(**fields), bytes(16))
    with pytest.raises(errors.CorruptData, match=r"model\.safetensors: tensor a\.weight"):
        _tensors.find_tensor(tmp_path, ["weight"])


@pytest.mark.parametrize(
    "content",
    [b"", b"1234567", bytes(8), struct.pack("<Q", 1 << 63), struct.pack("<Q", 90), struct.pack("<Q", 2) + b"[]"]
    + [struct.pack("<Q", 200_000) + b"[" * 200_000, struct.pack("<Q", 3) + b"{\xff}"],
)
def test_damaged_headers(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(errors.CorruptData, match="model.safetensors"):
        _tensors.find_tensor(tmp_path, ["weight"])


def test_an_entry_that_is_none_and_an_unknown_type(tmp_path: Path) -> None:
    _write(tmp_path / "model.safetensors", {"weight": 5})
    with pytest.raises(errors.CorruptData, match="tensor weight"):
        _tensors.find_tensor(tmp_path, ["weight"])
    _write(tmp_path / "model.safetensors", _one(dtype="I8", data_offsets=[0, 4]), bytes(4))
    with pytest.raises(errors.Unsupported, match="expected F32, F16 or BF16, found 'I8'"):
        _tensors.find_tensor(tmp_path, ["weight"])


def test_only_what_the_index_names_is_read(tmp_path: Path) -> None:
    stray, named, index = (tmp_path / n for n in ("model-1-of-9.safetensors", "b.safetensors", _tensors._INDEX))
    _write(stray, _one(), bytes(16))
    assert _tensors.find_tensor(tmp_path, ["weight"]) is None
    values = np.arange(4, dtype=np.float32)
    _write(named, _one(), values.tobytes())
    index.write_text(json.dumps({"weight_map": {"a.weight": named.name}}))
    found = _tensors.find_tensor(tmp_path, ["weight"])
    assert found is not None and np.array_equal(found.ravel(), values)
    for damaged in ([], "x", {"a.weight": 5}, {"a.weight": "../b.safetensors"}, {"a.weight": "absent.safetensors"}):
        index.write_text(json.dumps({"weight_map": damaged}))
        with pytest.raises(errors.CorruptData, match="index.json"):
            _tensors.find_tensor(tmp_path, ["weight"])


def test_a_pooler_of_another_size(model: Path) -> None:
    from_file = (model / "model.safetensors").read_bytes()
    length = int.from_bytes(from_file[:8], "little")
    header = json.loads(from_file[8 : 8 + length])
    name = next((n for n in header if n.endswith("pooler.dense.bias")), None)
    if name is None:
        header["pooler.dense.weight"] = {"dtype": "F32", "shape": [8, 8], "data_offsets": [0, 256]}
        header["pooler.dense.bias"] = {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}
        name = "pooler.dense.bias"
    begin = header[name]["data_offsets"][0]
    header[name] = {"dtype": "F32", "shape": [2], "data_offsets": [begin, begin + 8]}
    with pytest.raises(errors.CorruptData, match="pooler"):
        engine = type("Engine", (), {"info": {"encoder_path": str(model), "hidden_size": 32}})()
        _write(model / "model.safetensors", header, from_file[8 + length :])
        AutoModel(engine, "model")


def test_ids_that_would_wrap_around(models: Path) -> None:
    model = AutoModel.from_pretrained(str(models / "tiny-bert"))
    for ids in ([[2, 2**32 + 5, 3]], [[2, 2**31 + 5, 3]], [[2, -1, 3]], np.array([[2, 2**63 + 5]], np.uint64)):
        with pytest.raises(errors.InvalidArgument, match="outside the model's vocabulary"):
            model(input_ids=ids)
    for ids in ([[2.5, 5.0]], [[True, False]], [[2**70]]):
        with pytest.raises(ValueError, match="input_ids: expected integers"):
            model(input_ids=ids)
    with pytest.raises(errors.InvalidArgument, match="token_type_ids"):
        model(input_ids=[[2, 5, 3]], token_type_ids=[[0, 2**32, 0]])
    masks = ([[1, 1, 0]], [[True, True, False]], [[1.0, 1.0, 0.0]])
    states = [model(input_ids=[[2, 5, 3]], attention_mask=mask).last_hidden_state for mask in masks]
    assert np.array_equal(states[0], states[1]) and np.array_equal(states[0], states[2])
