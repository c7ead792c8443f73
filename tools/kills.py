"""What the tests that kill the program share: they start it, kill it (SIGKILL) at a random moment, and read what it left."""

import argparse
import os
import subprocess
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
MODEL = REPOSITORY / "tests/data/models/tiny-bert"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bge", type=Path, default=REPOSITORY / "build/release/bge", help="the program")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="where files are written (default: the temporary folder)")


def start(command, environment=None):
    return subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | (environment or {}),
    )


def run(command, environment=None):
    """(exit status, what it wrote to standard error)"""
    process = start(command, environment)
    error = process.communicate()[1]
    return process.returncode, error


def must(command, environment=None):
    """Seconds that it took."""
    begin = time.monotonic()
    code, error = run(command, environment)
    assert code == 0, error
    return time.monotonic() - begin


def killed(command, seconds, environment=None):
    """Whether it was killed after `seconds`, and had not ended well before."""
    process = start(command, environment)
    time.sleep(seconds)
    process.kill()
    error = process.communicate()[1]
    assert process.returncode in (0, -9), (command, process.returncode, error)
    return process.returncode != 0


def report(rounds, outcomes):
    print(f"{rounds} rounds: " + ", ".join(f"{n} {what}" for what, n in outcomes.items()))
