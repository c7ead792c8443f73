"""python upstream_scripts_runner.py JOB.json: runs the blocks of one script and writes down what came of each.

The job: {"package": "real" or "bgecpp", "blocks": [source, …], "graphs": {FastEmbed's name: directory}, "out": file}.
The file becomes a pickle with a dictionary for each block: "error" (None, or [type, message]), "text" (what was
printed), "values" (name or call -> what upstream_scripts.py compares, as plain() says).
"""

import ast
import builtins
import contextlib
import importlib
import io
import json
import pickle
import random
import re
import sys
import threading
import traceback
import types
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np

# Methods whose results are compared even where a script keeps them to itself.
METHODS = {
    "FlagEmbedding": {
        "FlagModel": ["encode", "encode_queries", "encode_corpus"],
        "BGEM3FlagModel": ["encode", "encode_queries", "encode_corpus", "compute_score", "compute_lexical_matching_score", "colbert_score", "convert_id_to_token"],
        "FlagReranker": ["compute_score"],
    },
    "sentence_transformers": {
        "SentenceTransformer": ["encode", "encode_query", "encode_document", "similarity", "similarity_pairwise"],
        "CrossEncoder": ["predict", "rank"],
        "SparseEncoder": ["encode", "encode_query", "encode_document", "similarity", "decode", "sparsity", "intersection"],
    },
}
LONGEST_LIST = 20000


# A value that is not compared: a model, a function, …
SKIPPED = ...


