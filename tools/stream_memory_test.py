#!/usr/bin/env python3
"""Streams much more text through the program than it may take memory.

    python3 tools/stream_memory_test.py [--bge build/release/bge] [--tokenize-gb 5] [--embed-gb 1] [--model DIR]
        [--limit-mb 300]

Lines go through pipes into `bge tokenize` (the tokenizer of --model) and into `bge embed` with a tiny
random model. Shown, and at most the limit: the most memory that the program had at once (VmHWM, from
wait4), of a tenth of the stream and of all of it. What it writes is counted: a line of ids, or a
vector, for each text.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import kills

LINES = [
    "the quick brown fox jumps over the lazy dog",
    "Bread is flour, water, salt and patience: what does a baker need? Caf\u00e9s, na\u00efvely.",
    "",
    "\u4e2d\u6587\u6587\u672c 12345.678 " + "a long line of words that goes on " * 12,
]
BLOCK = ("\n".join(LINES) + "\n").encode() * 2000


def feed(pipe, blocks: int) -> None:
    for _ in range(blocks):
        pipe.write(BLOCK)
    pipe.close()


def count(pipe, found: list) -> None:
    lines = size = 0
    while block := pipe.read(1 << 20):
        lines += block.count(b"\n")
        size += len(block)
    found.extend((lines, size))


def stream(command: list, blocks: int) -> tuple[int, int, float, float]:
    """Lines and bytes that it wrote, its most memory at once in MB, and seconds."""
    begin = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    found: list[int] = []
    threads = [threading.Thread(target=feed, args=(process.stdin, blocks)), threading.Thread(target=count, args=(process.stdout, found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"exit status {process.returncode}: {command}")
    return *found, usage.ru_maxrss / 1024, time.monotonic() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bge", type=Path, default=kills.REPOSITORY / "build/release/bge", help="the program")
    parser.add_argument("--model", type=Path, default=kills.MODEL, help="whose tokenizer it is (default: a tiny one)")
    parser.add_argument("--tokenize-gb", type=float, default=5)
    parser.add_argument("--embed-gb", type=float, default=1)
    parser.add_argument("--limit-mb", type=float, default=300)
    arguments = parser.parse_args()
    embed = [arguments.bge, "embed", "--model", kills.MODEL, "--input", "-", "--output-format", "f32"]
    vector = len(subprocess.run([str(word) for word in embed], input=b"one text", capture_output=True, check=True).stdout)
    tokenize = [arguments.bge, "tokenize", "--model", arguments.model, "--input", "-", "--ids"]
    bad = 0
    for name, command, size in (("tokenize", tokenize, arguments.tokenize_gb), ("embed", embed, arguments.embed_gb)):
        for share in (0.1, 1.0):
            blocks = max(1, round(size * share * 1e9 / len(BLOCK)))
            texts = blocks * BLOCK.count(b"\n")
            lines, written, peak, seconds = stream(command, blocks)
            right = written == texts * vector if name == "embed" else lines == texts
            good = right and peak <= arguments.limit_mb
            bad += not good
            print(f"{name}: {blocks * len(BLOCK) / 1e9:.2f} GB, {texts:,} texts in {seconds:.1f} s: at most {peak:.0f} MB, "
                  f"{written / 1e9:.2f} GB written{'' if good else ' WRONG'}", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
