"""Writes tiny random models with BGE-M3's heads and with a reranker's, and FlagEmbedding's and CrossEncoder's numbers for them.

    python tools/oracle/make_tiny_heads.py [--output tests/data] [MODEL ...]

tiny-m3         XLM-RoBERTa with sparse_linear.pt and colbert_linear.pt (float16, as BAAI/bge-m3 has them)
tiny-reranker   XLM-RoBERTa with a classification head of one label, as BAAI/bge-reranker-* are
tiny-bert-reranker   BERT with pooler and classifier, as a CrossEncoder directory in the old layout
tiny-modernbert-reranker   ModernBERT (tiny_modernbert.py); its golden file has scores of the mean and of the first token
tiny-mpnet-reranker   MPNet (tiny_mpnet.py), as a CrossEncoder directory

Golden files beside those of make_tiny_models.py: golden/tiny-m3.json, golden/tiny-reranker.json ...
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

import layout_cases
import make_tiny_models as tiny
import random_weights
import reference
import tiny_modernbert
import tiny_mpnet

TEXTS = layout_cases.TEXT_LISTS["hard"]
PAIRS = [("what is a map", "a map of the city and the river"), ("what is a map", "the quick brown fox jumps over the lazy dog"),
         ("", ""), ("who", ""), ("", "bread and water"), ("fox fox fox", "fox"), ("为什么", "中国的首都是北京"),
         ("how does the heart read the blood " * 4, "vitamin bone protein gene cell " * 20)]


def xlm_roberta_config(vocab_size, **changes):
    return transformers.XLMRobertaConfig(vocab_size=vocab_size, hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
                                         max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
                                         layer_norm_eps=1e-5, **changes)


def tiny_m3(where):
    vocab_size = tiny.write_tokenizer(where, tiny.SPECIAL_ROBERTA, max_length=64)
    config = xlm_roberta_config(vocab_size)
    model = transformers.XLMRobertaModel(config, add_pooling_layer=False)
    random_weights.fill(model, 21)
    tiny.write_config(where, config, "XLMRobertaModel", dtype="float32")
    tiny.save_weights(where, model)
    for i, (name, outputs) in enumerate((("sparse", 1), ("colbert", 16))):
        head = torch.nn.Linear(24, outputs)
        random_weights.fill(head, 22 + i)
        torch.save({k: v.half() for k, v in head.state_dict().items()}, where / f"{name}_linear.pt")


def tiny_reranker(where):
    vocab_size = tiny.write_tokenizer(where, tiny.SPECIAL_ROBERTA, max_length=64)
    config = xlm_roberta_config(vocab_size, num_labels=1)
    model = transformers.XLMRobertaForSequenceClassification(config)
    random_weights.fill(model, 24)
    tiny.write_config(where, config, "XLMRobertaForSequenceClassification", dtype="float32", architectures=[type(model).__name__], id2label={"0": "LABEL_0"}, label2id={"LABEL_0": 0})
    tiny.save_weights(where, model)


def tiny_bert_reranker(where):
    vocab_size = tiny.write_tokenizer(where, tiny.SPECIAL, max_length=64)
    config = transformers.BertConfig(vocab_size=vocab_size, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                                     max_position_embeddings=64, num_labels=1)
    model = transformers.BertForSequenceClassification(config)
    random_weights.fill(model, 25)
    tiny.write_config(where, config, "BertForSequenceClassification", torch_dtype="float32", architectures=[type(model).__name__], id2label={"0": "LABEL_0"}, label2id={"LABEL_0": 0},
                      sbert_ce_default_activation_function="torch.nn.modules.linear.Identity")
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, where / "model.safetensors", metadata={"format": "pt"})


def as_xlm_roberta(where):
    """XLM-R's pair template, with two separators between the texts, and its names of special tokens."""
    path = where / "tokenizer_config.json"
    tiny.write_json(path, json.loads(path.read_text()) | {"bos_token": "<s>", "eos_token": "</s>"})
    path = where / "tokenizer.json"
    value = json.loads(path.read_text())
    part = {"SpecialToken": {"id": "</s>", "type_id": 0}}
    value["post_processor"]["pair"] = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, part, part,
                                       {"Sequence": {"id": "B", "type_id": 0}}, part]
    tiny.write_json(path, value)


def numbers(values):
    return [float(f"{float(x):.9g}") for x in values]