def plain(value, depth: int = 0):
    """(kind, content): what a value is, with its dtype ("tensor float32", "tuple", "numpy.float64"), and an array, a number, a
    text, or a list or dictionary of such pairs; SKIPPED for the rest."""
    if isinstance(value, np.generic):  # before float: numpy.float64 is one
        return (f"numpy.{type(value).__name__}", value.item()) if not isinstance(value, np.void) else SKIPPED
    kind = type(value).__name__
    if value is None or isinstance(value, (bool, int, float, str)):
        return kind, value
    if depth > 6 or hasattr(value, "last_hidden_state"):  # padding's states differ; what is made of the others counts
        return SKIPPED
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "fiub":
            return f"array {value.dtype}", value
        return f"array of {value.dtype.kind}", [plain(v, depth + 1) for v in value.tolist()] if value.ndim else plain(value.item())
    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach"):
        torch = sys.modules["torch"]
        names = [str(name).partition(".")[2] for name in (value.dtype, value.layout)]
        value = value.detach().cpu()
        value = value.to_dense() if value.layout is not torch.strided else value
        value = (value.float() if value.dtype is torch.bfloat16 else value).numpy()
        return f"tensor {names[0]}" + ("" if names[1] == "strided" else f" {names[1]}"), value
    if kind == "SparseVectors":
        return f"{kind} {value.data.dtype}", value.toarray()
    if isinstance(value, (list, tuple)):
        return (kind, [plain(v, depth + 1) for v in value]) if len(value) <= LONGEST_LIST else SKIPPED
    if isinstance(value, dict) or kind == "BatchEncoding":
        keys = sorted({type(key).__name__ for key in value} - {"str"})
        kept = {plain(k)[1]: plain(v, depth + 1) for k, v in value.items() if isinstance(k, (str, int, float, np.generic))}
        kept |= {k: plain(v, depth + 1) for k, v in value.items() if isinstance(k, tuple)}
        return " of ".join([kind, *keys]), kept
    if kind == "DataFrame":
        return kind, {str(name): plain(column.tolist(), depth + 1) for name, column in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return kind, {f.name: plain(getattr(value, f.name), depth + 1) for f in fields(value)}
    if hasattr(value, "page_content"):
        return kind, {"page_content": plain(value.page_content), "metadata": plain(value.metadata, depth + 1)}
    return SKIPPED


def record_calls(package: str, calls: dict) -> None:
    """The outermost calls of METHODS add their results to `calls`."""
    module = importlib.import_module(package)
    inside = threading.local()

    def wrap(cls, label, name):
        function = getattr(cls, name)
        if isinstance(vars(cls).get(name), (staticmethod, classmethod)):
            return

        def wrapped(*args, **kwargs):
            if getattr(inside, "call", False):
                return function(*args, **kwargs)
            inside.call = True
            try:
                result = function(*args, **kwargs)
            finally:
                inside.call = False
            calls[f"{label}.{name}() #{len(calls)}"] = plain(result)
            return result

        wrapped.__name__, wrapped.__doc__ = name, function.__doc__
        setattr(cls, name, wrapped)

    for class_name, methods in METHODS[package].items():
        for name in methods:
            if hasattr(getattr(module, class_name), name):
                wrap(getattr(module, class_name), class_name, name)


def give_graphs(graphs: dict[str, str]) -> None:
    """FastEmbed's own classes load ONNX graphs from folders."""
    import fastembed
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    for cls in (fastembed.TextEmbedding, fastembed.SparseTextEmbedding, fastembed.LateInteractionTextEmbedding, TextCrossEncoder):

        def init(self, model_name="BAAI/bge-small-en-v1.5", *args, _init=cls.__init__, **kwargs):
            if model_name in graphs:
                kwargs.setdefault("specific_model_path", graphs[model_name])
            _init(self, model_name, *args, **kwargs)

        cls.__init__ = init


def stand_in_data(folder: Path) -> None:
    """Small tables under the names of data sets that scripts download; `folder` has a file of JSON for each."""
    with contextlib.suppress(ImportError):
        import datasets

        real = datasets.load_dataset

        def load_dataset(path, name=None, *args, split=None, **kwargs):
            file = folder / (path.replace("/", "--") + ".json")
            if not file.exists():
                return real(path, name, *args, split=split, **kwargs)
            columns = json.loads(file.read_text(encoding="utf-8"))
            table = datasets.Dataset.from_dict(columns.get(name, columns) if name else columns)
            return table if split else datasets.DatasetDict({"train": table})

        datasets.load_dataset = load_dataset


def imports(package: str, source: str) -> bool:
    return re.search(rf"^\s*(import|from) {package}\b", source, re.M) is not None


def run_block(source: str, namespace: dict, name: str) -> dict:
    text, error, shown = io.StringIO(), None, SKIPPED
    before = {key: id(value) for key, value in namespace.items()}
    try:
        tree = ast.parse(source, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(text):
            exec(compile(tree, name, "exec"), namespace)
            if last is not None:
                shown = plain(eval(compile(ast.Expression(last.value), name, "eval"), namespace))
    except SystemExit:
        pass
    except BaseException as failure:  # whatever it is, it is the block's result
        lines = traceback.extract_tb(failure.__traceback__)
        where = next((f"line {entry.lineno}" for entry in reversed(lines) if entry.filename == name), "")
        error = [type(failure).__name__, f"{failure} ({where})"]
        traceback.print_exc()
    values = {key: plain(value) for key, value in namespace.items()
              if before.get(key) != id(value) and not key.startswith("__") and not isinstance(value, (types.ModuleType, type))}  # fmt: skip
    values["the last line"] = shown
    return {"error": error, "text": text.getvalue(), "values": {k: v for k, v in values.items() if v is not SKIPPED}}


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sources = "\n".join(job["blocks"])
    if job["package"] == "bgecpp":
        importlib.import_module("bgecpp").install()
    calls: dict = {}
    for package in METHODS:
        if package in sources or "HuggingFace" in sources:
            with contextlib.suppress(ImportError):
                record_calls(package, calls)
    if job["package"] == "real" and ("fastembed" in sources.lower() or "qdrant_client" in sources):
        give_graphs(job["graphs"])
    # Packages that a script does not import stay out: datasets imports torch, and whether that is there changes what is given.
    if imports("datasets", sources):
        stand_in_data(Path(job["data"]))
    random.seed(0)
    np.random.seed(0)
    if imports("torch", sources):
        importlib.import_module("torch").manual_seed(0)
    answers = iter(["how is bread made?", ""])

    def asked(prompt=""):
        print(prompt)
        answer = next(answers, "")
        if not answer:
            raise SystemExit
        return answer

    builtins.input = asked
    namespace = {"__name__": "__main__", "__file__": job["name"]}
    sys.argv = [job["name"]]
    results = []
    for number, source in enumerate(job["blocks"]):
        calls.clear()
        result = run_block(source, namespace, f"<block {number}>")
        result["values"] |= {key: value for key, value in calls.items() if value is not SKIPPED}
        results.append(result)
        Path(job["out"]).write_bytes(pickle.dumps(results))


if __name__ == "__main__":
    main()
