"""The tiny ModernBERT models that make_tiny_models.py and make_tiny_heads.py write, and their tokenizer.

tiny-modernbert           the published spelling of config.json, no biases, global and local layers, mean pooling, prompts
tiny-modernbert-biases    the spelling of transformers 5, every bias, SiLU, the last layer local, cls, a masked-LM checkpoint
tiny-modernbert-reranker  a sequence classifier that scores the mean of all tokens, with a bias in its head

The windows are a few tokens wide, so that most texts reach over them.
"""

import json
from pathlib import Path

import tokenizers
import transformers

import layout_cases
import make_tiny_models as tiny
import random_weights

SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
VOCABULARY = 400


def byte_level_tokenizer(texts: list[str], vocab_size: int) -> dict:
    """tokenizer.json with the stages of ModernBERT's (NFC, byte-level BPE), its merges trained on `texts`."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.normalizer = tokenizers.normalizers.NFC()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size - len(SPECIAL) - 1, special_tokens=[], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts, trainer)
    # At the vocabulary's end, as in ModernBERT; runs of spaces are tokens of their own there too.
    tokenizer.add_tokens([tokenizers.AddedToken("  ", normalized=True)])
    tokenizer.add_special_tokens([tokenizers.AddedToken(token, lstrip=token == "[MASK]") for token in SPECIAL])
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:0 [SEP]:0", special_tokens=ids)
    return json.loads(tokenizer.to_str())


def write_tokenizer(where: Path, max_length: int) -> int:
    value = byte_level_tokenizer(layout_cases.TEXT_LISTS["hard"] * 2 + [" ".join(tiny.WORDS)], VOCABULARY)
    tiny.write_json(where / "tokenizer.json", value)
    write_tokenizer_config(where, max_length)
    return len(value["model"]["vocab"]) + len(SPECIAL) + 1


def write_tokenizer_config(where: Path, max_length: int) -> None:
    tiny.write_json(where / "tokenizer_config.json", {
        "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "mask_token": "[MASK]", "unk_token": "[UNK]",
        "model_input_names": ["input_ids", "attention_mask"], "model_max_length": max_length,
        "tokenizer_class": "PreTrainedTokenizerFast"})


def config(vocab_size: int, **changes) -> transformers.ModernBertConfig:
    values = dict(hidden_size=24, num_hidden_layers=5, num_attention_heads=2, intermediate_size=20,
                  max_position_embeddings=96, local_attention=8, pad_token_id=3, bos_token_id=1, cls_token_id=1,
                  eos_token_id=2, sep_token_id=2, reference_compile=False)
    return transformers.ModernBertConfig(vocab_size=vocab_size, **(values | changes))


def write_published_config(where: Path, c: transformers.ModernBertConfig, architecture: str, **changes) -> None:
    """As the models on the hub have it, which transformers 4.48 wrote."""
    tiny.write_config(where, c, architecture)
    values = json.loads((where / "config.json").read_text())
    theta = {kind: rope["rope_theta"] for kind, rope in values.pop("rope_parameters").items()}
    values.pop("layer_types")
    values |= {"architectures": [architecture], "global_attn_every_n_layers": 3, "global_rope_theta": theta["full_attention"],
               "local_rope_theta": theta["sliding_attention"], "layer_norm_eps": 1e-5,
               "position_embedding_type": "absolute", "torch_dtype": "float32", "repad_logits_with_grad": False}
    tiny.write_json(where / "config.json", values | changes)


def tiny_modernbert(where: Path) -> None:
    c = config(write_tokenizer(where, 96))
    model = transformers.ModernBertModel(c)
    random_weights.fill(model, 31)
    write_published_config(where, c, "ModernBertModel")
    tiny.save_weights(where, model)
    tiny.old_modules(where, "Pooling", "Normalize")
    tiny.old_pooling(where, 24, "mean_tokens")
    tiny.write_json(where / "sentence_bert_config.json", {"max_seq_length": 96, "do_lower_case": False})
    tiny.write_json(where / "config_sentence_transformers.json",
                    {"__version__": {"sentence_transformers": "3.3.1", "transformers": "4.48.0", "pytorch": "2.5.1"},
                     "prompts": {"query": "search_query: ", "document": "search_document: "}})


def tiny_modernbert_biases(where: Path) -> None:
    c = config(write_tokenizer(where, 96), num_hidden_layers=3, num_attention_heads=3, hidden_activation="silu",
               norm_bias=True, attention_bias=True, mlp_bias=True, local_attention=13, norm_eps=1e-6,
               layer_types=["sliding_attention", "full_attention", "sliding_attention"],
               rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 300.0},
                                "sliding_attention": {"rope_type": "default", "rope_theta": 20.0}})
    model = transformers.ModernBertForMaskedLM(c)
    random_weights.fill(model, 32)
    tiny.write_config(where, c, "ModernBertForMaskedLM", architectures=["ModernBertForMaskedLM"], dtype="float32")
    tensors = {name: tensor for name, tensor in model.state_dict().items() if name != "decoder.weight"}  # tied
    tiny.save_file({n: t.contiguous() for n, t in tensors.items()}, where / "model.safetensors", metadata={"format": "pt"})
    tiny.new_modules(where, "Pooling", "Normalize")
    tiny.write_json(where / "1_Pooling/config.json", {"embedding_dimension": 24, "pooling_mode": "cls", "include_prompt": True})
    tiny.write_json(where / "sentence_bert_config.json", {"max_seq_length": 96, "transformer_task": "feature-extraction"})


def tiny_modernbert_reranker(where: Path) -> None:
    c = config(write_tokenizer(where, 64), num_labels=1, num_hidden_layers=3, classifier_pooling="mean",
               classifier_bias=True, norm_bias=True)
    model = transformers.ModernBertForSequenceClassification(c)
    random_weights.fill(model, 33)
    write_published_config(where, c, "ModernBertForSequenceClassification", id2label={"0": "LABEL_0"},
                           label2id={"LABEL_0": 0})
    tiny.save_weights(where, model)
