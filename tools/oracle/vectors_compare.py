"""Our vectors against PyTorch's: real and random models, thousands of texts, every length.

    python tools/oracle/vectors_compare.py [--bge PROGRAM] [--suite minilm,gold,random,e5] [--shapes small-en,...]

minilm: all-MiniLM-L6-v2 over the SciFact corpus, its queries and 5,000 multilingual lines, against torch
float32 with eager attention. gold: vectors of the same model that others published. random: a random
model of every BGE shape on texts of 2 to 512 tokens, against torch in float32 and float64. e5 (where it is
named): multilingual-e5-small as xlmr_models.py makes it, a text of every length and some beyond, and lines in
over a hundred languages as queries and as passages, against sentence-transformers one text at a time. A row
says how far we are; the exit status is 1 where one is not below the tolerance.
"""

import argparse
import json
import sys

import numpy as np
import torch
import transformers

import evaluation_sets
import engine
import random_models
import reference

TOLERANCE = 1e-5
MINILM_LENGTH = 256  # its sentence_bert_config.json
E5_LENGTH = 512


def minilm(bge, table) -> None:
    model = engine.minilm_dir()
    torch_model = reference.Reference(model, MINILM_LENGTH, "mean")
    for name, texts in (
        ("SciFact corpus", evaluation_sets.scifact_corpus()),
        ("SciFact queries", evaluation_sets.scifact_queries()),
        ("multilingual lines", evaluation_sets.multilingual_lines(5000)),
    ):
        expected = torch_model.encode(texts, name)
        found, seconds = engine.embed(bge, model, texts)
        report(table, f"minilm, {name}", texts, expected, found, seconds)


def gold(bge, table) -> None:
    model = engine.minilm_dir()
    data = evaluation_sets.shared_dir() / "data"
    golden = data / "golden_embeddings"
    by_id = {row["_id"]: row["text"] for row in evaluation_sets.read_jsonl(data / "scifact/queries.jsonl")}
    scifact = golden / "minilm_scifact_scidocs"
    ids = json.loads((scifact / "scifact_qids.json").read_text())
    compare_gold(bge, table, model, "published, SciFact queries", [by_id[i] for i in ids],
                 np.load(scifact / "scifact_qemb.npy"))
    by_id = {row["_id"]: row["text"] for row in evaluation_sets.read_jsonl(scifact / "data_scidocs_queries.jsonl")}
    ids = json.loads((scifact / "scidocs_qids.json").read_text())
    compare_gold(bge, table, model, "published, SciDocs queries", [by_id[i] for i in ids],
                 np.load(scifact / "scidocs_qemb.npy"))
    cranfield(bge, table, model, golden / "minilm_cranfield")


def cranfield(bge, table, model, folder) -> None:
    """These vectors are not this model's: the repository that published them fine-tuned it on Cranfield
    (MultipleNegativesRankingLoss), and its index "pretrained" is its index "finetuned", byte for byte. The
    tuned weights are not to be had. What can be shown is that we are torch on these abstracts, and that the
    published vectors are as far from torch's as a tuned model's are: a cosine of 0.92, one way for all texts."""
    published = [(folder / f"{name}.index.faiss").read_bytes() for name in ("pretrained", "finetuned")]
    assert published[0] == published[1]
    texts = [d["text"] for d in json.loads((folder / "documents.json").read_text())]
    expected = reference.Reference(model, MINILM_LENGTH, "mean").encode(texts, "Cranfield")
    found, seconds = engine.embed(bge, model, texts)
    report(table, "minilm, Cranfield abstracts", texts, expected, found, seconds)
    # A faiss flat index: 45 bytes of header, then the vectors.
    tuned = np.frombuffer(published[0][45:], dtype="<f4").reshape(len(texts), -1)
    cosines = (tuned * expected).sum(axis=1)
    shift = np.linalg.norm((tuned - expected).mean(axis=0)) / np.linalg.norm(tuned - expected, axis=1).mean()
    print(f"published, Cranfield: another model's (cosine to torch {cosines.min():.2f} to {cosines.max():.2f},"
          f" median {np.median(cosines):.2f}; {shift:.0%} of the difference is the same for all texts)")


