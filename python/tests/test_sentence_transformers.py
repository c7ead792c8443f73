"""bgecpp.sentence_transformers without torch: what it returns for the tiny models, and how it behaves.

The expected values are sentence-transformers' own: tools/oracle/sentence_transformers_goldens.py.
"""

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from conftest import MODELS
from sentence_transformers_cases import SMALL_MODELS, TEXTS, load, to_plain

from bgecpp import errors
from bgecpp import sentence_transformers as st
from bgecpp.sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder, util

GOLDENS = json.loads((MODELS.parent / "sentence_transformers.json").read_text(encoding="utf-8"))


@pytest.fixture
def model():
    return load("SentenceTransformer", "tiny-bert")


def assert_close(found, expected, tolerance):
    if isinstance(expected, dict):
        assert set(found) == set(expected)
        for key in expected:
            assert_close(found[key], expected[key], tolerance)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        if expected and isinstance(expected[0], (int, float)) or not expected:
            np.testing.assert_allclose(found, expected, atol=tolerance, rtol=1e-6)
        else:
            for one, other in zip(found, expected):
                assert_close(one, other, tolerance)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=tolerance)
    else:
        assert found == expected


def name_of(call):
    kwargs = {**call["kwargs"], **call.get("settings", {})}
    return f"{call['model']}-{call['method']}-" + ",".join(f"{k}={str(v)[:12]}" for k, v in kwargs.items())


@pytest.mark.parametrize("call", GOLDENS["calls"], ids=name_of)
def test_returns_what_sentence_transformers_returns(call):
    kwargs = {"model_kwargs": {"torch_dtype": "float32"}} if call["class"] == "SentenceTransformer" else {}
    model = load(call["class"], call["model"], **kwargs)
    for name, value in call.get("settings", {}).items():
        setattr(model, name, value)
    result = getattr(model, call["method"])(*call["arguments"], **call["kwargs"])
    if "dtype" in call:
        assert isinstance(result, np.ndarray)
        assert str(result.dtype) == call["dtype"]
    # A value at the edge of two steps may fall to either side.
    tolerance = 1 if call["kwargs"].get("precision") in ("int8", "uint8") else 1e-5
    assert_close(to_plain(result), call["expected"], tolerance)


@pytest.mark.parametrize("call", GOLDENS["functions"], ids=lambda call: call["function"])
def test_functions_return_what_sentence_transformers_returns(call):
    arguments = [np.array(value, np.float32) for value in call["arguments"]]
    kwargs = dict(call.get("kwargs", {}))
    if "score_function" in call:
        kwargs["score_function"] = getattr(util, call["score_function"])
    if "ranges" in kwargs:
        kwargs["ranges"] = np.array(kwargs["ranges"])
    result = getattr(util, call["function"])(*arguments, **kwargs)
    if "dtype" in call:
        assert str(result.dtype) == call["dtype"]
    assert_close(to_plain(result), call["expected"], 1 if kwargs.get("precision") in ("int8", "uint8") else 2e-6)


def test_texts_come_in_many_kinds(model):
    expected = model.encode(TEXTS)
    assert expected.shape == (4, 32)
    for texts in (
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, object),
        (text for text in TEXTS),
        dict.fromkeys(TEXTS).keys(),
    ):
        np.testing.assert_array_equal(model.encode(texts), expected)
    np.testing.assert_array_equal(model.encode(sentences=TEXTS), expected)
    np.testing.assert_allclose(model.encode(TEXTS[0]), expected[0], atol=1e-6)
    for batch_size in (1, 3, 100):
        np.testing.assert_allclose(model.encode(TEXTS, batch_size=batch_size), expected, atol=1e-6)


def test_what_is_no_text_is_refused(model):
    for wrong in (3, [3], ["a", None], {"image": "x"}, b"bytes", [("a", "b", "c")]):
        with pytest.raises((TypeError, ValueError)):
            model.encode(wrong)
    with pytest.raises(TypeError, match="inputs"):
        model.encode()


def test_of_no_texts_nothing_comes(model):
    empty = model.encode([])
    assert empty.shape == (0,)
    assert model.encode([], convert_to_numpy=False) == []
    assert model.encode([], precision="int8").shape == (0,)
    assert model.encode([], output_value=None) == []
    assert model.encode([], output_value="token_embeddings") == []
    cross = load("CrossEncoder", "tiny-reranker")
    assert cross.predict([]).shape == (0,)
    assert cross.rank("a", []) == []


