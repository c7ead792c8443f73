"""Every layout and setting of layout_cases.py: `bge embed` against sentence-transformers' own encode.

    python tools/oracle/layouts_compare.py [--bge PROGRAM] [--case NAME]

Each case is built from a committed tiny model, loaded by both, and given the same texts. Where the C++
golden test compares with stored vectors, this compares with the installed sentence-transformers, through
the command line.
"""

import argparse
import logging
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers

import engine
import layout_cases
from evaluation_sets import REPOSITORY

MODELS = REPOSITORY / "tests/data/models"


def flags_of(case: dict) -> list[str]:
    flags = []
    for name, value in case["options"].items():
        if name == "role":
            flags.append({"query": "--query", "document": "--passage"}[value])
        elif name == "normalize":
            flags += [] if value else ["--no-normalize"]
        else:
            flags += ["--" + name.replace("_", "-"), str(value)]
    return flags


def run_case(bge: Path, case: dict, table) -> None:
    texts = layout_cases.texts_of(case)
    with tempfile.TemporaryDirectory() as scratch:
        ours = layout_cases.build(MODELS, case, Path(scratch) / "ours" / case["folder"])
        theirs = shutil.copytree(ours, Path(scratch) / "theirs" / case["folder"])
        expected = layout_cases.sentence_transformers_vectors(theirs, case, texts)
        tolerance = layout_cases.TOLERANCE * max(1.0, float(np.abs(expected).max()))
        try:
            found, _ = engine.embed(bge, ours, texts, *flags_of(case))
        except engine.EngineError as error:
            table.row(f"{case['model']} {case['name']}", len(texts), expected.shape[1], float("nan"), tolerance,
                      ok=False, note=str(error))
            return
    worst = engine.max_abs(expected, found)
    note = "" if worst <= tolerance else f"shape {found.shape}, rows off: " + str(
        np.flatnonzero(np.abs(expected - found).max(axis=1) > tolerance).tolist()
        if expected.shape == found.shape else "all")
    table.row(f"{case['model']} {case['name']}", len(texts), found.shape[1], worst, tolerance, ok=worst <= tolerance,
              note=note)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    parser.add_argument("--case", default="", help="only cases whose name contains this")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.disable(logging.WARNING)
    table = engine.Table("case", "texts", "dimension", "max abs", "tolerance", width=64)
    for model in sorted(path.name for path in MODELS.iterdir() if path.name != "parts"):
        for case in layout_cases.committed(model):
            if arguments.case in case["name"]:
                run_case(arguments.bge, case, table)
    return table.exit_status()


if __name__ == "__main__":
    sys.exit(main())
