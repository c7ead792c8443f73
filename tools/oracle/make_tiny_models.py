"""Writes the tiny random models of tests/data/models and torch's vectors for them (tests/data/golden).

Everything is made from fixed seeds, so a second run changes nothing; run it again after a change of
the cases in layout_cases.py. sentence-transformers itself computes the vectors, one text at a time, in
float32 with eager attention, on the very files that are committed (for weights whose names only we
read, on the same values under the usual names).

    python tools/oracle/make_tiny_models.py [--output tests/data] [MODEL ...]

Weights are drawn so that texts differ as in a trained model: linear weights with a standard deviation
of 1.5 / sqrt(fan-in), word embeddings 1, everything else 0.3 (LayerNorm's gain around 1). At the usual
0.02 all vectors look alike and hide errors.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import sentence_transformers
import torch
import transformers
from safetensors.torch import save_file

import layout_cases
import random_weights
import reference

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SPECIAL_ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
WORDS = """the a an of to and in is it for on with as by from at that this be are was not or but have
has one two what which who how when where why query passage document represent sentence search search
relevant vector model text word token map cat dog fox quick brown lazy jump over run read write time
year day man woman world water fire stone bread city river mountain heart house blood cell gene
protein vitamin bone effect cafe resume naive uber strasse""".split()
PIECES = """##s ##es ##ed ##ing ##er ##est ##ly ##ness ##ment ##tion ##al ##ic ##ize ##able ##un ##re
##pre ##in ##on ##en ##th ##ch ##sh ##st ##ive""".split()
CJK = list("为这个句子生成表示以用于检索相关文章中国北京大学人民水火山日本東京語한국어가나あいアイン")
PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + ["。", "，", "？", "：", "…", "–", "€"]
LETTERS = list("abcdefghijklmnopqrstuvwxyz0123456789") + list("αβγабвأبהש")


def vocabulary(special: list[str]) -> list[str]:
    """About 300 entries; what is not in it becomes [UNK] or is cut into pieces."""
    entries = special + PUNCTUATION + LETTERS + ["##" + c for c in LETTERS] + CJK + WORDS + PIECES
    return list(dict.fromkeys(entries))


def tokenizer_json(vocab: list[str], special: list[str], lowercase: bool = True) -> dict:
    pad, unk, cls, sep = (
        ("<pad>", "<unk>", "<s>", "</s>") if special is SPECIAL_ROBERTA else ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
    )
    ids = {token: i for i, token in enumerate(vocab)}

    def template(*parts):
        return [{kind: {"id": name, "type_id": type_id}} for kind, name, type_id in parts]

    second = 0 if special is SPECIAL_ROBERTA else 1
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": ids[t], "content": t, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True}
            for t in special
        ],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": lowercase},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": template(("SpecialToken", cls, 0), ("Sequence", "A", 0), ("SpecialToken", sep, 0)),
            "pair": template(("SpecialToken", cls, 0), ("Sequence", "A", 0), ("SpecialToken", sep, 0),
                             ("Sequence", "B", second), ("SpecialToken", sep, second)),
            "special_tokens": {t: {"id": t, "ids": [ids[t]], "tokens": [t]} for t in (cls, sep)},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": unk, "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": ids},
    }


def write_json(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_tokenizer(where: Path, special: list[str], *, lowercase=True, max_length=None, vocab_txt=False) -> int:
    """tokenizer.json, or the older vocab.txt; returns the size of the vocabulary."""
    vocab = vocabulary(special)
    if vocab_txt:
        (where / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf-8")
    else:
        write_json(where / "tokenizer.json", tokenizer_json(vocab, special, lowercase))
    names = ("cls", "pad", "sep", "unk", "mask") if special is SPECIAL_ROBERTA else ("pad", "unk", "cls", "sep", "mask")
    config = {f"{name}_token": token for name, token in zip(names, special)}
    config["tokenizer_class"] = "BertTokenizer" if special is SPECIAL else "PreTrainedTokenizerFast"
    if special is SPECIAL:
        config |= {"do_lower_case": lowercase, "strip_accents": None, "tokenize_chinese_chars": True}
    if max_length is not None:
        config["model_max_length"] = max_length
    write_json(where / "tokenizer_config.json", config)
    return len(vocab)


def old_modules(where: Path, *names: str) -> None:
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for i, name in enumerate(names, start=1):
        modules.append({"idx": i, "name": str(i), "path": f"{i}_{name}", "type": f"sentence_transformers.models.{name}"})
    write_json(where / "modules.json", modules)


NEW_TYPES = {
    "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
    "Dense": "sentence_transformers.base.modules.dense.Dense",
    "LayerNorm": "sentence_transformers.sentence_transformer.modules.layer_norm.LayerNorm",
}


def new_modules(where: Path, *names: str) -> None:
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}]
    for i, name in enumerate(names, start=1):
        modules.append({"idx": i, "name": str(i), "path": f"{i}_{name}", "type": NEW_TYPES[name]})
    write_json(where / "modules.json", modules)


