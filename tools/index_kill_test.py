#!/usr/bin/env python3
"""Kills writers of an index at random moments, and fills the disk under them.

    python3 tools/index_kill_test.py --bge build/release/bge --rounds 500
    python3 tools/index_kill_test.py --bge build/release/bge --rounds 1000 --often build
    python3 tools/index_kill_test.py --bge build/release/bge --full-disk     (as root: mounts a tmpfs)

Each round starts `bge index add`, `add --replace`, `delete`, `compact` or `build`, kills it (SIGKILL)
after a random time, and reads the index with the few lines of Python below, which know the format
from docs/formats/index.md alone: every checksum must agree, and the texts must be those before the
command or those after it; after it where it had ended. `bge index verify` must agree, and the next
command must work.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import kills
from kills import MODEL


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def strings(data, offsets):
    bounds = [int.from_bytes(offsets[i : i + 8], "little") for i in range(0, len(offsets), 8)]
    assert bounds[0] == 0 and bounds[-1] == len(data) and bounds == sorted(bounds)
    return [data[a:b].decode() for a, b in zip(bounds, bounds[1:])]


def read_index(folder):
    """Texts by id, in the order of their rows, after checking every byte."""
    manifest = (folder / "manifest.json").read_bytes()
    assert sha256(manifest[:-68]) == manifest[-68:-4].decode(), "checksum of the manifest"
    fields = json.loads(manifest)
    rows = {}
    for segment in fields["segments"]:
        files = {}
        for part, record in segment["files"].items():
            files[part] = (folder / f"{segment['name']}.{part}").read_bytes()
            assert len(files[part]) == record["bytes"], part
            assert sha256(files[part]) == record["sha256"], part
        assert len(files["vectors"]) == segment["count"] * fields["dimension"] * 4
        deleted = bytes((segment["count"] + 7) // 8)
        if "deleted" in segment:
            record = segment["deleted"]
            deleted = (folder / f"{segment['name']}.{record['name']}").read_bytes()
            assert len(deleted) == record["bytes"] and sha256(deleted) == record["sha256"]
            assert sum(byte.bit_count() for byte in deleted) == record["count"]
        ids = strings(files["ids"], files["id_offsets"])
        texts = strings(files["texts"], files["text_offsets"])
        assert len(ids) == len(texts) == segment["count"]
        for row, (name, text) in enumerate(zip(ids, texts)):
            if deleted[row // 8] >> (row % 8) & 1:
                continue
            assert name not in rows, name
            rows[name] = text
    return rows


class Writer:
    """Makes commands that change the index, and says what each leaves."""

    def __init__(self, bge, folder, seed, often=None):
        self.bge, self.often = bge, often
        self.index = folder / "index"
        self.corpus = folder / "corpus.jsonl"
        self.random = random.Random(seed)
        self.number = 0

    def write_corpus(self, ids):
        self.number += 1
        rows = {name: f"text {self.number} of {name} " + "x" * self.random.randrange(200) for name in ids}
        with self.corpus.open("w") as out:
            for name, text in rows.items():
                out.write(json.dumps({"_id": name, "text": text}) + "\n")
        return rows

    def command(self, rows):
        """(arguments, the rows after it), given those before it."""
        kinds = {"add": 8, "replace": 5, "delete": 6, "compact": 2, "build": 1}
        if self.often in kinds:
            kinds[self.often] = 60  # three of four; the others keep the index of one size
        kind = self.random.choices(list(kinds), list(kinds.values()))[0]
        self.kind = kind
        new = [f"n{self.number}-{i}" for i in range(self.random.choice([1, 2, 5, 40]))]
        some = self.random.sample(sorted(rows), min(len(rows), self.random.choice([1, 3, 20])))
        after = dict(rows)
        if kind == "build":
            after = self.write_corpus(new)
            return ["build", self.index, "--model", MODEL, "--input", self.corpus, "--threads", "1"], after
        if kind == "add":
            after.update(self.write_corpus(new))
            return ["add", self.index, "--input", self.corpus, "--threads", "1"], after
        if kind == "replace":
            for name in some:
                del after[name]
            after.update(self.write_corpus(some + new))
            return ["add", self.index, "--input", self.corpus, "--replace", "--threads", "1"], after
        if kind == "delete" and some:
            for name in some:
                del after[name]
            return ["delete", self.index, *some], after
        return ["compact", self.index], after

    def run(self, arguments):
        return kills.run([self.bge, "index", *arguments])

    def must(self, arguments):
        return kills.must([self.bge, "index", *arguments])


def same(found, expected):
    return list(found.items()) == list(expected.items())


def kill_rounds(writer, rounds):
    rows = writer.write_corpus([f"first-{i}" for i in range(20)])
    writer.must(["build", writer.index, "--model", MODEL, "--input", writer.corpus])
    times = []
    for _ in range(10):
        arguments, after = writer.command(rows)
        times.append(writer.must(arguments))
        rows = after
    longest = sorted(times)[-2]
    outcomes = Counter()
    for done in range(rounds):
        arguments, after = writer.command(rows)
        moment = writer.random.uniform(0, 1.1 * longest)
        ended = not kills.killed([writer.bge, "index", *arguments], moment)
        found = read_index(writer.index)
        assert same(found, after) or (not ended and same(found, rows)), (done, arguments, ended)
        writer.must(["verify", writer.index])
        outcomes["ended" if ended else "killed, new" if same(found, after) else "killed, old"] += 1
        outcomes[f"of {writer.kind}"] += not ended
        left = sum(1 for _ in writer.index.iterdir())
        outcomes["with leftovers"] += left > expected_files(writer.index)
        rows = found
        if writer.random.random() < 0.1:  # what is left is removed by who comes next
            writer.must(["delete", writer.index, "nobody"])
            assert sum(1 for _ in writer.index.iterdir()) == expected_files(writer.index)
            assert same(read_index(writer.index), rows)
    kills.report(rounds, outcomes)


def expected_files(folder):
    segments = json.loads((folder / "manifest.json").read_bytes())["segments"]
    return 1 + sum(len(s["files"]) + ("deleted" in s) for s in segments)


def full_disk_rounds(writer, folder, rounds):
    """A disk of 1 MiB: commands fail for want of room, and lose nothing."""
    if os.geteuid() != 0:
        sys.exit("--full-disk mounts a tmpfs: run it as root")
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    outcomes = Counter()
    try:
        writer.index = disk / "index"
        rows = writer.write_corpus([f"first-{i}" for i in range(20)])
        writer.must(["build", writer.index, "--model", MODEL, "--input", writer.corpus])
        ballast = disk / "ballast"
        for done in range(rounds):
            room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
            left = min(room, writer.random.choice([0, 20_000, 60_000, 200_000]))
            ballast.write_bytes(bytes(room - writer.random.randrange(left + 1)))
            arguments, after = writer.command(rows)
            code, error = writer.run(arguments)
            found = read_index(writer.index)
            assert same(found, after if code == 0 else rows), (done, arguments, error)
            assert code == 0 or "No space left" in error, error
            outcomes["done" if code == 0 else "refused"] += 1
            outcomes["not merged"] += "were not merged" in error
            ballast.unlink()
            assert sum(1 for _ in writer.index.iterdir()) == expected_files(writer.index)
            writer.must(["verify", writer.index])
            rows = found
            if len(rows) > 300:
                gone = list(rows)[:250]
                writer.must(["delete", writer.index, *gone])
                rows = read_index(writer.index)
    finally:
        subprocess.run(["umount", disk], check=True)
    print(f"{rounds} rounds on a full disk: " + ", ".join(f"{n} {what}" for what, n in outcomes.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    kills.add_arguments(parser)
    parser.add_argument("--full-disk", action="store_true", help="instead: on a small disk that is full")
    parser.add_argument("--often", choices=["add", "replace", "delete", "compact", "build"], help="three of four commands are this one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bge-kill-", dir=arguments.folder) as name:
        folder = Path(name)
        writer = Writer(arguments.bge, folder, arguments.seed, arguments.often)
        if arguments.full_disk:
            full_disk_rounds(writer, folder, arguments.rounds)
        else:
            kill_rounds(writer, arguments.rounds)


if __name__ == "__main__":
    main()
