"""Scores of FlagReranker on transformers 4, which puts the tokens of a query and of a passage together as they are.

    python tools/oracle/make_pairs_golden.py [--output tests/data]

Needs an environment with transformers below 5 and FlagEmbedding. On transformers 5 FlagReranker decodes the tokens and tokenises
the text again, and drops an empty passage (docs/parity.md); this is what it did before, and what we do. Of tiny-reranker, as
make_tiny_heads.py makes it, with the published rerankers' tokenizer class, without which transformers 4 puts no special tokens
between: golden/tiny-reranker-transformers4.json. All pairs of a limit go through one call, as one batch.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import torch
import transformers

import reference

# In a fixed order. Words that the vocabulary lacks and that are cut within, white space that decoding would change, both texts too long.
WORDS = ["vitamin", "bone", "protein", "gene", "cell", "map", "river", "mapfox", "citybread", "water"]
PAIRS = [("what is a map", "a map of the city and the river"), ("", ""), ("who", ""), ("", "bread and water"), ("为什么", "中国的首都是北京"),
         ("  what   is\ta map ", "a  map ,of the city .\n\nand the river !"), ("don't stop", "the dog 's bone , it 's the sea 's"),
         ("<mask> fox </s> fox", "<s> bread <pad> water"), ("naïve Ａ ﬁ", "ｆｏｘ é e\u0301 \u00a0map\u200bfox"),
         (" ".join(WORDS), " ".join(WORDS)), (" ".join(WORDS), " ".join(WORDS * 8)), (" ".join(WORDS * 8), " ".join(WORDS)),
         (" ".join(WORDS * 8), " ".join(WORDS * 8)), ("mapfoxmapfoxmapfoxmapfox" * 4, "citybreadcitybread" * 9), ("fox " * 70, "")]
LIMITS = [(64, None), (64, 7), (64, 59), (24, None), (24, 1), (9, 4)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[2] / "tests/data")
    arguments = parser.parse_args()
    if int(transformers.__version__.split(".")[0]) > 4:
        parser.error(f"transformers {transformers.__version__}: below 5 is needed")
    from FlagEmbedding import FlagReranker
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as scratch:
        directory = shutil.copytree(arguments.output / "models/tiny-reranker", Path(scratch) / "model")
        path = directory / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"tokenizer_class": "XLMRobertaTokenizer"}))
        model = FlagReranker(str(directory), use_fp16=False, devices="cpu")
    rows = []
    for max_length, query_max_length in LIMITS:
        scores = model.compute_score(PAIRS, max_length=max_length, query_max_length=query_max_length)
        for (query, passage), score in zip(PAIRS, scores, strict=True):
            rows.append({"max_length": max_length, "query": query, "passage": passage, "score": float(f"{score:.9g}")}
                        | ({} if query_max_length is None else {"query_max_length": query_max_length}))
    value = {"model": "tiny-reranker", "generator": f"tools/oracle/{Path(__file__).name}",
             "versions": reference.versions() | {"FlagEmbedding": "1.4.2"},
             "flag_embedding": rows}
    path = arguments.output / "golden/tiny-reranker-transformers4.json"
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace('},{', '},\n{') + "\n", encoding="utf-8")
    print(path.name, len(rows), "rows,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
