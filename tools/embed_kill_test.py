#!/usr/bin/env python3
"""Kills `bge embed` at random moments.

    python3 tools/embed_kill_test.py --bge build/release/bge --rounds 1000

Each round starts or goes on with an output (.npy, .jsonl, .f32 or .txt) by --resume and kills it (SIGKILL) after
a random time. Rows that a checkpoint has acknowledged must be there ever after, byte for byte those
of a run that nobody disturbed; nothing stands under the output's name before all of it is there; and
where a run ends, its output is that of the undisturbed run and nothing is left beside it. The
program saves a checkpoint a second: it is given a clock that runs 50 times as fast (cc makes it), so
that a run of a fifth of a second has many.

A quarter of the rounds run without --resume over an output that is there already (.npy, .jsonl, and all three kinds of
vectors in .npz and .safetensors): it must be the old one or the new one, whole.
"""

import argparse
import json
import random
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import command_tasks
import kills

TEXTS = 4000
CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec* now) {
  static int (*real)(clockid_t, struct timespec*);
  if (!real) real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  const int result = real(clock, now);
  if (clock != CLOCK_MONOTONIC) return result;
  const long long fast = (now->tv_sec * 1000000000LL + now->tv_nsec) * 50;
  now->tv_sec = fast / 1000000000, now->tv_nsec = fast % 1000000000;
  return result;
}
"""


def fast_clock(folder):
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(CLOCK)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", source, "-o", library, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


class Output:
    """One file of vectors, and what is known of it while it grows."""

    def __init__(self, bge, texts, folder, kind, environment):
        self.kind = kind
        self.path = folder / f"vectors.{kind}"
        self.part, self.state = (folder / f"{self.path.name}{end}" for end in (".part", ".part.json"))
        self.environment = environment
        self.command = [bge, "embed", "--model", kills.MODEL, "--input", texts, "--threads", "1", "--output"]
        whole = folder / f"whole.{kind}"
        # The first is to be forgotten: it may wait for the disk.
        self.seconds = [kills.must([*self.command, self.path, "--resume"], environment) for _ in range(3)][-1]
        kills.must([*self.command, whole])
        self.whole = whole.read_bytes()
        self.check_end()
        self.rows = 0

    def killed(self, seconds):
        if kills.killed([*self.command, self.path, "--resume"], seconds, self.environment):
            return True
        self.check_end()
        return False

    def finish(self):
        kills.must([*self.command, self.path, "--resume"], self.environment)
        self.check_end()

    def check_end(self):
        assert self.path.read_bytes() == self.whole, f"{self.path} is not that of an undisturbed run"
        assert not self.part.exists() and not self.state.exists(), "something is left"
        self.path.unlink()
        self.rows = 0

    def check_part(self):
        """What a killed run has left; whether it had ended but for its last steps."""
        if self.path.exists():
            # Renamed, and killed before the state was removed: the next run begins anew.
            assert self.path.read_bytes() == self.whole, f"{self.path} is not that of an undisturbed run"
            assert not self.part.exists()
            self.path.unlink()
            self.rows = 0
            return True
        state = json.loads(self.state.read_bytes()) if self.state.exists() else {"rows": 0, "bytes": 0}
        part = self.part.read_bytes() if self.part.exists() else b""
        if not part:
            # A state without a part is that of a run that was killed after the rename.
            assert self.rows == 0, f"{self.rows} rows were acknowledged, and the part is gone"
            return False
        assert state["rows"] >= self.rows, f"{self.rows} rows were acknowledged, {state['rows']} are"
        self.rows = state["rows"]
        assert len(part) >= state["bytes"], f"{state['bytes']} bytes were acknowledged, {len(part)} are there"
        # The header of .npy gets the number of rows at the end.
        skip = 128 if self.kind == "npy" else 0
        assert self.rows == 0 or part[skip : state["bytes"]] == self.whole[skip : state["bytes"]], "torn"
        return False


def kill_plain(task, moments, outcomes):
    task.prepare()
    killed = kills.killed(task.command, moments.uniform(0, 1.1 * task.seconds))
    state = task.state()
    assert killed or state == "new", f"{task.name} ended, and its output is the old one"
    outcomes[f"plain: {'killed' if killed else 'ended'}, {state}"] += 1


def kill_all(outputs, plain, rounds, seed):
    outcomes, moments = Counter(), random.Random(seed)
    for done in range(rounds):
        if done % 4 == 3:
            kill_plain(plain[done // 4 % len(plain)], moments, outcomes)
            continue
        output = outputs[done % len(outputs)]
        before = output.rows
        if not output.killed(moments.uniform(0, 1.1 * output.seconds)):
            outcomes["ended"] += 1
            continue
        ended = output.check_part()
        outcomes["killed after the rename" if ended else "killed"] += 1
        outcomes["of these with new checkpoints"] += output.rows > before
        outcomes["of these begun at a checkpoint"] += before > 0
    for output in outputs:
        output.finish()
    kills.report(rounds, outcomes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    kills.add_arguments(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bge-kill-", dir=arguments.folder) as name:
        folder = Path(name)
        texts = folder / "texts.txt"
        texts.write_text("".join(f"text number {i} of words\n" for i in range(TEXTS)))
        environment = fast_clock(folder)
        outputs = [
            Output(arguments.bge, texts, folder, kind, environment) for kind in ("npy", "jsonl", "f32", "txt")
        ]
        plain = command_tasks.embed_tasks(arguments.bge, folder)
        for task in plain:
            task.seconds = kills.must(task.command)
        kill_all(outputs, plain, arguments.rounds, arguments.seed)


if __name__ == "__main__":
    main()
