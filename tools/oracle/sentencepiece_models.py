"""SentencePiece models of type BPE, trained from a seed, and directories of them as people have them.

    python tools/oracle/sentencepiece_models.py OUT      # writes OUT/*.model and prints what they are

For tokens_compare.py (suite bpe) and for tokens_goldens.py, whose model is committed.
"""
import json
import random
import shutil
import sys
from pathlib import Path

import tokens_random

COMMON = {"model_type": "bpe", "num_threads": 1, "minloglevel": 2, "hard_vocab_limit": False}
# What files of Llama and Mistral have; of Gemma; and what else people train.
LLAMA = {"byte_fallback": True, "normalization_rule_name": "identity", "split_digits": True, "remove_extra_whitespaces": False,
         "allow_whitespace_only_pieces": True}
GEMMA = {**LLAMA, "add_dummy_prefix": False, "pad_id": 0, "eos_id": 1, "bos_id": 2, "unk_id": 3, "bos_piece": "<bos>", "eos_piece": "<eos>",
         "user_defined_symbols": ["<mask>", "[multimodal]", "<unused0>", "<start_of_turn>", "<end_of_turn>", "\n\n", "▁▁"]}
KINDS = {
    "llama": LLAMA,
    "gemma": GEMMA,
    "nmt_nfkc": {"normalization_rule_name": "nmt_nfkc", "user_defined_symbols": ["<sep>", "[a]"]},
    "nfkc_cf, bytes": {"normalization_rule_name": "nfkc_cf", "byte_fallback": True, "unk_piece": "[UNK]", "bos_id": -1,
                       "eos_piece": "[END]", "pad_id": 1, "eos_id": 2, "unk_id": 0},
    "no prefix, digits": {**LLAMA, "add_dummy_prefix": False, "remove_extra_whitespaces": True, "split_digits": False,
                          "user_defined_symbols": ["<|user|>", "▁the"], "control_symbols": ["<|system|>"]},
}
WORDS = tokens_random.WORDS + ["lower", "lowest", "newer", "wider", "ing", "tion", "Straße", "naïve", "中文字符", "ひらがな", "カタカナ",
                               "한국어", "при", "вет", "ни", "को", "में", "है", "ที่", "และ", "في", "من", "10", "2024", "100", "::", "=>"]


def seeded_sentences(count, seed=5):
    """Sentences of frequent and rare words, so that there is something to merge."""
    rng = random.Random(seed)
    weights = [1 / (1 + i) for i in range(len(WORDS))]
    words = WORDS[:]
    rng.shuffle(words)
    for _ in range(count):
        yield "".join(w + rng.choice(("", " ", " ", "  ")) for w in rng.choices(words, weights, k=rng.randrange(3, 16))).strip() or "a"


def train(path, sentences, vocab_size, **options):
    """Writes a model file; sentencepiece trains the same one from the same sentences."""
    import sentencepiece

    with open(path, "wb") as f:
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(sentences), model_writer=f, vocab_size=vocab_size,
                                                 **{**COMMON, **options})
    return path


def models(out, tokenizers=None):
    """{kind: path}, trained once, and what there is in `tokenizers`, the folder of the developers' data."""
    out.mkdir(parents=True, exist_ok=True)
    lines, paths = [], {}
    if tokenizers is not None:
        paths["mistral-7b-v0.1"] = tokenizers / "mistral-7b-v0.1/tokenizer.model"
        paths["unigram"] = tokenizers / "sentencepiece-tests/test_model.model"
        paths = {kind: path for kind, path in paths.items() if path.exists()}
        gguf, text = tokenizers / "llama.cpp/ggml-vocab-llama-spm.gguf", tokenizers / "sentencepiece-tests/botchan.txt"
        if gguf.exists():
            paths["llama2"] = gguf_model(gguf, out / "llama2.model")
        if text.exists():
            lines = text.read_text(encoding="utf-8").split("\n")[:3000]
    for kind, options in KINDS.items():
        path = out / f"{kind}.model"
        if not path.exists():
            train(path, [line for line in lines if line.strip()] + list(seeded_sentences(3000)), 900, **options)
        paths[kind] = path
    return paths


