#!/usr/bin/env python3
"""Runs commands with too little memory.

    python3 tools/memory_limit_test.py --bge build/release/bge --rounds 100

`bge embed`, `index build`, `index add` and `pull` run that often each with an address space
(RLIMIT_AS, as `ulimit -v` sets it) of a random size between what `bge --version` takes and a little
more than the command takes. A run must end well, with the right result, or with one line of error
and exit status 1, with all that was there before as it was.
"""

import argparse
import os
import random
import resource
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import index_kill_test
import kills
import pull_kill_test

STEP = 64 * 1024


def run(command, limit, environment):
    # By a program in between, whose own memory does not count.
    done = subprocess.run(
        ["prlimit", f"--as={limit}", *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=os.environ | environment,
        timeout=120,
    )
    return done.returncode, done.stderr


def least(works):
    """The least limit that is enough, as far as runs are alike."""
    low, high = 0, 1
    while not works(high * STEP):
        low, high = high, 2 * high
        assert high * STEP < 1 << 40, "no limit is enough"
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle * STEP) else (middle, high)
    return high * STEP


class Embed:
    """Over an output that is there already."""

    name = "embed"

    def __init__(self, bge, folder):
        self.folder = folder / "embed"
        self.folder.mkdir()
        texts, self.output = self.folder / "texts.txt", self.folder / "vectors.npy"
        texts.write_text("".join(f"text number {i} of words\n" for i in range(2000)))
        self.command = [bge, "embed", "--model", kills.MODEL, "--input", texts, "--threads", "2"]
        self.command += ["--output", self.output]
        self.environment = {}
        kills.must(self.command)
        self.right = self.output.read_bytes()
        self.files = sorted(self.folder.iterdir())

    def prepare(self):
        self.output.write_bytes(b"old")

    def check(self, ended):
        assert self.output.read_bytes() == (self.right if ended else b"old")
        assert sorted(self.folder.iterdir()) == self.files, "something is left"


class Index:
    """`index build` over an index, or `index add` to it."""

    def __init__(self, bge, folder, name):
        self.name = f"index {name}"
        self.writer = index_kill_test.Writer(bge, folder / name, 1)
        (folder / name).mkdir()
        added = self.writer.write_corpus([f"n{i}" for i in range(300)])
        corpus = self.writer.corpus.rename(folder / name / "new.jsonl")
        self.old = self.writer.write_corpus([f"old{i}" for i in range(20)])
        self.command = [bge, "index", name, self.writer.index, "--input", corpus, "--threads", "2"]
        if name == "build":
            self.command += ["--model", kills.MODEL]
        self.right = added if name == "build" else self.old | added
        self.environment = {}
        self.changed = True

    def prepare(self):
        if self.changed:
            build = ["build", self.writer.index, "--model", kills.MODEL, "--input", self.writer.corpus]
            self.writer.must(build)

    def check(self, ended):
        found = index_kill_test.read_index(self.writer.index)
        assert index_kill_test.same(found, self.right if ended else self.old)
        files = sum(1 for _ in self.writer.index.iterdir())
        assert files == index_kill_test.expected_files(self.writer.index), "something is left"
        self.changed = ended


class Pull:
    name = "pull"

    def __init__(self, bge, folder, hub, expected):
        self.cache = pull_kill_test.Cache(folder / "cache", expected, pull_kill_test.Python())
        self.command = [bge, "pull", pull_kill_test.REPO]
        self.environment = pull_kill_test.environment(hub, self.cache)

    def prepare(self):
        if self.cache.snapshot.exists():
            self.cache.forget()

    def check(self, ended):
        self.cache.check(ended)


def check_one(task, limit):
    """What came of it."""
    task.prepare()
    code, error = run(task.command, limit, task.environment)
    # A library that libcurl brings speaks up by itself.
    said = [line for line in error.splitlines() if not line.startswith("Error in GnuTLS initialization")]
    if code != 0:
        right = code == 1 and len(said) == 1 and said[0].startswith("bge: error: ")
        assert right, f"{task.name} with {limit} bytes: exit {code}: {error}"
    task.check(code == 0)
    return "done" if code == 0 else said[0].split(": ")[2]


def check_all(task, lowest, rounds, seed):
    def works(limit):
        if limit < lowest:
            return False
        task.prepare()
        code, _ = run(task.command, limit, task.environment)
        task.changed = True
        return code == 0

    enough = least(works)
    outcomes, sizes = Counter(), random.Random(seed)
    failed = []
    task.changed = True
    for _ in range(rounds):
        limit = sizes.randrange(lowest, enough + (enough - lowest) // 10) // 4096 * 4096
        try:
            outcomes[check_one(task, limit)] += 1
        except AssertionError as error:
            failed.append(str(error))
            outcomes["FAILED"] += 1
    print(f"{task.name}: {lowest / 1e6:.1f} to {enough / 1e6:.1f} MB and a tenth more: ", end="")
    kills.report(rounds, outcomes)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    kills.add_arguments(parser)
    parser.set_defaults(rounds=100)
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    failed = []
    with tempfile.TemporaryDirectory(prefix="bge-memory-", dir=arguments.folder) as name:
        folder = Path(name).resolve()
        lowest = least(lambda limit: run([arguments.bge, "--version"], limit, {})[0] == 0)
        expected = pull_kill_test.make_model(folder / "model")
        hub = pull_kill_test.Hub(pull_kill_test.REPO, folder / "model", {})
        os.environ |= {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "home")}
        try:
            for task in (
                Embed(arguments.bge, folder),
                Index(arguments.bge, folder, "build"),
                Index(arguments.bge, folder, "add"),
                Pull(arguments.bge, folder, hub, expected),
            ):
                failed += check_all(task, lowest, arguments.rounds, arguments.seed)
        finally:
            hub.close()
    for message in failed:
        print(message)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