def old_pooling(where: Path, hidden_size: int, mode: str) -> None:
    names = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"]
    if mode not in names:
        names.append(mode)  # weightedmean_tokens, lasttoken: written by later versions only
    config = {"word_embedding_dimension": hidden_size} | {f"pooling_mode_{name}": name == mode for name in names}
    write_json(where / "1_Pooling/config.json", config)


def save_weights(where: Path, model, *, dtype=torch.float32, prefix="", shards=1) -> None:
    tensors = {prefix + name: tensor.to(dtype).contiguous() for name, tensor in model.state_dict().items()
               if not name.startswith("pooler.")}
    if shards == 1:
        save_file(tensors, where / "model.safetensors", metadata={"format": "pt"})
        return
    names = list(tensors)
    index = {"metadata": {"total_size": sum(t.numel() * t.element_size() for t in tensors.values())}, "weight_map": {}}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        members = names[shard::shards]  # neighbours in different files
        save_file({n: tensors[n] for n in members}, where / file, metadata={"format": "pt"})
        index["weight_map"] |= {n: file for n in members}
    write_json(where / "model.safetensors.index.json", index)


def write_config(where: Path, config: transformers.PretrainedConfig, architecture: str, **changes) -> None:
    """The keys that real config.json files have, without transformers' own noise."""
    skip = {"transformers_version", "_name_or_path", "id2label", "label2id", "return_dict", "output_hidden_states",
            "chunk_size_feed_forward", "problem_type", "is_encoder_decoder", "output_attentions", "dtype"}
    values = {k: v for k, v in config.to_dict().items() if k not in skip}
    write_json(where / "config.json", {"architectures": [architecture]} | values | changes)


def bert(seed: int, **shape):
    config = transformers.BertConfig(**shape)
    model = transformers.BertModel(config, add_pooling_layer=False)
    random_weights.fill(model, seed)
    return config, model


def tiny_bert(where: Path) -> None:
    """What a BGE directory looks like: BERT, old spellings, CLS, Normalize, prompts."""
    vocab_size = write_tokenizer(where, SPECIAL, max_length=64)
    config, model = bert(1, vocab_size=vocab_size, hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
                         intermediate_size=64, max_position_embeddings=64)
    write_config(where, config, "BertModel", position_embedding_type="absolute", torch_dtype="float32")
    save_weights(where, model)
    old_modules(where, "Pooling", "Normalize")
    old_pooling(where, 32, "cls_token")
    write_json(where / "sentence_bert_config.json", {"max_seq_length": 64, "do_lower_case": True})
    write_json(where / "config_sentence_transformers.json",
               {"__version__": {"sentence_transformers": "2.2.2", "transformers": "4.30.0", "pytorch": "1.13.1"},
                "prompts": {"query": "query: ", "passage": "passage: "}})


def tiny_bert_f16(where: Path) -> None:
    """float16 weights under "bert.", odd sizes, tanh GELU, only vocab.txt, last token."""
    vocab_size = write_tokenizer(where, SPECIAL, vocab_txt=True, max_length=40)
    config, model = bert(2, vocab_size=vocab_size, hidden_size=21, num_hidden_layers=2, num_attention_heads=3,
                         intermediate_size=37, max_position_embeddings=40, hidden_act="gelu_new")
    round_weights(model, torch.float16)
    write_config(where, config, "BertModel", torch_dtype="float16")
    save_weights(where, model, dtype=torch.float16, prefix="bert.")
    old_modules(where, "Pooling")
    old_pooling(where, 21, "lasttoken")
    write_json(where / "sentence_bert_config.json", {"max_seq_length": 40, "do_lower_case": False})