def test_wrong_arguments_are_named(model):
    with pytest.raises(ValueError, match="batch_size must be a positive integer, got 0"):
        model.encode("a", batch_size=0)
    with pytest.raises(ValueError, match="Precision 'int4' is not supported"):
        model.encode("a", precision="int4")
    with pytest.raises(ValueError, match="Prompt name 'other' not found in the configured prompts dictionary"):
        model.encode("a", prompt_name="other")
    with pytest.raises(ValueError, match="additional keyword arguments that this model does not use"):
        model.encode("a", unknown=1)
    with pytest.raises(ValueError, match="only supports similarity_fn_name in"):
        model.similarity_fn_name = "maxsim"
    with pytest.raises(ValueError, match="a single vector has no range"):
        model.encode("a", precision="int8")
    with pytest.raises(ValueError, match="Default prompt name 'x' not found"):
        SentenceTransformer(str(MODELS / "tiny-bert"), default_prompt_name="x")


def test_models_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(errors.Unsupported, match="modules made of torch"):
        SentenceTransformer(modules=[object()])
    with pytest.raises(ValueError, match="expected a model"):
        SentenceTransformer()
    with pytest.raises(FileNotFoundError, match="not found"):
        SentenceTransformer(str(tmp_path / "absent"))
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError, match="is a file, not a directory"):
        SentenceTransformer(str(tmp_path / "file"))
    with pytest.raises(LookupError):
        SentenceTransformer("nobody/has-this-model", local_files_only=True)
    with pytest.raises(errors.Unsupported):
        SparseEncoder(str(MODELS / "tiny-bert"))
    with pytest.raises(errors.Unsupported, match="one label"):
        CrossEncoder(str(MODELS / "tiny-reranker"), num_labels=3)
    with pytest.raises(ValueError, match="backend"):
        SentenceTransformer(str(MODELS / "tiny-bert"), backend="jax")


def test_prompts_are_those_of_the_model_and_the_caller():
    model = load("SentenceTransformer", "tiny-bert")
    assert model.prompts == {"query": "query: ", "document": "", "passage": "passage: "}
    other = SentenceTransformer(
        str(MODELS / "tiny-bert"), prompts={"query": "q: ", "mine": "m: "}, default_prompt_name="mine"
    )
    assert other.prompts == {"query": "q: ", "document": "", "passage": "passage: ", "mine": "m: "}
    np.testing.assert_array_equal(other.encode("a"), model.encode("m: a"))
    np.testing.assert_array_equal(other.encode("a", prompt=""), model.encode("a"))
    np.testing.assert_array_equal(other.encode_query("a"), model.encode("q: a"))
    # "document" comes before "passage", though it is empty.
    np.testing.assert_array_equal(model.encode_document("a"), model.encode("a"))
    np.testing.assert_array_equal(other.encode("a", prompt="p: ", prompt_name="query"), model.encode("p: a"))


def test_a_default_prompt_of_the_directory_is_used():
    model = load("SentenceTransformer", "tiny-bert-bf16")
    assert model.default_prompt_name == "document"
    plain = model.encode("a", prompt="")
    assert np.abs(model.encode("a") - plain).max() > 1e-3
    np.testing.assert_array_equal(model.encode("a"), model.encode("a", prompt_name="document"))


def test_prompts_left_out_of_pooling_equal_the_engines_own():
    model = load("SentenceTransformer", "tiny-bert-bf16")  # include_prompt is false
    own = model.encode(TEXTS, prompt="search: ")
    model.set_pooling_include_prompt(True)
    with_prompt = model.encode(TEXTS, prompt="search: ")
    assert np.abs(own - with_prompt).max() > 1e-4
    np.testing.assert_allclose(with_prompt, model.encode(["search: " + text for text in TEXTS], prompt=""), atol=1e-6)
    # And by the token vectors what the engine does by itself.
    vectors = model._vectors_of_tokens(TEXTS, "search: ", None)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, with_prompt, atol=1e-6)
    model.set_pooling_include_prompt(False)
    left_out = model._vectors_of_tokens(TEXTS, "search: ", None)
    left_out /= np.linalg.norm(left_out, axis=1, keepdims=True)
    np.testing.assert_allclose(left_out, own, atol=1e-6)


