"""bgecpp.sentence_transformers beside sentence-transformers itself: values, shapes, dtypes, containers."""

import inspect
import itertools
import json
import logging

import numpy as np
import pytest
from conftest import MODELS, need

from bgecpp import sentence_transformers as ours

pytest.importorskip("torch", reason="torch is not installed: what sentence-transformers gives is made of it")
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]
TEXTS = [
    "What does a baker need?",
    "Bread is flour, water, salt and patience. It takes a night to rise, and an hour in the oven.",
    "",
    "Straße, naïve café, 東京タワー, привет мир, مرحبا",
    "word " * 700,
    "a",
]
PAIRS = [("What does a baker need?", text) for text in TEXTS] + [(TEXTS[4], TEXTS[4]), (TEXTS[3], "b"), ("", "")]


def assert_same(found, expected, tolerance=1e-5):
    """The same containers, dtypes, shapes and, to the tolerance, values."""
    import torch

    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key], tolerance)
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            assert_same(one, other, tolerance)
    elif isinstance(expected, torch.Tensor):
        assert (found.dtype, found.shape, found.is_sparse, found.device) == (
            expected.dtype,
            expected.shape,
            expected.is_sparse,
            expected.device,
        )
        torch.testing.assert_close(found.to_dense(), expected.to_dense(), atol=tolerance, rtol=0)
    elif isinstance(expected, (np.ndarray, np.generic)):
        assert found.dtype == expected.dtype and found.shape == expected.shape
        np.testing.assert_allclose(found.astype(float), expected.astype(float), atol=tolerance)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=tolerance)
    else:
        assert found == expected


# Everything that a public method takes, and what is meant to be different: see docs/python.md.
INSIDES = {
    # torch.nn.Module's (smart_apply is transformers', which puts it there when it first makes weights) and peft's, training's.
    "active_adapter", "active_adapters", "add_adapter", "add_module", "append", "apply", "buffers", "bfloat16", "call_super_init",
    "clear_placement_cache", "delete_adapter", "disable_adapters", "double", "dump_patches", "enable_adapters", "extend", "extra_repr",
    "get_adapter_state_dict", "get_buffer", "get_extra_state", "get_parameter", "get_submodule", "gradient_checkpointing_enable",
    "has_peft_compatible_model", "insert", "ipu", "load_adapter", "load_state_dict", "merge", "model_card_data_class", "mtia",
    "named_buffers", "named_modules", "named_parameters", "old_fit", "pop", "register_backward_hook", "register_buffer",
    "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook", "register_full_backward_pre_hook",
    "register_load_state_dict_post_hook", "register_load_state_dict_pre_hook", "register_module", "register_parameter",
    "register_state_dict_post_hook", "register_state_dict_pre_hook", "set_adapter", "set_extra_state", "set_submodule", "smart_apply", "smart_batching_collate",
    "state_dict", "to_empty", "type", "xpu", "zero_grad", "check_peft_compatible_model", "smart_batching_collate_text_only", "T_destination", "get_sentence_features", "training", "forward", "unload_adapter",
}  # fmt: skip


