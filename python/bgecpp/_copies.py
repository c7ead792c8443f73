"""Writing models: each file appears whole or not at all, and who has the old one open or mapped keeps that."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from bgecpp import _model_files, errors
from bgecpp._model_files import shown


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name in the same folder for a file to be written, which takes the place of `path` at the end. Where writing fails
    or is interrupted, `path` is as it was and nothing is left."""
    temporary = path.with_name(f".bgecpp-{os.urandom(8).hex()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write(path: Path, data: bytes) -> None:
    """Writes a file, with the mode of the one that is there. Errors as open()'s."""
    with replacing(path) as temporary, open(temporary, "xb") as file:
        if path.exists():
            os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
        file.write(data)


def json_bytes(value: Any, source: Path) -> bytes:
    """A value as the bytes of a JSON file. source: the model's file that it was read from. A lone surrogate cannot be
    written: CorruptData where that file has it in the same field, otherwise InvalidArgument."""
    try:
        return _encoded(value)
    except UnicodeEncodeError:
        field = next((name for name in value if not _can_be_encoded({name: value[name]})), "") if isinstance(value, dict) else ""
    read = _model_files.read_json(source.parent, source.name, _model_files.MOST_TOKENIZER_BYTES) or {}
    message = f"text that is not Unicode: {shown(source)}: field {field!r} has a lone surrogate"
    if field in read and read[field] == value[field]:
        raise errors.CorruptData(f"{message}: fetch the model again, or repair the file")
    raise errors.InvalidArgument(f"{message}: set it to other text")


def _encoded(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _can_be_encoded(value: Any) -> bool:
    try:
        return bool(_encoded(value))
    except UnicodeEncodeError:
        return False


def copy_folder(source: Path, target: Path, left_out: Collection[str] = ()) -> None:
    """Copies a model directory, links as what they lead to, but for .git, .cache, these names in its first level, and the
    target, which may be in it. All is looked at before anything is written. InvalidArgument where a link leads out of the
    directory, nowhere, or to a folder that is copied already, or where something is no file or folder."""
    import shutil

    folders, files = _contents(source, os.path.realpath(target), left_out)
    for name, place in folders.items():
        # Its owner can write to it: settings are written next.
        (target / name).mkdir(mode=(os.stat(place).st_mode & 0o755) | stat.S_IRWXU, parents=True, exist_ok=True)
    for name, place in files.items():
        with replacing(target / name) as temporary:
            # Not what else a stranger's file has: bits that lend its new owner's rights, or let others write to it.
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL, 0o600))
            shutil.copyfile(place, temporary)
            os.chmod(temporary, os.stat(place).st_mode & 0o755)


def _contents(source: Path, target: str, left_out: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Folders, outer ones first, and files: from the path in the directory to where it is, links followed."""
    root = os.path.realpath(source)
    folders: dict[str, str] = {}
    files: dict[str, str] = {}
    seen: set[str] = set()
    waiting = [("", root)]
    linked: list[tuple[str, str]] = []  # after all others, so that what is refused is the link and not the folder
    while waiting or linked:
        folder, here = (waiting or linked).pop()
        if here in seen or (folder and root.startswith(os.path.join(here, ""))):
            raise errors.InvalidArgument(f"a link to a folder that is copied already: {shown(source / folder)}: remove the link")
        seen.add(here)
        folders[folder] = here
        for name in sorted(os.listdir(here)):
            path, entry = os.path.join(folder, name), os.path.join(here, name)
            if name in (".git", ".cache") or path in left_out or os.path.realpath(entry) == target:
                continue
            place = _model_files.checked_target(source, path)  # a stranger's link copies no other file
            if not os.path.exists(place):
                raise errors.InvalidArgument(f"a link leads nowhere: {shown(source / path)}: put the file in its place, or remove it")
            if os.path.isdir(place):
                (linked if os.path.islink(entry) else waiting).append((path, place))
            elif os.path.isfile(place):
                files[path] = place
            else:
                raise errors.InvalidArgument(f"not a regular file: {shown(source / path)}: put the file in its place, or remove it")
    return folders, files