@pytest.mark.parametrize("name", ["tiny-bert", "tiny-roberta", "tiny-bert-f16", "tiny-modernbert", "tiny-bert-bf16"])
def test_token_vectors_pool_to_the_text_vector(name):
    model = load("SentenceTransformer", name)
    features = model.preprocess(TEXTS)
    found = model.forward(
        {key: np.asarray(value) if hasattr(value, "shape") else value for key, value in features.items()}
    )
    assert found["token_embeddings"].shape[:2] == np.asarray(features["input_ids"]).shape
    found = np.asarray(to_plain(found["sentence_embedding"]), np.float32)
    np.testing.assert_allclose(
        found, model.encode(TEXTS, prompt="").astype(np.float32), atol=4e-3 if name.endswith("f16") else 1e-6
    )


def test_max_seq_length_cuts_and_may_grow_to_the_positions():
    model = load("SentenceTransformer", "tiny-bert")
    long = "the vector of tokens " * 40
    full = model.encode(long)
    model.max_seq_length = 8
    assert (model.max_seq_length, model.get_max_seq_length(), model[0].max_seq_length) == (8, 8, 8)
    assert len(model.tokenizer(long, truncation=True)["input_ids"]) == 8
    short = model.encode(long)
    assert np.abs(full - short).max() > 1e-3
    model.max_seq_length = 100000
    np.testing.assert_array_equal(model.encode(long), full)
    np.testing.assert_array_equal(model.encode(long, processing_kwargs={"text": {"max_length": 8}}), short)
    np.testing.assert_array_equal(model.encode(long, processing_kwargs={"common": {"max_length": 8}}), short)
    with pytest.warns(UserWarning, match="processing_kwargs: add_special_tokens=False"):
        model.encode(long, processing_kwargs={"text": {"add_special_tokens": False}})
    other = SentenceTransformer(str(MODELS / "tiny-bert"), processor_kwargs={"model_max_length": 8})
    np.testing.assert_array_equal(other.encode(long), short)


def test_truncated_vectors(model):
    full = model.encode(TEXTS)
    assert model.get_embedding_dimension() == 32
    np.testing.assert_array_equal(model.encode(TEXTS, truncate_dim=10), full[:, :10])
    with model.truncate_embeddings(10):
        assert model.get_embedding_dimension() == 10
        np.testing.assert_array_equal(model.encode(TEXTS), full[:, :10])
        assert model.encode(TEXTS, truncate_dim=20).shape == (4, 20)
    assert model.encode(TEXTS).shape == (4, 32)
    assert model.encode(TEXTS, truncate_dim=500).shape == (4, 32)
    unit = model.encode(TEXTS, truncate_dim=10, normalize_embeddings=True)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)
    assert SentenceTransformer(str(MODELS / "tiny-bert"), truncate_dim=7).encode(TEXTS).shape == (4, 7)


@pytest.mark.parametrize("inputs", [TEXTS, [("hello", "world"), ("a", "b")]], ids=["texts", "pairs"])
@pytest.mark.parametrize("dim", [0, -1, -10, -32, -100])
def test_a_truncate_dim_below_one_leaves_columns_out_from_the_end(model, inputs, dim):
    full = model.encode(inputs)
    cut = model.encode(inputs, truncate_dim=dim)
    np.testing.assert_array_equal(cut, full[:, :dim])
    unit = model.encode(inputs, truncate_dim=dim, normalize_embeddings=True)
    lengths = np.linalg.norm(full[:, :dim], axis=1, keepdims=True)
    np.testing.assert_allclose(unit, full[:, :dim] / lengths, atol=1e-6)
    model.truncate_dim = dim
    np.testing.assert_array_equal(model.encode(inputs, normalize_embeddings=True), unit)


def test_results_have_the_models_dtype():
    model = SentenceTransformer(str(MODELS / "tiny-bert-f16"))
    assert model.encode(TEXTS).dtype == np.float16
    assert model.float().encode(TEXTS).dtype == np.float32
    assert model.half().encode(TEXTS).dtype == np.float16
    assert (
        SentenceTransformer(str(MODELS / "tiny-bert"), model_kwargs={"torch_dtype": "float16"}).encode("a").dtype
        == np.float16
    )
    assert load("SentenceTransformer", "tiny-bert-bf16").encode("a").dtype == np.float32


