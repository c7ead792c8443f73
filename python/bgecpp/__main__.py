"""`bgecpp` and `python -m bgecpp`: the program bge, which this package carries."""

import os
import sys
from pathlib import Path


def main() -> None:
    program = Path(__file__).parent / "bin" / "bge"
    if not program.is_file():
        from shutil import which

        found = which("bge")  # of a checkout, whose package has no program
        if found is None:
            print(
                "bge: error: no program bge: this package has none, and there is none on the PATH: pip install . in a checkout",
                file=sys.stderr,
            )
            sys.exit(1)
        program = Path(found)
    os.execv(program, ["bge", *sys.argv[1:]])


if __name__ == "__main__":
    main()
