"""bgecpp.sentence_transformers as programs take it apart: modules, encoders, tokenizers, own classes, saving."""

import copy
import json
import os
import pickle
import shutil
import sys
import warnings

import numpy as np
import pytest
from conftest import MODELS

from bgecpp import Embedder, _common, errors, quantize
from bgecpp.sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder

TEXTS = ["hello world", "A vector of tokens, in two dimensions!", "", "the vector"]
PAIRS = [("hello world", text) for text in TEXTS]


@pytest.fixture(scope="module")
def model():
    return SentenceTransformer(str(MODELS / "tiny-bert"))


@pytest.fixture(scope="module")
def cross():
    return CrossEncoder(str(MODELS / "tiny-bert-reranker"))


def copied(name, place):
    shutil.copytree(MODELS / name, place)
    return place


# A truncate_dim among the directory's settings.


@pytest.mark.parametrize("name", ["tiny-bert", "tiny-m3"])
@pytest.mark.filterwarnings("ignore:No modules.json")
def test_a_length_in_the_settings_cuts_and_can_be_changed(name, tmp_path):
    whole = SentenceTransformer(str(MODELS / name))
    vectors = whole.encode(TEXTS)
    width = vectors.shape[1]
    SentenceTransformer(str(MODELS / name), truncate_dim=5).save(tmp_path / "cut")
    cut = SentenceTransformer(str(tmp_path / "cut"))
    assert cut.truncate_dim == 5 and cut.get_embedding_dimension() == 5
    np.testing.assert_allclose(cut.encode(TEXTS), vectors[:, :5], atol=1e-6)
    np.testing.assert_allclose(cut.encode(TEXTS, truncate_dim=9), vectors[:, :9], atol=1e-6)
    unit = vectors[:, :9] / np.linalg.norm(vectors[:, :9], axis=1, keepdims=True)
    np.testing.assert_allclose(cut.encode(TEXTS, truncate_dim=9, normalize_embeddings=True), unit, atol=1e-6)
    assert cut.encode("a", output_value=None)["sentence_embedding"].shape == (5,)
    cut.truncate_dim = None
    assert cut.get_embedding_dimension() == width
    np.testing.assert_allclose(cut.encode(TEXTS), vectors, atol=1e-6)
    cut.save(tmp_path / "whole")
    assert SentenceTransformer(str(tmp_path / "whole")).truncate_dim is None


# Inputs.


def test_dicts_of_text_are_texts(model):
    np.testing.assert_array_equal(model.encode({"text": "b"}), model.encode("b"))
    np.testing.assert_array_equal(model.encode([{"text": "b"}, "a"]), model.encode(["b", "a"]))
    with pytest.raises(ValueError, match=r"inputs\[1\]: found a dict of \['image'\]"):
        model.encode(["a", {"image": "b"}])
    with pytest.raises(TypeError, match="inputs: expected texts, found None"):
        model.encode(None)
    with pytest.raises(TypeError, match="prompt: expected a str, found int"):
        model.encode("a", prompt=5)
    np.testing.assert_array_equal(model.encode(np.array("a")), model.encode("a"))


def test_columns_of_tables_are_texts_whatever_their_labels(model):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["a", "hello", "b"]})
    column = frame["text"][frame["text"] != "a"]
    np.testing.assert_array_equal(model.encode(column), model.encode(["hello", "b"]))
    assert len(model.encode(column, output_value="token_embeddings")) == 2
    with pytest.raises(TypeError, match=r"found a table \(DataFrame\)"):
        model.encode(frame)


def test_what_is_no_pair_is_named_with_its_place(cross):
    for wrong, place in (
        ({"query": "a", "passage": "b"}, "inputs: expected a pair of str or a list of pairs, found dict"),
        ([("a", "b"), {"query": "a", "passage": "b"}], r"inputs\[1\]"),
        (None, "found None"),
        (5, "found int '5'"),
        ([None], r"inputs\[0\]"),
        ([("a", None)], r"inputs\[0\]"),
        ([("a",)], r"inputs\[0\]"),
    ):
        with pytest.raises(ValueError, match=place):
            cross.predict(wrong)
    # By the places of an older version: batch_size, show_progress_bar.
    np.testing.assert_array_equal(cross.predict(PAIRS, 32, False), cross.predict(PAIRS))
    with pytest.raises(ValueError, match="query: expected a str, found NoneType"):
        cross.rank(None, ["a"])
    with pytest.raises(ValueError, match=r"documents\[1\]: expected a str"):
        cross.rank("a", ["b", None])
    with pytest.raises(ValueError, match=r"documents: expected texts, found NoneType"):
        cross.rank("a", None)