@pytest.mark.parametrize("cls", ["SentenceTransformer", "CrossEncoder", "SparseEncoder"])
def test_every_method_is_there_and_takes_every_argument(cls):
    real = getattr(need("sentence_transformers"), cls)
    mine = getattr(ours, cls)
    missing = []
    for name in dir(real):
        if name.startswith("_") and name != "__init__" or name in INSIDES:
            continue
        if not hasattr(mine, name):
            missing.append(name)
            continue
        theirs = inspect.getattr_static(real, name)
        function = getattr(real, name)
        if isinstance(theirs, property) or not callable(function):
            continue
        wanted = list(inspect.signature(function).parameters.values())
        taken = inspect.signature(getattr(mine, name)).parameters
        if any(p.kind is p.VAR_POSITIONAL for p in taken.values()) and any(
            p.kind is p.VAR_KEYWORD for p in taken.values()
        ):
            continue
        missing += [
            f"{name}({p.name})"
            for p in wanted
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name not in taken
        ]
        # The same places, too.
        places = [p.name for p in wanted if p.kind is p.POSITIONAL_OR_KEYWORD]
        mine_places = [p.name for p in taken.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        if mine_places[: len(places)] != places:
            missing.append(f"{name}: {mine_places} for {places}")
    assert not missing


@pytest.mark.parametrize(
    "name", ["minilm", "multilingual-e5-small", "random-bge-small-en-v1", "tiny-distilbert", "tiny-modernbert"]
)
def test_encode(both, name):
    theirs, mine = both("SentenceTransformer", name)
    for property_name in (
        "max_seq_length",
        "prompts",
        "default_prompt_name",
        "similarity_fn_name",
        "dtype",
        "device",
        "truncate_dim",
    ):
        assert getattr(mine, property_name) == getattr(theirs, property_name), property_name
    assert mine.get_embedding_dimension() == theirs.get_embedding_dimension()
    calls = [
        {},
        {"prompt": "query: "},
        {"normalize_embeddings": True},
        {"truncate_dim": 10},
        {"truncate_dim": 10, "normalize_embeddings": True},
    ]
    for kwargs in calls:
        assert_same(mine.encode(TEXTS, **kwargs), theirs.encode(TEXTS, **kwargs))
    for method in ("encode_query", "encode_document"):
        assert_same(getattr(mine, method)(TEXTS), getattr(theirs, method)(TEXTS))
    assert_same(
        mine.encode(TEXTS, output_value="token_embeddings"), theirs.encode(TEXTS, output_value="token_embeddings"), 5e-5
    )
    assert_same(
        mine.encode(TEXTS[0], output_value="token_embeddings"),
        theirs.encode(TEXTS[0], output_value="token_embeddings"),
        5e-5,
    )
    if mine._info["modules"][1:] in (["Pooling"], ["Pooling", "Normalize"]):
        assert_same(mine.encode(PAIRS), theirs.encode(PAIRS))


def test_encode_gives_the_same_containers(both):
    theirs, mine = both("SentenceTransformer", "minilm")
    inputs = [TEXTS[:3], TEXTS[0], [], tuple(TEXTS[:2]), np.array(TEXTS[:2])]
    switches = itertools.product(
        [True, False], [True, False], [None, "float32", "int8", "uint8", "binary", "ubinary"], [True, False]
    )
    count = 0
    for (as_numpy, as_tensor, precision, normalize), texts in itertools.product(switches, inputs):
        kwargs = {
            "convert_to_numpy": as_numpy,
            "convert_to_tensor": as_tensor,
            "precision": precision,
            "normalize_embeddings": normalize,
        }
        if isinstance(texts, str) and precision in ("int8", "uint8"):
            for model in (theirs, mine):
                with pytest.raises(ValueError):
                    model.encode(texts, **kwargs)
            continue
        assert_same(
            mine.encode(texts, **kwargs),
            theirs.encode(texts, **kwargs),
            1.001 if precision in ("int8", "uint8") else 1e-5,
        )
        count += 1
    assert count > 200


def test_encode_gives_the_same_of_everything(both):
    theirs, mine = both("SentenceTransformer", "minilm")
    for prompt in (None, "query: "):
        expected = theirs.encode(TEXTS, output_value=None, batch_size=3, prompt=prompt)
        found = mine.encode(TEXTS, output_value=None, batch_size=3, prompt=prompt)
        for one, other in zip(found, expected):
            assert list(one) == list(other)
            kept = other["attention_mask"].bool()
            for key in other:
                # Of padding, which no pooling sees, torch has vectors and we zeros.
                same = (one[key][kept], other[key][kept]) if key == "token_embeddings" else (one[key], other[key])
                assert_same(*same, 5e-5)
    assert_same(
        {k: v for k, v in mine.preprocess(TEXTS, prompt="query: ").items()},
        {k: v for k, v in theirs.preprocess(TEXTS, prompt="query: ").items()},
    )


def test_settings_change_the_same(both):
    theirs, mine = both("SentenceTransformer", "minilm")
    for length in (8, 400, 512):  # the model's own is 256
        theirs.max_seq_length = mine.max_seq_length = length
        assert_same(mine.encode(TEXTS), theirs.encode(TEXTS))
    theirs.max_seq_length = mine.max_seq_length = 256
    with theirs.truncate_embeddings(7), mine.truncate_embeddings(7):
        assert_same(mine.encode(TEXTS), theirs.encode(TEXTS))
    kwargs = {"processing_kwargs": {"text": {"max_length": 9}}}
    assert_same(mine.encode(TEXTS, **kwargs), theirs.encode(TEXTS, **kwargs))
    theirs.set_pooling_include_prompt(False)
    mine.set_pooling_include_prompt(False)
    assert_same(mine.encode(TEXTS, prompt="query: "), theirs.encode(TEXTS, prompt="query: "))
    theirs.set_pooling_include_prompt(True)
    mine.set_pooling_include_prompt(True)
    vectors = theirs.encode(TEXTS)
    for name in ("cosine", "dot", "euclidean", "manhattan"):
        theirs.similarity_fn_name = mine.similarity_fn_name = name
        for one, other in (
            (vectors, vectors[:2]),
            (vectors[0], vectors),
            (list(vectors), theirs.encode(TEXTS, convert_to_tensor=True)),
        ):
            assert_same(mine.similarity(one, other), theirs.similarity(one, other))
        assert_same(
            mine.similarity_pairwise(vectors, vectors[::-1].copy()),
            theirs.similarity_pairwise(vectors, vectors[::-1].copy()),
            1e-3 if name == "manhattan" else 1e-5,
        )


def test_half_precision_comes_in_the_same_dtype(both):
    theirs, mine = both("SentenceTransformer", "minilm", model_kwargs={"torch_dtype": "float16"})
    assert mine.dtype == theirs.dtype
    # Theirs computes in float16 too, ours in float32.
    assert_same(mine.encode(TEXTS), theirs.encode(TEXTS), 2e-3)
    assert_same(mine.encode(TEXTS, convert_to_tensor=True), theirs.encode(TEXTS, convert_to_tensor=True), 2e-3)


@pytest.mark.parametrize(
    "name", ["minilm-medquad-reranker-v1", "tiny-bert-reranker", "tiny-reranker", "tiny-modernbert-reranker"]
)
def test_cross_encoder(both, name):
    import torch

    theirs, mine = both("CrossEncoder", name)
    assert (mine.max_seq_length, mine.num_labels, mine.prompts) == (
        theirs.max_seq_length,
        theirs.num_labels,
        theirs.prompts,
    )
    assert type(mine.activation_fn) is type(theirs.activation_fn)
    for as_numpy, as_tensor, softmax in itertools.product([True, False], repeat=3):
        kwargs = {"convert_to_numpy": as_numpy, "convert_to_tensor": as_tensor, "apply_softmax": softmax}
        for pairs in (PAIRS, PAIRS[0], list(PAIRS[1]), [list(PAIRS[2])], [], np.array(PAIRS[:2]), np.array(PAIRS[0])):
            assert_same(mine.predict(pairs, **kwargs), theirs.predict(pairs, **kwargs), 2e-5)
    functions = [torch.nn.Sigmoid(), torch.nn.Identity(), torch.nn.Tanh(), lambda x: x * 3, torch.sigmoid]
    for function in functions:
        assert_same(mine.predict(PAIRS, activation_fn=function), theirs.predict(PAIRS, activation_fn=function), 6e-5)
    assert_same(mine.predict(PAIRS, prompt="a prompt: "), theirs.predict(PAIRS, prompt="a prompt: "), 2e-5)
    documents = TEXTS[:2] + TEXTS[3:]
    for kwargs in ({}, {"top_k": 2}, {"return_documents": True}, {"activation_fn": torch.nn.Identity()}):
        assert_same(
            mine.rank("What does a baker need?", documents, **kwargs),
            theirs.rank("What does a baker need?", documents, **kwargs),
            5e-5,
        )
    for length in (4, 7) if name.startswith("tiny-bert") else (7,):
        kwargs = {"processing_kwargs": {"text": {"max_length": length}}}
        assert_same(mine.predict(PAIRS, **kwargs), theirs.predict(PAIRS, **kwargs), 2e-5)
    length = theirs.max_seq_length
    theirs.max_seq_length = mine.max_seq_length = 12
    assert_same(mine.predict(PAIRS), theirs.predict(PAIRS), 2e-5)
    theirs.max_seq_length = mine.max_seq_length = length


@pytest.mark.parametrize("name", ["random-splade-base-v1", "tiny-splade", "tiny-splade-sum"])
def test_sparse_encoder(both, name):
    theirs, mine = both("SparseEncoder", name)
    assert (mine.max_seq_length, mine.prompts, mine.similarity_fn_name) == (
        theirs.max_seq_length,
        theirs.prompts,
        theirs.similarity_fn_name,
    )
    assert (mine.max_active_dims, mine.get_embedding_dimension()) == (
        theirs.max_active_dims,
        theirs.get_embedding_dimension(),
    )
    for as_tensor, sparse, limit in itertools.product([True, False], [True, False], [None, 7]):
        kwargs = {"convert_to_tensor": as_tensor, "convert_to_sparse_tensor": sparse, "max_active_dims": limit}
        for texts in (TEXTS, TEXTS[0], []):
            assert_same(mine.encode(texts, **kwargs), theirs.encode(texts, **kwargs), 2e-5)
    query, documents = theirs.encode_query(TEXTS[0]), theirs.encode_document(TEXTS[:4])
    assert_same(mine.encode_query(TEXTS[0]), query, 2e-5)
    assert_same(mine.encode_document(TEXTS[:4]), documents, 2e-5)
    assert_same(mine.sparsity(documents), theirs.sparsity(documents), 1e-4)
    assert_same(mine.intersection(query, documents), theirs.intersection(query, documents))
    for top_k in (None, 3):
        assert_same(mine.decode(documents, top_k), theirs.decode(documents, top_k))
        assert_same(mine.decode(query, top_k), theirs.decode(query, top_k))
    for function in ("cosine", "dot", "euclidean", "manhattan"):
        theirs.similarity_fn_name = mine.similarity_fn_name = function
        found, expected = mine.similarity(documents, documents), theirs.similarity(documents, documents)
        if function == "euclidean":
            # Theirs is the root of a difference of large numbers: up to 0.02 for a vector and itself.
            found, expected = found.square(), expected.square()
            assert float(found.diagonal().max()) < 1e-6
        assert_same(found, expected, 1e-3)
        assert_same(
            mine.similarity_pairwise(documents, documents), theirs.similarity_pairwise(documents, documents), 1e-3
        )
    theirs.similarity_fn_name = mine.similarity_fn_name = None


def test_sparse_queries_of_their_own_weights(both):
    theirs, mine = both("SparseEncoder", "tiny-doc-sparse")
    for method in ("encode", "encode_query", "encode_document"):
        assert_same(getattr(mine, method)(TEXTS[:4]), getattr(theirs, method)(TEXTS[:4]), 2e-5)
    assert sorted(mine.get_model_kwargs()) == sorted(theirs.get_model_kwargs())


def test_weights_of_tokens_alone(both):
    theirs, mine = both("SparseEncoder", "tiny-static-sparse")
    for method in ("encode", "encode_query", "encode_document"):
        assert_same(getattr(mine, method)(TEXTS[:4]), getattr(theirs, method)(TEXTS[:4]), 2e-5)
    assert mine.decode(mine.encode("the river")) == theirs.decode(theirs.encode("the river"))
    for prompt in (None, "the "):
        found, expected = (model.preprocess(TEXTS[:4], prompt=prompt) for model in (mine, theirs))
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert found[key].tolist() == value.tolist()
    assert mine[0].get_config_dict() == theirs[0].get_config_dict() and len(list(mine)) == len(list(theirs)) == 1
    for name in ("config", "transformers_model", "max_seq_length", "similarity_fn_name"):
        assert getattr(mine, name) == getattr(theirs, name)
    assert mine.get_embedding_dimension() == theirs.get_embedding_dimension() == mine[0].get_embedding_dimension()
    assert mine.get_model_kwargs() == theirs.get_model_kwargs() == []


@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "tensor", "list", "mixed"])
def test_functions(kind):
    import torch

    real = need("sentence_transformers").util
    random = np.random.default_rng(5)
    a, b = random.normal(size=(60, 24)), random.normal(size=(60, 24))

    def made(x):
        if kind == "tensor":
            return torch.tensor(x, dtype=torch.float32)
        if kind == "list":
            return x.astype(np.float32).tolist()
        if kind == "mixed":
            return [torch.tensor(row, dtype=torch.float32) for row in x]
        return x.astype(kind)

    tolerance = 1e-5 if kind != "float16" else 2e-3
    for name in ("cos_sim", "dot_score", "euclidean_sim", "manhattan_sim", "pairwise_cos_sim", "pairwise_dot_score",
                 "pairwise_euclidean_sim", "pairwise_manhattan_sim", "pairwise_angle_sim"):  # fmt: skip
        assert_same(getattr(ours.util, name)(made(a), made(b)), getattr(real, name)(made(a), made(b)), 10 * tolerance)
    for kwargs in ({}, {"top_k": 3, "corpus_chunk_size": 17, "query_chunk_size": 8}, {"score_function": "dot_score"}):
        mine, theirs = dict(kwargs), dict(kwargs)
        if "score_function" in kwargs:
            mine["score_function"], theirs["score_function"] = ours.util.dot_score, real.dot_score
        found = ours.util.semantic_search(made(a), made(b), **mine)
        expected = real.semantic_search(made(a), made(b), **theirs)
        assert_same(
            [[hit["score"] for hit in hits] for hits in found],
            [[hit["score"] for hit in hits] for hits in expected],
            tolerance * 10,
        )
        if kind != "float16":
            assert found == [
                [{"corpus_id": o["corpus_id"], "score": pytest.approx(o["score"], abs=1e-5)} for o in hits]
                for hits in expected
            ]
        # Their own functions are known for what they are.
        if "score_function" in kwargs and kind == "float32":
            assert found == ours.util.semantic_search(made(a), made(b), score_function=real.dot_score)
    if kind in ("list", "mixed"):
        return
    vectors = made(a) if kind == "tensor" else torch.tensor(made(a))
    for kwargs in ({"top_k": 5}, {"top_k": 5, "max_pairs": 20}):
        if kind == "float16" and "max_pairs" in kwargs:
            continue
        found = ours.util.paraphrase_mining_embeddings(made(a), **kwargs)
        expected = real.paraphrase_mining_embeddings(vectors, **kwargs)
        assert len(found) == len(expected) or kind == "float16"
        if kind != "float16":
            assert_same(sorted([i, j] for _, i, j in found), sorted([i, j] for _, i, j in expected))
            assert_same([s for s, _, _ in found], [s for s, _, _ in expected])
    if kind != "float16":
        for threshold, size in ((0.3, 5), (0.2, 10), (0.9, 2)):
            kwargs = {"threshold": threshold, "min_community_size": size}
            assert_same(ours.util.community_detection(made(a), **kwargs), real.community_detection(vectors, **kwargs))


