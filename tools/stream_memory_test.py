#!/usr/bin/env python3
"""Streams much more text through the program than it may take memory.

    python3 tools/stream_memory_test.py [--bge build/release/bge] [--tokenize-gb 5] [--embed-gb 1] [--model DIR]
        [--limit-mb 300]

Lines go through pipes into `bge tokenize` (the tokenizer of --model) and into `bge embed` with a tiny
random model: no text is like another, and but for one word of each text no word is. Shown, and at most
the limit: the most memory that the program had at once (VmHWM, from wait4), of a tenth of the stream
and of all of it. What it writes is counted: a line of ids, or a vector, for each text.
"""

import argparse
import os
import random
import string
import subprocess
import sys
import threading
import time
from pathlib import Path

import kills

TEXTS_A_BLOCK = 10_000
ASCII = string.ascii_lowercase.encode()
OTHERS = ["\u0434\u043e\u043c", "\u4e2d\u6587", "caf\u00e9", "\U0001f600", "2026"]


def make_block() -> bytes:
    """Lines of words of random letters, one of ten of them long, and an empty one."""
    draw = random.Random(1)
    lines = []
    for place in range(TEXTS_A_BLOCK - 1):
        words = ["".join(draw.choices(string.ascii_lowercase, k=draw.randrange(5, 10))) for _ in range(100 if place % 10 == 0 else 10)]
        lines.append(" ".join([*words, OTHERS[place % len(OTHERS)]]))
    return ("\n".join(lines) + "\n\n").encode()


BLOCK = make_block()


def feed(pipe, blocks: int) -> None:
    """Each block with its letters exchanged."""
    for place in range(blocks):
        letters = bytearray(ASCII)
        random.Random(place).shuffle(letters)
        pipe.write(BLOCK.translate(bytes.maketrans(ASCII, letters)))
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
            texts = blocks * TEXTS_A_BLOCK
            lines, written, peak, seconds = stream(command, blocks)
            right = written == texts * vector if name == "embed" else lines == texts
            good = right and peak <= arguments.limit_mb
            bad += not good
            print(f"{name}: {blocks * len(BLOCK) / 1e9:.2f} GB, {texts:,} texts in {seconds:.1f} s: at most {peak:.0f} MB, "
                  f"{written / 1e9:.2f} GB written{'' if good else ' WRONG'}", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