def test_tables_are_no_pairs(cross):
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="found DataFrame"):
        cross.predict(pandas.DataFrame({"a": ["b"], "c": ["d"]}))


def test_devices_have_torchs_names():
    for device in ("banana", "gpu"):
        with pytest.raises(errors.InvalidArgument, match="device: found"):
            SentenceTransformer(str(MODELS / "tiny-bert"), device=device)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SentenceTransformer(str(MODELS / "tiny-bert"), device="CPU")


def test_settings_without_effect_are_named():
    with pytest.warns(UserWarning, match=r"config_kwargs\['num_hidden_layers'\]=1"):
        SentenceTransformer(str(MODELS / "tiny-bert"), config_kwargs={"num_hidden_layers": 1})


def test_tokenizers_settings_without_effect_are_named():
    with pytest.warns(UserWarning, match=r"processor_kwargs\['padding_side'\]='left'"):
        SentenceTransformer(str(MODELS / "tiny-bert"), processor_kwargs={"padding_side": "left", "use_fast": True})


def test_models_that_are_not_there_are_os_errors(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for cls in (SentenceTransformer, CrossEncoder, SparseEncoder):
        for name in ("no-such-model", "nobody/no-such-model", "/no/such/folder"):
            with pytest.raises(OSError):
                cls(name, local_files_only=True)


def test_a_similarity_of_other_models_is_refused(tmp_path):
    folder = copied("tiny-bert", tmp_path / "model")
    settings = {"model_type": "SentenceTransformer", "similarity_fn_name": "maxsim"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    with pytest.raises(errors.Unsupported, match='found "maxsim", expected cosine'):
        SentenceTransformer(str(folder))


# Modules and encoders.


def test_modules_compute_one_after_another(model):
    features = model.tokenize(TEXTS)
    for module in model:
        features = module(features)
    np.testing.assert_allclose(np.asarray(features["sentence_embedding"]), model.encode(TEXTS), atol=1e-6)
    vectors = np.asarray(model(model.tokenize(TEXTS))["sentence_embedding"])
    np.testing.assert_allclose(vectors, model.encode(TEXTS), atol=1e-6)


def test_encoders_are_called_with_ids(model, cross):
    encoder = model[0].auto_model
    assert encoder is model.transformers_model and encoder.eval().to("cpu") is encoder
    inputs = model.tokenizer(TEXTS, padding=True, return_tensors="np")
    states = encoder(**inputs).last_hidden_state
    tokens = model.encode(TEXTS, output_value="token_embeddings")
    for row, rows in zip(states, tokens):
        np.testing.assert_array_equal(row[: len(rows)], np.asarray(rows))
    assert encoder.num_parameters() > 1000 and encoder.config.to_dict()["model_type"] == "bert"
    assert encoder.config._name_or_path == model.model_path

    inputs = cross.tokenizer(list(PAIRS), padding=True, return_tensors="np")
    logits = cross.model(**inputs).logits
    assert logits.shape == (4, 1) and cross.config.num_labels == 1
    identity = cross.predict(PAIRS, activation_fn=lambda scores: scores)
    np.testing.assert_allclose(logits[:, 0], identity, atol=1e-6)
    np.testing.assert_allclose(np.asarray(cross(dict(inputs))["scores"])[:, 0], identity, atol=1e-6)


def test_the_engine_is_not_loaded_again_for_an_encoder(model):
    assert model[0].auto_model._engine is model._engine
    other = copy.deepcopy(model)
    assert other[0].auto_model._engine is model._engine and other.tokenizer is not model.tokenizer
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.encode("a"), model.encode("a"))


def test_sparse_models_are_not_taken_apart():
    model = SparseEncoder(str(MODELS / "tiny-splade"))
    for call in (lambda: model({}), lambda: model[0]({}), lambda: model[0].auto_model(input_ids=[[1]])):
        with pytest.raises(errors.Unsupported, match="encode()"):
            call()


def test_what_models_and_modules_show(model, cross):
    described = "{'transformer_task': 'feature-extraction', 'modality_config': {'text': {'method': 'forward', "
    assert repr(model).splitlines()[1].startswith(f"  (0): Transformer({described}")
    assert repr(model[0]).endswith("'module_output_name': 'token_embeddings', 'architecture': 'bert'})")
    assert "'architecture': 'BertForSequenceClassification'" in repr(cross)
    assert model[0].do_lower_case is False and model.double().dtype == model.float().dtype


# What the engine computes in.

_BFLOAT16 = {"INFERENCE_PRECISION_HINT": "bf16"}


class Shown:
    """In place of OpenVINO's own objects: only what they are shown as is looked at."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


@pytest.mark.parametrize(
    "options, compute_type, said",
    [
        ({}, "float32", None),
        ({"backend": "onnx"}, "float32", None),
        ({"backend": "onnx", "model_kwargs": {"file_name": "onnx/model_O2.onnx"}}, "float32", "ignores file_name"),
        ({"backend": "onnx", "model_kwargs": {"file_name": "onnx/model_qint8_avx512.onnx"}}, "int8", "asks for int8"),
        ({"model_kwargs": {"file_name": "model_qint8.onnx"}}, "float32", "ignores file_name"),
        ({"backend": "openvino"}, "auto", "dtype='auto'"),
        ({"backend": "openvino", "dtype": "f32"}, "float32", None),
        ({"backend": "openvino", "model_kwargs": {"ov_config": {"INFERENCE_PRECISION_HINT": "f32"}}}, "float32", None),
        ({"backend": "openvino", "model_kwargs": {"ov_config": {"EXECUTION_MODE_HINT": "ACCURACY"}}}, "float32", None),
        ({"backend": "openvino", "model_kwargs": {"ov_config": "settings.json"}}, "float32", None),
        ({"backend": "openvino", "model_kwargs": {"ov_config": {"NUM_STREAMS": 1}}}, "auto", "dtype='auto'"),
        ({"backend": "openvino", "model_kwargs": {"file_name": "openvino_model_qint8_quantized.xml"}}, "int8", "int8"),
        *(
            ({"backend": "openvino", "model_kwargs": {"ov_config": ov_config}}, "float32", None)
            for ov_config in (
                {"INFERENCE_PRECISION_HINT": "FP32"},
                {"INFERENCE_PRECISION_HINT": "dynamic"},
                {"INFERENCE_PRECISION_HINT": Shown("<Type: 'float32'>")},
                {Shown("EXECUTION_MODE_HINT"): Shown("ExecutionMode.ACCURACY")},
            )
        ),
        (
            {"backend": "openvino", "model_kwargs": {"ov_config": {"EXECUTION_MODE_HINT": "ACCURACY", **_BFLOAT16}}},
            "auto",
            "dtype='auto'",
        ),
        ({"backend": "openvino", "dtype": "f32", "model_kwargs": {"ov_config": _BFLOAT16}}, "float32", "ignores ov_config"),
        ({"backend": "onnx", "dtype": "f32", "model_kwargs": {"file_name": "qint8.onnx"}}, "float32", "ignores file_name"),
    ],
)
def test_what_another_backend_would_compute_in(options, compute_type, said, tmp_path, monkeypatch):
    (tmp_path / "settings.json").write_text('{"INFERENCE_PRECISION_HINT": "f32"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_common, "_warned", set())
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model = SentenceTransformer(str(MODELS / "tiny-bert"), **options)
    expected = compute_type
    if compute_type == "auto":
        expected = Embedder(str(MODELS / "tiny-bert"), dtype="auto").info["compute_type"]
        said = said if expected == "bfloat16" else None
    assert model._info["compute_type"] == expected
    messages = [str(warning.message) for warning in seen if "bgecpp" in str(warning.message)]
    assert len(messages) == (said is not None) and all(said in message for message in messages)


@pytest.mark.parametrize("dtype", ["default", "f32"])
@pytest.mark.parametrize("ov_config", ["nowhere.json", "settings.json", "no.json", ["f32"]])
def test_settings_of_openvino_that_are_none(ov_config, dtype, tmp_path, monkeypatch):
    (tmp_path / "settings.json").write_text('["f32"]')
    (tmp_path / "no.json").write_text("{not json")
    monkeypatch.chdir(tmp_path)
    settings = {"file_name": "qint8.xml", "ov_config": ov_config}
    with pytest.raises(ValueError, match="ov_config: found .*, expected a dict"):
        SentenceTransformer(str(MODELS / "tiny-bert"), backend="openvino", model_kwargs=settings, dtype=dtype)


def test_openvino_on_a_quantized_directory_is_not_said_to_be_bfloat16(tmp_path, monkeypatch):
    quantize(str(MODELS / "tiny-bert"), str(tmp_path / "int8"), dtype="int8")
    monkeypatch.setattr(_common, "_warned", set())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SentenceTransformer(str(tmp_path / "int8"), backend="openvino")
    assert model._info["compute_type"] == "int8"


# An encoder in a folder of its own.


def in_a_folder(name, place):
    """The model as older versions and routers save it: what belongs to the encoder lies in 0_Transformer."""
    shutil.copytree(MODELS / name, place)
    folder = place / "0_Transformer"
    folder.mkdir()
    of_the_model = ("config_sentence_transformers.json", "modules.json", "router_config.json")
    for file in [f for f in place.iterdir() if f.is_file() and f.name not in of_the_model]:
        file.rename(folder / file.name)
    if not (place / "modules.json").exists():  # of a CrossEncoder
        kind = "sentence_transformers.base.modules.transformer.Transformer"
        (place / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": kind}]))
        (place / "config_sentence_transformers.json").write_text('{"model_type": "CrossEncoder"}')
        (folder / "sentence_bert_config.json").write_text('{"transformer_task": "sequence-classification"}')
    named = place / "router_config.json"
    if not named.exists():
        named = place / "modules.json"
    named.write_text(named.read_text().replace('""', '"0_Transformer"'))
    return place


@pytest.mark.parametrize(
    "name, kind",
    [
        ("tiny-bert", SentenceTransformer),
        ("tiny-bert-reranker", CrossEncoder),
        ("tiny-splade", SparseEncoder),
        ("tiny-doc-sparse", SparseEncoder),
    ],
)
@pytest.mark.filterwarnings("ignore:No modules.json")
def test_an_encoder_in_a_folder_of_its_own(name, kind, tmp_path):
    plain, other = kind(str(MODELS / name)), kind(str(in_a_folder(name, tmp_path / name)))
    assert other.model_path == str(tmp_path / name) and other.encoder_path == str(tmp_path / name / "0_Transformer")
    assert other.config.hidden_size == plain.config.hidden_size if name != "tiny-doc-sparse" else other.config.dim == 32
    assert other.transformers_model.num_parameters() == plain.transformers_model.num_parameters()
    assert other.tokenizer.special_tokens_map == plain.tokenizer.special_tokens_map
    assert other.tokenizer.model_input_names == plain.tokenizer.model_input_names
    assert repr(other) == repr(plain)

    def results(model):
        if kind is SparseEncoder:
            return [model.decode(row) for row in model.encode(TEXTS)]
        return (model.predict(PAIRS) if kind is CrossEncoder else model.encode(TEXTS)).tolist()

    assert results(plain) == results(other)
    other.max_seq_length = 6
    other.save(tmp_path / "saved")
    again = kind(str(tmp_path / "saved"))
    assert again.max_seq_length == 6
    plain.max_seq_length = 6
    assert results(plain) == results(again)


# The tokenizer.


def test_the_tokenizer_is_one_object_with_its_settings():
    model = SentenceTransformer(str(MODELS / "tiny-bert"))
    assert model.tokenizer is model.tokenizer is model[0].tokenizer
    model.tokenizer.padding_side = "left"
    ids = model.tokenizer(["hello world", "a"], padding=True)["input_ids"]
    assert ids[1][0] == model.tokenizer.pad_token_id and ids[1][-1] != model.tokenizer.pad_token_id
    model.tokenizer.padding_side = "right"
    with pytest.raises(errors.Unsupported, match="truncation_side"):
        model.tokenizer.truncation_side = "left"


def test_the_tokenizer_ignores_nothing(model):
    for argument in ("return_overflowing_tokens", "is_split_into_words"):
        with pytest.raises(errors.Unsupported, match=argument):
            model.tokenizer(["hello world"], **{argument: True})
    found = model.tokenizer("hello world", return_offsets_mapping=True, return_special_tokens_mask=True)
    assert found["offset_mapping"][0] == (0, 0) and found["special_tokens_mask"][0] == 1
    assert len(found.tokens()) == len(found["input_ids"]) and "world" in model.tokenizer.vocab


def test_the_tokenizer_does_what_langchains_splitter_asks(model):
    tokenizer = model.tokenizer
    ids = tokenizer.encode("hello world " * 100, max_length=2**32, truncation="do_not_truncate")
    assert len(ids) > tokenizer.model_max_length
    assert tokenizer.decode(ids[1:-1]).startswith("hello world hello")


def test_tokens_become_text_and_files(model, tmp_path):
    tokenizer = model.tokenizer
    tokens = tokenizer.tokenize("hello, vectors")
    assert tokenizer.convert_tokens_to_string(tokens) == tokenizer.decode(tokenizer.convert_tokens_to_ids(tokens))
    with pytest.raises(ValueError, match="'no such token' is not in the vocabulary"):
        tokenizer.convert_tokens_to_string(["no such token"])
    assert tokenizer.init_kwargs["tokenizer_class"]
    written = tokenizer.save_pretrained(tmp_path / "tokenizer")
    assert all(os.path.isfile(path) for path in written)
    from bgecpp import AutoTokenizer

    shutil.copy(MODELS / "tiny-bert/config.json", tmp_path / "tokenizer")
    again = AutoTokenizer.from_pretrained(str(tmp_path / "tokenizer"))
    assert again(TEXTS)["input_ids"] == tokenizer(TEXTS)["input_ids"]


# Classes of one's own.


class Lowered(SentenceTransformer):
    def preprocess(self, inputs, prompt=None, **kwargs):
        return super().preprocess([text.upper() for text in inputs], prompt, **kwargs)


class Doubled(SentenceTransformer):
    def forward(self, input, **kwargs):
        output = super().forward(input, **kwargs)
        output["sentence_embedding"] = output["sentence_embedding"] * 2
        return output

    __call__ = forward


def test_methods_of_a_subclass_count(model):
    upper = [text.upper() for text in TEXTS]
    own = Lowered(str(MODELS / "tiny-bert"))
    np.testing.assert_allclose(own.encode(TEXTS), model.encode(upper), atol=1e-6)
    np.testing.assert_allclose(own.encode(TEXTS[0], truncate_dim=5), model.encode(upper[0])[:5], atol=1e-6)
    rows = own.encode(TEXTS, output_value="token_embeddings")
    for row, expected in zip(rows, model.encode(upper, output_value="token_embeddings")):
        np.testing.assert_allclose(np.asarray(row), np.asarray(expected), atol=1e-6)
    doubled = Doubled(str(MODELS / "tiny-bert"))
    np.testing.assert_allclose(doubled.encode(TEXTS), model.encode(TEXTS) * 2, atol=1e-6)
    unit = doubled.encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)
    patched = copy.deepcopy(model)
    patched.preprocess = lambda inputs, **kwargs: model.preprocess([text.upper() for text in inputs])
    np.testing.assert_allclose(patched.encode(TEXTS), model.encode(upper), atol=1e-6)


class Forward(SentenceTransformer):
    def forward(self, input, **kwargs):
        output = super().forward(input, **kwargs)
        return {**output, "sentence_embedding": -output["sentence_embedding"]}


def test_a_call_is_forward_as_torchs_modules_have_it(model):
    np.testing.assert_allclose(Forward(str(MODELS / "tiny-bert")).encode(TEXTS), -model.encode(TEXTS), atol=1e-6)


class Swapped(CrossEncoder):
    def preprocess(self, inputs, prompt=None, **kwargs):
        return super().preprocess([[b, a] for a, b in inputs], prompt, **kwargs)


class Negative(CrossEncoder):
    def predict(self, *args, **kwargs):
        return -super().predict(*args, **kwargs)


def test_methods_of_a_cross_encoders_subclass_count(cross):
    own = Swapped(str(MODELS / "tiny-bert-reranker"))
    np.testing.assert_allclose(own.predict(PAIRS), cross.predict([(b, a) for a, b in PAIRS]), atol=1e-6)
    assert own.rank("hello world", TEXTS)[0]["score"] == pytest.approx(float(own.predict(PAIRS).max()), abs=1e-6)
    best = Negative(str(MODELS / "tiny-bert-reranker")).rank("hello world", TEXTS)
    assert best[0]["corpus_id"] == int(cross.predict(PAIRS).argmin())


def test_a_sparse_encoders_subclass_is_refused_where_it_would_have_no_effect():
    class Own(SparseEncoder):
        def preprocess(self, inputs, **kwargs):
            return super().preprocess(inputs, **kwargs)

    with pytest.raises(errors.Unsupported, match="a preprocess or forward of its own"):
        Own(str(MODELS / "tiny-splade")).encode("a")


# Saving.


def test_saving_overwrites_nothing_that_is_not_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").write_text("mine")
    folder = copied("tiny-bert", tmp_path / "model")
    (folder / "README.md").write_text("the model's")
    model = SentenceTransformer(str(folder))
    with pytest.raises(FileNotFoundError):
        model.save("")
    assert sorted(os.listdir(tmp_path)) == ["README.md", "model"]
    model.save(folder, create_model_card=False)
    assert (folder / "README.md").read_text() == "the model's"
    model.save(tmp_path / "new", create_model_card=False)
    assert not (tmp_path / "new/README.md").exists()
    model.save(tmp_path / "other")
    assert (tmp_path / "other/README.md").read_text() == "the model's"
    model.save(folder / "inside")
    model.save(folder / "inside")
    assert not (folder / "inside/inside").exists()


@pytest.mark.parametrize("place", ["other.txt", "1_Pooling/other.txt", "more"])
def test_saving_copies_no_file_that_a_link_names(place, tmp_path):
    folder = copied("tiny-bert", tmp_path / "model")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/file").write_text("secret")
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).symlink_to(tmp_path / ("secret" if place == "more" else "secret/file"))
    with pytest.raises(errors.InvalidArgument, match="a link leads out of the model directory"):
        SentenceTransformer(str(folder)).save(tmp_path / "saved")


def test_a_snapshot_of_the_hubs_cache_is_saved(tmp_path):
    folder = tmp_path / "models--org--name/snapshots/abc"
    folder.parent.mkdir(parents=True)
    copied("tiny-bert", folder)
    blobs = tmp_path / "models--org--name/blobs"
    blobs.mkdir()
    (folder / "model.safetensors").rename(blobs / "123")
    (folder / "model.safetensors").symlink_to("../../blobs/123")
    model = SentenceTransformer(str(folder))
    model.save(tmp_path / "saved")
    assert not (tmp_path / "saved/model.safetensors").is_symlink()
    np.testing.assert_array_equal(SentenceTransformer(str(tmp_path / "saved")).encode("a"), model.encode("a"))


def test_saved_models_remember_the_dtype_of_results(tmp_path):
    SentenceTransformer(str(MODELS / "tiny-bert")).half().save(tmp_path / "half")
    model = SentenceTransformer(str(tmp_path / "half"))
    assert model.encode("a").dtype == np.float16
    settings = json.loads((tmp_path / "half/config_sentence_transformers.json").read_text())
    assert settings["__version__"]["sentence_transformers"]
    model.float().save(tmp_path / "float")
    assert SentenceTransformer(str(tmp_path / "float")).encode("a").dtype == np.float32


def test_torch_is_imported_for_none_of_this():
    if _common.torch_or_none() is None:
        assert isinstance(SentenceTransformer(str(MODELS / "tiny-bert"))(dict(input_ids=np.array([[2, 5, 3]])))
                          ["sentence_embedding"], np.ndarray)  # fmt: skip


# What is said beside the results.


def test_without_tqdm_a_warning_stands_for_the_bar(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(_common, "_warned", set())
    with pytest.warns(UserWarning, match="tqdm is not installed"):
        model.encode(TEXTS, show_progress_bar=True)


@pytest.mark.filterwarnings("ignore")
def test_what_was_said_already_is_not_remembered_without_end(monkeypatch):
    monkeypatch.setattr(_common, "_warned", set())
    for number in range(2500):
        _common.warn_once(f"message {number}")
    assert len(_common._warned) <= 1000


def test_padding_on_either_side_gives_the_same_vectors():
    model = SentenceTransformer(str(MODELS / "tiny-bert"))
    right = model.encode(TEXTS, output_value=None)
    model.tokenizer.padding_side = "left"
    for ours, one, text in zip(model.encode(TEXTS, output_value=None), right, TEXTS):
        mask = np.asarray(ours["attention_mask"])
        assert mask[-1] and (np.diff(mask) >= 0).all()
        np.testing.assert_array_equal(ours["sentence_embedding"], one["sentence_embedding"])
        np.testing.assert_allclose(ours["sentence_embedding"], model.encode(text), atol=1e-6)
