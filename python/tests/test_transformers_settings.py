"""bgecpp.transformers: settings and arguments that are honoured or refused, and what others take its objects for."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bgecpp import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, CrossEncoder, SentenceTransformer, errors
from bgecpp.transformers import AutoConfig, BatchEncoding, PreTrainedTokenizerFast

TEXTS = ["a", "b c"]


@pytest.fixture
def bert(models: Path) -> Path:
    return models / "tiny-bert"


# What others take the tokenizer for.


@pytest.mark.oracle
def test_other_packages_take_it_for_a_tokenizer(bert: Path) -> None:
    base = pytest.importorskip("transformers").PreTrainedTokenizerBase
    tokenizer = AutoTokenizer.from_pretrained(bert)
    of_model = SentenceTransformer(str(bert)).tokenizer
    for one in (tokenizer, of_model):
        assert isinstance(one, base) and isinstance(one, PreTrainedTokenizerFast)
        assert issubclass(type(one), PreTrainedTokenizerFast) and not issubclass(type(one), base)
        copies = (copy.copy(one), copy.deepcopy(one), *(pickle.loads(pickle.dumps(one, p)) for p in range(6)))
        for other in copies:
            assert issubclass(type(other), PreTrainedTokenizerFast) and other("hello").data == one("hello").data
        assert repr(one).startswith(type(one).__name__)
    assert not isinstance(AutoModel.from_pretrained(bert), base)


def test_without_transformers_it_is_what_it_is(bert: Path) -> None:
    code = (
        "import sys, pickle; from bgecpp import AutoTokenizer; t = AutoTokenizer.from_pretrained(sys.argv[1]); "
        "assert t.__class__ is type(t) and pickle.loads(pickle.dumps(t))('a').data == t('a').data; "
        "assert 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(bert)], check=True)


@pytest.mark.oracle
def test_langchain_splits_by_its_tokens(bert: Path) -> None:
    reference = pytest.importorskip("transformers")
    splitters = pytest.importorskip("langchain_text_splitters")
    text = "the cat sat on the mat. " * 6
    for splitter in (splitters.RecursiveCharacterTextSplitter, splitters.CharacterTextSplitter):
        settings = {"chunk_size": 20, "chunk_overlap": 4, **({"separator": " "} if splitter is splitters.CharacterTextSplitter else {})}
        expected = splitter.from_huggingface_tokenizer(reference.AutoTokenizer.from_pretrained(bert), **settings).split_text(text)
        for tokenizer in (AutoTokenizer.from_pretrained(bert), SentenceTransformer(str(bert)).tokenizer):
            assert splitter.from_huggingface_tokenizer(tokenizer, **settings).split_text(text) == expected
        assert len(expected) > 1


@pytest.mark.oracle
def test_datasets_map_with_it(bert: Path) -> None:
    datasets = pytest.importorskip("datasets")
    reference = pytest.importorskip("transformers")
    from datasets.fingerprint import Hasher

    tokenizer = AutoTokenizer.from_pretrained(bert)
    settings: dict[str, Any] = {"truncation": True, "padding": "max_length", "max_length": 4}
    theirs = reference.AutoTokenizer.from_pretrained(bert)
    rows = [
        datasets.Dataset.from_dict({"text": TEXTS}).map(lambda batch: one(batch["text"], **settings), batched=True)[:]
        for one in (tokenizer, theirs)
    ]
    assert rows[0] == rows[1]
    before = Hasher.hash(tokenizer)
    assert before == Hasher.hash(copy.deepcopy(tokenizer)) == Hasher.hash(AutoTokenizer.from_pretrained(bert))
    tokenizer.padding_side = "left"
    assert Hasher.hash(tokenizer) != before
    collate = reference.DataCollatorWithPadding(tokenizer)
    assert collate([{"input_ids": [2, 3]}, {"input_ids": [2, 5, 3]}])["input_ids"].tolist() == [[0, 2, 3], [2, 5, 3]]


# Settings of the tokenizer.

OTHER_IDS: list[tuple[str, dict[str, Any]]] = [
    ("tiny-bert", {"do_lower_case": False}),
    ("tiny-bert", {"strip_accents": False}),
    ("tiny-bert", {"tokenize_chinese_chars": False}),
    ("tiny-bert", {"cls_token": "[MASK]"}),
    ("tiny-bert", {"sep_token": "[MASK]"}),
    ("tiny-bert", {"mask_token": "a"}),
    ("tiny-bert", {"pad_token": "zz9"}),
    ("tiny-bert", {"bos_token": "zz9"}),
    ("tiny-bert", {"extra_special_tokens": ["hello"]}),
    ("tiny-bert", {"additional_special_tokens": ["wor"]}),
    ("tiny-bert", {"split_special_tokens": True}),
    ("tiny-distilbert", {"do_lower_case": False}),
    ("tiny-mpnet", {"do_lower_case": False}),
    ("tiny-roberta", {"add_bos_token": True}),
    ("tiny-m3", {"mask_token": "a"}),
]
SAME_IDS: list[tuple[str, dict[str, Any]]] = [
    ("tiny-bert", {"do_lower_case": True, "strip_accents": True, "tokenize_chinese_chars": True}),
    ("tiny-bert", {"strip_accents": None, "foo": 1, "split_special_tokens": False, "vocab_file": None}),
    ("tiny-bert", {"pad_token": "[MASK]", "bos_token": "[CLS]", "cls_token": "[CLS]", "add_bos_token": False}),
    ("tiny-bert", {"extra_special_tokens": ["[MASK]"], "model_max_length": 7}),
    ("tiny-m3", {"do_lower_case": False, "strip_accents": False}),
    ("tiny-roberta", {"do_lower_case": False}),
]
TEXT = "hello Hello WORLD café 中文 zz9 zzzz wor a [CLS] b"


@pytest.mark.parametrize(("name", "settings"), OTHER_IDS)
def test_settings_that_would_make_other_ids_are_refused(models: Path, name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(errors.Unsupported, match=f"^{next(iter(settings))}: found .*expected .*{name}"):
        AutoTokenizer.from_pretrained(models / name, **settings)


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "settings"), OTHER_IDS)
def test_which_make_other_ids_there(models: Path, name: str, settings: dict[str, Any]) -> None:
    auto = pytest.importorskip("transformers").AutoTokenizer
    calls = [tokenizer([TEXT, "a"], padding=True)["input_ids"] for tokenizer in (
        auto.from_pretrained(models / name), auto.from_pretrained(models / name, **settings)
    )]
    assert calls[0] != calls[1]


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "settings"), SAME_IDS)
def test_settings_that_make_the_same_ids(models: Path, name: str, settings: dict[str, Any]) -> None:
    theirs = pytest.importorskip("transformers").AutoTokenizer.from_pretrained(models / name, **settings)
    ours = AutoTokenizer.from_pretrained(models / name, **settings)
    assert ours([TEXT, "a"], padding=True)["input_ids"] == theirs([TEXT, "a"], padding=True)["input_ids"]
    assert (ours.pad_token, ours.pad_token_id, ours.model_max_length) == (theirs.pad_token, theirs.pad_token_id, theirs.model_max_length)


def test_settings_of_a_file_count_as_the_files(models: Path, tmp_path: Path) -> None:
    cased = tmp_path / "cased"
    shutil.copytree(models / "tiny-bert-reranker", cased)
    fields = json.loads((cased / "tokenizer_config.json").read_text())
    (cased / "tokenizer_config.json").write_text(json.dumps({**fields, "do_lower_case": False}))
    with pytest.warns(UserWarning, match="differ in how text is normalised"):
        assert AutoTokenizer.from_pretrained(cased, do_lower_case=False).tokenize("HELLO") == ["[UNK]"]
    with pytest.warns(UserWarning), pytest.raises(errors.Unsupported, match="do_lower_case: found True, expected False"):
        AutoTokenizer.from_pretrained(cased, do_lower_case=True)


def test_other_files_are_refused(bert: Path) -> None:
    for name in ("vocab_file", "tokenizer_file", "subfolder", "gguf_file"):
        with pytest.raises(errors.Unsupported, match=f"^{name}: found 'x'"):
            AutoTokenizer.from_pretrained(bert, **{name: "x"})
    with pytest.raises(errors.Unsupported, match="^add_special_tokens: .* give it to calls"):
        AutoTokenizer.from_pretrained(bert, add_special_tokens=False)


SET: list[tuple[str, Any]] = [
    ("pad_token", "[MASK]"),
    ("pad_token", "[SEP]"),
    ("pad_token", "a"),
    ("pad_token_id", 4),
    ("sep_token", "[MASK]"),
    ("cls_token_id", 4),
    ("bos_token", "a"),
    ("mask_token", None),
]


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "value"), SET)
@pytest.mark.filterwarnings("ignore:tokenizer.json and tokenizer_config.json differ")
def test_tokens_that_are_set(bert: Path, tmp_path: Path, name: str, value: Any) -> None:
    found = []
    for auto in (AutoTokenizer, pytest.importorskip("transformers").AutoTokenizer):
        tokenizer = auto.from_pretrained(bert)
        setattr(tokenizer, name, value)
        role = name.removesuffix("_id")
        roles = {role: token for role, token in tokenizer.special_tokens_map.items() if token is not None}
        batch = tokenizer(TEXTS, padding=True, return_tensors="np")["input_ids"].tolist()
        padded = tokenizer.pad({"input_ids": [[2], [2, 3]]})["input_ids"]
        tokenizer.save_pretrained(tmp_path / auto.__module__)
        saved = auto.from_pretrained(tmp_path / auto.__module__)(TEXTS, padding=True).data
        ids = tokenizer(TEXTS, padding=True).data
        found.append((getattr(tokenizer, role), getattr(tokenizer, f"{role}_id"), roles, ids, batch, padded, saved))
    assert found[0] == found[1]


def test_settings_are_copied_and_saved(bert: Path, tmp_path: Path) -> None:
    ours = AutoTokenizer.from_pretrained(bert)
    ours.pad_token_id, ours.padding_side, ours.model_max_length = np.int64(44), "left", 9
    ours.save_pretrained(tmp_path / "saved")
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), AutoTokenizer.from_pretrained(tmp_path / "saved")):
        assert other.special_tokens_map == ours.special_tokens_map and other(TEXTS, padding=True).data == ours(TEXTS, padding=True).data
        assert (other.pad_token, other.padding_side, other.model_max_length) == ("a", "left", 9)


def test_a_models_tokenizer_is_copied_with_what_was_set(bert: Path) -> None:
    model = SentenceTransformer(str(bert))
    model.tokenizer.pad_token, model.tokenizer.padding_side, model.max_seq_length = "[MASK]", "left", 7
    alone = pickle.loads(pickle.dumps(model.tokenizer))
    assert (alone.pad_token_id, alone.padding_side, alone.model_max_length) == (model.tokenizer.mask_token_id, "left", 7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("pad_token", value) for value in ("nope", 5, "\ud800")),
        *(("pad_token_id", value) for value in (99999, -1, "x")),
    ],
)
def test_tokens_that_are_none_are_refused(bert: Path, name: str, value: Any) -> None:
    for tokenizer in (AutoTokenizer.from_pretrained(bert), SentenceTransformer(str(bert)).tokenizer):
        with pytest.raises(ValueError, match=f"^{name}: found .* of the vocabulary"):
            setattr(tokenizer, name, value)
        assert tokenizer.pad_token_id == 0 and tokenizer.pad_token == "[PAD]"


def test_without_a_padding_token_nothing_is_padded(bert: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(bert)
    tokenizer.pad_token = None
    assert tokenizer.pad_token_id is None and tokenizer("a")["input_ids"] == [2, 44, 3]
    for pad in (
        lambda: tokenizer(TEXTS, padding=True),
        lambda: tokenizer(TEXTS, padding=True, return_tensors="np"),
        lambda: tokenizer.pad({"input_ids": [[2], [2, 3]]}),
    ):
        with pytest.raises(ValueError, match="does not have a padding token: set pad_token"):
            pad()


def test_sides(bert: Path) -> None:
    for tokenizer in (AutoTokenizer.from_pretrained(bert), SentenceTransformer(str(bert)).tokenizer):
        for side in ("padding_side", "truncation_side"):
            with pytest.raises(ValueError, match=f"^{side}: found 'middle', expected 'left' or 'right'"):
                setattr(tokenizer, side, "middle")
        for pad in (
            lambda: tokenizer(TEXTS, padding=True, padding_side="middle"),
            lambda: tokenizer.pad({"input_ids": [[2], [2, 3]]}, padding_side="middle"),
        ):
            with pytest.raises(ValueError, match="^padding_side: found 'middle'"):
                pad()
        tokenizer.padding_side = "left"
        assert tokenizer(TEXTS, padding=True)["input_ids"][0] == [0, 2, 44, 3]


# Models and their configurations.


def test_no_gradients(bert: Path) -> None:
    model = AutoModel.from_pretrained(bert)
    assert model.requires_grad_(False) is model.requires_grad_() is model.half() is model


def test_outputs_that_are_not_there_are_none(models: Path, bert: Path) -> None:
    output = AutoModel.from_pretrained(bert)([[2, 5, 3]])
    for name in ("hidden_states", "attentions", "past_key_values", "cross_attentions"):
        assert getattr(output, name) is None and name not in output
    assert list(output) == ["last_hidden_state"]
    scores = AutoModelForSequenceClassification.from_pretrained(models / "tiny-bert-reranker")([[2, 5, 3]])
    assert scores.loss is scores.hidden_states is scores.attentions is None and list(scores) == ["logits"]
    with pytest.raises(AttributeError):
        output.nothing


@pytest.mark.parametrize("name", ["output_hidden_states", "output_attentions"])
def test_more_outputs_are_refused(bert: Path, name: str) -> None:
    config = AutoConfig.from_pretrained(bert, **{name: True})
    assert getattr(config, name) is True
    for given in ({name: True}, {"config": config}):
        with pytest.raises(errors.Unsupported, match=f"^{name} is not supported"):
            AutoModel.from_pretrained(bert, **given)
    model = AutoModel.from_pretrained(bert, **{name: False})
    setattr(model.config, name, True)
    with pytest.raises(errors.Unsupported, match=f"^{name} is not supported"):
        model([[2, 5, 3]])
    assert model([[2, 5, 3]], **{name: False}).last_hidden_state.shape == (1, 3, 32)


GIVEN: list[dict[str, Any]] = [
    {"torch_dtype": "float32", "device_map": "cpu", "low_cpu_mem_usage": True, "attn_implementation": "eager"},
    {"ignore_mismatched_sizes": True, "weights_only": True, "proxies": None, "variant": None, "subfolder": "", "state_dict": None},
    {"hidden_dropout_prob": 0.0, "use_cache": False, "problem_type": "regression", "hidden_size": 32},
    {"num_labels": 3},
    {"id2label": {0: "no"}},
]


@pytest.mark.oracle
@pytest.mark.parametrize("given", GIVEN)
def test_arguments_that_transformers_takes(bert: Path, given: dict[str, Any]) -> None:
    ours = AutoModel.from_pretrained(bert, **given).config
    theirs = pytest.importorskip("transformers").AutoModel.from_pretrained(bert, **given).config
    for name in ("hidden_dropout_prob", "use_cache", "problem_type", "num_labels", "id2label"):
        assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.oracle
def test_arguments_that_are_none(models: Path, bert: Path) -> None:
    for auto in (AutoModel, pytest.importorskip("transformers").AutoModel):
        with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
            auto.from_pretrained(bert, foo=1)
    for given in ({"hidden_size": 7}, {"variant": "fp16"}, {"quantization_config": {"load_in_4bit": True}}, {"subfolder": "x"}):
        with pytest.raises(errors.Unsupported, match=f"^{next(iter(given))}"):
            AutoModel.from_pretrained(bert, **given)
    reranker = models / "tiny-bert-reranker"
    assert AutoModelForSequenceClassification.from_pretrained(reranker, num_labels=1).config.num_labels == 1
    with pytest.raises(errors.Unsupported, match="^num_labels: found 3, expected one label"):
        AutoModelForSequenceClassification.from_pretrained(reranker, num_labels=3)


def test_tuples_where_they_are_asked_for(bert: Path) -> None:
    model = AutoModel.from_pretrained(bert, return_dict=False)
    assert isinstance(model([[2, 5, 3]]), tuple) and not isinstance(model([[2, 5, 3]], return_dict=True), tuple)


def test_a_configuration_that_is_given(bert: Path) -> None:
    config = AutoConfig.from_pretrained(bert, num_labels=3)
    model = AutoModel.from_pretrained(bert, config=config)
    assert model.config.num_labels == 3 and model.config is not config


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["tiny-bert", "tiny-m3", "tiny-bert-reranker", "tiny-modernbert", "tiny-splade"])
def test_configurations_are_transformers(models: Path, tmp_path: Path, name: str) -> None:
    pytest.importorskip("torch")
    reference = pytest.importorskip("transformers")
    theirs = reference.AutoConfig.from_pretrained(models / name)
    for ours in (AutoConfig.from_pretrained(models / name), _model_of(models / name).config):
        for field in ("num_labels", "id2label", "label2id", "dtype", "torch_dtype", "name_or_path", "_name_or_path", "hidden_size"):
            assert getattr(ours, field) == getattr(theirs, field), field
    written = json.loads(ours.to_json_string())
    expected = json.loads(theirs.to_json_string())
    for field in written.keys() & expected.keys() - {"transformers_version"}:
        assert written[field] == expected[field], field
    assert ours.to_json_string().startswith("{\n  \"") and list(written) == sorted(written)
    ours.note = "mine"
    ours.save_pretrained(tmp_path / "saved")
    for auto in (AutoConfig, reference.AutoConfig):
        again = auto.from_pretrained(tmp_path / "saved")
        assert (again.note, again.num_labels, again.hidden_size) == ("mine", theirs.num_labels, theirs.hidden_size)


def _model_of(path: Path) -> Any:
    return (AutoModelForSequenceClassification if "reranker" in path.name else AutoModel).from_pretrained(path)


@pytest.mark.oracle
def test_configurations_that_are_changed(models: Path) -> None:
    found = []
    for auto in (AutoConfig, pytest.importorskip("transformers").AutoConfig):
        config = auto.from_pretrained(models / "tiny-bert-reranker", num_labels=3, cache_dir=None, foo=1)
        states = [(config.num_labels, config.id2label, config.label2id, hasattr(config, "foo"))]
        config.num_labels = 4
        states.append((config.num_labels, config.id2label, config.label2id, config.to_dict()["id2label"]))
        config.id2label = {0: "x"}
        config.dtype, config.hidden_size = "float16", 7
        states.append((config.num_labels, config.to_dict()["dtype"], config.to_dict()["hidden_size"]))
        found.append(states)
    assert found[0] == found[1]


# Encodings.


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["tiny-bert", "tiny-m3", "tiny-bert-reranker"])
def test_features_are_an_encoding(models: Path, name: str) -> None:
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("sentence_transformers")
    cross = "reranker" in name
    inputs: Any = [("a", "b"), ("b c", "d")] if cross else TEXTS
    mine, theirs = ((CrossEncoder, package.CrossEncoder) if cross else (SentenceTransformer, package.SentenceTransformer))
    ours, expected = mine(str(models / name)), theirs(str(models / name), device="cpu")
    for call in (
        lambda m: m.preprocess(inputs),
        lambda m: m.preprocess(inputs, prompt="query: "),
        lambda m: m.tokenize(inputs),
        lambda m: m[0].tokenize(inputs),
    ):
        a, b = call(ours), call(expected)
        assert type(b).__name__ == "BatchEncoding" and isinstance(a, BatchEncoding) and list(a) == list(b)
        assert a.is_fast and a.n_sequences == b.n_sequences and a.modality == b.modality == "text"
        moved = a.to(ours.device)
        assert moved is a and torch.equal(moved.input_ids, b.input_ids) and a.get("prompt_length") == b.get("prompt_length")
        assert a.tokens(1) == b.tokens(1)
    assert ours.preprocess([]) == expected.preprocess([]) == {}