def test_quantization():
    real = need("sentence_transformers").util
    random = np.random.default_rng(6)
    vectors = random.normal(size=(200, 37)).astype(np.float32)
    more = random.normal(size=(300, 37)).astype(np.float32)
    ranges = np.vstack([more.min(axis=0), more.max(axis=0)])
    for precision, kwargs in itertools.product(
        ["float32", "int8", "uint8", "binary", "ubinary"], [{}, {"ranges": ranges}, {"calibration_embeddings": more}]
    ):
        for x in (vectors, vectors.astype(np.float64), list(vectors), [vectors[:30], vectors[30:]]):
            assert_same(
                ours.util.quantize_embeddings(x, precision, **kwargs),
                real.quantize_embeddings(x, precision, **kwargs),
                0,
            )


def test_sparse_tensors_are_compared_alike():
    import torch

    real = need("sentence_transformers").util
    generator = torch.Generator().manual_seed(3)
    dense = [torch.rand((30, 300), generator=generator).sub(0.9).clamp(min=0) for _ in range(2)]
    for a, b in itertools.product([dense[0], dense[0].to_sparse()], [dense[1], dense[1].to_sparse()]):
        for name in ("cos_sim", "dot_score", "euclidean_sim", "manhattan_sim", "pairwise_cos_sim", "pairwise_dot_score",
                     "pairwise_euclidean_sim", "pairwise_manhattan_sim", "pairwise_angle_sim"):  # fmt: skip
            assert_same(getattr(ours.util, name)(a, b), getattr(real, name)(a, b), 1e-4)
    assert_same(ours.util.normalize_embeddings(dense[0].to_sparse()), real.normalize_embeddings(dense[0].to_sparse()))
    sparse = ours.util.semantic_search(dense[0].to_sparse(), dense[1].to_sparse(), top_k=4)
    assert_same(sparse, real.semantic_search(dense[0].to_sparse(), dense[1].to_sparse(), top_k=4))


