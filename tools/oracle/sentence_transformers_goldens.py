"""Writes tests/data/sentence_transformers.json: what sentence-transformers returns for the tiny models.

    python tools/oracle/sentence_transformers_goldens.py

python/tests/test_sentence_transformers.py makes the same calls of bgecpp's classes, without torch.
"""

import json
import warnings
from importlib.metadata import version

import numpy as np
import torch
from evaluation_sets import REPOSITORY
from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder, util

MODELS = REPOSITORY / "tests/data/models"
TARGET = REPOSITORY / "tests/data/sentence_transformers.json"
TEXTS = ["hello world", "A vector of tokens, in two dimensions!", "", "the quick brown fox " * 6, "the vector"]
PAIRS = [["hello world", "the vector"], ["tokens", "A vector of tokens, in two dimensions!"], ["", "x"],
         ["the quick brown fox " * 6, "jumps over " * 8]]  # fmt: skip


def plain(value):
    """Numbers, lists and dicts of whatever a call returns, floats with seven digits."""
    if isinstance(value, torch.Tensor):
        value = value.to_dense() if value.is_sparse else value
        value = value.float().numpy() if value.dtype == torch.bfloat16 else value.numpy()
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return (float(f"{value:.7g}") or 0) if isinstance(value, float) else value


def case(model, name, method, *arguments, settings=None, **kwargs):
    for key, value in (settings or {}).items():
        setattr(model, key, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = getattr(model, method)(*arguments, **kwargs)
    found = {"class": type(model).__name__, "model": name, "method": method, "arguments": arguments, "kwargs": kwargs}
    if settings:
        found["settings"] = settings
    if isinstance(result, np.ndarray):
        found["dtype"] = str(result.dtype)
    return {**found, "expected": plain(result)}


def dense():
    for name in ["tiny-bert", "tiny-bert-f16", "tiny-distilbert", "tiny-roberta", "tiny-modernbert"]:
        model = SentenceTransformer(str(MODELS / name), device="cpu", model_kwargs={"torch_dtype": "float32"})
        yield case(model, name, "encode", TEXTS)
        yield case(model, name, "encode", "hello world")
        yield case(model, name, "encode", TEXTS[:2], truncate_dim=5)
        yield case(model, name, "encode", TEXTS[:2], truncate_dim=5, normalize_embeddings=True)
        if name == "tiny-bert":
            for precision in ("int8", "uint8", "binary", "ubinary"):
                yield case(model, name, "encode", TEXTS, precision=precision)
            yield case(model, name, "encode", TEXTS[:2], prompt_name="query")
            yield case(model, name, "encode", TEXTS[:2], prompt="search: ")
            yield case(model, name, "encode_query", TEXTS[:2])
            yield case(model, name, "encode_document", TEXTS[:2])
            yield case(model, name, "similarity", *[model.encode(TEXTS[:2]).tolist()] * 2)
        if name in ("tiny-bert", "tiny-roberta", "tiny-bert-f16"):
            yield case(model, name, "encode", PAIRS[:2])
            yield case(model, name, "encode", ["the vector"], output_value="token_embeddings")
        yield case(model, name, "get_embedding_dimension")
        yield case(model, name, "encode", [TEXTS[3]], settings={"max_seq_length": 9})


def cross():
    for name in ["tiny-bert-reranker", "tiny-reranker", "tiny-modernbert-reranker"]:
        model = CrossEncoder(str(MODELS / name), device="cpu")
        yield case(model, name, "predict", PAIRS)
        yield case(model, name, "predict", PAIRS[0])
        yield case(model, name, "predict", PAIRS[:2], prompt="query: ")
        yield case(model, name, "rank", "hello world", TEXTS, top_k=3, return_documents=True)
        yield case(model, name, "predict", PAIRS, settings={"max_seq_length": 12})


def sparse():
    for name in ["tiny-splade", "tiny-splade-sum", "tiny-doc-sparse"]:
        model = SparseEncoder(str(MODELS / name), device="cpu")
        kwargs = {"convert_to_sparse_tensor": False}
        if name != "tiny-doc-sparse":
            yield case(model, name, "encode", TEXTS[:2], **kwargs)
            yield case(model, name, "encode", "the vector", max_active_dims=4, **kwargs)
        yield case(model, name, "encode_query", TEXTS[:2], **kwargs)
        yield case(model, name, "encode_document", TEXTS[:2], **kwargs)


def functions():
    random = np.random.default_rng(8)
    a = np.round(random.normal(size=(7, 6)), 3).astype(np.float32)
    b = np.round(random.normal(size=(9, 6)), 3).astype(np.float32)
    for name in ["cos_sim", "dot_score", "euclidean_sim", "manhattan_sim"]:
        yield {"function": name, "arguments": plain([a, b]), "expected": plain(getattr(util, name)(a, b))}
    for name in [
        "pairwise_cos_sim",
        "pairwise_dot_score",
        "pairwise_euclidean_sim",
        "pairwise_manhattan_sim",
        "pairwise_angle_sim",
    ]:
        yield {"function": name, "arguments": plain([a, b[:7]]), "expected": plain(getattr(util, name)(a, b[:7]))}
    for score in ["cos_sim", "dot_score"]:
        for kwargs in [{}, {"top_k": 3, "corpus_chunk_size": 4, "query_chunk_size": 2}]:
            found = util.semantic_search(
                torch.tensor(a), torch.tensor(b), score_function=getattr(util, score), **kwargs
            )
            yield {
                "function": "semantic_search",
                "score_function": score,
                "arguments": plain([a, b]),
                "kwargs": kwargs,
                "expected": plain(found),
            }
    points = np.round(random.normal(size=(40, 5)), 3).astype(np.float32)
    for kwargs in [
        {"top_k": 2},
        {"max_pairs": 10, "top_k": 5},
        {"query_chunk_size": 7, "corpus_chunk_size": 9, "top_k": 3},
    ]:
        found = util.paraphrase_mining_embeddings(torch.tensor(points), **kwargs)
        yield {
            "function": "paraphrase_mining_embeddings",
            "arguments": plain([points]),
            "kwargs": kwargs,
            "expected": plain(found),
        }
    for kwargs in [
        {"threshold": 0.6, "min_community_size": 3},
        {"threshold": 0.8, "min_community_size": 2, "batch_size": 16},
        {},
    ]:
        found = util.community_detection(torch.tensor(points), **kwargs)
        yield {
            "function": "community_detection",
            "arguments": plain([points]),
            "kwargs": kwargs,
            "expected": plain(found),
        }
    ranges = np.vstack([points.min(axis=0) - 0.1, points.max(axis=0) + 0.1])
    for precision in ["float32", "int8", "uint8", "binary", "ubinary"]:
        kwargs = {"precision": precision, "ranges": plain(ranges)}
        found = util.quantize_embeddings(a[:, :5], precision, ranges=ranges)
        yield {
            "function": "quantize_embeddings",
            "arguments": plain([a[:, :5]]),
            "kwargs": kwargs,
            "dtype": str(found.dtype),
            "expected": plain(found),
        }


def main() -> None:
    names = ("sentence-transformers", "transformers", "torch", "numpy")
    made = {
        "versions": {name: version(name) for name in names},
        "calls": [*dense(), *cross(), *sparse()],
        "functions": list(functions()),
    }
    lines = [json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in made["calls"]]
    more = [json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in made["functions"]]
    text = (
        '{"versions": '
        + json.dumps(made["versions"])
        + ',\n"calls": [\n'
        + ",\n".join(lines)
        + '\n],\n"functions": [\n'
        + ",\n".join(more)
        + "\n]}\n"
    )
    TARGET.write_text(text, encoding="utf-8")
    print(f"{TARGET}: {len(made['calls'])} calls, {len(made['functions'])} of functions, {len(text)} bytes")


if __name__ == "__main__":
    main()
