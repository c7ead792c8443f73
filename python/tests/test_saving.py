"""Saving a model: what is copied is looked at first, and files are replaced as wholes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bgecpp import SentenceTransformer, _copies, errors
from bgecpp.transformers import AutoTokenizer


@pytest.fixture
def folder(models: Path, tmp_path: Path) -> Path:
    """A copy of tiny-bert that a test may change."""
    return Path(shutil.copytree(models / "tiny-bert", tmp_path / "model"))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _set(path: Path, **fields: Any) -> None:
    """Changes fields of a JSON file, which may be absent; escapes stand for what is not ASCII."""
    path.write_text(json.dumps({**(json.loads(path.read_text()) if path.exists() else {}), **fields}))


# What is copied.


def _loops(folder: Path) -> None:
    (folder / "a").symlink_to(".")
    (folder / "b").symlink_to(".")


def _sibling(folder: Path) -> None:
    (folder / "0_first").symlink_to("1_Pooling")


def _upwards(folder: Path) -> None:
    (folder / "more/less").mkdir(parents=True)
    (folder / "more/less/up").symlink_to("..")


def _dangling(folder: Path) -> None:
    (folder / "1_Pooling/extra").symlink_to("nowhere")


def _around(folder: Path) -> None:
    (folder / "extra").symlink_to("extra")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "1_Pooling/extra")


def _outside(folder: Path) -> None:
    (folder.parent / "secret").write_text("secret")
    (folder / "1_Pooling/extra").symlink_to("../../secret")


@pytest.mark.parametrize(
    "change, message",
    [
        (_loops, "a link to a folder that is copied already: .*/model/[ab]: "),
        (_sibling, "a link to a folder that is copied already: .*/model/0_first: "),
        (_upwards, "a link to a folder that is copied already: .*/model/more/less/up: "),
        (_dangling, "a link leads nowhere: .*/model/1_Pooling/extra: "),
        (_around, "a link leads nowhere: .*/model/extra: "),
        (_pipe, "not a regular file: .*/model/1_Pooling/extra: "),
        (_outside, "a link leads out of the model directory: .*/model/1_Pooling/extra: "),
    ],
)
def test_what_cannot_be_copied_is_refused_before_anything_is(
    change: Callable[[Path], None], message: str, folder: Path, tmp_path: Path
) -> None:
    model = SentenceTransformer(str(folder))
    change(folder)
    with pytest.raises(errors.InvalidArgument, match=message):
        model.save(str(tmp_path / "saved"))
    assert not (tmp_path / "saved").exists()


def test_a_copy_lends_nobody_rights(folder: Path, tmp_path: Path) -> None:
    (folder / "program").write_text("text")
    (folder / "program").chmod(0o6777)
    (folder / "own").write_text("text")
    (folder / "own").chmod(0o600)
    (folder / "config.json").chmod(0o4755)
    SentenceTransformer(str(folder)).save(str(tmp_path / "saved"))
    modes = {name: stat.S_IMODE((tmp_path / "saved" / name).stat().st_mode) for name in ("program", "own", "config.json")}
    assert modes == {"program": 0o755, "own": 0o600, "config.json": 0o755}


def test_names_of_files_steer_no_terminal(folder: Path, tmp_path: Path) -> None:
    model = SentenceTransformer(str(folder))
    (folder / "x\n\x9b31m\u2028\u202e").symlink_to("nowhere")
    with pytest.raises(errors.InvalidArgument, match="a link leads nowhere: ") as raised:
        model.save(str(tmp_path / "saved"))
    assert str(raised.value).isprintable() and r"x\n\x9b31m\u2028\u202e" in str(raised.value)


@pytest.mark.parametrize("target", ["../..", "../other", "../../blobs"])
def test_links_in_a_snapshot_lead_to_each_folder_once(target: str, models: Path, tmp_path: Path) -> None:
    cache = tmp_path / "models--a--b"
    folder = Path(shutil.copytree(models / "tiny-bert", cache / "snapshots/0123"))
    (cache / "snapshots/other").mkdir()
    (cache / "blobs").mkdir()
    (cache / "blobs/file").write_text("text")
    (cache / "snapshots/other/file").symlink_to("../../blobs/file")
    (folder / "more").symlink_to(target)
    model = SentenceTransformer(str(folder))
    if target == "../..":
        with pytest.raises(errors.InvalidArgument, match="a link to a folder that is copied already: .*/0123/more: "):
            model.save(str(tmp_path / "saved"))
        return
    model.save(str(tmp_path / "saved"))
    assert not (tmp_path / "saved/more").is_symlink() and not (tmp_path / "saved/more/file").is_symlink()
    assert (tmp_path / "saved/more/file").read_text() == "text"
    (folder / "again").symlink_to("more")
    with pytest.raises(errors.InvalidArgument, match="a link to a folder that is copied already"):
        model.save(str(tmp_path / "saved"))


def test_modes_are_the_models_and_its_owner_can_write_to_folders(folder: Path, tmp_path: Path) -> None:
    (folder / "config_sentence_transformers.json").chmod(0o600)
    (folder / "model.safetensors").chmod(0o440)
    (folder / "1_Pooling").chmod(0o500)
    model = SentenceTransformer(str(folder))
    model.save(str(tmp_path / "saved"))
    model.save(str(tmp_path / "saved"))
    names = ("config_sentence_transformers.json", "model.safetensors", "1_Pooling")
    assert [stat.S_IMODE((tmp_path / "saved" / name).stat().st_mode) for name in names] == [0o600, 0o440, 0o700]


# What is there already.

_SERVES = """
import sys
from pathlib import Path
import numpy as np
from bgecpp import SentenceTransformer
place, other = sys.argv[1:]
texts = ["hello world", "".join(map(chr, range(33, 127)))]
serving, following = SentenceTransformer(place), SentenceTransformer(other)
before = serving.encode(texts)
following.save(place)
assert np.array_equal(serving.encode(texts), before)
assert np.array_equal(SentenceTransformer(place).encode(texts), following.encode(texts))
assert not np.array_equal(following.encode(texts), before)
"""


def test_a_model_that_is_loaded_stays_as_it_was(folder: Path, tmp_path: Path) -> None:
    """In a process of its own: where the file is written in place, reading what is mapped can end it."""
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    data = bytearray((other / "model.safetensors").read_bytes())
    weights = np.frombuffer(data, np.float32, offset=8 + int.from_bytes(data[:8], "little"))
    weights *= np.linspace(0.5, 1, len(weights), dtype=np.float32)
    (other / "model.safetensors").write_bytes(data)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", _SERVES, str(folder), str(other)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_files_are_replaced_and_not_written_to(folder: Path, tmp_path: Path) -> None:
    model = SentenceTransformer(str(folder))
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    saved, kept = tmp_path / "saved", tmp_path / "kept"
    model.save(str(saved))
    tokenizer.save_pretrained(saved)
    shutil.copytree(saved, kept, copy_function=os.link)
    before = _files(kept)
    model.prompts["other"] = "another: "
    model.max_seq_length = 9
    model.save(str(saved))
    tokenizer.padding_side = "left"
    tokenizer.save_pretrained(saved)
    assert _files(kept) == before and _files(saved) != before
    assert all((saved / name).stat().st_ino != (kept / name).stat().st_ino for name in before)
    assert _files(saved).keys() == before.keys()


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_save_that_fails_leaves_whole_files(
    error: BaseException, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = SentenceTransformer(str(folder)), AutoTokenizer.from_pretrained(str(folder))
    model.save(str(tmp_path / "saved"))
    before = _files(tmp_path / "saved")

    def half(source: Any, target: Any, **_: Any) -> None:
        Path(target).write_bytes(b"half")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", half)
        for save in (model.save, tokenizer.save_pretrained):
            with pytest.raises(type(error)):
                save(tmp_path / "saved")
            assert _files(tmp_path / "saved") == before
    monkeypatch.setattr(os, "replace", lambda source, target: half(source, source))
    with pytest.raises(type(error)):
        _copies.write(tmp_path / "saved/config.json", b"{}")
    assert _files(tmp_path / "saved") == before


# Text that cannot be written.


def test_text_that_cannot_be_written_leaves_the_settings(folder: Path, tmp_path: Path) -> None:
    model = SentenceTransformer(str(folder))
    model.prompts["mine"] = "\ud800"
    before = _files(folder)
    with pytest.raises(errors.InvalidArgument, match=r"config_sentence_transformers.json: field 'prompts' has a lone surrogate"):
        model.save(str(folder))
    assert _files(folder) == before
    model.prompts["mine"] = "text"
    _set(folder / "config_sentence_transformers.json", note={"a": ["\ud800"]})
    before = _files(folder)
    with pytest.raises(errors.CorruptData, match=r"config_sentence_transformers.json: field 'note' has a lone surrogate"):
        model.save(str(folder))
    assert _files(folder) == before
    assert len(SentenceTransformer(str(folder)).encode("a"))


@pytest.mark.parametrize("name", ["note", "\ud800"])
def test_text_that_cannot_be_written_leaves_the_tokenizer(name: str, folder: Path, tmp_path: Path) -> None:
    _set(folder / "tokenizer_config.json", **{name: "\ud800"})
    before = _files(folder)
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    for place in (folder, tmp_path / "saved"):
        with pytest.raises(errors.CorruptData, match=r"/model/tokenizer_config.json: field '.*' has a lone surrogate"):
            tokenizer.save_pretrained(place)
    assert _files(folder) == before and not (tmp_path / "saved").exists()


def test_a_setting_that_cannot_be_written_leaves_the_tokenizer(folder: Path) -> None:
    before = _files(folder)
    tokenizer = AutoTokenizer.from_pretrained(str(folder), note="\ud800")
    with pytest.raises(errors.InvalidArgument, match=r"tokenizer_config.json: field 'note' has a lone surrogate"):
        tokenizer.save_pretrained(folder)
    assert _files(folder) == before