def test_saved_models_load_in_both(both, tmp_path):
    real = need("sentence_transformers")
    for cls, name, call in (
        ("SentenceTransformer", "minilm", lambda m: m.encode(TEXTS)),
        ("SentenceTransformer", "tiny-m3", lambda m: m.encode(TEXTS)),
        ("SparseEncoder", "tiny-splade", lambda m: m.encode(TEXTS)),
        ("CrossEncoder", "tiny-reranker", lambda m: m.predict(PAIRS)),
    ):
        _, mine = both(cls, name)
        mine.prompts["other"] = "another: "
        mine.default_prompt_name = "other"
        mine.max_seq_length = 20
        mine.save(str(tmp_path / name))
        theirs = getattr(real, cls)(str(tmp_path / name), device="cpu")
        assert theirs.prompts == mine.prompts and theirs.max_seq_length == 20 and theirs.default_prompt_name == "other"
        assert_same(call(mine), call(theirs), 2e-5)
        theirs.save(str(tmp_path / (name + "-theirs")))
        again = getattr(ours, cls)(str(tmp_path / (name + "-theirs")))
        assert_same(call(again), call(theirs), 2e-5)
        settings = json.loads((tmp_path / name / "config_sentence_transformers.json").read_text())
        assert settings["model_type"] == cls
        both.forget()  # their settings are changed