def gguf_model(path, out):
    """Writes the SentencePiece file of the vocabulary that a llama.cpp file holds: pieces, scores and types are exact."""
    import struct

    from sentencepiece import sentencepiece_model_pb2

    data, at = path.read_bytes(), 8
    formats = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

    def take(kind):
        nonlocal at
        if kind == 8:
            size = take(10)
            at += size
            return data[at - size:at].decode()
        if kind == 9:
            inner, count = take(4), take(10)
            return [take(inner) for _ in range(count)]
        (value,) = struct.unpack_from("<" + formats[kind], data, at)
        at += struct.calcsize("<" + formats[kind])
        return value

    _, count = take(10), take(10)
    values = {}
    for _ in range(count):
        key = take(8)
        values[key] = take(take(4))
    model = sentencepiece_model_pb2.ModelProto()
    for piece, score, kind in zip(*(values[f"tokenizer.ggml.{name}"] for name in ("tokens", "scores", "token_type"))):
        model.pieces.add(piece=piece, score=score, type=kind)
    model.trainer_spec.model_type = 2
    model.trainer_spec.byte_fallback = True
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.remove_extra_whitespaces = False
    out.write_bytes(model.SerializeToString())
    return out


def added(content, **flags):
    return {"__type": "AddedToken", "content": content, "lstrip": False, "rstrip": False, "single_word": False, **flags}


