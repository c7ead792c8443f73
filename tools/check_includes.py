#!/usr/bin/env python3
"""Checks every #include against the table of who may include whom (docs/architecture.md).

    check_includes.py [--root DIR]

Prints one line for each forbidden include, "file:line: ...", and exits with 1 if there is any.
"""

import argparse
import pathlib
import re
import sys

# Folder -> folders whose headers it may include; its own and include/bge always may be. A file belongs
# to the longest folder that it lies in. Unit tests and benchmarks (x_test.cc, x_bench.cc, tests/; not the
# command cmd_bench.cc) may include everything of src/ and apps/.
MAY_INCLUDE = {
    "include/bge": [],
    "src/base": [],
    "src/tensor": ["src/base"],
    "src/kernels": ["src/tensor", "src/base"],
    "src/tokenizer": ["src/base"],
    "src/weights": ["src/tensor", "src/base"],
    "src/encoder": ["src/kernels", "src/weights", "src/tensor", "src/base"],
    "src/heads": ["src/kernels", "src/weights", "src/tensor", "src/base"],
    "src/hub": ["src/base"],
    "src/engine": ["src/encoder", "src/heads", "src/hub", "src/kernels", "src/tokenizer",
                   "src/weights", "src/tensor", "src/base"],
    "src/quantize": ["src/engine", "src/heads", "src/hub", "src/weights", "src/tensor", "src/base"],
    "src/index": ["src/kernels", "src/tensor", "src/base"],
    # It measures the engine from inside: single operations, and each stage of a forward pass. Nothing
    # of the library may depend on it.
    "src/bench": ["src/engine", "src/kernels", "src/tensor", "src/base"],
    # The command is a user of the library; src/bench is `bge bench`, whose headers show no internals.
    "apps": ["src/bench", "src/hub", "src/base"],
    # So are the bindings, of what is public alone.
    "python/bindings": [],
    "tests": [],
}

# What may include headers of other projects: (first part of the include, places). A place is a folder,
# the end of a file's name, or TESTS. What matches none of these must be the standard's or POSIX's.
TESTS = "tests"
THIRD_PARTY = [
    (r"hwy/", ["src/kernels/cpu/"]),
    (r"oniguruma", ["src/tokenizer/"]),
    (r"simdjson", ["src/base/"]),
    (r"openssl/", ["src/base/"]),
    (r"curl/", ["src/hub/"]),
    (r"CLI/", ["apps/"]),
    (r"nanobind/", ["python/bindings/"]),
    (r"fmt/", [".cc"]),
    (r"(gtest|gmock)/", [TESTS]),
    (r"benchmark/", ["_bench.cc"]),
]

# Present in the standard, but not in (or not usable with) the oldest compilers that we support.
UNUSABLE = {"format", "ranges", "modules", "coroutine", "expected", "print"}

STANDARD = re.compile(r"^[a-z0-9_]+(\.h)?$|^(sys|linux|arpa|net|netinet)/[a-z0-9_]+\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
IS_TEST = re.compile(r"(?<!/cmd)_(test|bench)\.cc$|/test_[a-z0-9_]+\.h$|^tests/")
IS_PUBLIC = "include/bge"


def folder_of(path):
    """The row of the table that a path like "src/base/json.h" belongs to, or None."""
    rows = [row for row in MAY_INCLUDE if path.startswith(row + "/")]
    return max(rows, key=len, default=None)


def third_party_places(name):
    """Where a header in angle brackets may be included; None for the standard's."""
    for pattern, places in THIRD_PARTY:
        if re.match(pattern, name):
            return places
    return None if STANDARD.match(name) else []


def is_at(path, place):
    if place == TESTS:
        return IS_TEST.search(path) is not None
    return path.startswith(place) if place.endswith("/") else path.endswith(place)


class Checker:
    def __init__(self, root):
        self.root = root
        self.files = sorted(
            path.relative_to(root).as_posix()
            for top in sorted({row.split("/")[0] for row in MAY_INCLUDE})
            for path in (root / top).rglob("*") if path.suffix in (".h", ".cc", ".cpp", ".inc"))
        self.known = set(self.files)
        self.problems = []
        self.edges = {}  # file -> files of ours that it includes

    def resolve(self, path, name):
        """The file of ours that #include "name" means in `path`, or None."""
        for base in ("include/", "src/", "python/", "", path.rsplit("/", 1)[0] + "/"):
            if base + name in self.known:
                return base + name
        return None

    def check_quoted(self, path, name):
        target = self.resolve(path, name)
        if ".." in name.split("/"):
            return "name the header from the root of its tree, not with .."
        if target is None:
            return f'"{name}" is not a header of this repository'
        self.edges.setdefault(path, []).append(target)
        if IS_TEST.search(target) and not IS_TEST.search(path):
            return f"{name} is for tests only"
        source, owner = folder_of(path), folder_of(target)
        if IS_TEST.search(path) or owner in (source, IS_PUBLIC) or owner in MAY_INCLUDE[source]:
            return None
        allowed = ", ".join([source, IS_PUBLIC, *MAY_INCLUDE[source]])
        return f"{source} may not include {owner} ({name}); it may include {allowed}"

    def check_angled(self, path, name):
        if path.startswith("tests/") and name.startswith("bge/"):
            return None  # as a user of the installed library would
        if name in UNUSABLE:
            return f"<{name}> does not work with the compilers that we support"
        places = third_party_places(name)
        if places is None or any(is_at(path, place) for place in places):
            if places is not None and path.startswith(IS_PUBLIC):
                return f"public headers include nothing of other projects (<{name}>)"
            return None
        where = ", ".join(places) if places else "nowhere: add it to tools/check_includes.py"
        return f"<{name}> may be included in {where}"

    def check_file(self, path):
        text = (self.root / path).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.split("\n"), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            angled, quoted = match.groups()
            # Highway's own examples write #include "hwy/highway.h".
            if angled or third_party_places(quoted):
                problem = self.check_angled(path, angled or quoted)
            else:
                problem = self.check_quoted(path, quoted)
            if problem:
                self.problems.append(f"{path}:{number}: {problem}")

    def check_cycles(self, edges, what):
        """Depth-first search; reports each cycle that closes, once."""
        state = {}

        def visit(node, trail):
            state[node] = "open"
            for target in edges.get(node, []):
                if state.get(target) == "open":
                    cycle = [*trail[trail.index(target):], target]
                    self.problems.append(f"{node}:1: {what} include each other: {' -> '.join(cycle)}")
                elif target not in state:
                    visit(target, [*trail, target])
            state[node] = "done"

        for node in edges:
            if node not in state:
                visit(node, [node])

    def run(self):
        for path in self.files:
            self.check_file(path)
        # Highway compiles a file once for each instruction set by letting it include itself.
        own = {path: [t for t in targets if t != path] for path, targets in self.edges.items()}
        self.check_cycles(own, "files")
        self.check_cycles(MAY_INCLUDE, "folders of the table")
        return self.problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    root = parser.parse_args().root
    checker = Checker(root)
    if not checker.files:
        sys.exit(f"check_includes.py: error: no sources under {root}")
    problems = checker.run()
    for problem in problems:
        print(problem)
    print(f"{len(checker.files)} files, {len(problems)} forbidden includes")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