def test_a_length_in_the_settings_cuts_the_same(both, tmp_path):
    real = need("sentence_transformers")
    theirs, _ = both("SentenceTransformer", "minilm")
    theirs.truncate_dim = 10
    theirs.save(str(tmp_path / "cut"))
    theirs.truncate_dim = None
    theirs, mine = real.SentenceTransformer(str(tmp_path / "cut"), device="cpu"), ours.SentenceTransformer(str(tmp_path / "cut"))
    for options in ({}, {"normalize_embeddings": True}, {"truncate_dim": 20}, {"truncate_dim": 20, "normalize_embeddings": True}):
        assert_same(mine.encode(TEXTS, **options), theirs.encode(TEXTS, **options))
    theirs.truncate_dim = mine.truncate_dim = None
    assert_same(mine.encode(TEXTS), theirs.encode(TEXTS))
    assert mine.get_embedding_dimension() == theirs.get_embedding_dimension() == 384


def test_modules_are_called_and_shown_the_same(both):
    theirs, mine = both("SentenceTransformer", "minilm")
    assert repr(mine) == repr(theirs)
    features, expected = mine.preprocess(TEXTS, prompt="a: "), theirs.preprocess(TEXTS, prompt="a: ")
    for one, other in zip(mine, theirs):
        assert one.get_config_dict() == other.get_config_dict()
        features, expected = one(features), other(expected)
        assert list(features) == list(expected)
    assert_same(features["sentence_embedding"], expected["sentence_embedding"].detach())
    inputs = theirs.tokenizer(TEXTS[:2], padding=True, return_tensors="pt")
    mask = inputs["attention_mask"][:, :, None]
    found, reference = mine[0].auto_model(**inputs), theirs[0].auto_model(**inputs)
    assert_same(found.last_hidden_state, reference.last_hidden_state.detach() * mask)
    assert_same(found.pooler_output, reference.pooler_output.detach())
    assert mine[0].auto_model.num_parameters() == theirs[0].auto_model.num_parameters()
    assert mine[0].do_lower_case == theirs[0].do_lower_case and mine.config.num_labels == theirs.config.num_labels

    theirs, mine = both("CrossEncoder", "tiny-bert-reranker")
    assert repr(mine) == repr(theirs) and mine.config.num_labels == theirs.config.num_labels == 1
    features = theirs.preprocess([list(pair) for pair in PAIRS[:3]])
    assert_same(mine(dict(features))["scores"], theirs(dict(features))["scores"].detach())
    inputs = theirs.tokenizer([list(pair) for pair in PAIRS[:3]], padding=True, truncation=True, return_tensors="pt")
    assert_same(mine.model(**inputs).logits, theirs.model(**inputs).logits.detach())


