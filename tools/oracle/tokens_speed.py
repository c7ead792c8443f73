"""Tokenization speed, one thread each, against Hugging Face `tokenizers`: MB of text a second of CPU time.

    python tools/oracle/tokens_speed.py --tool build/release/src/tokenizer/tokenizer_oracle_tool
    python tools/oracle/tokens_speed.py --tool ... --tokenizer DIRECTORY/tokenizer.json --languages zh th ar hi ru

CPU time, because that suffers least from whatever else runs; the two alternate, and the best of the rounds counts. For
`tokenizers` the faster of single calls and encode_batch counts, each also in its form without offsets.
"""
import argparse
import json
import os
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tokenizers  # noqa: E402
from tokens_tool import OurTokenizer  # noqa: E402

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def corpora(languages):
    docs = [json.loads(line) for line in (SHARED / "scifact" / "corpus.jsonl").open(encoding="utf-8")]
    yield "SciFact", [(d["title"] + " " + d["text"]).strip() for d in docs]
    folders = [SHARED / "xquad_retrieval" / language for language in languages] or [SHARED / "xquad_retrieval"]
    for folder in folders:
        lines = []
        for path in sorted(folder.rglob("*.jsonl")):
            lines += [d["text"] for d in map(json.loads, path.open(encoding="utf-8")) if "text" in d]
        yield f"XQuAD {folder.name}" if languages else "multilingual (XQuAD, 12 languages)", lines


def best(f, rounds):
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        f()
        seconds.append(time.process_time() - start)
    return min(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", type=Path, required=True)
    parser.add_argument("--model", default="bge-small-en-v1.5")
    parser.add_argument("--tokenizer", type=Path, help="a tokenizer.json, such as tokens_compare.py makes, in place of --model")
    parser.add_argument("--languages", nargs="*", default=[], help="of XQuAD, each by itself; all as one corpus if none")
    parser.add_argument("--no-offsets", action="store_true", help="measure only without offsets")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=float, default=1.0, help="of each corpus")
    args = parser.parse_args()
    path = args.tokenizer or SHARED / "tokenizers" / args.model / "tokenizer.json"
    label = path.parent.name
    reference = tokenizers.Tokenizer.from_file(str(path))
    ours = OurTokenizer(args.tool, path)
    for name, texts in corpora(args.languages):
        step = max(1, int(sum(len(t.encode()) for t in texts) / (args.megabytes * 1e6)))
        texts = texts[::step]
        data = [t.encode() for t in texts]
        size = sum(map(len, data)) / 1e6
        for offsets in (False,) if args.no_offsets else (False, True):
            batch = reference.encode_batch if offsets else reference.encode_batch_fast
            theirs, mine = [], []
            for _ in range(args.rounds):
                theirs.append(best(lambda: [reference.encode(t) for t in texts], 1))
                theirs.append(best(lambda: batch(texts), 1))
                mine.append(ours.measure(data, 10, offsets)[0] / 10)
            print(f"{label}, {name}, {'with' if offsets else 'without'} offsets, {size:.1f} MB: "
                  f"ours {size / min(mine):.1f} MB/s, tokenizers {size / min(theirs):.2f} MB/s, "
                  f"{min(theirs) / min(mine):.1f} times", flush=True)
    ours.close()


if __name__ == "__main__":
    main()
