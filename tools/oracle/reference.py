"""PyTorch's vectors, which are the truth here: transformers' model with eager attention, no padding.

Texts are grouped by their exact number of tokens, so that no text ever sees a pad token and the
reference carries no noise of batching. Vectors are kept in a cache outside the repository
($BGE_ORACLE_CACHE, by default ~/.cache/bge-oracle), because torch needs minutes for them; the key
holds the weights, the token ids, the settings and the versions, so a stale entry is never read.
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers

MAX_TOKENS_AT_ONCE = 4096
TEXTS_PER_CACHE_ENTRY = 1024


def cache_dir() -> Path:
    path = Path(os.environ.get("BGE_ORACLE_CACHE", Path.home() / ".cache" / "bge-oracle"))
    path.mkdir(parents=True, exist_ok=True)
    return path


def versions() -> dict[str, str]:
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
    }


def load_tokenizer(model_dir: Path, max_length: int) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer.from_file(str(model_dir / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer


def digest_of_weights(model_dir: Path) -> str:
    """Hash of every weight file, remembered by size and time of change."""
    sums = hashlib.sha256()
    for path in sorted(model_dir.glob("*.safetensors")) + [model_dir / "config.json"]:
        with open(path, "rb") as file:
            sums.update(hashlib.file_digest(file, "sha256").digest())
    return sums.hexdigest()


class Reference:
    """One model in one precision. `pooling` is "cls" or "mean"; vectors are L2-normalised."""

    def __init__(self, model_dir, max_length: int, pooling: str, dtype=torch.float32, threads: int = 1):
        self.model_dir = Path(model_dir)
        self.max_length = max_length
        self.pooling = pooling
        self.dtype = dtype
        self.threads = threads
        self.tokenizer = load_tokenizer(self.model_dir, max_length)
        self.digest = digest_of_weights(self.model_dir)
        self._model = None

    def model(self):
        if self._model is None:
            torch.set_num_threads(self.threads)
            self._model = transformers.AutoModel.from_pretrained(
                self.model_dir, dtype=self.dtype, attn_implementation="eager", local_files_only=True
            ).eval()
        return self._model

    def ids(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]

    def encode_ids(self, ids: list[list[int]]) -> np.ndarray:
        """[len(ids), H] float64 where the model is float64, else float32."""
        vectors = [None] * len(ids)
        by_length: dict[int, list[int]] = {}
        for index, row in enumerate(ids):
            by_length.setdefault(len(row), []).append(index)
        with torch.inference_mode():
            for length, members in sorted(by_length.items()):
                step = max(1, MAX_TOKENS_AT_ONCE // length)
                for begin in range(0, len(members), step):
                    batch = members[begin : begin + step]
                    input_ids = torch.tensor([ids[i] for i in batch])
                    mask = torch.ones_like(input_ids)
                    hidden = self.model()(input_ids=input_ids, attention_mask=mask).last_hidden_state
                    pooled = hidden[:, 0] if self.pooling == "cls" else hidden.mean(dim=1)
                    pooled = torch.nn.functional.normalize(pooled, p=2, dim=1)
                    for i, vector in zip(batch, pooled.numpy()):
                        vectors[i] = vector
        return np.stack(vectors)

    def encode(self, texts: list[str], label: str = "") -> np.ndarray:
        """Vectors of `texts`, from the cache where they are there."""
        parts = []
        for begin in range(0, len(texts), TEXTS_PER_CACHE_ENTRY):
            part = texts[begin : begin + TEXTS_PER_CACHE_ENTRY]
            ids = self.ids(part)
            key = hashlib.sha256(
                json.dumps([self.digest, self.pooling, str(self.dtype), versions(), ids]).encode()
            ).hexdigest()
            path = cache_dir() / f"vectors-{key[:32]}.npy"
            if path.exists():
                parts.append(np.load(path))
                continue
            started = time.monotonic()
            vectors = self.encode_ids(ids)
            aside = path.with_suffix(f".tmp{os.getpid()}.npy")
            np.save(aside, vectors)
            aside.rename(path)
            tokens = sum(len(row) for row in ids)
            seconds = time.monotonic() - started
            print(
                f"torch {str(self.dtype)[6:]} {label}: texts {begin}-{begin + len(part)}, {tokens} tokens,"
                f" {seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )
            parts.append(vectors)
        return np.concatenate(parts)