def test_methods_of_subclasses_count_the_same(minilm):
    real = need("sentence_transformers")

    def classes(package):
        class Own(package.SentenceTransformer):
            def preprocess(self, inputs, prompt=None, **kwargs):
                return super().preprocess([text[::-1] for text in inputs], prompt, **kwargs)

            def forward(self, input, **kwargs):
                output = super().forward(input, **kwargs)
                return {**output, "sentence_embedding": output["sentence_embedding"] * 2}

        class Cross(package.CrossEncoder):
            def preprocess(self, inputs, prompt=None, **kwargs):
                return super().preprocess([[b, a] for a, b in inputs], prompt, **kwargs)

            def predict(self, *args, **kwargs):
                return -super().predict(*args, **kwargs)

        return Own(str(minilm), device="cpu"), Cross(str(MODELS / "tiny-bert-reranker"), device="cpu")

    (mine, my_cross), (theirs, their_cross) = classes(ours), classes(real)
    for options in ({}, {"normalize_embeddings": True}, {"truncate_dim": 9}, {"prompt": "a: "}, {"convert_to_tensor": True}):
        assert_same(mine.encode(TEXTS, **options), theirs.encode(TEXTS, **options))
    assert_same(mine.encode_query("abc"), theirs.encode_query("abc"))
    assert_same(my_cross.predict(PAIRS), their_cross.predict(PAIRS))
    assert_same(my_cross.rank("a baker", TEXTS), their_cross.rank("a baker", TEXTS))


