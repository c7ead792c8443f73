"""Texts and altered models of several tests of FlagEmbedding's classes."""

import json
import shutil

import numpy as np

from bgecpp import BGEM3FlagModel

TEXTS = ["What is BGE M3?", "Definition of BM25", "x" * 3000, "", "多语言 文本 embedding, 好的。", "What is BGE M3?"]
PAIRS = [("what is a panda?", "hi"), ("what is a panda?", "The giant panda " * 100), ("q " * 600, "p"), ("", "")]
M3_ALL = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}


def with_equal_tokens(models, tmp_path):
    """tiny-m3 with a SentencePiece token \u2581! beside its !, ids 29 and 5: both are '!' where one is decoded alone."""
    shutil.copytree(models / "tiny-m3", tmp_path / "m3")
    file = tmp_path / "m3/tokenizer.json"
    tokenizer = json.loads(file.read_text())
    vocabulary = tokenizer["model"]["vocab"]
    name = next(token for token, place in vocabulary.items() if place == 29)
    assert vocabulary["!"] == 5
    tokenizer["model"]["vocab"] = {("\u2581!" if token == name else token): i for token, i in vocabulary.items()}
    tokenizer["decoder"] = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    file.write_text(json.dumps(tokenizer))
    return str(tmp_path / "m3")


EQUAL_TOKENS = {"29": 0.75, "5": 0.25, "6": 0.5}


def with_colbert_vectors_of_all_directions(models, tmp_path):
    """tiny-m3 with a head whose vectors have products below 0: random, and about the mean of the hidden states."""
    shutil.copytree(models / "tiny-m3", tmp_path / "m3")
    engine = BGEM3FlagModel(str(models / "tiny-m3"))._engine
    tokens = engine.tokenizer.encode(TEXTS)
    mean = engine.hidden_states(tokens["ids"], None, tokens["cu_seqlens"]).mean(axis=0)
    weight = np.random.default_rng(8).normal(size=(16, len(mean))).astype(np.float32)
    tensors = {"weight": weight, "bias": (-weight @ mean).astype(np.float32)}
    header, end = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [end, end + tensor.nbytes]}
        end += tensor.nbytes
    text = json.dumps(header).encode()
    data = b"".join(tensor.tobytes() for tensor in tensors.values())
    (tmp_path / "m3/colbert_linear.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    return str(tmp_path / "m3"), tensors


# The passage of the first is padded in a batch with the second.
COLBERT_PAIRS = [("What is BGE M3?", ""), ("What is BGE M3?", "Definition of BM25 and of much else")]


def best_products(model):
    """Of each pair the largest product of each of the query's tokens."""
    vectors = [model.encode([pair[k] for pair in COLBERT_PAIRS], return_colbert_vecs=True)["colbert_vecs"] for k in (0, 1)]
    return [(q @ p.T).max(axis=1) for q, p in zip(*vectors)]


def inputs_of(model, tensors="np"):
    return model.tokenizer(TEXTS, padding=True, truncation=True, max_length=32, return_tensors=tensors)