def tiny_bert_bf16(where: Path) -> None:
    """bfloat16 weights in three shards under "0.auto_model.", ReLU, new spellings, prompt left out."""
    vocab_size = write_tokenizer(where, SPECIAL, max_length=48)
    config, model = bert(3, vocab_size=vocab_size, hidden_size=20, num_hidden_layers=2, num_attention_heads=4,
                         intermediate_size=33, max_position_embeddings=64, hidden_act="relu")
    round_weights(model, torch.bfloat16)
    write_config(where, config, "BertModel", dtype="bfloat16")
    save_weights(where, model, dtype=torch.bfloat16, prefix="0.auto_model.", shards=3)
    new_modules(where, "Pooling", "Normalize")
    write_json(where / "1_Pooling/config.json",
               {"embedding_dimension": 20, "pooling_mode": "weightedmean", "include_prompt": False})
    write_json(where / "2_Normalize/config.json",
               {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"})
    write_json(where / "sentence_bert_config.json",
               {"transformer_task": "feature-extraction",
                "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
                "module_output_name": "token_embeddings"})
    write_json(where / "config_sentence_transformers.json",
               {"__version__": {"pytorch": "2.13.0", "sentence_transformers": "6.2.0", "transformers": "5.23.0"},
                "default_prompt_name": "document", "model_type": "SentenceTransformer",
                "prompts": {"document": "represent this document: ", "query": "search: "},
                "similarity_fn_name": "cosine"})


def tiny_distilbert(where: Path) -> None:
    """DistilBERT, mean, Dense(Tanh), LayerNorm, Normalize; old spellings."""
    vocab_size = write_tokenizer(where, SPECIAL, max_length=64)
    config = transformers.DistilBertConfig(vocab_size=vocab_size, dim=24, n_layers=2, n_heads=3, hidden_dim=40,
                                           max_position_embeddings=64)
    model = transformers.DistilBertModel(config)
    random_weights.fill(model, 4)
    write_config(where, config, "DistilBertModel")
    save_weights(where, model, prefix="distilbert.")
    old_modules(where, "Pooling", "Dense", "LayerNorm", "Normalize")
    old_pooling(where, 24, "mean_tokens")
    write_dense(where / "2_Dense", 24, 18, "torch.nn.modules.activation.Tanh", seed=5)
    write_json(where / "3_LayerNorm/config.json", {"dimension": 18})
    norm = torch.nn.LayerNorm(18)
    random_weights.fill(norm, 6)
    save_file({"norm." + k: v for k, v in norm.state_dict().items()}, where / "3_LayerNorm/model.safetensors")
    write_json(where / "sentence_distilbert_config.json", {"max_seq_length": 32, "do_lower_case": False})


def tiny_roberta(where: Path) -> None:
    """RoBERTa-style positions: pad id 1, the first token at position 2, 66 rows for 64 tokens."""
    vocab_size = write_tokenizer(where, SPECIAL_ROBERTA)
    config = transformers.RobertaConfig(vocab_size=vocab_size, hidden_size=24, num_hidden_layers=2,
                                        num_attention_heads=2, intermediate_size=48, max_position_embeddings=66,
                                        type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
                                        layer_norm_eps=1e-5)
    model = transformers.RobertaModel(config, add_pooling_layer=False)
    random_weights.fill(model, 7)
    write_config(where, config, "RobertaModel", dtype="float32")
    save_weights(where, model, prefix="roberta.")
    new_modules(where, "Pooling", "Normalize")
    write_json(where / "1_Pooling/config.json",
               {"embedding_dimension": 24, "pooling_mode": ["cls", "mean"], "include_prompt": True})
    write_json(where / "sentence_bert_config.json", {"max_seq_length": 64, "transformer_task": "feature-extraction"})


def dense_layers(in_features: int, out_features: int, seed: int, bias=True, residual=False):
    layers = torch.nn.ModuleDict({"linear": torch.nn.Linear(in_features, out_features, bias=bias)})
    if residual:
        layers["residual"] = torch.nn.Linear(in_features, out_features, bias=False)
    random_weights.fill(layers, seed)
    return layers


def write_dense(where: Path, in_features: int, out_features: int, activation: str, seed: int) -> None:
    write_json(where / "config.json", {"in_features": in_features, "out_features": out_features, "bias": True,
                                       "activation_function": activation})
    save_file(dense_layers(in_features, out_features, seed).state_dict(), where / "model.safetensors")


def round_weights(model, dtype) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(dtype).to(torch.float32))


def write_parts(where: Path) -> None:
    """Weights of modules that layout_cases.py puts behind tiny-bert."""
    for name, seed, args in (
        ("dense-32-20", 11, dict(in_features=32, out_features=20)),
        ("dense-32-32-nobias", 12, dict(in_features=32, out_features=32, bias=False)),
        ("dense-32-20-residual", 13, dict(in_features=32, out_features=20, residual=True)),
        ("dense-64-20", 14, dict(in_features=64, out_features=20)),
        ("dense-20-7", 15, dict(in_features=20, out_features=7)),
    ):
        save_file(dense_layers(seed=seed, **args).state_dict(), where / f"{name}.safetensors")
    norm = torch.nn.LayerNorm(20)
    random_weights.fill(norm, 16)
    save_file({"norm." + k: v for k, v in norm.state_dict().items()}, where / "layer-norm-20.safetensors")


MODELS = {
    "tiny-bert": tiny_bert,
    "tiny-bert-f16": tiny_bert_f16,
    "tiny-bert-bf16": tiny_bert_bf16,
    "tiny-distilbert": tiny_distilbert,
    "tiny-roberta": tiny_roberta,
    "tiny-mpnet": lambda where: mpnet().tiny_mpnet(where),
    "tiny-modernbert": lambda where: modernbert().tiny_modernbert(where),
    "tiny-modernbert-biases": lambda where: modernbert().tiny_modernbert_biases(where),
}


def modernbert():
    import tiny_modernbert  # which imports this file

    return tiny_modernbert


def mpnet():
    import tiny_mpnet

    return tiny_mpnet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[2] / "tests/data")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="all where none is given")
    arguments = parser.parse_args()
    output, chosen = arguments.output, arguments.models or list(MODELS)
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    sizes = {}
    for name in chosen:
        where = output / "models" / name
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir(parents=True)
        MODELS[name](where)
        sizes[name] = sum(f.stat().st_size for f in where.rglob("*") if f.is_file())
    parts = output / "models/parts"
    parts.mkdir(exist_ok=True)
    write_parts(parts)
    sizes["parts"] = sum(f.stat().st_size for f in parts.iterdir())
    versions = reference.versions() | {"sentence_transformers": sentence_transformers.__version__}
    for name in chosen:
        cases = []
        for case in layout_cases.committed(name):
            texts = layout_cases.texts_of(case)
            with tempfile.TemporaryDirectory() as scratch:
                directory = layout_cases.build(output / "models", case, Path(scratch) / case["folder"])
                vectors = layout_cases.sentence_transformers_vectors(directory, case, texts)
            case["write"] = {path: json.dumps(value, ensure_ascii=False) for path, value in case["write"].items()}
            skip = ("model", "folder", "clamped", "theirs")
            cases.append({k: v for k, v in case.items() if k not in skip and v not in ({}, [])}
                         | {"vectors": [[float(f"{x:.9g}") for x in row] for row in vectors]})
        golden = {"model": name, "generator": "tools/oracle/make_tiny_models.py", "versions": versions,
                  "what": "sentence-transformers encode(), float32, eager attention, one text at a time",
                  "tolerance": layout_cases.TOLERANCE, "texts": layout_cases.TEXT_LISTS, "cases": cases}
        path = output / "golden" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dump_golden(golden), encoding="utf-8")
        print(f"{name}: {sizes[name]} bytes, {len(cases)} cases, golden {path.stat().st_size} bytes")
    print(f"all models: {sum(sizes.values())} bytes")


def dump_golden(golden: dict) -> str:
    """JSON with one line a vector: small, and a change shows in a diff."""
    cases = golden.pop("cases")
    head = json.dumps(golden, indent=1, ensure_ascii=False)[:-2]
    lines = []
    for case in cases:
        vectors = case.pop("vectors")
        start = json.dumps(case, ensure_ascii=False)[:-1]
        rows = ",\n".join("   " + json.dumps(row, separators=(",", ":")) for row in vectors)
        lines.append(f'  {start}, "vectors": [\n{rows}\n  ]}}')
    return head + ',\n "cases": [\n' + ",\n".join(lines) + "\n ]\n}\n"


if __name__ == "__main__":
    sys.exit(main())