def test_dicts_of_text_are_the_same(both):
    theirs, mine = both("SentenceTransformer", "minilm")
    for inputs in ({"text": "b"}, [{"text": "b"}], [{"text": "b"}, {"text": "a baker"}]):
        assert_same(mine.encode(inputs), theirs.encode(inputs))


def test_a_truncate_dim_below_one_is_as_there(both):
    theirs, mine = both("SentenceTransformer", "tiny-bert")
    for dim, normalize, inputs in itertools.product((0, -1, -10, -32, -100), (False, True), (TEXTS, PAIRS)):
        arguments = dict(truncate_dim=dim, normalize_embeddings=normalize)
        assert_same(mine.encode(inputs, **arguments), theirs.encode(inputs, **arguments))


@pytest.mark.parametrize("given", [
    {"common": {"return_tensors": "np"}},
    {"text": {"return_tensors": "np", "max_length": 7}, "common": {"return_tensors": "pt"}},
    {"text": {"max_length": 7}, "common": {"max_length": 5}},
    {"text": {"padding": "max_length", "max_length": 12}},
    {"text": {"add_special_tokens": False}},
    {"text": {"truncation": False}},
    {"common": {"padding": False, "return_tensors": None}},
    {"image": {"size": 1}},
    {"texts": {"max_length": 5}},
    {},
    None,
])  # fmt: skip
def test_a_calls_processing_kwargs_are_the_tokenizers(both, given, caplog):
    theirs, mine = both("SentenceTransformer", "tiny-bert")
    logging.Logger.warning_once.cache_clear()
    texts = [text[:100] for text in TEXTS]
    expected = theirs.preprocess(texts, processing_kwargs=given)
    lines = len([r for r in caplog.records if "Unknown keys in per-call `processing_kwargs`" in r.getMessage()])
    found = mine.preprocess(texts, processing_kwargs=given)
    assert len([r for r in caplog.records if "Unknown keys in per-call `processing_kwargs`" in r.getMessage()]) == 2 * lines
    assert set(found) == set(expected)
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        assert type(found[name]) is type(expected[name])
        assert [list(row) for row in found[name]] == [list(row) for row in expected[name]]