LLAMA_CLASS = {"tokenizer_class": "LlamaTokenizer"}
DECODER = {"0": {"content": "<unk>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True},
           "1": {"content": "<s>", "lstrip": True, "normalized": False, "rstrip": False, "single_word": False, "special": True},
           "9": {"content": "<renamed>", "special": False}, "1200": {"content": "the", "rstrip": True, "special": False},
           "1201": {"content": "<far>", "special": True}}
# (name, kind of model, tokenizer_config.json, config.json, other files)
DIRECTORIES = [
    ("alone", "llama", None, None, {}),
    ("Llama", "llama", {**LLAMA_CLASS, "add_bos_token": True, "add_eos_token": False, "legacy": False}, {"model_type": "llama"}, {}),
    ("Llama, both ends, legacy", "llama", {"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": True, "add_eos_token": True, "legacy": True}, None, {}),
    ("Llama, no prefix", "llama", {**LLAMA_CLASS, "add_prefix_space": False, "legacy": None}, None, {}),
    ("Llama, tokens", "llama", {**LLAMA_CLASS, "bos_token": added("<BOS>", normalized=False), "add_bos_token": True, "pad_token": "<pad>",
                                "unk_token": None, "image_token": "<image>", "sep_token": "the", "truncation_side": "left",
                                "additional_special_tokens": ["<x>", added("ing", lstrip=True)]}, None, {}),
    ("Llama, added_tokens_decoder", "llama", {**LLAMA_CLASS, "added_tokens_decoder": DECODER, "add_eos_token": True, "bos_token": "<s>"}, None,
     {"special_tokens_map.json": {"pad_token": "<not read>"}}),
    ("Llama, special_tokens_map", "llama", LLAMA_CLASS, None, {
        "special_tokens_map.json": {"bos_token": {"content": "<s>", "lstrip": True, "normalized": True, "rstrip": False, "single_word": False},
                                    "pad_token": "<pad>", "extra_special_tokens": ["<u>", {"content": "<v>", "lstrip": True}]},
        "added_tokens.json": {"<pad>": 1001, "new": 1000, "<u>": 1002}}),
    ("Llama, null extra", "no prefix, digits", {**LLAMA_CLASS, "additional_special_tokens": None}, None, {}),
    ("Llama, named extra", "no prefix, digits", {**LLAMA_CLASS, "extra_special_tokens": {"video_token": "<video>", "b": "a"}}, None, {}),
    ("Llama, unknown in nfkc_cf", "nfkc_cf, bytes", LLAMA_CLASS, None, {}),
    ("Phi 3", "llama", {"tokenizer_class": "Phi3Tokenizer"}, None, {}),
    ("Mistral", "llama", {**LLAMA_CLASS, "add_bos_token": True}, {"model_type": "mistral"}, {}),
    ("Mistral, no class", "no prefix, digits", None, {"model_type": "mistral"}, {}),
    ("CodeLlama", "llama", {"tokenizer_class": "CodeLlamaTokenizer"}, None, {}),
    ("CodeLlama, tokens", "llama", {"tokenizer_class": "CodeLlamaTokenizerFast", "prefix_token": "<P>", "suffix_token": None, "eot_token": added("<E>"),
                                    "add_eos_token": True, "add_prefix_space": False}, None, {}),
    ("Gemma", "gemma", {"tokenizer_class": "GemmaTokenizer", "add_bos_token": True}, {"model_type": "gemma"}, {}),
    ("Gemma by its model_type", "gemma", None, {"model_type": "gemma2"}, {}),
    ("Gemma, tokens", "gemma", {"tokenizer_class": "GemmaTokenizerFast", "mask_token": None, "unk_token": None, "add_eos_token": True,
                                "additional_special_tokens": ["<start_of_turn>", "<end_of_turn>"]}, None, {}),
    ("Gemma as Llama", "gemma", LLAMA_CLASS, None, {}),
    ("plain, nmt_nfkc", "nmt_nfkc", {"tokenizer_class": "PreTrainedTokenizerFast", "add_eos_token": True}, None, {}),
    ("plain, nfkc_cf", "nfkc_cf, bytes", {"add_bos_token": True, "add_eos_token": True}, {"model_type": "llama"}, {}),
    ("plain, no digits", "no prefix, digits", {"tokenizer_class": "TokenizersBackend", "bos_token": None, "add_bos_token": True}, None, {}),
    ("plain, renamed", "llama", {"tokenizer_class": "PreTrainedTokenizerFast", "added_tokens_decoder": DECODER}, None, {}),
    ("Mistral 7B as Llama", "mistral-7b-v0.1", {**LLAMA_CLASS, "add_bos_token": True, "legacy": False}, {"model_type": "llama"}, {}),
    ("Mistral 7B", "mistral-7b-v0.1", {**LLAMA_CLASS, "add_bos_token": True, "legacy": False}, {"model_type": "mistral"}, {}),
    ("Llama 2", "llama2", {**LLAMA_CLASS, "add_bos_token": True, "legacy": False, "pad_token": None}, {"model_type": "llama"}, {}),
    ("Llama 2, legacy, both ends", "llama2", {**LLAMA_CLASS, "add_bos_token": True, "add_eos_token": True, "legacy": True}, None, {}),
    ("CodeLlama on Llama 2", "llama2", {"tokenizer_class": "CodeLlamaTokenizer"}, {"model_type": "code_llama"}, {}),
    ("Gemma's class on Llama 2", "llama2", {"tokenizer_class": "GemmaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<unk>",
                                            "add_bos_token": True}, None, {}),
    ("Llama on a Unigram file", "unigram", LLAMA_CLASS, None, {}),
    ("class of config.json", "llama", None, {"model_type": "llama", "tokenizer_class": "LlamaTokenizer"}, {}),
]


def write_directory(directory, model, tokenizer_config, config, others):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    shutil.copy(model, directory / "tokenizer.model")
    for name, content in {"tokenizer_config.json": tokenizer_config, "config.json": config, **others}.items():
        if content is not None:
            (directory / name).write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    for kind, path in models(Path(sys.argv[1])).items():
        print(f"{kind}: {path}, {path.stat().st_size:,} bytes")
