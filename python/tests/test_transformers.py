"""bgecpp.transformers: alone, and against transformers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bgecpp
from bgecpp import AutoModel, AutoModelForSequenceClassification, AutoTokenizer
from bgecpp.transformers import AutoConfig

TEXTS = [
    "hello world",
    "a",
    "",
    "Hello, World! (the second) - it's here; isn't it?",
    "the cat sat on the mat " * 8,
    "naïve café 中文 \u2028 ok \U0001f600",
    " leading and trailing ",
]
SECONDS = ["a passage", "", "another one with more words than the first has", "x", "y " * 40, "z", "ok."]
TINY = ["tiny-bert", "tiny-distilbert", "tiny-roberta", "tiny-m3", "tiny-modernbert", "tiny-mpnet", "tiny-splade"]
TINY_RERANKERS = ["tiny-reranker", "tiny-mpnet-reranker", "tiny-bert-reranker", "tiny-modernbert-reranker"]
LIMIT = 1e-5


def test_hidden_states_pool_to_what_the_embedder_gives(models: Path) -> None:
    path = models / "tiny-bert"
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path)
    inputs = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="np")
    output = model(**inputs)
    hidden, mask = output.last_hidden_state, inputs["attention_mask"]
    assert hidden.dtype == np.float32 and hidden.shape == (*mask.shape, model.config.hidden_size)
    assert (hidden[mask == 0] == 0).all()
    assert output[0] is hidden and output["last_hidden_state"] is hidden and "hidden_states" not in output
    pooled = hidden.sum(axis=1) / mask.sum(axis=1, keepdims=True)
    pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
    expected = bgecpp.Embedder(str(path), pooling="mean").encode(TEXTS)
    assert np.abs(pooled - expected).max() < LIMIT


def test_logits_are_the_rerankers(models: Path) -> None:
    path = models / "tiny-bert-reranker"
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModelForSequenceClassification.from_pretrained(path)
    inputs = tokenizer(TEXTS, SECONDS, padding=True, truncation=True, return_tensors="np")
    logits = model(**inputs).logits
    assert logits.shape == (len(TEXTS), 1) and logits.dtype == np.float32
    reranker = bgecpp.Reranker(str(path), pair_style="crossencoder")
    expected = reranker.compute_score(TEXTS, SECONDS, normalize=False)
    assert np.abs(logits[:, 0] - expected).max() < LIMIT


def test_lists_and_rows_without_tokens(models: Path) -> None:
    model = AutoModel.from_pretrained(models / "tiny-bert")
    ids = [[2, 10, 3, 0], [0, 0, 0, 0]]
    hidden = model(ids, [[1, 1, 1, 0], [0, 0, 0, 0]]).last_hidden_state
    assert hidden.shape == (2, 4, 32) and (hidden[1] == 0).all()
    assert np.abs(hidden[0, :3] - model([[2, 10, 3]]).last_hidden_state[0]).max() < 1e-6
    assert isinstance(model(ids, return_dict=False), tuple)
    assert model(np.zeros((0, 4), np.int64)).last_hidden_state.shape == (0, 4, 32)


@pytest.mark.parametrize("name", ["tiny-bert", "tiny-roberta"])
def test_arrays_hold_what_lists_do(models: Path, name: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(models / name)
    more = {"return_special_tokens_mask": True, "return_offsets_mapping": True, "return_length": True}
    for settings in (
        {"padding": True},
        {"padding": True, "padding_side": "left"},
        {"padding": True, "pad_to_multiple_of": 8, **more},
        {"padding": "max_length", "max_length": 24, "truncation": True, **more},
        {"padding": True, "return_token_type_ids": True, "return_attention_mask": False},
    ):
        for texts, pairs in ((TEXTS, None), (TEXTS, SECONDS), (TEXTS[:1], None), (TEXTS[0], SECONDS[0])):
            lists: Any = tokenizer(texts, pairs, **settings)
            arrays: Any = tokenizer(texts, pairs, return_tensors="np", **settings)
            assert list(arrays) == list(lists)
            for field, array in arrays.items():
                rows = lists[field] if isinstance(texts, list) or field == "length" else [lists[field]]
                assert array.dtype == np.int64 and array.tolist() == np.asarray(rows).tolist(), (settings, field)
            assert arrays.tokens(0) == lists.tokens(0)
    alone = tokenizer(["hello world", "hello world"], return_tensors="np")["input_ids"]
    assert alone.tolist() == tokenizer(["hello world", "hello world"])["input_ids"]


def test_what_would_differ_is_refused(models: Path) -> None:
    model = AutoModel.from_pretrained(models / "tiny-bert")
    with pytest.raises(NotImplementedError, match="pad on the right"):
        model([[0, 2, 3]], [[0, 1, 1]])
    with pytest.raises(NotImplementedError, match="ones behind zeros"):
        model([[2, 9, 3]], [[1, 0, 1]])
    with pytest.raises(NotImplementedError, match="output_hidden_states"):
        model([[2, 3]], output_hidden_states=True)
    with pytest.raises(ValueError, match=r"expected integers \[B, L\]"):
        model([2, 3])
    with pytest.raises(ValueError, match="expected shape"):
        model([[2, 3]], [[1]])
    with pytest.raises(ValueError):
        model([[2, 9999]])
    left = AutoModel.from_pretrained(models / "tiny-modernbert")
    moved = left([[397, 5, 6]], [[0, 1, 1]]).last_hidden_state
    assert np.abs(moved[0, 1:] - left([[5, 6]]).last_hidden_state[0]).max() < 1e-6


def test_tokenizer_refuses_and_pickles(models: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(models / "tiny-bert", use_fast=True)
    for settings in ({"return_overflowing_tokens": True}, {"is_split_into_words": True}):
        with pytest.raises(NotImplementedError):
            tokenizer(["a"], **settings)
    with pytest.raises(ValueError, match="different numbers of tokens"):
        tokenizer(["a", "b c d"], return_tensors="np")
    with pytest.raises(ValueError, match="does not match batch length"):
        tokenizer(["a"], ["b", "c"])
    with pytest.raises(ValueError, match="padding: expected"):
        tokenizer("a", padding="longer")
    assert tokenizer([])["input_ids"] == []
    again = pickle.loads(pickle.dumps(tokenizer))
    assert again("hello world").data == tokenizer("hello world").data
    encoded = pickle.loads(pickle.dumps(tokenizer("hello")))
    assert encoded["input_ids"] == tokenizer.encode("hello")


# Against transformers.


@pytest.fixture(scope="module")
def reference() -> Any:
    return pytest.importorskip("transformers")


def all_tokenizers(models: Path) -> list[Path]:
    published = Path.home() / ".cache/bge-oracle"
    found = sorted(models.glob("tiny-*"))
    for name in ("multilingual-e5-small", "random-modernbert-base-v1", "random-bge-base-zh-v1"):
        if (published / name).is_dir():
            found.append(published / name)
    return found


CALLS: list[dict[str, Any]] = [
    {},
    {"padding": True},
    {"padding": "longest", "truncation": True},
    {"padding": "max_length", "max_length": 20, "truncation": True},
    {"padding": "max_length", "max_length": 9},
    {"padding": "max_length", "max_length": 12, "pad_to_multiple_of": 8},
    {"max_length": 7},
    {"truncation": "only_first", "max_length": 30},
    {"truncation": False, "max_length": 4},
    {"add_special_tokens": False, "padding": True},
    {"padding": True, "padding_side": "left", "return_special_tokens_mask": True},
    {"return_offsets_mapping": True, "return_special_tokens_mask": True, "return_length": True},
    {"padding": True, "return_offsets_mapping": True, "truncation": True, "max_length": 12},
    {"return_token_type_ids": True, "return_attention_mask": False},
    {"return_token_type_ids": False, "padding": True, "pad_to_multiple_of": 8},
]


def same(ours: Any, theirs: Any) -> None:
    assert list(ours.keys()) == list(theirs.keys())
    for key in theirs.keys():
        a, b = ours[key], theirs[key]
        if hasattr(b, "shape"):
            assert type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape, key
            assert (a == b).all(), key
        else:
            assert a == b, key


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:.max_length. is ignored")
def test_calls_are_transformers(models: Path, reference: Any) -> None:
    compared = 0
    for path in all_tokenizers(models):
        theirs = reference.AutoTokenizer.from_pretrained(path)
        ours = AutoTokenizer.from_pretrained(path)
        for settings in CALLS:
            same(ours(TEXTS, **settings), theirs(TEXTS, **settings))
            for text in TEXTS:
                same(ours(text, **settings), theirs(text, **settings))
            if settings.get("truncation") != "only_first":
                same(ours(TEXTS, SECONDS, **settings), theirs(TEXTS, SECONDS, **settings))
                pairs = list(zip(TEXTS, SECONDS))
                same(ours(pairs, **settings), theirs(pairs, **settings))
                for first, second in pairs:
                    same(ours(first, second, **settings), theirs(first, second, **settings))
            compared += 1
        for kind in ("np", "pt"):
            settings = {"padding": True, "truncation": True, "max_length": 16, "return_tensors": kind}
            same(ours(TEXTS, **settings), theirs(TEXTS, **settings))
            same(ours(TEXTS[0], **settings), theirs(TEXTS[0], **settings))
            same(ours(TEXTS, SECONDS, **settings), theirs(TEXTS, SECONDS, **settings))
    assert compared >= 16 * len(CALLS)


@pytest.mark.oracle
def test_the_rest_of_the_tokenizer_is_transformers(models: Path, reference: Any) -> None:
    for path in all_tokenizers(models):
        theirs = reference.AutoTokenizer.from_pretrained(path)
        ours = AutoTokenizer.from_pretrained(path)
        for name in (
            "model_input_names special_tokens_map all_special_tokens all_special_ids model_max_length padding_side "
            "truncation_side clean_up_tokenization_spaces pad_token_type_id extra_special_tokens vocab_size is_fast "
            "max_len_single_sentence max_len_sentences_pair cls_token cls_token_id sep_token_id pad_token pad_token_id "
            "unk_token mask_token_id bos_token bos_token_id eos_token_id"
        ).split():
            assert getattr(ours, name) == getattr(theirs, name), (path.name, name)
        assert len(ours) == len(theirs)
        # That random model's words and added tokens have ids in common.
        if path.name != "random-modernbert-base-v1":
            assert ours.get_vocab() == theirs.get_vocab()
        for text, second in zip(TEXTS, SECONDS):
            ids = theirs.encode(text)
            assert ours.encode(text) == ids and ours.encode(text, second) == theirs.encode(text, second)
            assert ours.encode(text, max_length=5, padding="max_length", truncation=True) == theirs.encode(
                text, max_length=5, padding="max_length", truncation=True
            )
            for skip in (False, True):
                assert ours.decode(ids, skip_special_tokens=skip) == theirs.decode(ids, skip_special_tokens=skip)
                clean = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": True}
                assert ours.decode(ids, **clean) == theirs.decode(ids, **clean)
                assert ours.convert_ids_to_tokens(ids, skip) == theirs.convert_ids_to_tokens(ids, skip)
            tokens = theirs.convert_ids_to_tokens(ids)
            tokens = [token for token in tokens if token is not None]
            assert ours.convert_tokens_to_ids(tokens) == theirs.convert_tokens_to_ids(tokens)
            assert ours.tokenize(text) == theirs.tokenize(text), (path.name, text)
            # That random model's post-processor has ids that its vocabulary has not.
            if path.name != "random-modernbert-base-v1":
                assert ours.tokenize(text, second, add_special_tokens=True) == theirs.tokenize(
                    text, second, add_special_tokens=True
                )
        batch = theirs(TEXTS)["input_ids"]
        assert ours.batch_decode(batch) == theirs.batch_decode(batch)
        array = theirs(TEXTS, padding=True, return_tensors="np")["input_ids"]
        assert ours.batch_decode(array, True) == theirs.batch_decode(array, True)
        assert ours.decode(ids[0]) == theirs.decode(ids[0])
        assert ours.convert_tokens_to_ids("zzzz") == theirs.convert_tokens_to_ids("zzzz")
        assert ours.num_special_tokens_to_add(True) == theirs.num_special_tokens_to_add(True)


@pytest.mark.oracle
def test_pad_is_transformers(models: Path, reference: Any) -> None:
    for name in ("tiny-bert", "tiny-m3"):
        theirs = reference.AutoTokenizer.from_pretrained(models / name)
        ours = AutoTokenizer.from_pretrained(models / name)
        for settings in (
            {},
            {"padding": "max_length", "max_length": 40, "return_tensors": "np"},
            {"pad_to_multiple_of": 8, "padding_side": "left"},
            {"return_tensors": "pt"},
            {"padding": False},
        ):
            if settings != {"padding": False}:
                same(ours.pad(ours(TEXTS[:4]), **settings), theirs.pad(theirs(TEXTS[:4]), **settings))
            rows = [theirs(t) for t in TEXTS[:4]]
            if settings.get("padding", True) is not False:
                same(ours.pad([ours(t) for t in TEXTS[:4]], **settings), theirs.pad(rows, **settings))
            same(ours.pad(ours(TEXTS[0]), **settings), theirs.pad(theirs(TEXTS[0]), **settings))


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["np", "pt"])
@pytest.mark.parametrize("name", TINY)
def test_hidden_states_are_transformers(models: Path, reference: Any, name: str, kind: str) -> None:
    torch = pytest.importorskip("torch")
    tokenizer = AutoTokenizer.from_pretrained(models / name)
    theirs = reference.AutoModel.from_pretrained(models / name, attn_implementation="eager", dtype=torch.float32).eval()
    ours = AutoModel.from_pretrained(models / name).eval().to("cpu")
    inputs = tokenizer(TEXTS, padding=True, truncation=True, max_length=40, return_tensors="pt")
    with torch.no_grad():
        expected = theirs(**inputs)
    if kind == "np":
        output = ours(**{name: value.numpy() for name, value in inputs.items()})
        assert isinstance(output.last_hidden_state, np.ndarray)
    else:
        output = ours(**inputs.to(ours.device))
        assert output.last_hidden_state.dtype == torch.float32
    kept = inputs["attention_mask"].numpy() == 1
    difference = np.abs(np.asarray(output.last_hidden_state) - expected.last_hidden_state.numpy())[kept].max()
    assert difference < LIMIT * max(1.0, float(expected.last_hidden_state.abs().max()))
    if output.pooler_output is not None:
        assert np.abs(np.asarray(output.pooler_output) - expected.pooler_output.numpy()).max() < LIMIT


@pytest.mark.oracle
@pytest.mark.parametrize("name", TINY_RERANKERS)
def test_logits_are_transformers(models: Path, reference: Any, name: str) -> None:
    torch = pytest.importorskip("torch")
    tokenizer = AutoTokenizer.from_pretrained(models / name)
    theirs = reference.AutoModelForSequenceClassification.from_pretrained(models / name, attn_implementation="eager")
    inputs = tokenizer(TEXTS, SECONDS, padding=True, truncation=True, max_length=40, return_tensors="pt")
    with torch.no_grad():
        expected = theirs.eval()(**inputs).logits
    logits = AutoModelForSequenceClassification.from_pretrained(models / name)(**inputs).logits
    assert logits.dtype == torch.float32 and logits.shape == expected.shape
    assert (logits - expected).abs().max() < LIMIT


@pytest.mark.oracle
def test_minilm_is_transformers(minilm: Path, reference: Any) -> None:
    torch = pytest.importorskip("torch")
    tokenizer = reference.AutoTokenizer.from_pretrained(minilm)
    inputs = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = reference.AutoModel.from_pretrained(minilm, attn_implementation="eager").eval()(**inputs)
    output = AutoModel.from_pretrained(minilm)(**inputs)
    kept = inputs["attention_mask"] == 1
    assert (output.last_hidden_state - expected.last_hidden_state)[kept].abs().max() < LIMIT
    assert (output.pooler_output - expected.pooler_output).abs().max() < LIMIT


def test_what_config_json_does_not_say(models: Path) -> None:
    config = AutoConfig.from_pretrained(models / "tiny-bert")
    assert (config.is_decoder, config.is_encoder_decoder, config.output_hidden_states, config.return_dict) == (False, False, False, True)
    assert config.id2label == {0: "LABEL_0", 1: "LABEL_1"} and config.label2id == {"LABEL_0": 0, "LABEL_1": 1}
    with pytest.raises(AttributeError, match="no field nothing"):
        config.nothing
    labelled = AutoConfig.from_pretrained(models / "tiny-bert-reranker")
    assert labelled.id2label == {0: "LABEL_0"} and labelled.to_dict()["id2label"] == {0: "LABEL_0"}
    assert AutoModelForSequenceClassification.from_pretrained(models / "tiny-bert-reranker").config.id2label[0] == "LABEL_0"
