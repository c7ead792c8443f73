"""Compares what a shared libbge exports with the committed list: a symbol that appears or goes is a decision, not an accident.

    python check_symbols.py LIBRARY LIST [--write]

Weak symbols (inline functions of public classes) depend on the compiler: they are left out of the list, and may be of bge only.
"""

import re
import subprocess
import sys


def exported(library):
    """(names, weak symbols of something else)"""
    output = subprocess.run(["nm", "--dynamic", "--defined-only", "--extern-only", "--demangle", library], capture_output=True, text=True,
                            check=True).stdout
    lines = [line.split(maxsplit=2) for line in output.splitlines()]
    weak = sorted({name for _, kind, name in lines if kind in "WVwvu"})
    ours = re.compile(r"(typeinfo (name )?for |vtable for )?bge::")
    return sorted({name for _, kind, name in lines if kind not in "WVwvu"}), [name for name in weak if not ours.match(name)]


def main():
    library, path = sys.argv[1:3]
    found, foreign = exported(library)
    if "--write" in sys.argv:
        with open(path, "w") as file:
            file.writelines(f"{name}\n" for name in found)
        return 0
    with open(path) as file:
        expected = file.read().splitlines()
    for name in sorted(set(found) - set(expected)):
        print(f"exported, but not in {path}: {name}")
    for name in sorted(set(expected) - set(found)):
        print(f"in {path}, but no longer exported: {name}")
    for name in foreign:
        print(f"exported, but not of bge (cmake/exports.map): {name}")
    if found != expected:
        print("If this is meant: python tests/install/check_symbols.py LIBRARY LIST --write, and a line in CHANGELOG.md")
    if found != expected or foreign:
        return 1
    print(f"{len(found)} symbols")
    return 0


if __name__ == "__main__":
    sys.exit(main())