def m3_golden(where):
    from FlagEmbedding import BGEM3FlagModel
    model = BGEM3FlagModel(str(where), use_fp16=False, colbert_dim=16, devices="cpu", passage_max_length=64, query_max_length=64)
    rows = []
    for text in TEXTS:
        out = model.encode([text], return_dense=True, return_sparse=True, return_colbert_vecs=True, max_length=64)
        rows.append({"text": text, "dense": numbers(out["dense_vecs"][0]),
                     "sparse": {k: float(f"{float(v):.9g}") for k, v in sorted(out["lexical_weights"][0].items(), key=lambda kv: int(kv[0]))},
                     "colbert": [numbers(row) for row in out["colbert_vecs"][0]]})
    pairs = [p for p in PAIRS if p[0] and p[1]]
    scores = [model.compute_score([p], weights_for_different_modes=[0.4, 0.2, 0.4], max_query_length=64, max_passage_length=64) for p in pairs]
    return {"texts": rows, "weights": [0.4, 0.2, 0.4],
            "scores": [{"query": q, "passage": p} | {k: float(f"{float(v[0]):.9g}") for k, v in s.items()} for (q, p), s in zip(pairs, scores)]}


def reranker_golden(where):
    from FlagEmbedding import FlagReranker
    rows = []
    for max_length in (64, 24):
        model = FlagReranker(str(where), use_fp16=False, devices="cpu", max_length=max_length)
        for query, passage in PAIRS:
            if not passage:
                continue  # with transformers 5 (but not 4) FlagReranker then scores the query alone: "" is false
            score = model.compute_score([(query, passage)], max_length=max_length)
            rows.append({"max_length": max_length, "query": query, "passage": passage, "score": float(f"{float(score[0]):.9g}")})
    return {"flag_embedding": rows, "cross_encoder": cross_encoder_rows(where)}


def cross_encoder_rows(where):
    from sentence_transformers import CrossEncoder
    rows = []
    for max_length in (64, 24):
        model = CrossEncoder(str(where), max_length=max_length, device="cpu", model_kwargs={"attn_implementation": "eager"})
        for query, passage in PAIRS:
            rows.append({"max_length": max_length, "query": query, "passage": passage,
                         "score": float(f"{float(model.predict([(query, passage)])[0]):.9g}"),
                         "logit": float(f"{float(model.predict([(query, passage)], activation_fn=torch.nn.Identity())[0]):.9g}")})
    return rows


def modernbert_golden(where):
    """Of the model as it is, and of one that scores the first token."""
    with tempfile.TemporaryDirectory() as scratch:
        by_first_token = shutil.copytree(where, Path(scratch) / "model")
        path = by_first_token / "config.json"
        path.write_text(path.read_text().replace('"classifier_pooling": "mean"', '"classifier_pooling": "cls"'))
        return reranker_golden(where) | {f"{name}_cls": rows for name, rows in reranker_golden(by_first_token).items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[2] / "tests/data")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="all where none is given")
    arguments = parser.parse_args()
    output = arguments.output
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    import FlagEmbedding
    import sentence_transformers
    versions = reference.versions() | {"sentence_transformers": sentence_transformers.__version__, "FlagEmbedding": "1.4.2"}
    del FlagEmbedding
    for name, make, golden in (("tiny-m3", tiny_m3, m3_golden), ("tiny-reranker", tiny_reranker, reranker_golden),
                               ("tiny-bert-reranker", tiny_bert_reranker, lambda where: {"cross_encoder": cross_encoder_rows(where)}),
                               ("tiny-mpnet-reranker", tiny_mpnet.tiny_mpnet_reranker, lambda where: {"cross_encoder": cross_encoder_rows(where)}),
                               ("tiny-modernbert-reranker", tiny_modernbert.tiny_modernbert_reranker, modernbert_golden)):
        if arguments.models and name not in arguments.models:
            continue
        where = output / "models" / name
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir(parents=True)
        make(where)
        if make in (tiny_m3, tiny_reranker):
            as_xlm_roberta(where)
        value = {"model": name, "generator": "tools/oracle/make_tiny_heads.py", "versions": versions} | golden(where)
        path = output / "golden" / f"{name}.json"
        path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace('},{', '},\n{') + "\n", encoding="utf-8")
        print(name, sum(f.stat().st_size for f in where.rglob("*") if f.is_file()), "bytes, golden", path.stat().st_size)


if __name__ == "__main__":
    main()
