"""The table of layouts and settings that must give sentence-transformers' vectors.

A case is a dictionary: a committed tiny model, what to change in a copy of its directory, and the
options of the call. The same table serves the golden files (make_tiny_models.py stores the vectors, the
C++ test rebuilds the directory from the stored changes) and the live comparison (layouts_compare.py).

Changes, applied in this order: `move` {from: to}, `remove` [path], `replace` {path: [[text, by]]},
`write` {path: JSON value}, `copy` {path: path below the models' folder}.
`theirs` are options for sentence-transformers in place of `options`, `clamped` a max_seq_length that only it
must be given. Options: role, prompt_name, instruction, normalize, truncate_dim, max_length, pooling.
`folder` is the name of the built directory.
"""

import json
import shutil
from pathlib import Path

import numpy as np

# Largest absolute difference, in units of max(1, largest absolute reference value).
TOLERANCE = 4e-6

TEXT_LISTS = {
    "hard": [
        "",
        " ",
        "a",
        "The quick brown fox jumps over the lazy dog.",
        "Ünïcödé cafés, naïve résumés and Straße",
        "为这个句子生成表示以用于检索相关文章：中国的首都是北京",
        "mixed 東京 text 한국어 and ひらがな カタカナ",
        "unknownunknownunknown zzzzqqqq xylophones",
        "\u200b\u00ad\ufeff\u0000 zero\u200bwidth soft\u00adhyphen",
        "tabs\tand\nnewlines\r\nand\u00a0no-break\u3000ideographic spaces",
        "[CLS] special [SEP] tokens [MASK] in [PAD] text [UNK]",
        "🙂 emoji 👩‍👩‍👧‍👦 family 🇩🇪 flag",
        "!!! ??? ... --- ''' \"\"\" ((( )))",
        "the CATS running quickly, 3.14159 and 1e-5 (50%)",
        "שבת γαβ вба عربي हिन्दी ไทย",
        "x" * 101 + " after a word over the limit",
        "e\u0301 combining a\u030a\u0323 marks n\u0303",
        "cat " * 30,
        "the water of the river runs over stone and by the city in the mountain " * 6,
        "query: what is the effect of vitamin d on bone?",
        "I\u0307stanbul İstanbul ISTANBUL ıstanbul",
        "\ud7ff\ue000\ufffd private and replacement \U0001d400\U00020000",
    ],
    "few": [
        "",
        "The quick brown fox jumps over the lazy dog.",
        "What is the effect of vitamin D on bone?",
        "中国的首都是北京",
        "the water of the river runs over stone and by the city in the mountain " * 6,
    ],
}

PROMPTS = {"query": "query: ", "passage": "passage: "}
LEGACY = {
    "cls": "cls_token",
    "max": "max_tokens",
    "mean": "mean_tokens",
    "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "weightedmean": "weightedmean_tokens",
    "lasttoken": "lasttoken",
}


def legacy_pooling(*modes, hidden=32, **more):
    flags = {f"pooling_mode_{key}": mode in modes for mode, key in LEGACY.items()}
    return {"1_Pooling/config.json": {"word_embedding_dimension": hidden} | flags | more}


def new_pooling(modes, hidden=32, **more):
    return {"1_Pooling/config.json": {"embedding_dimension": hidden, "pooling_mode": modes} | more}


def modules(*types):
    """modules.json with the older type names; a path may be given as (type, path)."""
    rows = []
    for i, entry in enumerate(("Transformer",) + types):
        kind, path = entry if isinstance(entry, tuple) else (entry, f"{i}_{entry}" if i else "")
        dotted = kind if "." in kind else f"sentence_transformers.models.{kind}"
        rows.append({"idx": i, "name": str(i), "path": path, "type": dotted})
    return {"modules.json": rows}


def prompts_file(prompts, **more):
    return {"config_sentence_transformers.json": {"prompts": prompts} | more}


def dense(path, out, activation, in_features=32, bias=True, **more):
    return {
        f"{path}/config.json": {"in_features": in_features, "out_features": out, "bias": bias,
                                "activation_function": activation} | more
    }


ACTIVATION = "torch.nn.modules.activation."
IDENTITY = "torch.nn.modules.linear.Identity"


