"""The texts that the comparison suites run on, read from the developers' shared data.

Nothing of that data is part of the project: every reader says plainly when it is absent. The folder is
$BGE_SHARED_DIR, or `shared` beside the checkout.
"""

import json
import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def shared_dir() -> Path:
    path = Path(os.environ.get("BGE_SHARED_DIR", REPOSITORY.parent / "shared"))
    if not (path / "data").is_dir():
        sys.exit(f"no shared data at {path}: set BGE_SHARED_DIR")
    return path


def read_jsonl(path: Path) -> list[dict]:
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def document_text(row: dict) -> str:
    """BEIR's text of a document."""
    return (row.get("title", "") + " " + row["text"]).strip()


def scifact_corpus() -> list[str]:
    return [document_text(row) for row in read_jsonl(shared_dir() / "data/scifact/corpus.jsonl")]


def scifact_queries() -> list[str]:
    return [row["text"] for row in read_jsonl(shared_dir() / "data/scifact/queries.jsonl")]


def multilingual_lines(count: int) -> list[str]:
    """`count` different lines in over a hundred languages: one of each file in turn."""
    data = shared_dir() / "data"
    sources: list[list[str]] = []
    for path in sorted((data / "tatoeba").glob("tatoeba.*-eng.*")):
        if not path.name.endswith(".eng"):
            sources.append(path.read_text(encoding="utf-8").splitlines())
    for path in sorted((data / "xquad_retrieval").glob("*/*.jsonl")):
        sources.append([document_text(row) for row in read_jsonl(path)])
    for path in sorted((data / "stsb_multi_mt").glob("*/test.jsonl")):
        sources.append([row["sentence1"] for row in read_jsonl(path)])
    lines: dict[str, None] = {}
    for i in range(max(len(source) for source in sources)):
        for source in sources:
            if i < len(source) and source[i].strip():
                lines.setdefault(source[i], None)
                if len(lines) == count:
                    return list(lines)
    raise ValueError(f"only {len(lines)} different lines in {data}, wanted {count}")