def test_all_that_was_made_of_a_text(model):
    items = model.encode(TEXTS, output_value=None, prompt="query: ")
    assert [type(item) for item in items] == [dict] * 4
    assert list(items[0]) == [
        "input_ids",
        "token_type_ids",
        "attention_mask",
        "modality",
        "prompt_length",
        "token_embeddings",
        "sentence_embedding",
    ]
    vectors = np.stack([np.asarray(item["sentence_embedding"]) for item in items])
    np.testing.assert_allclose(vectors, model.encode(TEXTS, prompt="query: "), atol=1e-6)
    tokens = model.encode(TEXTS, output_value="token_embeddings", prompt="query: ")
    for item, rows in zip(items, tokens):
        assert len(rows) == int(np.asarray(item["attention_mask"]).sum())
        np.testing.assert_allclose(np.asarray(item["token_embeddings"])[: len(rows)], np.asarray(rows), atol=1e-6)
    assert isinstance(model.encode("a", output_value=None), dict)


def test_a_query_is_ranked_as_its_pairs_are_scored():
    model = load("CrossEncoder", "tiny-reranker")
    scores = model.predict([("hello", text) for text in TEXTS])
    hits = model.rank("hello", TEXTS)
    assert [hit["corpus_id"] for hit in hits] == np.argsort(-scores, kind="stable").tolist()
    np.testing.assert_allclose([hit["score"] for hit in hits], -np.sort(-scores), atol=1e-6)
    assert len(model.rank("hello", TEXTS, top_k=2)) == 2
    assert model.rank("hello", TEXTS, top_k=1, return_documents=True)[0]["text"] == TEXTS[hits[0]["corpus_id"]]
    single = model.predict(["hello", TEXTS[0]])
    assert isinstance(single, np.float32) and single == pytest.approx(scores[0], abs=1e-6)


def test_activations():
    model = load("CrossEncoder", "tiny-reranker")
    pairs = [("hello", text) for text in TEXTS]
    identity = load("CrossEncoder", "tiny-bert-reranker").activation_fn
    logits = model.predict(pairs, activation_fn=identity)
    np.testing.assert_allclose(model.predict(pairs), 1 / (1 + np.exp(-logits)), atol=1e-6)
    np.testing.assert_allclose(model.predict(pairs, activation_fn=lambda x: x * 2), 2 * logits, atol=1e-6)
    np.testing.assert_allclose(model.predict(pairs, activation_fct=lambda x: x + 1), logits + 1, atol=1e-6)
    model.activation_fn = lambda x: -x
    np.testing.assert_allclose(model.predict(pairs, apply_softmax=True, num_workers=2), -logits, atol=1e-6)
    for wrong in ([("a",)], ["a"], [("a", 3)], "a"):
        with pytest.raises(ValueError, match="expected a pair of str"):
            model.predict(wrong)


