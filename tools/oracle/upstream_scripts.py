"""Runs the scripts of other packages' documentation with them and with bgecpp, and compares what comes out.

    python tools/oracle/upstream_scripts.py [--flag-embedding DIR] [--sentence-transformers DIR] [--fastembed DIR]
                                            [--langchain DIR] [--keep DIR] [--markdown FILE] [PATTERN ...]

Each DIR is a checkout (or a bare clone) of the package's repository; for --langchain of its documentation's. Nothing of
them is copied into this repository. A script is a Python file, or the blocks of a notebook, a README or a page, in
their order. Each runs in two processes: with the real packages, and with bgecpp under their names (install(); an
import of transformers' AutoModel or AutoTokenizer becomes one of bgecpp.transformers). Nothing else is changed but
"cuda", which becomes "cpu" in both, after which ours runs once more as written. Names of models stay: upstream_models.py puts
random ones of the same layout into a hub's cache. Small tables stand for data sets.

After each block all variables that are new, the results of encode, predict and the like, the value of the last line,
and what was printed are compared: kinds (an array, a tensor, a tuple, a NumPy number …), dtypes, shapes, keys, texts and
integers equal, floats to 1e-5 (of the largest value, where that is above 1), float16 to 1e-3 and shown apart, printed
numbers to a unit of their last digit, measured times not at all. Kinds that differ on purpose are listed with their
reasons (KINDS). A block that the real package does not run here (a model of another kind, a GPU, a key) says nothing
about ours: it is counted with its reason. Exit status 1 where ours fails or differs.

Beside requirements.txt it takes what the scripts import: faiss-cpu, fastembed, langchain-community and langchain-huggingface.
Where one is not installed, its blocks are counted as such.
"""

import argparse
import ast
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import evaluation_sets
import upstream_checkout
from evaluation_sets import REPOSITORY

# Which files of a repository are scripts for inference.
FILES = {
    "flag_embedding": r"README(_zh)?\.md|Tutorials/.*\.ipynb|examples/inference/.*\.(py|md)|research/(BGE_M3|baai_general_embedding)/README\.md",
    "sentence_transformers": r"README\.md|docs/quickstart\.rst|docs/(sentence_transformer|cross_encoder|sparse_encoder)/(usage/.*|pretrained_models)\.(rst|md)"
    r"|examples/(sentence_transformer|cross_encoder|sparse_encoder)/applications/.*\.(py|md|rst|ipynb)",
    "fastembed": r"README\.md|docs/.*\.(ipynb|md)",
    "langchain": r"src/oss/integrations/text_embedding/(bge_huggingface|fastembed|sentence_transformers)\.md"
    r"|src/oss/integrations/document_transformers/cross_encoder_reranker\.md",
}
# What a block may give otherwise, by what it says -> why: the mended faults and refusals of docs/python.md.
OTHERWISE = [
    (r"list_supported_models\(\)\s*(\)|$|\.)", "names the files of the original weights, not ONNX files"),
    (r"^(print\(model\)|model)$", "prints torch modules"),
    (r"last_hidden_state = ", "the states of padding are zeros"),
    (r"Reranker(\.from_finetuned)?\([^)]*devices=\[[^\],]+,", "a list of scores on several devices too"),
    (r"\btime\.time\(\)", "prints measured times"),
    (r"float16|\.half\(\)", "computes in float32 what torch computes in half precision"),
]
# Kinds that differ on purpose: "theirs for ours", where (a pattern of the value's place) -> why.
KINDS = [
    (r"numpy\.float(16|32) for float", r"lexical|convert_id_to_token|(^|_)lex(_|$)", "lexical weights, and what is made of them, are Python floats"),
]
REFUSED = [(r"modules made of torch", "refused: a model made of torch modules")]
# Not worth a run: patterns of paths -> why.
NOT_RUN = [
    (r"image-search|BGE_VL|BGE-VL|Image_Embedding|_VL", "images"),
    (r"7_Fine-tuning|usage/custom_models", "training, and models made of torch modules"),
    (r"usage/efficiency", "half precision, and exports to ONNX and OpenVINO"),
    (r"elasticsearch|opensearch|semantic_search_qdrant|seismic|splade_index|annoy|hnswlib|usearch", "a search engine"),
    (r"bucc2018|publications|wikipedia|quora|_benchmark|text_summarization|lex_rank", "data that is downloaded"),
    (r"decoder_only|BGE_EN_ICL|BGE_Code", "decoders"),
    (r"FastEmbed_(Multi_)?GPU|Faiss_GPU|multi_gpu", "a GPU, or several"),
]
TIMEOUT_S = 400
LIMIT = 1e-5
LIMIT_FLOAT16 = 1e-3
DOWNLOAD = "needs a download or a server"
# A failure of the real package, as "type: message" -> why it cannot run here.
REASONS = [
    (r"NameError", "goes on from a block that does not run"),
    (r"SyntaxError|IndentationError", "is no whole Python program"),
    (r"No module named '([\w.]+)'", "needs the package {0}"),
    (r"(?i)openai|api_key", "needs a key of OpenAI's"),
    (r"(?i)CUDA|NVIDIA|GPU", "needs a GPU"),
    (r"OfflineMode|LocalEntryNotFound|couldn't connect|Cannot find the requested files|offline|ConnectionError|not a local folder|Couldn't reach|Could not load model|Can't find 'adapter|MaxRetry|URLError|ConnectError|Connection refused|HTTPError",
     DOWNLOAD),
    (r"FileNotFoundError|HFValidationError|does not exist", "needs a file of the reader's"),
]  # fmt: skip
TIMES = re.compile(r"\d[\d.]*(e-\d+)?(?= ?(s|sec|secs|second|seconds|ms|µs|it/s|minutes)\b)|0x[0-9a-f]+|\b[0-9a-f]{32}\b")
NUMPY_NUMBER = re.compile(r"np\.float\d+\(([^()]*)\)")
TIME_NAME = re.compile(r"(^|_)(start|end|time|elapsed|took|duration)(_|$)|_time\b")
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")