def compare_gold(bge, table, model, name, texts, expected) -> None:
    found, seconds = engine.embed(bge, model, texts)
    report(table, name, texts, expected, found, seconds)


def report(table, name, texts, expected, found, seconds) -> None:
    worst = engine.max_abs(expected, found)
    note = ""
    if not worst < TOLERANCE and expected.shape == found.shape:
        row = int(np.abs(expected - found).max(axis=1).argmax())
        note = f"text {row}: {texts[row][:60]!r}"
    table.row(name, len(texts), worst, 1 - engine.min_cosine(expected, found), "", round(seconds, 1),
              ok=worst < TOLERANCE, note=note)


def random(bge, table, shapes) -> None:
    for shape in shapes:
        model, texts = random_models.make(shape), random_models.texts(shape)
        single = reference.Reference(model, random_models.MAX_LENGTH, "cls").encode(texts, shape)
        # float64 takes torch minutes a model: every third text.
        double = reference.Reference(model, random_models.MAX_LENGTH, "cls", torch.float64).encode(texts[::3], shape)
        found, seconds = engine.embed(bge, model, texts)
        worst = engine.max_abs(single, found)
        note = f"float64 from torch float32 {engine.max_abs(double, single[::3]):.2g}"
        if not worst < TOLERANCE and single.shape == found.shape:
            row = int(np.abs(single - found).max(axis=1).argmax())
            tokens = len(torch_ids(model, texts[row]))
            note += f"; worst at text {row} of {tokens} tokens"
        table.row(f"random {shape}", len(texts), worst, 1 - engine.min_cosine(single, found),
                  engine.max_abs(double, found[::3]), round(seconds, 1), ok=worst < TOLERANCE, note=note)


def e5(bge, table) -> None:
    from sentence_transformers import SentenceTransformer

    import xlmr_models

    directory = xlmr_models.e5()
    torch.set_num_threads(1)
    model = SentenceTransformer(str(directory), device="cpu", model_kwargs={"attn_implementation": "eager", "dtype": torch.float32})
    lines = evaluation_sets.multilingual_lines(300)
    for name, texts, role in (
        ("every length", texts_of_every_length(directory), None),
        ("queries", lines, "query"),
        ("passages", lines, "passage"),
    ):
        # One text a call: no padding.
        expected = np.concatenate([model.encode([text], prompt_name=role, normalize_embeddings=True) for text in texts])
        found, seconds = engine.embed(bge, directory, texts, *(["--prompt-name", role] if role else []))
        report(table, f"multilingual-e5-small, {name}", texts, expected, found, seconds)


def texts_of_every_length(directory) -> list[str]:
    """Nothing, texts of 1 to 510 tokens (512 with the special ones) out of passages in four languages, and longer ones."""
    rows = [row for language in ("en", "zh", "ar", "hi") for row in
            evaluation_sets.read_jsonl(evaluation_sets.shared_dir() / f"data/xquad_retrieval/{language}/corpus.jsonl")[:60]]
    source = " ".join(map(evaluation_sets.document_text, rows))
    offsets = reference.load_tokenizer(directory, 1 << 30).encode(source, add_special_tokens=False).offsets
    texts, at = [""], 0
    for length in [*range(1, E5_LENGTH - 1), 511, 513, 700]:
        at = (at + 97) % (len(offsets) - length)
        texts.append(source[offsets[at][0]:offsets[at + length - 1][1]])
    return texts


def torch_ids(model, text) -> list[int]:
    return reference.load_tokenizer(model, random_models.MAX_LENGTH).encode(text).ids


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    parser.add_argument("--suite", default="minilm,gold,random")
    parser.add_argument("--shapes", default=",".join(random_models.SHAPES))
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    table = engine.Table("texts", "count", "max abs", "1 - cosine", "from float64", "seconds")
    for suite in arguments.suite.split(","):
        if suite == "random":
            random(arguments.bge, table, arguments.shapes.split(","))
        else:
            {"minilm": minilm, "gold": gold, "e5": e5}[suite](arguments.bge, table)
    return table.exit_status()


if __name__ == "__main__":
    sys.exit(main())
