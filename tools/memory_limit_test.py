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

import command_tasks
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
        return run(task.command, limit, task.environment)[0] == 0

    enough = least(works)
    outcomes, sizes = Counter(), random.Random(seed)
    failed = []
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
                command_tasks.Embed(arguments.bge, folder, "embed", "vectors.npy"),
                command_tasks.Index(arguments.bge, folder, "build"),
                command_tasks.Index(arguments.bge, folder, "add"),
                command_tasks.Pull(arguments.bge, folder, hub, expected),
            ):
                failed += check_all(task, lowest, arguments.rounds, arguments.seed)
        finally:
            hub.close()
    for message in failed:
        print(message)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