# --- Taking scripts out of files --------------------------------------------------------------------


def fenced(text: str) -> list[str]:
    """The blocks of Markdown that are Python by their label, or without one by what they are."""
    found = []
    for indent, label, body in re.findall(r"^( *)```[ ]*(\w*)[^\n]*\n(.*?)^ *```", text, re.S | re.M):
        body = "\n".join(line.removeprefix(indent) for line in body.split("\n"))
        if label in ("python", "py") or label == "" and is_program(body):
            found.append(body)
    return found


def is_program(text: str) -> bool:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return False
    return any(isinstance(node, (ast.Import, ast.ImportFrom, ast.Call)) for node in ast.walk(tree))


def directives(text: str) -> list[str]:
    """The ".. code-block:: python" blocks of reStructuredText, what is indented below them, and "::" blocks that are
    programs."""
    found, lines = [], text.split("\n")
    for start, line in enumerate(lines):
        match = re.match(r"( *)(?:\.\. code-block:: python|(?! |\.\.).*::$)", line)
        if match is None:
            continue
        body = []
        for following in lines[start + 1 :]:
            if following.strip() and len(following) - len(following.lstrip()) <= len(match[1]):
                break
            body.append(following)
        body = [row for row in body if not re.match(r" *:\w+:", row)]
        indent = min((len(row) - len(row.lstrip()) for row in body if row.strip()), default=0)
        text = "\n".join(row[indent:] for row in body)
        if "code-block" in line or is_program(text):
            found.append(text)
    return found


def cells(text: str) -> list[str]:
    """The cells of a notebook, without the lines that only a notebook understands."""
    sources = ("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")
    kept = ("\n".join(line for line in source.split("\n") if not re.match(r"\s*[%!]", line)) for source in sources)
    return [source for source in kept if source.strip()]


def blocks(path: str, text: str) -> list[str]:
    take = {".md": fenced, ".rst": directives, ".ipynb": cells}.get(Path(path).suffix)
    found = [text] if take is None else take(text)
    if Path(path).suffix == ".md":  # pages made of notebooks
        found = ["\n".join(line for line in block.split("\n") if not re.match(r"\s*[%!]", line)) for block in found]
    return [without_server(block) for block in found if block.strip()]


