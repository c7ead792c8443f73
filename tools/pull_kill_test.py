#!/usr/bin/env python3
"""Kills `bge pull` at random moments.

    python3 tools/pull_kill_test.py --bge build/release/bge --rounds 1000

Each round starts or goes on with a download from a hub on this machine (oracle/hub_server.py), kills
it (SIGKILL) after a random time and reads the Hugging Face cache: a file that has its name, and a
snapshot, must be whole; what is unfinished must be the beginning of the right file and not get
shorter; what was there must stay. Where a run ends, the snapshot has every file that is needed.
Where huggingface_hub is installed, its snapshot_download(local_files_only=True) must say the same
each time.
"""

import argparse
import hashlib
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import kills

sys.path.insert(0, str(Path(__file__).resolve().parent / "oracle"))
from hub_server import COMMIT, Hub  # noqa: E402

REPO = "some-org/tiny-bert"
WEIGHTS_BYTES = 4_000_000
PIECE_BYTES = 64 * 1024


class SlowHub(Hub):
    """Its large files come piece by piece, so that many runs are killed in the middle of one."""

    def _send(self, handler, status, body, headers):
        if len(body) <= PIECE_BYTES or handler.command != "GET":
            super()._send(handler, status, body, headers)
            return
        super()._send(handler, status, body[:0], headers | {"Content-Length": str(len(body))})
        for at in range(0, len(body), PIECE_BYTES):
            time.sleep(0.003)
            handler.wfile.write(body[at : at + PIECE_BYTES])


def make_model(folder):
    """A model whose weights take a while to come."""
    shutil.copytree(kills.MODEL, folder)
    # It is not loaded: any bytes will do.
    (folder / "model.safetensors").write_bytes(random.Random(5).randbytes(WEIGHTS_BYTES))
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Python:
    """huggingface_hub's view of the cache."""

    def __init__(self):
        try:
            import huggingface_hub
            from huggingface_hub.errors import LocalEntryNotFoundError
        except ImportError:
            self.version = None
            return
        self.hub, self.absent, self.version = huggingface_hub, LocalEntryNotFoundError, huggingface_hub.__version__

    def snapshot(self, cache):
        """The folder, or None."""
        try:
            return Path(self.hub.snapshot_download(REPO, cache_dir=cache, local_files_only=True))
        except self.absent:
            return None


class Cache:
    def __init__(self, folder, expected, python):
        self.folder, self.expected, self.python = folder, expected, python
        self.repo = folder / ("models--" + REPO.replace("/", "--"))
        self.snapshot = self.repo / "snapshots" / COMMIT
        self.contents = {}
        for content in expected.values():
            self.contents[hashlib.sha256(content).hexdigest()] = content
            self.contents[hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()] = content
        self.forget()

    def forget(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.there, self.begun = set(), {}

    def check_snapshot(self, whole):
        found = {path.relative_to(self.snapshot): path for path in self.snapshot.rglob("*") if not path.is_dir()}
        for name, path in found.items():
            assert path.read_bytes() == self.expected[name], path
        assert not whole or set(found) == set(self.expected), sorted(map(str, found))

    def check(self, ended):
        there, begun = set(), {}
        for blob in (self.repo / "blobs").glob("*"):
            name, _, state = blob.name.partition(".")
            content = blob.read_bytes()
            if state:
                assert state == "incomplete", blob
                begun[name] = len(content)
                assert self.contents[name].startswith(content), f"{blob}: {len(content)} bytes that are not the first"
            else:
                there.add(name)
                assert content == self.contents[name], f"{blob} is torn"
        assert there >= self.there, f"gone: {self.there - there}"
        for name, size in self.begun.items():
            assert name in there or begun.get(name, 0) >= size, f"{name}: had {size} bytes, has {begun.get(name)}"
        self.there, self.begun = there, begun
        ref = self.repo / "refs/main"
        # Python believes a snapshot that main names.
        assert not ref.exists() or ref.read_text() == COMMIT
        self.check_snapshot(ended or ref.exists())
        if ended:
            assert ref.exists() and not begun
        if self.python.version:
            found = self.python.snapshot(self.folder)
            assert found in ((self.snapshot,) if ended else (self.snapshot, None)), found
            if found:
                self.check_snapshot(True)


def environment(hub, cache):
    return {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(cache.folder), "HF_HUB_OFFLINE": "0", "no_proxy": "*"}


def kill_all(bge, hub, cache, rounds, seed):
    command, asked = [bge, "pull", REPO], environment(hub, cache)
    times = []
    for _ in range(5):
        cache.forget()
        times.append(kills.must(command, asked))
        cache.check(True)
    longest = sorted(times)[-2]
    outcomes, moments = Counter(), random.Random(seed)
    for _ in range(rounds):
        if cache.snapshot.exists() and moments.random() < 0.5:
            # What was pulled is not pulled again: anew.
            cache.forget()
        before = len(cache.there)
        part = sum(cache.begun.values())
        if kills.killed(command, moments.uniform(0, 1.1 * longest), asked):
            cache.check(False)
            outcomes["killed"] += 1
            outcomes["of these with more files"] += len(cache.there) > before
            outcomes["of these in the middle of one"] += sum(cache.begun.values()) > 0
            outcomes["of these gone on with an unfinished one"] += part > 0
        else:
            cache.check(True)
            outcomes["ended"] += 1
    kills.must(command, asked)
    cache.check(True)
    kills.report(rounds, outcomes)
    version = cache.python.version
    print(f"huggingface_hub {version} agreed every time" if version else "without huggingface_hub, which is not installed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    kills.add_arguments(parser)
    arguments = parser.parse_args()
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    with tempfile.TemporaryDirectory(prefix="bge-kill-", dir=arguments.folder) as name:
        folder = Path(name).resolve()
        expected = make_model(folder / "model")
        hub = SlowHub(REPO, folder / "model", {})
        os.environ |= {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "home")}
        try:
            cache = Cache(folder / "cache", expected, Python())
            kill_all(arguments.bge, hub, cache, arguments.rounds, arguments.seed)
        finally:
            hub.close()


if __name__ == "__main__":
    main()