def tiny_bert_cases():
    yield "as_committed", {"texts": "hard"}
    yield "not_normalized", {"options": {"normalize": False}}
    # Prompts.
    yield "role_query", {"options": {"role": "query"}}
    # On purpose unlike sentence-transformers 6.2 (docs/models.md): its encode_document is documented to look for
    # "document", "passage" and "corpus", but finds the empty "document" that it gives every model. The vectors
    # are those of encode with the prompt that it means.
    yield "role_document", {"options": {"role": "document"}, "theirs": {"prompt_name": "passage"}}
    yield "role_document_named_document", {
        "write": prompts_file({"query": "q: ", "document": "text: "}), "options": {"role": "document"}}
    yield "role_document_named_corpus", {
        "write": prompts_file({"corpus": "text: "}), "options": {"role": "document"},
        "theirs": {"prompt_name": "corpus"}}
    yield "role_query_without_its_prompt", {
        "write": prompts_file({"passage": "passage: "}, default_prompt_name="passage"), "options": {"role": "query"}}
    yield "prompt_name", {"options": {"prompt_name": "passage"}}
    yield "instruction", {"options": {"instruction": "Represent this sentence: "}}
    yield "instruction_over_default", {
        "write": prompts_file(PROMPTS, default_prompt_name="query"), "options": {"instruction": "text "}}
    yield "empty_instruction_over_default", {
        "write": prompts_file(PROMPTS, default_prompt_name="query"), "options": {"instruction": ""}}
    yield "default_prompt_name", {"write": prompts_file(PROMPTS, default_prompt_name="passage")}
    yield "prompt_name_over_default", {
        "write": prompts_file(PROMPTS, default_prompt_name="passage"), "options": {"prompt_name": "query"}}
    yield "no_prompts_file", {"remove": ["config_sentence_transformers.json"], "options": {"role": "query"}}
    # Every pooling mode, in both spellings, normalised or not, with and without the prompt's tokens.
    for mode in LEGACY:
        yield f"legacy_{mode}", {"write": legacy_pooling(mode)}
        yield f"new_{mode}_not_normalized", {"write": new_pooling(mode) | modules("Pooling")} | {
            "options": {"normalize": False}}
        yield f"legacy_{mode}_without_prompt", {
            "write": legacy_pooling(mode, include_prompt=False), "options": {"role": "query"}}
        yield f"override_{mode}", {"options": {"pooling": mode}}
    yield "without_prompt_but_no_prompt_given", {"write": new_pooling("mean", include_prompt=False)}
    yield "without_prompt_that_fills_the_length", {
        "write": new_pooling("mean", include_prompt=False),
        "options": {"instruction": "represent this query to search the text: ", "max_length": 8}}
    yield "without_prompt_empty_prompt", {
        "write": new_pooling("cls", include_prompt=False), "options": {"instruction": ""}}
    yield "legacy_none_is_mean", {"write": legacy_pooling()}
    yield "legacy_cls_mean", {"write": legacy_pooling("cls", "mean")}
    yield "legacy_all_six", {"write": legacy_pooling(*LEGACY)}
    yield "new_list_of_one", {"write": new_pooling(["max"])}
    yield "new_list_in_its_own_order", {"write": new_pooling(["lasttoken", "max", "cls"])}
    yield "new_list_twice_the_same", {"write": new_pooling(["mean", "mean"])}
    yield "both_spellings_new_wins", {
        "write": new_pooling("max", word_embedding_dimension=32, pooling_mode_cls_token=True)}
    yield "old_pooling_file_of_2019", {
        "write": {"1_Pooling/config.json": {"word_embedding_dimension": 32, "pooling_mode_cls_token": False,
                                            "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}}}
    yield "list_without_prompt_not_normalized", {
        "write": new_pooling(["weightedmean", "mean_sqrt_len_tokens", "cls"], include_prompt=False)
        | modules("Pooling"), "options": {"role": "query", "normalize": False}}
    # Lengths.
    yield "truncate_dim", {"options": {"truncate_dim": 12}}
    yield "truncate_dim_not_normalized", {"write": modules("Pooling"),
                                          "options": {"truncate_dim": 12, "normalize": False}}
    yield "truncate_dim_not_normalized_again", {"options": {"truncate_dim": 12, "normalize": False}}
    yield "truncate_dim_of_concatenation", {"write": legacy_pooling("cls", "mean"), "options": {"truncate_dim": 40}}
    yield "max_length_option", {"options": {"max_length": 10}}
    yield "max_length_3", {"options": {"max_length": 3}}
    yield "max_seq_length_from_sentence_bert_config", {
        "write": {"sentence_bert_config.json": {"max_seq_length": 12, "do_lower_case": False}}}
    yield "max_seq_length_from_alias", {
        "remove": ["sentence_bert_config.json"],
        "write": {"sentence_roberta_config.json": {"max_seq_length": 9, "do_lower_case": False}}}
    yield "max_seq_length_null", {
        "write": {"sentence_bert_config.json": {"max_seq_length": None, "do_lower_case": False}},
        "replace": {"tokenizer_config.json": [['"model_max_length": 64', '"model_max_length": 14']]}}
    yield "max_length_from_tokenizer", {
        "remove": ["sentence_bert_config.json"],
        "replace": {"tokenizer_config.json": [['"model_max_length": 64', '"model_max_length": 20']]}}
    yield "max_length_from_positions", {
        "remove": ["sentence_bert_config.json"],
        "replace": {"tokenizer_config.json": [
            ['"model_max_length": 64', '"model_max_length": 1000000000000000019884624838656']]}}
    yield "max_length_in_processing_kwargs", {
        "write": {"sentence_bert_config.json": {"transformer_task": "feature-extraction",
                                                "processor_kwargs": {"model_max_length": 11}}}}
    # Lower case in front of a tokenizer that keeps it.
    cased = {"tokenizer.json": [['"lowercase": true', '"lowercase": false']],
             "tokenizer_config.json": [['"do_lower_case": true', '"do_lower_case": false']]}
    yield "cased", {"replace": cased, "texts": "hard",
                    "write": {"sentence_bert_config.json": {"max_seq_length": 64, "do_lower_case": False}}}
    yield "do_lower_case_over_cased", {"replace": cased, "texts": "hard"}
    # Layouts.
    yield "no_modules_json", {"remove": ["modules.json", "1_Pooling", "sentence_bert_config.json",
                                         "config_sentence_transformers.json"]}
    yield "no_modules_json_not_normalized", {"remove": ["modules.json", "1_Pooling"], "options": {"normalize": False}}
    yield "transformer_in_its_own_folder", {
        "move": {name: f"0_Transformer/{name}" for name in (
            "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
            "sentence_bert_config.json")},
        "write": {"modules.json": [
            {"idx": 0, "name": "0", "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]}}
    yield "new_type_names", {"write": modules() | {"modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling",
         "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize",
         "type": "sentence_transformers.base.modules.normalize.Normalize"}]}}
    # Modules behind the pooling.
    yield "dropout", {"write": modules("Pooling", "Dropout", "Normalize")
                      | {"2_Dropout/config.json": {"dropout": 0.3}}}
    weights = {"2_Dense/model.safetensors": "parts/dense-32-20.safetensors"}
    for name, activation in {"tanh": ACTIVATION + "Tanh", "relu": ACTIVATION + "ReLU", "gelu": ACTIVATION + "GELU",
                             "sigmoid": ACTIVATION + "Sigmoid", "identity": IDENTITY}.items():
        yield f"dense_{name}", {"write": modules("Pooling", "Dense") | dense("2_Dense", 20, activation),
                                "copy": weights, "options": {"normalize": False}}
    yield "dense_of_other_name", {
        "write": modules("Pooling", ("sentence_transformers.base.modules.dense.Dense", "9_Projection"))
        | dense("9_Projection", 20, IDENTITY, module_input_name="sentence_embedding", module_output_name=None),
        "copy": {"9_Projection/model.safetensors": "parts/dense-32-20.safetensors"}}
    yield "dense_without_bias", {
        "write": modules("Pooling", "Dense") | dense("2_Dense", 32, IDENTITY, bias=False),
        "copy": {"2_Dense/model.safetensors": "parts/dense-32-32-nobias.safetensors"}}
    yield "dense_residual", {
        "write": modules("Pooling", "Dense") | dense("2_Dense", 32, ACTIVATION + "Tanh", bias=False, use_residual=True),
        "copy": {"2_Dense/model.safetensors": "parts/dense-32-32-nobias.safetensors"},
        "options": {"normalize": False}}
    yield "dense_residual_projected", {
        "write": modules("Pooling", "Dense") | dense("2_Dense", 20, ACTIVATION + "Tanh", use_residual=True),
        "copy": {"2_Dense/model.safetensors": "parts/dense-32-20-residual.safetensors"},
        "options": {"normalize": False}}
    yield "dense_of_concatenation", {
        "write": modules("Pooling", "Dense", "Normalize") | legacy_pooling("cls", "mean")
        | dense("2_Dense", 20, ACTIVATION + "Tanh", in_features=64),
        "copy": {"2_Dense/model.safetensors": "parts/dense-64-20.safetensors"}}
    yield "dense_layer_norm_dense", {
        "write": modules("Pooling", "Dense", "LayerNorm", "Dense")
        | dense("2_Dense", 20, ACTIVATION + "Tanh") | {"3_LayerNorm/config.json": {"dimension": 20}}
        | dense("4_Dense", 7, IDENTITY, in_features=20),
        "copy": weights | {"3_LayerNorm/model.safetensors": "parts/layer-norm-20.safetensors",
                           "4_Dense/model.safetensors": "parts/dense-20-7.safetensors"},
        "options": {"normalize": False}}
    yield "normalize_then_dense", {
        "write": modules("Pooling", "Normalize", "Dense") | dense("3_Dense", 20, ACTIVATION + "Tanh"),
        "copy": {"3_Dense/model.safetensors": "parts/dense-32-20.safetensors"}}


def other_cases(model):
    if model == "tiny-bert-f16":
        yield "as_committed", {"texts": "hard"}
        yield "not_normalized", {"options": {"normalize": False}}
        yield "cased_vocab_txt", {"texts": "hard", "replace": {
            "tokenizer_config.json": [['"do_lower_case": true', '"do_lower_case": false']]}}
    if model == "tiny-bert-bf16":
        yield "as_committed", {"texts": "hard"}  # default_prompt_name, its tokens left out
        yield "role_query", {"options": {"role": "query"}}
        yield "role_document", {"options": {"role": "document"}}
        yield "instruction", {"options": {"instruction": "text "}}
    if model == "tiny-distilbert":
        yield "as_committed", {"texts": "hard"}
        yield "truncate_dim", {"options": {"truncate_dim": 5}}
        yield "no_modules_json", {"remove": ["modules.json"]}
    if model == "tiny-roberta":
        yield "as_committed", {"texts": "hard"}
        yield "positions_give_the_length", {"remove": ["sentence_bert_config.json"], "clamped": 64}
        yield "prompted", {"options": {"instruction": "search: "}}
    if model == "tiny-mpnet":
        yield "as_committed", {"texts": "hard"}
        yield "positions_give_the_length", {"remove": ["sentence_bert_config.json"], "replace": {"tokenizer_config.json": [
            ['"model_max_length": 160,', '']]}, "clamped": 160}
        # Beyond the distance from which all are in one bucket; the first token's part of the last layer.
        yield "far_apart", {"write": legacy_pooling("cls", hidden=24), "options": {"instruction": "a river and the city, " * 18}}
        yield "positions_count_from_one", {"replace": {"config.json": [['"pad_token_id": 1', '"pad_token_id": 3']]}}
    if model == "tiny-modernbert":
        yield "as_committed", {"texts": "hard"}
        yield "role_query", {"options": {"role": "query"}}
        yield "role_document", {"options": {"role": "document"}}
        yield "cls", {"write": legacy_pooling("cls", hidden=24), "texts": "hard"}
        yield "max_length", {"options": {"max_length": 11}}
        yield "windows_of_one_token", {"replace": {"config.json": [['"local_attention": 8', '"local_attention": 1']]}}
        yield "windows_over_all_tokens", {"replace": {"config.json": [['"local_attention": 8', '"local_attention": 500']]}}
        yield "global_layers_alone", {"replace": {"config.json": [
            ['"global_attn_every_n_layers": 3', '"global_attn_every_n_layers": 1']]}}
        yield "last_layer_global", {"write": legacy_pooling("cls", hidden=24), "replace": {"config.json": [
            ['"global_attn_every_n_layers": 3', '"global_attn_every_n_layers": 4']]}}
        yield "other_thetas", {"replace": {"config.json": [
            ['"global_rope_theta": 160000.0', '"global_rope_theta": 50.0'],
            ['"local_rope_theta": 10000.0', '"local_rope_theta": 7.0']]}}
        yield "gelu_of_tanh", {"replace": {"config.json": [
            ['"hidden_activation": "gelu"', '"hidden_activation": "gelu_pytorch_tanh"']]}}
    if model == "tiny-modernbert-biases":
        yield "as_committed", {"texts": "hard"}
        yield "mean", {"options": {"pooling": "mean"}}
        yield "lasttoken", {"options": {"pooling": "lasttoken"}}


def committed(model: str) -> list[dict]:
    """All cases of one model, complete."""
    pairs = tiny_bert_cases() if model == "tiny-bert" else other_cases(model)
    defaults = {"texts": "few", "folder": model, "move": {}, "remove": [], "replace": {}, "write": {}, "copy": {},
                "options": {}}
    return [{"name": name, "model": model} | defaults | changes for name, changes in pairs]


def texts_of(case: dict) -> list[str]:
    return TEXT_LISTS[case["texts"]]


def build(models: Path, case: dict, where: Path) -> Path:
    """The directory of a case, in `where`."""
    shutil.copytree(models / case["model"], where)
    for source, target in case["move"].items():
        (where / target).parent.mkdir(parents=True, exist_ok=True)
        (where / source).rename(where / target)
    for path in case["remove"]:
        if (where / path).is_dir():
            shutil.rmtree(where / path)
        else:
            (where / path).unlink()
    for path, pairs in case["replace"].items():
        content = (where / path).read_text(encoding="utf-8")
        for text, by in pairs:
            if text not in content:
                raise ValueError(f"case {case['name']}: {path} does not contain {text!r}")
            content = content.replace(text, by)
        (where / path).write_text(content, encoding="utf-8")
    for path, value in case["write"].items():
        (where / path).parent.mkdir(parents=True, exist_ok=True)
        (where / path).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    for path, source in case["copy"].items():
        (where / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(models / source, where / path)
    return where


def with_usual_names(directory: Path) -> None:
    """Merges shards and takes prefixes off that transformers' loader does not know."""
    from safetensors.torch import load_file, save_file

    files = sorted(directory.rglob("model*.safetensors"))
    files = [f for f in files if "Dense" not in f.parent.name and "LayerNorm" not in f.parent.name
             and "Projection" not in f.parent.name]
    tensors = {}
    for file in files:
        tensors |= load_file(file)
        file.unlink()
    for index in directory.rglob("*.index.json"):
        index.unlink()
    save_file({name.removeprefix("0.auto_model."): tensor for name, tensor in tensors.items()},
              files[0].parent / "model.safetensors", metadata={"format": "pt"})


def check_loaded(model, directory: Path) -> None:
    """Every stored tensor is in the model: a name that theirs does not know would stay random."""
    import torch
    from safetensors.torch import load_file

    loaded = model[0].auto_model.state_dict()
    (file,) = [f for f in directory.rglob("model.safetensors") if (f.parent / "config.json").exists()
               and "model_type" in (f.parent / "config.json").read_text()]
    for name, tensor in load_file(file).items():
        short = name
        for prefix in ("bert.", "roberta.", "distilbert.", "mpnet.", "model."):
            short = short.removeprefix(prefix)
        if short.startswith(("head.", "decoder.")):
            continue  # of a masked-LM checkpoint, for its own task
        if not torch.equal(loaded[short], tensor.to(torch.float32)):
            raise ValueError(f"{directory}: {name} was not loaded as stored")


def sentence_transformers_vectors(directory: Path, case: dict, texts: list[str]) -> np.ndarray:
    """What sentence-transformers' own encode gives in float32, one text at a time."""
    import torch
    from sentence_transformers import SentenceTransformer

    options = case.get("theirs", case["options"])
    with_usual_names(directory)
    model = SentenceTransformer(
        str(directory), device="cpu", local_files_only=True,
        model_kwargs={"dtype": torch.float32, "attn_implementation": "eager"})
    check_loaded(model, directory)
    truncates = "truncate_dim" in options or model.truncate_dim is not None
    if options.get("normalize") is False and not truncates and type(model[-1]).__name__ == "Normalize":
        del model[len(model) - 1]  # ours leaves the module out; theirs has no such option
    if "pooling" in options:
        model[1].pooling_mode = options["pooling"]
    if "max_length" in options:
        model.max_seq_length = options["max_length"]
    if "clamped" in case:
        model.max_seq_length = case["clamped"]  # theirs would run past RoBERTa's last position
    encode = {"query": model.encode_query, "document": model.encode_document}.get(options.get("role"), model.encode)
    return encode(
        texts, batch_size=1, show_progress_bar=False, normalize_embeddings=options.get("normalize", True),
        prompt=options.get("instruction"), prompt_name=options.get("prompt_name"),
        truncate_dim=options.get("truncate_dim"))