def for_cpu(source: str) -> str:
    return re.sub(r"(['\"])cuda(:\d+)?\1", r"\1cpu\1", source)


def without_server(source: str) -> str:
    """Qdrant inside of the process, as a comment of FastEmbed's README proposes."""
    return re.sub(r"QdrantClient\(['\"]localhost['\"], port=\d+\)", 'QdrantClient(":memory:")', source)


def for_bgecpp(source: str) -> str:
    """transformers' names that bgecpp has come from it; the others of such a line stay."""

    def change(match):
        names = [name.strip() for name in match[2].split(",")]
        ours = [name for name in names if name in ("AutoModel", "AutoTokenizer", "AutoModelForSequenceClassification")]
        rest = [name for name in names if name not in ours]
        lines = [f"{match[1]}from bgecpp.transformers import {', '.join(ours)}"] if ours else []
        return "\n".join(lines + ([f"{match[1]}from transformers import {', '.join(rest)}"] if rest else []))

    return re.sub(r"^( *)from transformers import ([\w, ]+)$", change, source, flags=re.M)


# --- Running ----------------------------------------------------------------------------------------


def stand_in_data(folder: Path) -> None:
    """Tables of data sets that scripts load, some rows of the shared data under their columns."""
    folder.mkdir(parents=True, exist_ok=True)
    questions, answers = evaluation_sets.scifact_queries()[:60], evaluation_sets.scifact_corpus()[:60]
    pairs = evaluation_sets.read_jsonl(evaluation_sets.shared_dir() / "data/stsb_multi_mt/en/test.jsonl")[:300]
    first, second = [row["sentence1"] for row in pairs], [row["sentence2"] for row in pairs]
    tables = {
        "sentence-transformers/natural-questions": {"query": questions, "answer": answers},
        "sentence-transformers/quora-duplicates": {"anchor": first, "positive": second, "sentence1": first, "sentence2": second},
    }
    for name, table in tables.items():
        (folder / (name.replace("/", "--") + ".json")).write_text(json.dumps(table), encoding="utf-8")


