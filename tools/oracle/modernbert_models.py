"""Random ModernBERT models in the published layouts and sizes, kept beside the cached vectors.

    python tools/oracle/modernbert_models.py [NAME ...]     writes them and prints their directories

modernbert-base, modernbert-large   as answerdotai/ModernBERT-* and what is made from them, in a sentence-transformers directory
gte-reranker-modernbert-base        a sequence classifier over the mean of all tokens

No tokenizer of ModernBERT is to be had here: these have the words and merges of RoBERTa's byte-level BPE in ModernBERT's stages.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

import evaluation_sets
import random_weights
import reference
import tiny_modernbert

# layers, hidden, heads, feed-forward, labels
SHAPES = {
    "modernbert-base": (22, 768, 12, 1152, 0),
    "modernbert-large": (28, 1024, 16, 2624, 0),
    "gte-reranker-modernbert-base": (22, 768, 12, 1152, 1),
}
VOCABULARY = 50368
POSITIONS = 8192


def tokenizer_json() -> dict:
    value = json.loads((evaluation_sets.shared_dir() / "data/tokenizers/roberta-base/tokenizer.json").read_text())
    vocabulary = value["model"]["vocab"]
    words = {token: i for token, i in vocabulary.items() if token not in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")}
    special = {token: VOCABULARY - 88 + i for i, token in enumerate(tiny_modernbert.SPECIAL)}  # 50280 on, as published
    value["model"] |= {"vocab": words, "unk_token": None}
    value["normalizer"] = {"type": "NFC"}
    value["added_tokens"] = [
        {"id": i, "content": token, "single_word": False, "lstrip": token == "[MASK]", "rstrip": False, "normalized": False,
         "special": True} for token, i in special.items()]
    value["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                   {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
        "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                 {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}},
                 {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
        "special_tokens": {t: {"id": t, "ids": [special[t]], "tokens": [t]} for t in ("[CLS]", "[SEP]")}}
    return value


def make(name: str) -> Path:
    """The directory of the model; made where it is not there yet."""
    where = reference.cache_dir() / f"random-{name}-v1"
    if (where / "done").exists():
        return where
    layers, hidden, heads, ffn, labels = SHAPES[name]
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    config = transformers.ModernBertConfig(vocab_size=VOCABULARY, hidden_size=hidden, num_hidden_layers=layers,
                                           num_attention_heads=heads, intermediate_size=ffn)
    if labels:
        config.num_labels = labels
        config.classifier_pooling = "mean"
        model = transformers.ModernBertForSequenceClassification(config)
        changes = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    else:
        model = transformers.ModernBertModel(config)
        changes = {}
    random_weights.fill(model, sum(map(ord, name)))
    save_file({n: t.contiguous() for n, t in model.state_dict().items()}, where / "model.safetensors", metadata={"format": "pt"})
    tiny_modernbert.write_published_config(where, config, type(model).__name__, **changes)
    (where / "tokenizer.json").write_text(json.dumps(tokenizer_json()))
    tiny_modernbert.write_tokenizer_config(where, POSITIONS)
    if not labels:
        tiny_modernbert.tiny.old_modules(where, "Pooling", "Normalize")
        tiny_modernbert.tiny.old_pooling(where, hidden, "cls_token")
        tiny_modernbert.tiny.write_json(where / "sentence_bert_config.json", {"max_seq_length": POSITIONS, "do_lower_case": False})
    (where / "done").touch()
    return where


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    for each in sys.argv[1:] or SHAPES:
        print(make(each))
