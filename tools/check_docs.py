#!/usr/bin/env python3
"""Checks what the documentation says about the repository, as far as a script can.

Every relative link of a Markdown file leads to a file; every environment variable that the code reads
(always through GetEnv of base/env.h) has a row in docs/environment.md, and every row is read; every
folder of src/ has its paragraph in docs/architecture.md; the table of fuzzing in docs/security.md has the numbers of
tests/fuzz/tally.json (--write-tally puts them there). Prints one line for each fault and exits
with 1 if there is any.
"""

import json
import pathlib
import re
import sys

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
READ_VARIABLE = re.compile(r'\bGetEnv\("([A-Z0-9_]+)"\)')
READ_LIST = re.compile(r"for \(const char\* variable : \{([^}]*)\}\)")
OTHER_READ = re.compile(r"\b(secure_)?getenv\s*\(")
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \|", re.MULTILINE)
# Runs programs for tests; the PATH it passes on is not configuration.
TEST_SUPPORT = {"run_program"}


def sources(root):
    for top in ("include", "src", "apps"):
        for path in sorted((root / top).rglob("*")):
            is_test = path.stem.endswith(("_test", "_bench")) and not path.stem.startswith("cmd_")
            is_test = is_test or path.stem in TEST_SUPPORT
            if path.suffix in (".h", ".cc") and not is_test:
                yield path


def check_links(root):
    for page in [*root.glob("*.md"), *sorted((root / "docs").rglob("*.md"))]:
        text = CODE_BLOCK.sub("", page.read_text(encoding="utf-8"))
        for target in LINK.findall(text):
            if "://" not in target and not (page.parent / target).exists():
                yield f"{page.relative_to(root)}: the link to {target} leads nowhere"


def check_variables(root):
    read = {}
    for path in sources(root):
        name, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        listed = re.findall(r'"([A-Z0-9_]+)"', " ".join(READ_LIST.findall(text)))
        for variable in READ_VARIABLE.findall(text) + listed:
            read.setdefault(variable, name)
        if name != "src/base/env.cc" and OTHER_READ.search(text):
            yield f"{name}: reads the environment without GetEnv of base/env.h"
    documented = set(ROW.findall((root / "docs/environment.md").read_text(encoding="utf-8")))
    for variable in sorted(read.keys() - documented):
        yield f"docs/environment.md: no row for {variable}, which {read[variable]} reads"
    for variable in sorted(documented - read.keys()):
        yield f"docs/environment.md: nothing reads {variable}"


def check_folders(root):
    text = (root / "docs/architecture.md").read_text(encoding="utf-8")
    for folder in sorted((root / "src").iterdir()):
        if folder.is_dir() and f"`src/{folder.name}/`" not in text:
            yield f"docs/architecture.md: nothing about src/{folder.name}/"


FUZZED = re.compile(r"^\| (\w+) \| ([\d,]+) \| ([\d,]+) \|", re.MULTILINE)


def fuzz_rows(root):
    """The beginning of each target's row, as the tally has it."""
    tally = json.loads((root / "tests/fuzz/tally.json").read_text(encoding="utf-8"))
    return {
        target: f"| {target} | {sums['executions']:,} | {sums['executions'] / max(sums['cpu_seconds'], 0.1):,.0f} |"
        for target, sums in tally.items()
    }


def check_fuzz_table(root):
    expected = fuzz_rows(root)
    found = {row.group(1): row.group(0) for row in FUZZED.finditer((root / "docs/security.md").read_text(encoding="utf-8"))}
    for target in sorted(expected.keys() | found.keys()):
        if found.get(target) != expected.get(target):
            yield f"docs/security.md: found {found.get(target)}, expected {expected.get(target)} (tests/fuzz/tally.json)"


def write_fuzz_table(root):
    rows, page = fuzz_rows(root), root / "docs/security.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(FUZZED.sub(lambda row: rows.get(row.group(1), row.group(0)), text), encoding="utf-8")


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    if sys.argv[1:] == ["--write-tally"]:
        write_fuzz_table(root)
    faults = [*check_links(root), *check_variables(root), *check_folders(root), *check_fuzz_table(root)]
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults in the documentation")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
