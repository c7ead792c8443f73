"""Runs every comparison with PyTorch and Hugging Face: what `./dev test --oracle` does.

    python tools/oracle/run_all.py --bge PROGRAM [NAME ...]

Each suite prints its own table; the exit status is 1 where one of them does not end with 0. Speed is not
here: it needs a quiet machine (see speed_compare.py).
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import engine

# Quick ones first.
SUITES = ["tokens", "hub", "layouts", "invariance", "sts", "retrieval", "types", "splade", "vectors", "colbert", "heads", "modernbert"]
# Those that compare a published score; the others compare what PyTorch computes.
SCORES = {"sts", "retrieval"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    parser.add_argument("suites", nargs="*", metavar="NAME", help=f"some of: {' '.join(SUITES)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.suites) - set(SUITES):
        parser.error(f"no suite {', '.join(sorted(unknown))}")
    failed = []
    for name in arguments.suites or SUITES:
        kind = "scores" if name in SCORES else "compare"
        script = Path(__file__).parent / f"{name}_{kind}.py"
        print(f"\n--- {script.name}", flush=True)
        started = time.monotonic()
        status = subprocess.run([sys.executable, script, "--bge", arguments.bge.resolve()]).returncode
        print(f"--- {script.name}: {'ok' if status == 0 else 'FAILED'}, {time.monotonic() - started:.0f} s", flush=True)
        if status:
            failed.append(name)
    print(f"\n{'failed: ' + ', '.join(failed) if failed else 'all suites agree'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