def test_torch_that_is_absent_is_looked_for_once():
    program = (
        "import sys\n"
        "class Finder:\n"
        "    asked = 0\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        self.asked += name == 'torch'\n"
        "        if name == 'torch': raise ModuleNotFoundError(\"No module named 'torch'\", name=name)\n"
        "sys.meta_path.insert(0, finder := Finder())\n"
        "import numpy as np\n"
        "from bgecpp.sentence_transformers import util\n"
        "for _ in range(3): util.cos_sim(np.ones((1, 2)), np.ones((1, 2)))\n"
        "asked = finder.asked\n"
        "sys.modules['torch'] = util\n"
        "from bgecpp._common import torch_or_none\n"
        "print(asked, torch_or_none() is util)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["1", "True"], done.stderr


def test_copies_share_the_engine_and_pickles_load_it(model):
    other = copy.deepcopy(model)
    other.prompts["query"] = "x"
    other.max_seq_length = 5
    assert model.prompts["query"] == "query: " and model.max_seq_length == 64
    assert other[0].max_seq_length == 5 and other._engine is model._engine
    again = pickle.loads(pickle.dumps(other))
    np.testing.assert_array_equal(again.encode(TEXTS), other.encode(TEXTS))
    cross = load("CrossEncoder", "tiny-reranker")
    assert pickle.loads(pickle.dumps(cross)).predict(("a", "b")) == cross.predict(("a", "b"))


@pytest.mark.parametrize("cls, name", [("SentenceTransformer", "tiny-bert"), ("SentenceTransformer", "tiny-m3"), ("SparseEncoder", "tiny-splade"), ("CrossEncoder", "tiny-reranker")])  # fmt: skip
def test_saved_models_are_the_same_with_their_settings(cls, name, tmp_path):
    model = load(cls, name)
    model.prompts["other"] = "another: "
    model.default_prompt_name = "other"
    model.max_seq_length = 9
    call = "predict" if cls == "CrossEncoder" else "encode"
    arguments = ([(TEXTS[1], TEXTS[1])] if cls == "CrossEncoder" else TEXTS,)
    before = getattr(model, call)(*arguments)
    model.save(str(tmp_path / "saved"))
    model.save_pretrained(str(tmp_path / "saved"))  # over itself
    again = getattr(st, cls)(str(tmp_path / "saved"))
    assert again.prompts == model.prompts and again.default_prompt_name == "other" and again.max_seq_length == 9
    np.testing.assert_array_equal(to_plain(getattr(again, call)(*arguments)), to_plain(before))
    with pytest.raises(errors.Unsupported, match="uploads nothing"):
        model.push_to_hub("me/model")


def test_pools_are_accepted(model):
    pool = model.start_multi_process_pool(["cpu", "cpu"])
    np.testing.assert_array_equal(model.encode(TEXTS, pool=pool, chunk_size=2), model.encode(TEXTS))
    with pytest.warns(DeprecationWarning, match="encode_multi_process"):
        vectors = model.encode_multi_process(TEXTS, pool)
    np.testing.assert_array_equal(vectors, model.encode(TEXTS))
    model.stop_multi_process_pool(pool)
    with pytest.raises(ValueError, match="chunk_size must be a positive integer"):
        model.encode(TEXTS, pool=pool, chunk_size=0)


def test_other_devices_warn_once_and_are_not_used():
    with pytest.warns(UserWarning, match="device 'cuda:5' is not used"):
        model = SentenceTransformer(str(MODELS / "tiny-bert"), device="cuda:5")
    assert str(model.device) == "cpu" and model.device.type == "cpu"
    assert model.to("cpu") is model and model.eval() is model and model.cpu() is model


def test_modules_say_what_the_model_is(model):
    assert len(model) == 3 and [type(module).__name__ for module in model] == ["Transformer", "Pooling", "Normalize"]
    assert model[0].get_word_embedding_dimension() == 32
    assert model[0].auto_model.config.model_type == "bert" == model.config.model_type
    assert model[1].pooling_mode == "cls" and model[1].pooling_mode_cls_token and not model[1].pooling_mode_mean_tokens
    assert model._first_module() is model[0] and model._last_module() is model[-1]
    assert model and "Pooling" in repr(model)
    assert model.tokenizer.pad_token == "[PAD]" and model.tokenizer.model_max_length == 64


def test_tokenizer_calls(model):
    tokenizer = model.tokenizer
    ids = tokenizer("hello world")["input_ids"]
    assert tokenizer.encode("hello world") == ids
    assert tokenizer.convert_tokens_to_ids(tokenizer.convert_ids_to_tokens(ids)) == ids
    assert ids[0] == tokenizer.cls_token_id and ids[-1] == tokenizer.sep_token_id
    assert tokenizer.decode(ids, skip_special_tokens=True) == "hello world"
    batch = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="np")
    assert batch.input_ids.shape == batch["attention_mask"].shape and batch.input_ids.dtype == np.int64
    assert (batch.input_ids[batch.attention_mask == 0] == tokenizer.pad_token_id).all()
    pair = tokenizer("a", "b")
    assert len(pair["input_ids"]) == 5 and pair["token_type_ids"][-1] == 1
    assert len(tokenizer.get_vocab()) == len(tokenizer)
    with pytest.raises(ValueError, match="padding=True"):
        tokenizer(TEXTS, return_tensors="np")


def test_quantized_vectors(model):
    vectors = model.encode(TEXTS * 30)
    for precision, dtype, width in (
        ("int8", np.int8, 32),
        ("uint8", np.uint8, 32),
        ("binary", np.int8, 4),
        ("ubinary", np.uint8, 4),
    ):
        found = model.encode(TEXTS * 30, precision=precision)
        assert found.dtype == dtype and found.shape == (120, width)
        np.testing.assert_array_equal(found, util.quantize_embeddings(vectors, precision))
    np.testing.assert_array_equal(
        util.quantize_embeddings(vectors, "binary").view(np.uint8) ^ 128, util.quantize_embeddings(vectors, "ubinary")
    )
    assert [m.shape for m in util.quantize_embeddings([vectors[:3], vectors[3:5]], "int8")] == [(3, 32), (2, 32)]
    assert util.quantize_embeddings([], "int8") == []
    assert util.quantize_embeddings(vectors[:0], "ubinary").shape == (0, 4)


