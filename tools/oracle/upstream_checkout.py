"""Reading the sources of other packages: a checkout, or a bare clone of which the newest commit is read."""

import shutil
import subprocess
from pathlib import Path


def _git(source: Path, *arguments: str) -> bytes:
    command = ["git", "-c", "safe.directory=*", "--git-dir", str(source), *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout


def _is_bare(source: Path) -> bool:
    return (source / "HEAD").is_file()


def files(source: Path) -> list[str]:
    """Paths of all files, sorted."""
    if _is_bare(source):
        return sorted(_git(source, "ls-tree", "-r", "-z", "--name-only", "HEAD").decode().strip("\0").split("\0"))
    found = (path for path in source.rglob("*") if path.is_file() and ".git" not in path.relative_to(source).parts)
    return sorted(str(path.relative_to(source)) for path in found)


def read(source: Path, path: str) -> str:
    if _is_bare(source):
        return _git(source, "show", f"HEAD:{path}").decode()
    return (source / path).read_text(encoding="utf-8")


def version(source: Path) -> str:
    """The commit and its day; empty where there is no repository."""
    if not _is_bare(source):
        source = source / ".git"
    return _git(source, "log", "-1", "--format=%h of %as").decode().strip() if source.is_dir() else ""


def export(source: Path, folder: str, to: Path) -> None:
    """Copies a folder."""
    if _is_bare(source):
        archive = _git(source, "archive", "HEAD", folder)
        subprocess.run(["tar", "x", "-C", to], input=archive, check=True)
    else:
        shutil.copytree(source / folder, to / folder)