def run(package: str, name: str, sources: list[str], scratch: Path, graphs: dict[str, str], reuse: bool) -> list[dict]:
    """What each block gave. The real package is asked once, with `reuse` ours too."""
    folder = scratch / "runs" / re.sub(r"\W+", "-", name) / package
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / "results.pickle"
    job = {"package": package.partition("-")[0], "name": Path(name).name, "blocks": sources, "graphs": graphs, "out": str(out),
           "data": str(scratch / "data"), "format": 2}  # fmt: skip
    known = folder / "job.json"
    if (reuse or package == "real") and out.exists() and known.exists() and known.read_text(encoding="utf-8") == json.dumps(job):
        return completed(out, len(sources))
    out.unlink(missing_ok=True)
    known.write_text(json.dumps(job), encoding="utf-8")
    python_path = [str(Path(__file__).parent), str(REPOSITORY / "python"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(python_path), "HF_HOME": str(scratch / "hub"), "HF_HUB_OFFLINE": "1",
                   "TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "0", "MPLBACKEND": "Agg", "CUDA_VISIBLE_DEVICES": ""}  # fmt: skip
    for key in ("OPENAI_API_KEY", "HF_TOKEN"):
        environment.pop(key, None)
    with open(folder / "log.txt", "w", encoding="utf-8") as log:
        try:
            runner = Path(__file__).with_name("upstream_scripts_runner.py")
            command = [sys.executable, "-W", "ignore", str(runner), str(folder / "job.json")]
            subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            log.write("\nout of time\n")
    return completed(out, len(sources))


def completed(out: Path, blocks: int) -> list[dict]:
    """The results in the file, and errors for those that a process has not come to."""
    results = pickle.loads(out.read_bytes()) if out.exists() else []
    gone = {"error": ["Timeout", f"no result within {TIMEOUT_S} s, or the process ended"], "text": "", "values": {}}
    return results + [gone] * (blocks - len(results))


# --- Comparing --------------------------------------------------------------------------------------


class Difference(Exception):
    """Where two results differ by more than they may."""


@dataclass
class Found:
    """What the comparison of a block has met."""

    numbers: int = 0
    largest_float16: float = 0.0
    kinds: Counter = field(default_factory=Counter)  # reasons of KINDS


def compare(mine, theirs, where: str, found: Found) -> float:
    """The largest difference of floats, relative to values above 1, float16 left to `found`. Raises Difference."""
    if theirs is ...:  # of a kind that the runner leaves out
        return 0.0
    if mine is ...:
        raise Difference(f"{where}: of a kind that is not compared, expected {theirs[0]}")
    kinds, mine, theirs = f"{theirs[0]} for {mine[0]}", mine[1], theirs[1]
    compare_kinds(kinds, where, found)
    if isinstance(theirs, dict):
        if not isinstance(mine, dict) or set(mine) != set(theirs):
            raise Difference(f"{where}: keys {list(mine)[:8] if isinstance(mine, dict) else mine!r}, expected {list(theirs)[:8]}")
        return max((compare(mine[key], theirs[key], f"{where}[{key!r}]", found) for key in theirs), default=0.0)
    if isinstance(theirs, list):
        if not isinstance(mine, list) or len(mine) != len(theirs):
            raise Difference(f"{where}: {str(mine)[:60]}, expected a list of {len(theirs)}")
        return max((compare(a, b, f"{where}[{i}]", found) for i, (a, b) in enumerate(zip(mine, theirs))), default=0.0)
    if isinstance(theirs, str):
        return compare_texts(mine, theirs, where)
    if isinstance(theirs, (np.ndarray, float)) or isinstance(mine, (np.ndarray, float)):
        return compare_arrays(np.asarray(mine), np.asarray(theirs), re.search(r"\bfloat16", kinds) is not None, where, found)
    if mine != theirs:
        raise Difference(f"{where}: {mine!r}, expected {theirs!r}")
    return 0.0


def compare_kinds(kinds: str, where: str, found: Found) -> None:
    theirs, _, mine = kinds.partition(" for ")
    if mine == theirs:
        return
    why = next((why for pattern, place, why in KINDS if re.fullmatch(pattern, kinds) and re.search(place, where)), None)
    if why is None:
        raise Difference(f"{where}: is {mine}, expected {theirs}")
    found.kinds[why] += 1


def compare_arrays(mine: np.ndarray, theirs: np.ndarray, half: bool, where: str, found: Found) -> float:
    if mine.shape != theirs.shape or mine.dtype.kind not in "fiub" or theirs.dtype.kind not in "fiub":
        raise Difference(f"{where}: {mine.dtype} {mine.shape}, expected {theirs.dtype} {theirs.shape}")
    found.numbers += theirs.size
    if theirs.dtype.kind != "f" and mine.dtype.kind != "f":
        if not np.array_equal(mine, theirs):
            raise Difference(f"{where}: integers differ: {mine.ravel()[:8]}, expected {theirs.ravel()[:8]}")
        return 0.0
    if theirs.size == 0:
        return 0.0
    a, b = mine.astype(np.float64), theirs.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    difference = float(np.where(same, 0, np.abs(a - b)).max() / max(1.0, np.abs(b[np.isfinite(b)]).max(initial=0)))
    if not difference <= (LIMIT_FLOAT16 if half else LIMIT):
        raise Difference(f"{where}: {difference:.2g} from the real package's")
    if half:
        found.largest_float16 = max(found.largest_float16, difference)
        return 0.0
    return difference


def compare_texts(mine, theirs: str, where: str) -> float:
    if not isinstance(mine, str):
        raise Difference(f"{where}: {mine!r}, expected {theirs[:60]!r}")
    # Lexical weights are floats here, in FlagEmbedding NumPy's: docs/python.md.
    mine, theirs = (NUMPY_NUMBER.sub(r"\1", TIMES.sub("?", text)) for text in (mine, theirs))
    if "".join(NUMBER.sub("#", mine).split()) != "".join(NUMBER.sub("#", theirs).split()):
        at = next((i for i, (a, b) in enumerate(zip(mine, theirs)) if a != b and not (a + b).strip("0123456789.-e")), 0)
        raise Difference(f"{where}: {mine[at : at + 60]!r}, expected {theirs[at : at + 60]!r}")
    for a, b in zip(NUMBER.findall(mine), NUMBER.findall(theirs)):
        digits = max(len(n.partition(".")[2].partition("e")[0]) for n in (a, b)) if "." in a + b else None
        allowed = 0 if digits is None else max(LIMIT * max(1.0, abs(float(b))), 1.01 * 10.0**-digits)
        if "e" in (a + b).lower():
            allowed = max(allowed, LIMIT)
        if abs(float(a) - float(b)) > allowed:
            raise Difference(f"{where}: printed {a}, expected {b}")
    return 0.0


def compare_blocks(mine: dict, theirs: dict, found: Found) -> float:
    largest = compare_texts(mine["text"], theirs["text"], "what is printed")
    for name, value in theirs["values"].items():
        if TIME_NAME.search(name) and isinstance(value[1], float):
            continue
        if name not in mine["values"]:
            raise Difference(f"{name} is missing, or of a kind that is not compared")
        largest = max(largest, compare(mine["values"][name], value, name, found))
    return largest


def with_its_model(sources: list[str]) -> str:
    """The last block, behind the one that loaded its model."""
    loading = next((source for source in reversed(sources) if re.search(r"^\s*model = ", source, re.M)), "")
    return sources[-1] if loading == sources[-1] else loading + "\n" + sources[-1]


def reason(error: list[str]) -> str:
    text = ": ".join(error)
    for pattern, why in REASONS:
        if match := re.search(pattern, text):
            name = re.search(r"(?<![\w/.])[A-Za-z][\w-]+/[A-Z\w][\w.-]+\w(?![/\w])", text)
            if why == DOWNLOAD and name is not None:
                return f"needs {name[0]}"
            return why.format(*match.groups())
    return f"fails: {' '.join(text.split())[:90]}"


# --- All of it --------------------------------------------------------------------------------------


def check(name: str, sources: list[str], *where) -> dict:
    """Counts and findings of one script."""
    row = {"script": name, "blocks": len(sources), "ran": 0, "equal": 0, "numbers": 0, "largest": 0.0, "largest_float16": 0.0,
           "kinds": Counter(), "reasons": Counter(), "failures": []}  # fmt: skip
    theirs = run("real", name, [for_cpu(source) for source in sources], *where)
    mine = run("bgecpp", name, [for_bgecpp(for_cpu(source)) for source in sources], *where)
    written = [for_bgecpp(source) for source in sources]
    as_written = mine if written == [for_bgecpp(for_cpu(source)) for source in sources] else run("bgecpp-as-written", name, written, *where)
    for number, (a, b, c) in enumerate(zip(mine, theirs, as_written)):
        if b["error"] is not None:
            row["reasons"][reason(b["error"])] += 1
            continue
        row["ran"] += 1
        found = Found()
        try:
            if a["error"] is not None:
                raise Difference(": ".join(a["error"]))
            row["largest"] = max(row["largest"], compare_blocks(a, b, found))
            if c["error"] is not None:
                raise Difference("as written: " + ": ".join(c["error"]))
            row["equal"] += 1
        except Difference as difference:
            known, text = (REFUSED, str(difference)) if a["error"] else (OTHERWISE, with_its_model(sources[: number + 1]))
            why = next((why for pattern, why in known if re.search(pattern, text, re.M)), None)
            if why is None:
                row["failures"].append(f"block {number}: {difference}")
            else:
                row["reasons"][why] += 1
        row["numbers"] += found.numbers
        row["largest_float16"] = max(row["largest_float16"], found.largest_float16)
        row["kinds"] += found.kinds
    return row


def markdown(rows: list[dict], versions: dict[str, str]) -> str:
    lines = ["| script | blocks | run | equal | numbers | largest difference | of float16 | values of another kind | not run |",
             "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for row in rows:
        if row["ran"]:
            kinds, why = ("; ".join(f"{n}: {text}" for text, n in row[key].most_common()) for key in ("kinds", "reasons"))
            half = f"{row['largest_float16']:.1e}" if row["largest_float16"] else ""
            lines.append(f"| {row['script']} | {row['blocks']} | {row['ran']} | {row['equal']} | {row['numbers']} | {row['largest']:.1e} | "
                         f"{half} | {kinds} | {why} |")  # fmt: skip
    lines += ["", "| script of which nothing runs | why |", "|---|---|"]
    for row in rows:
        if not row["ran"]:
            lines.append(f"| {row['script']} | {'; '.join(text for text, _ in row['reasons'].most_common(2))} |")
    return "\n".join([*(f"{name}: {version}" for name, version in versions.items()), "", *lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for source in FILES:
        parser.add_argument(f"--{source.replace('_', '-')}", type=Path, metavar="DIR")
    parser.add_argument("--keep", type=Path, help="folder for models, runs and logs; what is there is used again")
    parser.add_argument("--reuse", action="store_true", help="compare what earlier runs have left in --keep, where they have")
    parser.add_argument("--markdown", type=Path, help="file for the table")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="only scripts whose path matches one of these")
    arguments = parser.parse_args()
    scratch = arguments.keep or Path(tempfile.mkdtemp(prefix="bge-scripts-"))
    scratch.mkdir(parents=True, exist_ok=True)
    stand_in_data(scratch / "data")
    graphs_file = scratch / "graphs.json"
    if not graphs_file.exists():
        sys.path.insert(0, str(REPOSITORY / "python"))
        import upstream_models  # which needs torch, and takes its time

        upstream_models.make_hub(scratch / "hub")
        graphs_file.write_text(json.dumps(upstream_models.make_graphs(scratch / "hub", scratch / "graphs")))
    graphs = json.loads(graphs_file.read_text())

    rows, versions = [], {}
    for source, pattern in FILES.items():
        checkout = getattr(arguments, source)
        if checkout is None:
            continue
        versions[source] = upstream_checkout.version(checkout)
        for path in upstream_checkout.files(checkout):
            if re.fullmatch(pattern, path) is None:
                continue
            name = f"{source}/{path}"
            if arguments.patterns and not any(re.search(p, name) for p in arguments.patterns):
                continue
            why = next((why for p, why in NOT_RUN if re.search(p, path)), None)
            if why is not None:
                rows.append({"script": name, "blocks": 0, "ran": 0, "reasons": Counter([why]), "failures": []})
                continue
            sources = blocks(path, upstream_checkout.read(checkout, path))
            if not sources:
                continue
            row = check(name, sources, scratch, graphs, arguments.reuse)
            rows.append(row)
            half = f", of float16 {row['largest_float16']:.1e}" if row["largest_float16"] else ""
            print(f"{name}: {row['blocks']} blocks, {row['ran']} ran, {row['equal']} equal, largest {row['largest']:.1e}{half}  "
                  f"{dict(row['kinds'] + row['reasons'])}", flush=True)  # fmt: skip
            for failure in row["failures"]:
                print(f"    FAILED {failure[:300]}", flush=True)
    ran = [row for row in rows if row["ran"]]
    print(f"{len(rows)} scripts, {len(ran)} of them run: {sum(r['blocks'] for r in ran)} blocks, {sum(r['ran'] for r in ran)} run, "
          f"{sum(r['equal'] for r in ran)} equal, {sum(r['numbers'] for r in ran)} numbers, largest difference "
          f"{max((r['largest'] for r in ran), default=0):.1e}, of float16 {max((r['largest_float16'] for r in ran), default=0):.1e}")
    kinds = sum((row["kinds"] for row in ran), Counter())
    for why, count in kinds.most_common():
        print(f"    {count} values of another kind: {why}")
    if arguments.markdown:
        arguments.markdown.write_text(markdown(rows, versions), encoding="utf-8")
    return 1 if any(row["failures"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