def test_nothing_heavy_is_imported():
    code = (
        "import sys; from bgecpp import SentenceTransformer; "
        f"m = SentenceTransformer({str(MODELS / 'tiny-bert')!r}); m.encode(['a', 'b'], normalize_embeddings=True); "
        "from bgecpp.sentence_transformers import util; util.semantic_search(m.encode(['a']), m.encode(['b'])); "
        "print(sorted({'torch', 'transformers', 'sentence_transformers', 'scipy', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_names_are_found_in_a_cache_folder(tmp_path, model):
    snapshot = tmp_path / "models--sentence-transformers--tiny" / "snapshots" / "0123abc"
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(MODELS / "tiny-bert")
    refs = tmp_path / "models--sentence-transformers--tiny" / "refs"
    refs.mkdir()
    (refs / "main").write_text("0123abc\n")
    expected = model.encode(TEXTS)
    for kwargs in ({}, {"revision": "main"}, {"revision": "0123abc"}):
        found = SentenceTransformer("tiny", cache_folder=str(tmp_path), local_files_only=True, **kwargs)
        np.testing.assert_array_equal(found.encode(TEXTS), expected)
    assert SentenceTransformer("sentence-transformers/tiny", cache_folder=str(tmp_path)).encode("a").shape == (32,)


def test_programs_that_import_sentence_transformers_get_these(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        "from sentence_transformers import CrossEncoder, SentenceTransformer, SimilarityFunction, util\n"
        "from sentence_transformers.util import cos_sim, semantic_search\n"
        "from sentence_transformers.quantization import quantize_embeddings\n"
        "import sentence_transformers.cross_encoder\n"
        "assert util.cos_sim is cos_sim and sentence_transformers.cross_encoder.CrossEncoder is CrossEncoder\n"
        "model = SentenceTransformer(sys.argv[1])\n"
        "print(SentenceTransformer.__module__, len(semantic_search(model.encode(['a']), model.encode(['b', 'c']))[0]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "bgecpp.run", str(program), str(MODELS / "tiny-bert")], capture_output=True, text=True
    )
    assert done.stdout.split() == ["bgecpp.sentence_transformers.sentence_transformer.model", "2"], done.stderr


def test_methods_to_be_awaited(model):
    import asyncio

    async def run():
        cross = load("CrossEncoder", "tiny-reranker")
        vectors = await asyncio.gather(model.aencode(TEXTS), model.aencode_query(TEXTS), model.aencode_document(TEXTS))
        weights = await asyncio.gather(sparse.aencode(TEXTS), sparse.aencode_query(TEXTS), sparse.aencode_document(TEXTS))
        return vectors, await cross.apredict(("a", "b")), await cross.arank("a", TEXTS), weights

    sparse = load("SparseEncoder", "tiny-doc-sparse")  # whose queries have weights of their own
    (plain, queries, documents), score, hits, weights = asyncio.run(run())
    np.testing.assert_array_equal(plain, model.encode(TEXTS))
    np.testing.assert_array_equal(queries, model.encode_query(TEXTS))
    np.testing.assert_array_equal(documents, model.encode_document(TEXTS))
    assert 0 < score < 1 and len(hits) == len(TEXTS)
    for found, call in zip(weights, (sparse.encode, sparse.encode_query, sparse.encode_document)):
        assert to_plain(found) == to_plain(call(TEXTS))
    assert to_plain(weights[1]) != to_plain(weights[2])


@pytest.mark.parametrize("cls", list(SMALL_MODELS))
def test_another_config_may_be_set(cls):
    loaded = load(cls, SMALL_MODELS[cls])
    before = loaded.config
    changed = type(before)(**{**before.to_dict(), "note": "mine"})
    assert changed.to_dict() == {**before.to_dict(), "note": "mine"} and changed.name_or_path == before.name_or_path
    loaded.config = changed
    assert loaded.config is changed and loaded.transformers_model.config is changed and loaded[0].config is changed
    for other in (copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded))):
        assert other.config.note == other.transformers_model.config.note == "mine"
    assert not hasattr(load(cls, SMALL_MODELS[cls]).config, "note")
    loaded.tokenizer = loaded.tokenizer  # itself
    with pytest.raises(errors.Unsupported, match="tokenizer"):
        loaded.tokenizer = copy.copy(loaded.tokenizer)


def test_progress_is_shown_where_tqdm_is(model, capsys):
    pytest.importorskip("tqdm")
    model.encode(TEXTS, show_progress_bar=True)
    assert "Batches" in capsys.readouterr().err
    model.encode(TEXTS, show_progress_bar=True, batch_size=3)
    assert "2/2" in capsys.readouterr().err
