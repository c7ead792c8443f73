"""Files of model directories that Python reads itself. They are a stranger's: each is opened as the engine opens it
(src/base/links.cc, file.cc): a regular file of bounded size, in its directory."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from bgecpp import errors

# As src/engine/model_files.cc: configurations are some kilobytes.
MOST_CONFIG_BYTES = 16 << 20
# As src/tokenizer/load.cc: a vocabulary with its merges.
MOST_TOKENIZER_BYTES = 128 << 20


def shown(text: object) -> str:
    """On one line, without what would steer a terminal: names of files are a stranger's too."""
    text = str(text)
    return text if text.isprintable() else repr(text)[1:-1]


def open_file(directory: str | os.PathLike[str], name: str) -> BinaryIO:
    """A file of a model directory, to be read. FileNotFoundError where there is none, or a link that leads nowhere;
    InvalidArgument where it is no regular file (what waits for a writer is not waited for) or a link leads out of the
    directory: of a snapshot in the hub's cache, out of the model's folder."""
    path = os.path.join(directory, name)
    target = checked_target(directory, name)
    # O_NOFOLLOW: the target has been resolved, and is what was looked at.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(target, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise errors.InvalidArgument(f"not a regular file: {shown(path)}: put the model's file in its place")
    return os.fdopen(descriptor, "rb")


def checked_target(directory: str | os.PathLike[str], name: str) -> str:
    """Where a file or folder of a model directory is, links followed. InvalidArgument where they lead out of it."""
    path = os.path.join(directory, name)
    target = os.path.realpath(path)
    if os.environ.get("BGE_FOLLOW_LINKS") != "1" and os.path.exists(target) and not _is_within(target, _allowed(directory)):
        raise errors.InvalidArgument(
            f"a link leads out of the model directory: {shown(path)}: put the file in its place, or set BGE_FOLLOW_LINKS=1 if "
            "you trust the directory"
        )
    return target


def _allowed(directory: str | os.PathLike[str]) -> str:
    root = Path(os.path.realpath(directory))
    in_cache = root.parent.name == "snapshots" and root.parent.parent.name.startswith("models--")
    return str(root.parent.parent if in_cache else root)


def _is_within(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder


def read_json(directory: str | os.PathLike[str], name: str, most_bytes: int = MOST_CONFIG_BYTES) -> dict[str, Any] | None:
    """The object that a file holds; None where there is no such file. CorruptData where it is no JSON object, or is
    larger than such a file is; errors of open_file()."""
    try:
        file = open_file(directory, name)
    except (FileNotFoundError, NotADirectoryError):
        return None
    path = os.path.join(directory, name)
    with file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise errors.CorruptData(f"file too large: {shown(path)}: found over {most_bytes} bytes: fetch the model again")
    value = parse_json(data, path)
    if not isinstance(value, dict):
        raise errors.CorruptData(f"not what it should hold: {shown(path)}: found no object: fetch the model again")
    return value


def parse_json(data: bytes, path: str | os.PathLike[str]) -> Any:
    """CorruptData, which names the file, of what is no JSON, or is nested deeper than any that is real."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
    raise errors.CorruptData(f"not JSON: {shown(os.fspath(path))}: {reason}: fetch the model again")
