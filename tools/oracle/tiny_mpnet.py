"""The tiny MPNet models that make_tiny_models.py and make_tiny_heads.py write, and the directory of a full-size one.

tiny-mpnet            the published spelling of config.json and of the tokenizer, a masked-LM checkpoint's names, mean pooling;
                      texts reach over the farthest bucket of distances
tiny-mpnet-reranker   a sequence classifier

Of MPNet's tokenizers no file is to be had here. This one has the stages that all-mpnet-base-v2 publishes: BERT's, with <s> and
</s> around a text (RobertaProcessing), [UNK], and a <mask> that takes the space in front of it.
"""

import json
from pathlib import Path

import transformers

import make_tiny_models as tiny
import random_weights

FIRST = ["<s>", "<pad>", "</s>", "<unk>"]


def vocabulary(words: list[str]) -> list[str]:
    """MPNet's from BERT's: four tokens in front, one behind."""
    return [*FIRST, *words, "<mask>"]


def tokenizer_json(vocab: list[str]) -> dict:
    ids = {token: i for i, token in enumerate(vocab)}
    value = tiny.tokenizer_json([*tiny.SPECIAL], tiny.SPECIAL)
    added = [("<s>", True), ("<pad>", True), ("</s>", True), ("<unk>", True), ("[UNK]", True), ("<mask>", True)]
    value["added_tokens"] = [{"id": ids[token], "content": token, "single_word": False, "lstrip": token == "<mask>", "rstrip": False,
                              "normalized": token == "<unk>", "special": special} for token, special in added]
    value["post_processor"] = {"type": "RobertaProcessing", "sep": ["</s>", ids["</s>"]], "cls": ["<s>", ids["<s>"]],
                               "trim_offsets": True, "add_prefix_space": False}
    value["model"] |= {"unk_token": "[UNK]", "vocab": ids}
    return value


def write_tokenizer(where: Path, words: list[str], max_length: int) -> int:
    vocab = vocabulary(words)
    tiny.write_json(where / "tokenizer.json", tokenizer_json(vocab))
    tiny.write_json(where / "tokenizer_config.json", {
        "do_lower_case": True, "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>", "unk_token": "[UNK]",
        "pad_token": "<pad>", "mask_token": "<mask>", "tokenize_chinese_chars": True, "strip_accents": None,
        "model_max_length": max_length, "tokenizer_class": "MPNetTokenizer"})
    return len(vocab)


def config(vocab_size: int, **changes) -> transformers.MPNetConfig:
    values = dict(hidden_size=24, num_hidden_layers=3, num_attention_heads=3, intermediate_size=40, max_position_embeddings=162,
                  layer_norm_eps=1e-5)
    return transformers.MPNetConfig(vocab_size=vocab_size, **(values | changes))


def tiny_mpnet(where: Path) -> None:
    c = config(write_tokenizer(where, tiny.vocabulary(tiny.SPECIAL), 160))
    model = transformers.MPNetModel(c, add_pooling_layer=False)
    fill(model, 41)
    tiny.write_config(where, c, "MPNetForMaskedLM", architectures=["MPNetForMaskedLM"], torch_dtype="float32")
    tiny.save_weights(where, model, prefix="mpnet.")
    tiny.old_modules(where, "Pooling", "Normalize")
    tiny.old_pooling(where, 24, "mean_tokens")
    tiny.write_json(where / "sentence_bert_config.json", {"max_seq_length": 160, "do_lower_case": False})


def fill(model, seed: int) -> None:
    """Biases of distances of the size of scores: at 0.3, as other tables have it, a wrong bucket would hardly show."""
    random_weights.fill(model, seed)
    for name, parameter in model.named_parameters():
        if name.endswith("relative_attention_bias.weight"):
            parameter.data *= 5


def tiny_mpnet_reranker(where: Path) -> None:
    c = config(write_tokenizer(where, tiny.vocabulary(tiny.SPECIAL), 64), num_labels=1, num_hidden_layers=2,
               max_position_embeddings=66)
    model = transformers.MPNetForSequenceClassification(c)
    fill(model, 42)
    tiny.write_config(where, c, type(model).__name__, architectures=[type(model).__name__], id2label={"0": "LABEL_0"},
                      label2id={"LABEL_0": 0})
    tiny.save_weights(where, model)
