#!/usr/bin/env python3
"""Makes the operating system fail under commands that write, at every place where it can.

    python3 tools/fault_test.py --bge build/release/bge --layer build/release/tests/libfault_layer.so [--every N]

Between the program and its files is a layer (tests/fault_layer.cc). A first run of each command counts its operations
(creating, writing, syncing, renaming, linking and removing files). Then, for each operation N, it runs again and

    once     operation N fails with EIO, those after it do not
    full     operation N and all after it fail with ENOSPC, as on a disk that is full

It must end well, with what is right, or with one line of error and exit status 1, with what was there before whole, or
what is new whole (where the failure came behind the rename), and nothing left over but what the failing system did not let
it remove; the same command must then do its work. And in a run

    short    every write takes half of what it is given: the result must be right.

--every N tries every Nth operation only.
"""

import argparse
import errno
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import command_tasks
import kills
import pull_kill_test


class Layer:
    def __init__(self, layer, folder, log):
        self.layer, self.folder, self.log = layer.resolve(), folder, log

    def run(self, task, **settings):
        """(exit status, lines on standard error, operations: number, name, path)"""
        self.log.unlink(missing_ok=True)
        variables = {f"FAULT_{name.upper()}": str(value) for name, value in settings.items()}
        # By a program in between: this one's environment would be the layer's, too.
        preload = {"LD_PRELOAD": str(self.layer), "FAULT_DIR": str(self.folder), "FAULT_LOG": str(self.log)}
        done = subprocess.run([str(word) for word in task.command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              env=os.environ | task.environment | variables | preload, timeout=120)
        operations = [line.split(" ", 2) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return done.returncode, done.stderr.splitlines(), operations


def try_one(layer, task, mode, number):
    """What came of it."""
    task.prepare()
    settings = {"at": number, "error": errno.EIO} if mode == "once" else {"from": number, "error": errno.ENOSPC}
    code, said, operations = layer.run(task, **settings)
    failed = next((name for at, name, _ in operations if int(at) == number), None)
    if failed is None:
        return "not reached"  # threads: a run may do less
    errors = [line for line in said if line.startswith("bge: error: ")]
    if code == 0:
        assert task.state() == "new", "it ended well, but what is right is not there"
    else:
        assert code == 1 and len(errors) == 1, f"exit status {code}, said {said}"
        reason = os.strerror(errno.EIO if mode == "once" else errno.ENOSPC)
        assert reason in errors[0], f"the error does not say why: {errors[0]}"
        task.state()
    state = task.state()
    # What could not be removed, or not after the failure, stays. And where the new state may not outlast a power failure,
    # as its folder was not synced (that of an index's merged segments too), the old one is still needed.
    if mode == "once" and failed != "remove" and not (failed == "fsync" and state == "new"):
        assert not task.left(), f"left: {task.left()}"
    if state == "old":
        kills.must(task.command, task.environment)
        assert task.state() == "new", "the next run did not do its work"
    return "ended well" if code == 0 else f"error, {state}"


def try_all(layer, task, every):
    task.prepare()
    code, said, operations = layer.run(task)
    assert code == 0, said
    assert task.state() == "new"
    outcomes, failures = Counter(), []
    for mode in ("once", "full"):
        for number in range(1, len(operations) + 1, every):
            try:
                outcomes[f"{mode}: {try_one(layer, task, mode, number)}"] += 1
            except (AssertionError, OSError, ValueError) as error:
                failures.append(f"{task.name}: {mode} {number} of {len(operations)} ({operations[number - 1][1:]}): {error}")
                outcomes["FAILED"] += 1
    task.prepare()
    code, said, _ = layer.run(task, short=1)
    if code != 0 or task.state() != "new":
        failures.append(f"{task.name}: short writes: exit status {code}, {said}")
    kinds = Counter(name for _, name, _ in operations)
    print(f"{task.name}: {len(operations)} operations ({', '.join(f'{n} {kind}' for kind, n in kinds.items())}): "
          + ", ".join(f"{n} {what}" for what, n in sorted(outcomes.items())), flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bge", type=Path, default=kills.REPOSITORY / "build/release/bge", help="the program")
    parser.add_argument("--layer", type=Path, default=kills.REPOSITORY / "build/release/tests/libfault_layer.so")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", help="the commands with this in their name")
    parser.add_argument("--folder", help="where files are written (default: the temporary folder)")
    arguments = parser.parse_args()
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    failures = []
    with tempfile.TemporaryDirectory(prefix="bge-fault-", dir=arguments.folder) as name:
        folder = Path(name).resolve()
        expected = pull_kill_test.make_model(folder / "model")
        hub = pull_kill_test.Hub(pull_kill_test.REPO, folder / "model", {})
        os.environ |= {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "home"), "TMPDIR": str(folder)}
        layer = Layer(arguments.layer, folder, Path(f"{folder}.log"))
        try:
            for task in command_tasks.all_tasks(arguments.bge, folder, hub, expected):
                if arguments.only is None or arguments.only in task.name:
                    failures += try_all(layer, task, arguments.every)
        finally:
            hub.close()
            layer.log.unlink(missing_ok=True)
    for message in failures:
        print(message)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
