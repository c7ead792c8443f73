"""Fields of a model's JSON files, and arguments of calls, that are nonsense: one clear error that names them."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bgecpp import AutoModel, SentenceTransformer, errors
from bgecpp.flag_embedding import BGEM3FlagModel
from bgecpp.infinity import EngineArgs
from bgecpp.sentence_transformers import util
from bgecpp.transformers import AutoConfig, AutoTokenizer

ROWS = np.eye(4, dtype=np.float32)
NAN = np.full((2, 4), np.nan, np.float32)


@pytest.fixture
def model(models: Path, tmp_path: Path) -> Path:
    """A copy of tiny-bert that a test may damage."""
    shutil.copytree(models / "tiny-bert", tmp_path / "model")
    return tmp_path / "model"


def _set(model: Path, name: str, **fields: Any) -> None:
    path = model / name
    found = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**found, **fields}))


CONFIG: list[tuple[str, Any]] = [
    *[("num_labels", value) for value in (2**63, 30_000_000, -1, "x", 1.5, [], True, float("inf"))],
    *[(name, value) for name in ("id2label", "label2id") for value in (5, True, 1.5, "x", ["a"])],
    ("id2label", {"9" * 5000: "a"}),
]


@pytest.mark.parametrize(("field", "value"), CONFIG)
def test_labels_that_are_none(model: Path, field: str, value: Any) -> None:
    _set(model, "config.json", **{field: value})
    loaded = SentenceTransformer(str(model))
    for read in (lambda: AutoConfig.from_pretrained(model), lambda: AutoModel.from_pretrained(model), lambda: loaded.config):
        with pytest.raises(errors.CorruptData, match=rf"model: config\.json: {field}: found .*, expected .*: fetch"):
            read()


def test_labels_that_are(model: Path) -> None:
    _set(model, "config.json", num_labels=3, id2label=None, label2id=None)
    config = AutoConfig.from_pretrained(model)
    assert config.num_labels == 3 == len(config.id2label) and config.label2id["LABEL_2"] == 2
    _set(model, "config.json", num_labels=None)
    assert AutoConfig.from_pretrained(model).id2label == {0: "LABEL_0", 1: "LABEL_1"}
    _set(model, "config.json", id2label={"0": "no", "1": "yes", "2": "maybe"})
    assert AutoConfig.from_pretrained(model).id2label[1] == "yes"


def test_fields_called_as_what_the_class_has(model: Path) -> None:
    names = ["get", "to_dict", "name_or_path", "_fields", "__class__", "__dict__", "__deepcopy__", "__reduce_ex__", "self"]
    _set(model, "config.json", **dict.fromkeys(names, 5))
    loaded = AutoModel.from_pretrained(model)
    assert loaded([[2, 5, 3]]).last_hidden_state.shape == (1, 3, 32)
    for config in (AutoConfig.from_pretrained(model), loaded.config, SentenceTransformer(str(model)).config):
        assert config.get("get") == 5 == config.to_dict()["to_dict"] and config.hidden_size == 32
        config.hidden_size, config.note = 7, "mine"
        for other in (config, copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
            assert (other.hidden_size, other.note, other.name_or_path) == (7, "mine", str(model))
            assert type(other).__name__ in repr(other) or repr(other).startswith("Config")


@pytest.mark.parametrize("value", [{"x": 1}, 5, None, [], "BertModel"])
def test_architectures_of_other_kinds(model: Path, value: Any) -> None:
    _set(model, "config.json", architectures=value)
    assert "'architecture': 'bert'" in repr(SentenceTransformer(str(model))[0])


INFINITY = float("inf")
TOKENIZER: dict[str, list[Any]] = {
    "pad_token_type_id": [float("nan"), INFINITY, [], {"x": 1}, "", "x", -1, 2**31, 1.5, True],
    "model_max_length": [float("nan"), INFINITY, -INFINITY, [], "x", 1.5, True],
    "model_input_names": [5, True, 1.5, "x", [5], [None]],
    "padding_side": [5, "up", []],
    "truncation_side": [5, "up", []],
    "pad_token": ["\ud800", 5, {"content": None}, {}, []],
    "unk_token": ["\ud800", True],
    "sep_token": ["\ud800", {"content": "\ud800"}],
    "extra_special_tokens": [5, "ab", [5], ["\ud800"]],
    "additional_special_tokens": [True, [None], [{"content": 5}]],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in TOKENIZER.items() for value in values])
def test_fields_of_a_tokenizer(model: Path, models: Path, field: str, value: Any) -> None:
    if not (isinstance(value, float) and np.isnan(value)):
        with pytest.raises(errors.InvalidArgument, match=f"^{field}: found "):
            AutoTokenizer.from_pretrained(models / "tiny-bert", **{field: value})
    loaded = AutoTokenizer.from_pretrained(model)
    _set(model, "tokenizer_config.json", **{field: value})
    with pytest.raises(errors.CorruptData, match=rf"model/tokenizer_config\.json: {field}: found .*, expected "):
        loaded._read_settings(model, {})
    with pytest.raises(errors.BgeError):
        AutoTokenizer.from_pretrained(model)


def test_a_map_of_special_tokens_is_named(model: Path) -> None:
    loaded = AutoTokenizer.from_pretrained(model)
    config = json.loads((model / "tokenizer_config.json").read_text())
    (model / "tokenizer_config.json").write_text(json.dumps({k: v for k, v in config.items() if k != "cls_token"}))
    _set(model, "special_tokens_map.json", cls_token=5)
    with pytest.raises(errors.CorruptData, match=r"special_tokens_map\.json: cls_token: found 5"):
        loaded._read_settings(model, {})


@pytest.mark.parametrize("limit", [2**63, 10**19, 1e19, 1e30, int(1e30), None])
def test_limits_that_are_none(model: Path, limit: Any) -> None:
    _set(model, "tokenizer_config.json", model_max_length=limit)
    tokenizer = AutoTokenizer.from_pretrained(model)
    assert tokenizer(["a b"], truncation=True)["input_ids"] == tokenizer(["a b"])["input_ids"]
    assert len(tokenizer(["a b"], padding="max_length")["input_ids"][0]) == 4
    assert tokenizer.model_max_length >= 2**63
    assert AutoTokenizer.from_pretrained(model, model_max_length=10**400).model_max_length == 10**400


def test_nulls_are_absent(model: Path) -> None:
    fields = ("pad_token_type_id", "model_input_names", "padding_side", "truncation_side", "extra_special_tokens")
    _set(model, "tokenizer_config.json", unk_token=None, **dict.fromkeys(fields))
    tokenizer = AutoTokenizer.from_pretrained(model)
    assert (tokenizer.pad_token_type_id, tokenizer.padding_side, tokenizer.truncation_side) == (0, "right", "right")
    assert tokenizer.unk_token is None and tokenizer.convert_tokens_to_ids(["no such token"]) == [None]
    assert len(tokenizer(["a", "a b"], padding=True)["input_ids"][0]) == 4


CALLS: dict[str, Callable[[Any], Any]] = {
    "query_chunk_size": lambda value: util.semantic_search(ROWS, ROWS, query_chunk_size=value),
    "corpus_chunk_size": lambda value: util.semantic_search(ROWS, ROWS, corpus_chunk_size=value),
    "batch_size": lambda value: util.community_detection(ROWS, batch_size=value),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("value", [0, -1, 1.5, "5", None])
def test_sizes_of_blocks(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: expected an integer of at least 1, found {value!r}"):
        CALLS[name](value)
    with pytest.raises(ValueError, match="^query_chunk_size: expected"):
        util.paraphrase_mining_embeddings(ROWS, query_chunk_size=value)
    CALLS[name](np.int64(2))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_nan_is_near_nothing(dtype: Any) -> None:
    rows, broken = ROWS.astype(dtype), NAN.astype(dtype)
    for queries in (broken, list(broken), broken[0]):
        with pytest.raises(ValueError, match="^query_embeddings: expected numbers, found NaN"):
            util.semantic_search(queries, rows)
    for score in (util.cos_sim, util.dot_score):
        with pytest.raises(ValueError, match="^corpus_embeddings: expected numbers, found NaN"):
            util.semantic_search(rows, np.concatenate([rows, broken]), score_function=score)
    assert util.semantic_search(rows, rows, top_k=1)[3][0]["corpus_id"] == 3
    own = util.semantic_search(broken, rows, top_k=1, score_function=lambda a, b: np.ones((len(a), len(b)), np.float32))
    assert [hits[0]["corpus_id"] for hits in own] == [0, 0]


@pytest.mark.parametrize("precision", ["int8", "uint8", "binary", "ubinary"])
def test_nan_has_no_bits(precision: str) -> None:
    with pytest.raises(ValueError, match="^embeddings: expected numbers, found NaN"):
        util.quantize_embeddings(NAN, precision)
    if precision in ("int8", "uint8"):
        with pytest.raises(ValueError, match="^ranges or calibration_embeddings: .* found NaN"):
            util.quantize_embeddings(ROWS, precision, ranges=NAN)
    assert len(util.quantize_embeddings(ROWS, precision)) == 4
    assert np.isnan(util.quantize_embeddings(NAN, "float32")).all()


def test_tensors_with_nan() -> None:
    torch = pytest.importorskip("torch")
    broken = torch.from_numpy(NAN)
    for queries in (broken, broken.double(), broken.bfloat16(), broken.to_sparse()):
        with pytest.raises(ValueError, match="^query_embeddings: expected numbers, found NaN"):
            util.semantic_search(queries, torch.eye(4, dtype=queries.dtype))
    with pytest.raises(ValueError, match="found NaN"):
        util.quantize_embeddings(broken, "int8")


@pytest.mark.parametrize("weights", [[0, 0, 0], [float("nan"), 1, 1], [float("inf"), 1, 1], ["x", 1, 2], [None, 1, 2]])
def test_weights_of_scores(models: Path, weights: Any) -> None:
    flag = BGEM3FlagModel(str(models / "tiny-m3"), use_fp16=False)
    with pytest.raises(ValueError, match="^weights_for_different_modes: expected numbers, not all of them 0, found "):
        flag.compute_score([("a", "b")], weights_for_different_modes=weights)


def test_arguments_of_encode(models: Path) -> None:
    encoder = SentenceTransformer(str(models / "tiny-bert"))
    for value, name in (("x", "processing_kwargs"), ({"text": "x"}, r"processing_kwargs\['text'\]")):
        with pytest.raises(TypeError, match=f"^{name}: expected a dict, found str 'x'"):
            encoder.encode(["a"], processing_kwargs=value)
    for length in (float("nan"), "5", [5]):
        with pytest.raises(TypeError, match="^processing_kwargs: max_length: expected an int, found"):
            encoder.encode(["a"], processing_kwargs={"text": {"max_length": length}})
    for size in ("5", None, 1.5):
        with pytest.raises(TypeError, match="^batch_size: expected an int, found"):
            encoder.encode(["a"], batch_size=size)
    assert encoder.encode(["a"], batch_size=np.int64(4), processing_kwargs={"text": {"max_length": 5}}).shape == (1, 32)
    assert encoder.encode(["a"], processing_kwargs={"text": None, "common": {}}, chunk_size=None).shape == (1, 32)


@pytest.mark.parametrize("name", ["dtype", "engine", "device", "pooling_method", "embedding_dtype"])
def test_names_of_infinity(name: str) -> None:
    settings: dict[str, Any] = {name: "x"}
    with pytest.raises(ValueError, match=f"^{name}: expected one of .*, found 'x'"):
        EngineArgs(**settings)


@pytest.mark.parametrize("value", ["5", None, 1.5])
def test_batches_of_infinity(value: Any) -> None:
    with pytest.raises(TypeError, match="^batch_size: expected an int, found"):
        EngineArgs(batch_size=value)
