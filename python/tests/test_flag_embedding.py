"""FlagEmbedding's classes: what they give, and (marked oracle) what the reference gives."""

import asyncio
import collections
import importlib.util
import json
import pickle
import queue
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest

from bgecpp import BGEM3FlagModel, FlagAutoModel, FlagAutoReranker, FlagModel, FlagReranker, _core, errors
from bgecpp.flag_embedding import compat
from conftest import need

TEXTS = ["What is BGE M3?", "Definition of BM25", "x" * 3000, "", "多语言 文本 embedding, 好的。", "What is BGE M3?"]
PAIRS = [("what is a panda?", "hi"), ("what is a panda?", "The giant panda " * 100), ("q " * 600, "p"), ("", "")]
M3_ALL = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}


@pytest.fixture
def compat_reset():
    before = dict(vars(compat))
    yield compat
    vars(compat).update(before)


def test_shapes(models):
    model = FlagModel(str(models / "tiny-bert"))
    dimension = model._engine.info["dimension"]
    for encode in (model.encode, model.encode_queries, model.encode_corpus, model.encode_single_device):
        assert encode("a").shape == (dimension,) and encode("a").dtype == np.float32
        assert encode(TEXTS).shape == (len(TEXTS), dimension)
        assert encode(iter(TEXTS)).shape[0] == len(TEXTS) if encode != model.encode_single_device else True
        assert encode([]).shape == (0, dimension)


def test_half_where_the_reference_gives_it(models):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = FlagModel(str(models / "tiny-bert"), devices=["cuda:0", "cuda:1"])
    assert model.target_devices == ["cuda:0", "cuda:1"]
    assert model.encode("a").dtype == np.float16
    assert FlagModel(str(models / "tiny-bert"), devices="cpu").encode("a").dtype == np.float32


def test_devices():
    assert FlagModel.get_target_devices(None) == ["cpu"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert FlagModel.get_target_devices(1) == ["cuda:1"]
        assert FlagModel.get_target_devices([0, 1]) == ["cuda:0", "cuda:1"]
    for wrong in ([], [1.5], {}, 1.5):
        with pytest.raises(ValueError):
            FlagModel.get_target_devices(wrong)


def test_a_device_that_is_not_there_warns_once(models):
    program = (
        "import warnings\nfrom bgecpp import FlagModel\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        f"    for _ in range(3): FlagModel({str(models / 'tiny-bert')!r}, devices='cuda:0', unknown=3)\n"
        "print([str(w.message) for w in caught])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.count("device 'cuda:0' is not used") == 1, done.stderr
    assert done.stdout.count("argument unknown") == 1


def test_instructions(models):
    path = str(models / "tiny-bert")
    model = FlagModel(path, query_instruction_for_retrieval="find: ", query_instruction_format="<{}>\\n{}",
                      passage_instruction_for_retrieval="doc", passage_instruction_format="{}: {}")
    plain = FlagModel(path)
    assert np.abs(model.encode_queries("a") - plain.encode("<find: >\na")).max() < 1e-6
    assert np.abs(model.encode_corpus(["a"]) - plain.encode(["doc: a"])).max() < 1e-6
    assert np.abs(model.encode("a") - plain.encode("a")).max() < 1e-6
    assert np.abs(model.encode("a", instruction="i", instruction_format="{}{}") - plain.encode("ia")).max() < 1e-6
    assert FlagModel.get_detailed_instruct("{}\\n{}", "a", "b") == "a\nb"


def test_encode_reads_no_file(models, monkeypatch):
    loaded = [
        FlagModel(str(models / "tiny-bert"), truncate_dim=8),
        BGEM3FlagModel(str(models / "tiny-m3"), return_sparse=True, return_colbert_vecs=True),
    ]
    for model in loaded:
        model.encode(TEXTS)
    monkeypatch.setattr("builtins.open", None)
    monkeypatch.setattr("os.open", None)
    for model in loaded:
        info = model._engine.info
        model.encode(TEXTS)
        model.encode_queries(TEXTS[0])
        assert model._engine.info == info and model._engine.info is not info


def test_columns_of_arrow_are_not_made_strs(models):
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from bgecpp.flag_embedding._abstract import InstructedColumn

    def made_strs(self):
        raise AssertionError("strs were made of a column")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InstructedColumn, "__iter__", made_strs)
        model = FlagModel(str(models / "tiny-bert"), query_instruction_for_retrieval="q:")
        column = arrow.chunked_array([TEXTS[:2], TEXTS[2:]])
        assert np.array_equal(model.encode(column), model.encode(TEXTS))
        assert np.array_equal(model.encode(column, instruction="i "), model.encode(["i " + t for t in TEXTS]))
        assert np.array_equal(model.encode_queries(column), model.encode_queries(TEXTS))
        m3 = BGEM3FlagModel(str(models / "tiny-m3"), query_instruction_for_retrieval="q:", return_colbert_vecs=True)
        mine, theirs = m3.encode_queries(column), m3.encode_queries(TEXTS)
        assert np.array_equal(mine["dense_vecs"], theirs["dense_vecs"])
        assert all(map(np.array_equal, mine["colbert_vecs"], theirs["colbert_vecs"]))
    assert m3.encode_queries(column, return_sparse=True)["lexical_weights"] == (
        m3.encode_queries(TEXTS, return_sparse=True)["lexical_weights"])
    model.query_instruction_format = "<{}>\\n{}"  # what only a str can hold
    assert np.array_equal(model.encode_queries(column), model.encode_queries(TEXTS))


def test_a_null_is_never_a_text(models):
    """With an instruction or without: its place is named."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    encoders = [FlagModel(str(models / "tiny-bert")).encode, BGEM3FlagModel(str(models / "tiny-m3"), return_sparse=True).encode]
    columns = [arrow.chunked_array([["a", "b"], ["c", None]]), arrow.array(["a", "b", "c", None])]
    try:
        import pandas
    except ImportError:
        pass
    else:
        columns += [pandas.Series(["a", "b", "c", None], dtype=kind) for kind in ("str", "string", object)]
    settings = [{}, {"instruction": "i "}, {"instruction": "i ", "instruction_format": "{} {}"}]
    for encode in encoders:
        for given in settings:
            for column in columns:
                with pytest.raises(ValueError, match=r"texts\[3\]: null"):
                    encode(column, **given)


def test_what_is_no_text_is_refused_with_an_instruction_too(models):
    encode = FlagModel(str(models / "tiny-bert")).encode
    for given in ({}, {"instruction": "i "}, {"instruction": "i ", "instruction_format": "{} {}"}):
        for wrong in (None, 5, 0.5, b"a", {}):
            with pytest.raises(TypeError, match=rf"texts\[1\]: expected a str, found {type(wrong).__name__}"):
                encode(["a", wrong], **given)
    with pytest.raises(TypeError, match=r"texts\[1\]: expected a str, found tuple"):
        encode(["a", ("b", "c")], instruction="i ")  # there the text of the tuple
    reranker = FlagReranker(str(models / "tiny-reranker"), passage_instruction_for_rerank="p ")
    with pytest.raises(TypeError, match=r"texts\[1\]: expected a str, found NoneType"):
        reranker.compute_score([("a", "b"), ("c", None)])


def test_a_directory_that_leaves_out_instructions_does_not_here(models, tmp_path):
    """The reference does not read include_prompt: a mean is over the instruction too."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    shutil.copytree(models / "tiny-bert", tmp_path / "m", ignore=shutil.ignore_patterns("1_Pooling", "modules.json"))
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True, "include_prompt": False}
    (tmp_path / "m/1_Pooling").mkdir()
    (tmp_path / "m/1_Pooling/config.json").write_text(json.dumps(pooling))
    modules = enumerate([("", "Transformer"), ("1_Pooling", "Pooling")])
    (tmp_path / "m/modules.json").write_text(json.dumps(
        [{"idx": i, "name": str(i), "path": p, "type": f"sentence_transformers.models.{kind}"} for i, (p, kind) in modules]))
    model = FlagModel(str(tmp_path / "m"), pooling_method="mean")
    assert model._engine.info["include_prompt"] is False
    expected = FlagModel(str(models / "tiny-bert"), pooling_method="mean").encode(["i " + text for text in TEXTS])
    for texts in (TEXTS, arrow.array(TEXTS)):
        assert np.abs(model.encode(texts, instruction="i ") - expected).max() < 1e-6


def test_lengths(models):
    model = FlagModel(str(models / "tiny-bert"), query_max_length=4, passage_max_length=8)
    long = "a b c d e f g h i j k l m n"
    assert np.abs(model.encode_queries(long) - model.encode(long, max_length=4)).max() < 1e-6
    assert np.abs(model.encode(long) - model.encode_corpus(long)).max() < 1e-6
    assert np.abs(model.encode(long) - model.encode(long, max_length=64)).max() > 1e-4
    model.encode(long, max_length=10**6)  # the reference fails beyond its positions


def test_m3_outputs(models):
    model = BGEM3FlagModel(str(models / "tiny-m3"))
    only = model.encode(TEXTS)
    assert only["lexical_weights"] is None and only["colbert_vecs"] is None
    found = model.encode(TEXTS, **M3_ALL)
    assert found["dense_vecs"].shape[0] == len(found["lexical_weights"]) == len(found["colbert_vecs"]) == len(TEXTS)
    one = model.encode(TEXTS[0], **M3_ALL)
    assert one["dense_vecs"].ndim == 1 and one["colbert_vecs"].ndim == 2
    weights = one["lexical_weights"]
    assert isinstance(weights, collections.defaultdict) and weights["none"] == 0
    del weights["none"]
    assert all(isinstance(key, str) and isinstance(value, float) for key, value in weights.items())
    json.dumps(found["lexical_weights"])
    with pytest.raises(AssertionError, match="Must choose one or more"):
        model.encode(TEXTS, return_dense=False)
    assert model.encode([], **M3_ALL)["dense_vecs"].shape[0] == 0


def test_m3_tokens_and_compat(models, compat_reset):
    model = BGEM3FlagModel(str(models / "tiny-m3"))
    tokenizer = model._engine.tokenizer
    weights = {str(i): float(i) for i in range(5, 12)}
    named = model.convert_id_to_token(weights)
    assert named == {tokenizer.decode([int(i)], False): max(
        w for j, w in weights.items() if tokenizer.decode([int(j)], False) == tokenizer.decode([int(i)], False))
        for i in weights}
    assert model.convert_id_to_token([weights]) == [named]
    assert model.convert_id_to_token([weights, weights]) == [named, named]
    compat.unwrap_single_token_lists = True
    assert model.convert_id_to_token([weights]) == named
    compat.refuse_empty_lists = True
    with pytest.raises(IndexError):
        model.encode([])
    compat.numpy_lexical_weights = True
    one = model.encode("a b", return_sparse=True)["lexical_weights"]
    assert all(isinstance(value, np.floating) for value in one.values())


def test_m3_scores(models):
    model = BGEM3FlagModel(str(models / "tiny-m3"))
    found = model.encode(TEXTS, **M3_ALL)
    scores = model.compute_score([(TEXTS[0], TEXTS[1]), (TEXTS[0], TEXTS[0])], weights_for_different_modes=[0.4, 0.2, 0.4])
    assert list(scores) == ["colbert", "sparse", "dense", "sparse+dense", "colbert+sparse+dense"]
    assert abs(scores["dense"][0] - float(found["dense_vecs"][0] @ found["dense_vecs"][1])) < 1e-5
    lexical = model.compute_lexical_matching_score(found["lexical_weights"], found["lexical_weights"])
    assert lexical.shape == (len(TEXTS), len(TEXTS)) and abs(scores["sparse"][0] - lexical[0, 1]) < 1e-5
    assert abs(scores["colbert"][0] - float(model.colbert_score(found["colbert_vecs"][0], found["colbert_vecs"][1]))) < 1e-5
    single = model.compute_score((TEXTS[0], TEXTS[1]))
    assert isinstance(single["dense"], float)
    assert model.compute_score([]) == []
    with pytest.raises(ValueError):
        model.compute_score(PAIRS, weights_for_different_modes=[1, 2])
    with pytest.raises(ValueError):
        model.compute_lexical_matching_score({}, [])


def test_reranker(models):
    reranker = FlagReranker(str(models / "tiny-reranker"))
    scores = reranker.compute_score(PAIRS)
    assert isinstance(scores, list) and all(isinstance(score, float) for score in scores)
    assert reranker.compute_score(PAIRS[0]) == pytest.approx([scores[0]], abs=1e-6)
    assert reranker.compute_score(list(PAIRS[0])) == pytest.approx([scores[0]], abs=1e-6)
    assert reranker.compute_score([]) == []
    normal = FlagReranker(str(models / "tiny-reranker"), normalize=True).compute_score(PAIRS)
    assert normal == pytest.approx([1 / (1 + np.exp(-score)) for score in scores], abs=1e-6)
    asked = FlagReranker(str(models / "tiny-reranker"), query_instruction_for_rerank="A: ", passage_instruction_for_rerank="B: ")
    assert asked.compute_score([("q", "p")]) == pytest.approx(reranker.compute_score([("A: q", "B: p")]), abs=1e-6)


def test_several_devices_give_a_list_of_scores_or_an_array(models, compat_reset):
    path = str(models / "tiny-reranker")
    one, several = FlagReranker(path, devices="cpu"), FlagReranker(path, devices=["cpu", "cpu"])
    scores = several.compute_score(PAIRS)
    assert type(scores) is list and scores == one.compute_score(PAIRS)
    compat.array_of_several_devices = True
    array = several.compute_score(PAIRS)
    assert isinstance(array, np.ndarray) and array.dtype == np.float64 and array.tolist() == scores
    assert type(one.compute_score(PAIRS)) is list
    # Of this the reference says that it gives an array.
    assert np.array_equal(several.encode_multi_process(PAIRS, several.start_multi_process_pool()), array)


def test_m3_takes_its_arguments_in_the_references_order(models):
    model = BGEM3FlagModel(str(models / "tiny-m3"))
    for encode in (model.encode, model.encode_queries, model.encode_corpus):
        found = encode(["a text"], 12, 32, False, True, True)
        assert found["dense_vecs"] is None and len(found["lexical_weights"]) == len(found["colbert_vecs"]) == 1
    scores = model.compute_score_single_device(PAIRS, 4, 32, 32, [1, 0, 0], "cpu")
    assert scores == model.compute_score_multi_process(
        PAIRS, {}, max_query_length=32, max_passage_length=32, weights_for_different_modes=[1, 0, 0]
    )


def test_pools_are_accepted(models):
    model = FlagModel(str(models / "tiny-bert"))
    pool = model.start_multi_process_pool()
    assert np.abs(model.encode_multi_process(TEXTS, pool, batch_size=2) - model.encode(TEXTS)).max() < 1e-6
    model.stop_multi_process_pool(pool)
    model.stop_self_pool()


def test_pools_and_single_devices_have_defaults_of_their_own(models):
    """The constructor's count in encode and compute_score alone, as in the reference."""
    long = "a b c d e f g h i j k l m n"
    model = FlagModel(str(models / "tiny-bert"), passage_max_length=4)
    whole = FlagModel(str(models / "tiny-bert")).encode([long])
    assert np.array_equal(model.encode_multi_process([long], {}), whole)
    assert np.array_equal(model.encode_single_device([long]), whole) and not np.array_equal(model.encode([long]), whole)
    m3 = BGEM3FlagModel(
        str(models / "tiny-m3"), query_max_length=4, passage_max_length=4, return_dense=False, return_sparse=True,
        query_instruction_for_retrieval="q: ")
    for found in (m3.encode_single_device([long]), m3.encode_multi_process([long], {})):
        assert found["dense_vecs"].shape[0] == 1 and found["lexical_weights"] is None and found["colbert_vecs"] is None
    assert m3.encode([long])["dense_vecs"] is None and len(m3.encode([long])["lexical_weights"]) == 1
    plain = BGEM3FlagModel(str(models / "tiny-m3")).compute_score([(long, long + " o")])
    assert m3.compute_score_multi_process([(long, long + " o")], {}) == plain
    assert m3.compute_score_single_device([(long, long + " o")]) == plain
    assert m3.compute_score([(long, long + " o")]) != plain


def test_awaited_methods(models):
    model = FlagModel(str(models / "tiny-bert"), query_instruction_for_retrieval="q: ", passage_max_length=4)
    m3 = BGEM3FlagModel(str(models / "tiny-m3"), query_instruction_for_retrieval="q: ")
    reranker = FlagReranker(str(models / "tiny-reranker"))

    async def run():
        for name in ("encode", "encode_queries", "encode_corpus"):
            assert np.array_equal(await getattr(model, f"a{name}")(TEXTS), getattr(model, name)(TEXTS))
            found = await getattr(m3, f"a{name}")(TEXTS, return_sparse=True)
            assert found["lexical_weights"] == getattr(m3, name)(TEXTS, return_sparse=True)["lexical_weights"]
        assert await m3.acompute_score(PAIRS) == m3.compute_score(PAIRS)
        assert await reranker.acompute_score(PAIRS, normalize=True) == reranker.compute_score(PAIRS, normalize=True)

    asyncio.run(run())


def test_colbert_scores_are_tensors_where_torch_is_installed(models):
    """In a process that has not imported it, as in one that has; in those of other tests it is."""
    program = (
        "import sys, numpy as np\nfrom bgecpp import BGEM3FlagModel\n"
        f"model = BGEM3FlagModel({str(models / 'tiny-m3')!r})\n"
        "vectors = np.array([[0.6, 0.8], [1, 0]], np.float32)\n"
        "assert 'torch' not in sys.modules\n"
        "for kind in (np.float32, np.float16):\n"
        "    score = model.colbert_score(vectors.astype(kind), vectors.astype(kind))\n"
        "    print(type(score).__module__, type(score).__name__, getattr(score, 'dtype', ''), round(float(score), 2))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    installed = importlib.util.find_spec("torch") is not None
    expected = ["torch Tensor torch.float32 1.0", "torch Tensor torch.float16 1.0"] if installed else ["builtins float  1.0"] * 2
    assert done.stdout.splitlines() == expected, done.stderr


def with_equal_tokens(models, tmp_path):
    """tiny-m3 with a SentencePiece token \u2581! beside its !, ids 29 and 5: both are '!' where one is decoded alone."""
    shutil.copytree(models / "tiny-m3", tmp_path / "m3")
    file = tmp_path / "m3/tokenizer.json"
    tokenizer = json.loads(file.read_text())
    vocabulary = tokenizer["model"]["vocab"]
    name = next(token for token, place in vocabulary.items() if place == 29)
    assert vocabulary["!"] == 5
    tokenizer["model"]["vocab"] = {("\u2581!" if token == name else token): i for token, i in vocabulary.items()}
    tokenizer["decoder"] = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    file.write_text(json.dumps(tokenizer))
    return str(tmp_path / "m3")


EQUAL_TOKENS = {"29": 0.75, "5": 0.25, "6": 0.5}


def test_the_largest_or_the_last_weight_of_equal_tokens(models, tmp_path, compat_reset):
    model = BGEM3FlagModel(with_equal_tokens(models, tmp_path))
    assert model.tokenizer.convert_ids_to_tokens([29, 5]) == ["\u2581!", "!"]
    assert model.convert_id_to_token(EQUAL_TOKENS) == {"!": 0.75, '"': 0.5}
    compat.last_weight_of_equal_tokens = True
    assert model.convert_id_to_token(EQUAL_TOKENS) == {"!": 0.25, '"': 0.5}


def with_colbert_vectors_of_all_directions(models, tmp_path):
    """tiny-m3 with a head whose vectors have products below 0: random, and about the mean of the hidden states."""
    shutil.copytree(models / "tiny-m3", tmp_path / "m3")
    engine = BGEM3FlagModel(str(models / "tiny-m3"))._engine
    tokens = engine.tokenizer.encode(TEXTS)
    mean = engine.hidden_states(tokens["ids"], None, tokens["cu_seqlens"]).mean(axis=0)
    weight = np.random.default_rng(8).normal(size=(16, len(mean))).astype(np.float32)
    tensors = {"weight": weight, "bias": (-weight @ mean).astype(np.float32)}
    header, end = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [end, end + tensor.nbytes]}
        end += tensor.nbytes
    text = json.dumps(header).encode()
    data = b"".join(tensor.tobytes() for tensor in tensors.values())
    (tmp_path / "m3/colbert_linear.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    return str(tmp_path / "m3"), tensors


# The passage of the first is padded in a batch with the second.
COLBERT_PAIRS = [("What is BGE M3?", ""), ("What is BGE M3?", "Definition of BM25 and of much else")]


def best_products(model):
    """Of each pair the largest product of each of the query's tokens."""
    vectors = [model.encode([pair[k] for pair in COLBERT_PAIRS], return_colbert_vecs=True)["colbert_vecs"] for k in (0, 1)]
    return [(q @ p.T).max(axis=1) for q, p in zip(*vectors)]


def test_colbert_scores_are_clamped_where_it_is_asked_for(models, tmp_path, compat_reset):
    model = BGEM3FlagModel(with_colbert_vectors_of_all_directions(models, tmp_path)[0])
    best = best_products(model)
    assert best[0].min() < -1e-3
    for clamp in (False, True):
        compat.clamp_colbert_scores = clamp
        alone = [model.compute_score(pair)["colbert"] for pair in COLBERT_PAIRS]
        for found in (model.compute_score(COLBERT_PAIRS)["colbert"], alone):
            assert found == pytest.approx([np.mean(b.clip(0) if clamp else b) for b in best], abs=1e-5)


def test_m3_scores_are_of_what_encode_gives(models, compat_reset):
    """With instructions, and cut to truncate_dim; compat gives the reference's, which are of neither."""
    given = {"query_instruction_for_retrieval": "find", "query_instruction_format": "{}: {}",
             "passage_instruction_for_retrieval": "doc ", "truncate_dim": 8}
    model, plain = BGEM3FlagModel(str(models / "tiny-m3"), **given), BGEM3FlagModel(str(models / "tiny-m3"))
    pairs = [(TEXTS[0], TEXTS[1]), (TEXTS[4], TEXTS[0])]
    queries = model.encode_queries([pair[0] for pair in pairs], **M3_ALL)
    passages = model.encode_corpus([pair[1] for pair in pairs], **M3_ALL)
    scores = model.compute_score(pairs)
    assert queries["dense_vecs"].shape == (2, 8)
    for i in range(2):
        assert scores["dense"][i] == pytest.approx(float(queries["dense_vecs"][i] @ passages["dense_vecs"][i]), abs=1e-5)
        assert scores["sparse"][i] == pytest.approx(
            model.compute_lexical_matching_score(queries["lexical_weights"][i], passages["lexical_weights"][i]), abs=1e-5)
        assert scores["colbert"][i] == pytest.approx(
            float(model.colbert_score(queries["colbert_vecs"][i], passages["colbert_vecs"][i])), abs=1e-5)
    assert model.compute_score(pairs[1])["dense"] == pytest.approx(scores["dense"][1], abs=1e-6)
    assert model.compute_score([]) == []
    compat.scores_of_whole_vectors = True
    instructed = [(f"find: {query}", f"doc {passage}") for query, passage in pairs]
    assert model.compute_score(pairs) == plain.compute_score(instructed) != scores
    compat.scores_without_instructions = True
    assert model.compute_score(pairs) == plain.compute_score(pairs) != plain.compute_score(instructed)
    assert model.compute_score(pairs[0]) == plain.compute_score(pairs[0])
    compat.scores_of_whole_vectors = False
    assert model.compute_score(pairs) == BGEM3FlagModel(str(models / "tiny-m3"), truncate_dim=8).compute_score(pairs)


@pytest.mark.filterwarnings("ignore:bgecpp computes on the CPU")
def test_lexical_weights_are_half_where_the_reference_has_them_so(models, compat_reset):
    path = str(models / "tiny-m3")
    half, single = BGEM3FlagModel(path, devices="cuda:0"), BGEM3FlagModel(path, devices="cuda:0", use_fp16=False)
    kinds = [
        (half.encode(TEXTS, return_sparse=True), np.float16),
        (half.encode_single_device(TEXTS, return_sparse=True, device="cpu"), np.float32),
        (BGEM3FlagModel(path).encode_single_device(TEXTS, return_sparse=True, device="cuda:0"), np.float16),
        (single.encode(TEXTS, return_sparse=True), np.float32),
        (BGEM3FlagModel(path, devices="cuda:0", use_bf16=True).encode(TEXTS, return_sparse=True), np.float32),
    ]
    for found, dtype in kinds:
        assert found["dense_vecs"].dtype == dtype
        assert {type(w) for weights in found["lexical_weights"] for w in weights.values()} == {float}
    compat.numpy_lexical_weights = True
    # Of the same model, whose weights use_fp16 rounds.
    exact = half.encode_single_device(TEXTS, return_sparse=True, device="cpu")["lexical_weights"]
    assert {type(w) for weights in exact for w in weights.values()} == {np.float32}
    found = half.encode(TEXTS, return_sparse=True)["lexical_weights"]
    assert [list(weights) for weights in found] == [list(weights) for weights in exact]
    for a, b in zip(found, exact):
        assert all(type(a[token]) is np.float16 and a[token] == np.float16(b[token]) for token in b)


def test_pickle(models):
    for model in (FlagModel(str(models / "tiny-bert"), query_instruction_for_retrieval="q: "), BGEM3FlagModel(str(models / "tiny-m3"))):
        again = pickle.loads(pickle.dumps(model))
        a, b = model.encode_queries(["a"]), again.encode_queries(["a"])
        assert np.array_equal(a["dense_vecs"] if isinstance(a, dict) else a, b["dense_vecs"] if isinstance(b, dict) else b)
    reranker = FlagReranker(str(models / "tiny-reranker"))
    assert pickle.loads(pickle.dumps(reranker)).compute_score(PAIRS) == reranker.compute_score(PAIRS)


def test_auto_classes(models, tmp_path):
    for name, model, kind, pooling in [
        ("bge-small-en-v1.5", "tiny-bert", FlagModel, "cls"), ("e5-base-v2", "tiny-bert", FlagModel, "mean"),
        ("bge-m3", "tiny-m3", BGEM3FlagModel, "cls"),
    ]:
        link = tmp_path / name
        link.symlink_to(models / model)
        for path in (str(link), f"{link}/"):
            found = FlagAutoModel.from_finetuned(path)
            assert type(found) is kind and found.pooling_method == pooling
    (tmp_path / "multilingual-e5-large-instruct" ).mkdir()
    inner = tmp_path / "multilingual-e5-large-instruct/checkpoint-30"
    inner.symlink_to(models / "tiny-bert")
    found = FlagAutoModel.from_finetuned(str(inner))
    assert found.query_instruction_format == "Instruct: {}\nQuery: {}"
    assert type(FlagAutoModel.from_finetuned(str(models / "tiny-bert"), model_class="encoder-only-base")) is FlagModel
    with pytest.raises(ValueError, match="not in the table"):
        FlagAutoModel.from_finetuned(str(models / "tiny-bert"))
    with pytest.raises(EnvironmentError):
        FlagAutoModel()
    link = tmp_path / "bge-reranker-base"
    link.symlink_to(models / "tiny-reranker")
    assert type(FlagAutoReranker.from_finetuned(str(link))) is FlagReranker
    with pytest.raises(ValueError, match="not in the table"):
        FlagAutoReranker.from_finetuned("no-such-reranker")


def inputs_of(model, tensors="np"):
    return model.tokenizer(TEXTS, padding=True, truncation=True, max_length=32, return_tensors=tensors)


def test_models_inside_are_transformers(models):
    """What a program that pools itself calls: .model, beside .tokenizer."""
    flag = FlagModel(str(models / "tiny-bert"), passage_max_length=32)
    inputs = inputs_of(flag)
    hidden = flag.model(**inputs, return_dict=True).last_hidden_state
    first = hidden[:, 0] / np.linalg.norm(hidden[:, 0], axis=1, keepdims=True)
    assert np.abs(first - flag.encode(TEXTS)).max() < 1e-6
    flag.pooling_method, flag.normalize_embeddings = "mean", False
    mean = flag.pooling(hidden, inputs["attention_mask"])
    assert mean.dtype == np.float32 and np.abs(mean - flag.encode(TEXTS)).max() < 1e-5
    flag.pooling_method = "max"
    with pytest.raises(NotImplementedError, match="max"):
        flag.pooling(hidden, inputs["attention_mask"])
    flag.pooling_method = "cls"
    assert flag.model is flag.model and flag.model.to("cpu").eval() is flag.model
    assert flag.model.config.hidden_size == hidden.shape[2]
    assert np.abs(pickle.loads(pickle.dumps(flag)).encode("a") - flag.encode("a")).max() < 1e-6
    reranker = FlagReranker(str(models / "tiny-reranker"), max_length=64)
    pair = [("what is a panda?", "hi")]
    ids = reranker.tokenizer([pair[0][0]], [pair[0][1]], padding=True, return_tensors="np")
    logits = reranker.model(**ids, return_dict=True).logits
    assert np.abs(logits.reshape(-1) - reranker.compute_score(pair)).max() < 1e-5
    pickle.dumps(reranker)


def test_m3_model_inside(models):
    pytest.importorskip("torch", reason="torch is not installed: tiny-m3's heads are .pt files")
    m3 = BGEM3FlagModel(str(models / "tiny-m3"), passage_max_length=32)
    inputs = inputs_of(m3)
    found, expected = m3.model(inputs, True, True, True), m3.encode(TEXTS, **M3_ALL)
    assert np.abs(found["dense_vecs"] - expected["dense_vecs"]).max() < 1e-6
    lengths = inputs["attention_mask"].sum(axis=1)
    for row, vectors in enumerate(expected["colbert_vecs"]):
        assert np.abs(found["colbert_vecs"][row, : lengths[row] - 1] - vectors).max(initial=0) < 1e-6
        assert not found["colbert_vecs"][row, lengths[row] - 1 :].any()
    whole = m3.model(inputs, False, True, return_sparse_embedding=True)["sparse_vecs"]
    for row, weights in enumerate(expected["lexical_weights"]):
        ids = np.flatnonzero(whole[row])
        assert sorted(map(int, weights)) == ids.tolist()
        assert max((abs(weights[str(i)] - whole[row, i]) for i in ids), default=0) < 1e-6
    with pytest.raises(AssertionError, match="Must choose one or more"):
        m3.model(inputs, return_dense=False)
    assert m3.model(inputs, truncate_dim=4)["dense_vecs"].shape == (len(TEXTS), 4)
    pickle.dumps(m3)


def test_m3_model_inside_finds_heads_beside_the_encoder(models, tmp_path):
    pytest.importorskip("torch", reason="torch is not installed: tiny-m3's heads are .pt files")
    shutil.copytree(models / "tiny-m3", tmp_path / "m3/0_Transformer")
    kinds = enumerate([("0_Transformer", "Transformer"), ("1_Pooling", "Pooling")])
    modules = [{"idx": i, "name": str(i), "path": p, "type": f"sentence_transformers.models.{kind}"} for i, (p, kind) in kinds]
    (tmp_path / "m3/1_Pooling").mkdir()
    (tmp_path / "m3/1_Pooling/config.json").write_text('{"word_embedding_dimension": 24, "pooling_mode_cls_token": true}')
    (tmp_path / "m3/modules.json").write_text(json.dumps(modules))
    model, whole = BGEM3FlagModel(str(tmp_path / "m3")), BGEM3FlagModel(str(models / "tiny-m3"))
    inputs = inputs_of(whole)
    for kind, values in whole.model(inputs, True, True, True).items():
        assert np.abs(values - model.model(inputs, True, True, True)[kind]).max() < 1e-6


def test_m3_model_inside_reads_safetensors_and_refuses_damage(models, tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed: tiny-m3's heads are .pt files")
    save_file = pytest.importorskip("safetensors.torch", reason="safetensors is not installed").save_file
    shutil.copytree(models / "tiny-m3", tmp_path / "m3")
    by_file = BGEM3FlagModel(str(models / "tiny-m3"))
    for name in ("sparse_linear", "colbert_linear"):
        save_file(torch.load(tmp_path / f"m3/{name}.pt", weights_only=True), tmp_path / f"m3/{name}.safetensors")
        (tmp_path / f"m3/{name}.pt").unlink()
    model = BGEM3FlagModel(str(tmp_path / "m3"))
    inputs = inputs_of(model)
    for kind, values in model.model(inputs, True, True, True).items():
        assert np.abs(values - by_file.model(inputs, True, True, True)[kind]).max() < 1e-6
    damaged = BGEM3FlagModel(str(tmp_path / "m3"))
    (tmp_path / "m3/sparse_linear.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(errors.CorruptData, match="sparse_linear.safetensors"):
        damaged.model(inputs, return_sparse=True)
    (tmp_path / "m3/sparse_linear.safetensors").unlink()
    with pytest.raises(errors.Unsupported, match="sparse_linear"):
        damaged.model(inputs, return_sparse=True)
    for damaged_bytes in (b"", b"PK\x03\x04", b"\x80\x02csystem\n.", (tmp_path / "m3/colbert_linear.safetensors").read_bytes()):
        (tmp_path / "m3/sparse_linear.pt").write_bytes(damaged_bytes)
        with pytest.raises(errors.CorruptData, match="sparse_linear.pt"):
            damaged.model(inputs, return_sparse=True)
    for tensors in ({"weight": torch.zeros(3)}, {"weight": torch.zeros(3), "bias": torch.zeros(1)}, {"weight": 1, "bias": 2}):
        torch.save(tensors, tmp_path / "m3/sparse_linear.pt")
        with pytest.raises(errors.CorruptData, match="sparse_linear"):
            damaged.model(inputs, return_sparse=True)
    (tmp_path / "m3/sparse_linear.pt").unlink()
    (tmp_path / "outside.pt").write_bytes(b"")
    (tmp_path / "m3/sparse_linear.pt").symlink_to(tmp_path / "outside.pt")
    with pytest.raises(errors.InvalidArgument, match="leads out"):
        damaged.model(inputs, return_sparse=True)


def test_unmodified_programs_get_these_classes(models, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nfrom FlagEmbedding import FlagModel\nfrom FlagEmbedding.inference import FlagReranker\n"
        "print(FlagModel.__module__, FlagReranker.__module__, FlagModel(sys.argv[1]).encode('a').ndim)\n"
    )
    done = subprocess.run([sys.executable, "-m", "bgecpp.run", str(program), str(models / "tiny-bert")], capture_output=True, text=True)
    assert done.stdout.split() == ["bgecpp.flag_embedding._embedder", "bgecpp.flag_embedding._reranker", "1"], done.stderr


# --- Against the reference -----------------------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("model", ["tiny-bert", "tiny-roberta", "tiny-distilbert"])
@pytest.mark.parametrize("settings", [{}, {"pooling_method": "mean"}, {"normalize_embeddings": False}, {"truncate_dim": 8},
                                      {"truncate_dim": 8, "normalize_embeddings": False},
                                      {"query_instruction_for_retrieval": "Query: ", "query_instruction_format": "{}|{}"}])
def test_flag_model_as_the_reference(models, model, settings):
    real = need("FlagEmbedding").FlagModel(str(models / model), use_fp16=False, passage_max_length=64, query_max_length=32, **settings)
    ours = FlagModel(str(models / model), use_fp16=False, passage_max_length=64, query_max_length=32, **settings)
    for method in ("encode", "encode_queries", "encode_corpus"):
        expected, found = getattr(real, method)(TEXTS), getattr(ours, method)(TEXTS)
        assert found.shape == expected.shape and found.dtype == expected.dtype
        scale = max(1.0, float(np.abs(expected).max()))
        assert np.abs(found - expected).max() < 1e-5 * scale
        assert getattr(real, method)(TEXTS[0]).shape == getattr(ours, method)(TEXTS[0]).shape


# The defaults, too: weights that were rounded as they were read.
@pytest.mark.oracle
@pytest.mark.parametrize("settings", [{}, {"use_bf16": True}, {"use_fp16": False}])
def test_rounded_weights_as_the_reference(models, settings):
    reference = need("FlagEmbedding")
    real, ours = reference.FlagModel(str(models / "tiny-bert"), **settings), FlagModel(str(models / "tiny-bert"), **settings)
    whole = FlagModel(str(models / "tiny-bert"), use_fp16=False).encode(TEXTS)
    expected, found = real.encode(TEXTS), ours.encode(TEXTS)
    assert found.dtype == expected.dtype == np.float32 and np.abs(found - expected).max() < 1e-5
    assert ("use_fp16" in settings) == (np.abs(found - whole).max() < 1e-5)
    real = reference.BGEM3FlagModel(str(models / "tiny-m3"), colbert_dim=16, **settings)
    ours = BGEM3FlagModel(str(models / "tiny-m3"), **settings)
    expected, found = real.encode(TEXTS, **M3_ALL), ours.encode(TEXTS, **M3_ALL)
    assert np.abs(expected["dense_vecs"] - found["dense_vecs"]).max() < 2e-5
    for a, b in zip(expected["lexical_weights"], found["lexical_weights"]):
        assert list(a) == list(b) and all(abs(a[token] - b[token]) < 2e-5 for token in a)
    for a, b in zip(expected["colbert_vecs"], found["colbert_vecs"]):
        assert np.abs(a - b).max(initial=0) < 2e-5


def test_weights_are_rounded_unless_the_program_says_how_to_compute(models):
    path = str(models / "tiny-bert")
    whole, half = _core.Embedder(path), _core.Embedder(path, round_weights="f16")
    texts = ["a text", "another one"]
    assert np.array_equal(FlagModel(path).encode(texts), half.encode(texts))
    assert np.array_equal(FlagModel(path, use_fp16=False).encode(texts), whole.encode(texts))
    assert np.array_equal(FlagModel(path, dtype="f32").encode(texts), whole.encode(texts))
    assert 0 < np.abs(half.encode(texts) - whole.encode(texts)).max() < 1e-3
    assert np.array_equal(pickle.loads(pickle.dumps(half)).encode(texts), half.encode(texts))
    with pytest.raises(ValueError, match="round_weights"):
        _core.Embedder(path, round_weights="f8")


@pytest.mark.oracle
@pytest.mark.parametrize("settings", [{}, {"truncate_dim": 8}, {"query_instruction_for_retrieval": "find: "}])
def test_m3_as_the_reference(models, settings, compat_reset):
    # It scores whole vectors of texts without their instructions: test_m3_scores_are_of_what_encode_gives has ours.
    compat.scores_of_whole_vectors = compat.scores_without_instructions = True
    real = need("FlagEmbedding").BGEM3FlagModel(
        str(models / "tiny-m3"), use_fp16=False, passage_max_length=64, colbert_dim=16, **settings)
    ours = BGEM3FlagModel(str(models / "tiny-m3"), use_fp16=False, passage_max_length=64, **settings)
    expected, found = real.encode(TEXTS, **M3_ALL), ours.encode(TEXTS, **M3_ALL)
    assert np.abs(expected["dense_vecs"] - found["dense_vecs"]).max() < 2e-5
    for a, b in zip(expected["lexical_weights"], found["lexical_weights"]):
        assert list(a) == list(b), "the same tokens in the same order"
        assert all(abs(a[token] - b[token]) < 2e-5 for token in a)
    for a, b in zip(expected["colbert_vecs"], found["colbert_vecs"]):
        assert a.shape == b.shape and np.abs(a - b).max(initial=0) < 2e-5
    pairs = [(TEXTS[0], TEXTS[1]), (TEXTS[4], TEXTS[0])]
    for weights in (None, [0.4, 0.2, 0.4]):
        a = real.compute_score(pairs, weights_for_different_modes=weights, max_passage_length=64, max_query_length=64)
        b = ours.compute_score(pairs, weights_for_different_modes=weights, max_passage_length=64, max_query_length=64)
        assert list(a) == list(b) and all(np.abs(np.array(a[kind]) - b[kind]).max() < 1e-5 for kind in a)


@pytest.mark.oracle
@pytest.mark.parametrize("settings", [{}, {"normalize": True}, {"max_length": 48}, {"max_length": 32, "query_max_length": 8}])
def test_reranker_as_the_reference(models, settings):
    real = need("FlagEmbedding").FlagReranker(str(models / "tiny-reranker"), max_length=64)
    ours = FlagReranker(str(models / "tiny-reranker"), max_length=64)
    # An empty passage: transformers 5 leaves it out of a pair that is no batch, and keeps it in a batch, as
    # transformers 4 does and this engine.
    pairs = [pair for pair in PAIRS if pair[1]]
    expected, found = real.compute_score(pairs, **settings), ours.compute_score(pairs, **settings)
    assert type(expected) is type(found) and np.abs(np.array(expected) - found).max() < 1e-5


@pytest.mark.oracle
def test_models_inside_as_the_references(models):
    reference = need("FlagEmbedding")
    torch = need("torch")
    real, ours = reference.FlagModel(str(models / "tiny-bert"), use_fp16=False), FlagModel(str(models / "tiny-bert"), use_fp16=False)
    inputs = inputs_of(real, "pt")
    mask = inputs["attention_mask"].bool()
    expected, found = real.model(**inputs).last_hidden_state, ours.model(**inputs_of(ours, "pt")).last_hidden_state
    assert torch.is_tensor(found) and (expected - found)[mask].abs().max() < 1e-5
    for method in ("cls", "mean"):
        real.pooling_method = ours.pooling_method = method
        a, b = real.pooling(expected, inputs["attention_mask"]), ours.pooling(found, inputs["attention_mask"])
        assert b.dtype == a.dtype and (a - b).abs().max() < 1e-5
    real = reference.BGEM3FlagModel(str(models / "tiny-m3"), use_fp16=False, colbert_dim=16)
    ours = BGEM3FlagModel(str(models / "tiny-m3"), use_fp16=False)
    inputs = inputs_of(real, "pt")
    mask = inputs["attention_mask"].bool()
    kinds = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}
    for settings in ({}, {"truncate_dim": 8}, {"return_sparse_embedding": True}):
        with torch.no_grad():
            expected = real.model(inputs, **kinds, **settings)
        found = ours.model(inputs_of(ours, "pt"), **kinds, **settings)
        assert list(found) == list(expected)
        for kind, values in expected.items():
            assert found[kind].shape == values.shape and found[kind].dtype == values.dtype
            off = (found[kind] - values).abs()
            off = off[mask] if kind == "sparse_vecs" and not settings.get("return_sparse_embedding") else off
            assert off.max() < 2e-5, kind
    assert np.abs(real.model.compute_dense_score(expected["dense_vecs"], expected["dense_vecs"])
                  - ours.model.compute_dense_score(found["dense_vecs"], found["dense_vecs"])).max() < 1e-5
    assert np.abs(real.model.compute_sparse_score(expected["sparse_vecs"], expected["sparse_vecs"])
                  - ours.model.compute_sparse_score(found["sparse_vecs"], found["sparse_vecs"])).max() < 1e-4
    a = real.model.compute_colbert_score(expected["colbert_vecs"], expected["colbert_vecs"], inputs["attention_mask"])
    b = ours.model.compute_colbert_score(found["colbert_vecs"], found["colbert_vecs"], inputs["attention_mask"])
    assert a.shape == b.shape
    rows = torch.isfinite(a)  # of an empty text with one token it is 0 / 0 or so
    assert (torch.isfinite(b) == rows).all() and (a - b)[rows].abs().max() < 1e-5
    for model in (real.model, ours.model):
        assert model.vocab_size == model.config.vocab_size and model.model.config.hidden_size
        assert tuple(model.colbert_linear(torch.zeros(2, model.config.hidden_size)).shape) == (2, 16)
    real, ours = reference.FlagReranker(str(models / "tiny-reranker")), FlagReranker(str(models / "tiny-reranker"))
    ids = real.tokenizer(["a b"], ["c d e"], return_tensors="pt")
    assert (real.model(**ids).logits - ours.model(**ids).logits).abs().max() < 1e-5


@pytest.mark.oracle
def test_every_name_of_the_reference_is_there():
    import bgecpp.flag_embedding as ours

    real = need("FlagEmbedding")
    for name in ("FlagModel", "BGEM3FlagModel", "FlagReranker", "FlagAutoModel", "FlagAutoReranker"):
        have = set(dir(getattr(ours, name)))
        lacking = {method for method in dir(getattr(real, name)) if not method.startswith("_")} - have
        # Insides of the reference's classes, with torch tensors in and out.
        assert lacking <= {"get_model_torch_dtype", "compute_score_multi_process", "model_config"}, lacking


class Processes(dict):
    """A pool of the reference's whose workers are run here, when their results are asked for."""

    def __init__(self, model, worker, count):
        class Given(queue.Queue):
            def get(self):
                return super().get(block=False)  # queue.Empty ends the worker

        class Results(queue.Queue):
            def get(self):
                if self.empty():
                    worker("cpu", model, given, self)
                return super().get(block=False)

        given = Given()
        super().__init__(input=given, output=Results(), processes=[None] * count)


@pytest.mark.oracle
def test_pools_as_the_reference(models):
    """What reaches the workers: neither the constructor's lengths, nor its kinds of vectors, nor instructions."""
    reference = need("FlagEmbedding")
    texts = ["a b c d e f g h i j", "k l m", "n"]
    given = {"use_fp16": False, "devices": "cpu", "query_instruction_for_retrieval": "q: "}
    path = str(models / "tiny-bert")
    real, ours = (cls(path, passage_max_length=4, **given) for cls in (reference.FlagModel, FlagModel))
    for settings in ({}, {"max_length": 5}):
        expected = real.encode_multi_process(texts, Processes(real, real._encode_multi_process_worker, 2), **settings)
        found = ours.encode_multi_process(texts, {}, **settings)
        assert found.dtype == expected.dtype and np.abs(found - expected).max() < 1e-5
    given.update(query_max_length=4, passage_max_length=4, return_dense=False, return_sparse=True)
    path = str(models / "tiny-m3")
    real, ours = reference.BGEM3FlagModel(path, colbert_dim=16, **given), BGEM3FlagModel(path, **given)
    for settings in ({}, {"return_sparse": True, "max_length": 5}):
        expected = real.encode_multi_process(texts, Processes(real, real._encode_multi_process_worker, 2), **settings)
        found = ours.encode_multi_process(texts, {}, **settings)
        assert {kind for kind in found if found[kind] is None} == {kind for kind in expected if expected[kind] is None}
        assert np.abs(found["dense_vecs"] - expected["dense_vecs"]).max() < 2e-5
        if found["lexical_weights"]:
            assert [list(weights) for weights in found["lexical_weights"]] == [list(w) for w in expected["lexical_weights"]]
    pairs = [(texts[0], texts[0]), (texts[1], texts[0])]
    for settings in ({}, {"max_query_length": 5, "weights_for_different_modes": [1, 0.5, 0.25]}):
        expected = real.compute_score_multi_process(
            pairs, Processes(real, real._compute_score_multi_process_worker, 1), **settings)
        found = ours.compute_score_multi_process(pairs, {}, **settings)
        assert all(np.abs(np.array(found[kind]) - expected[kind]).max() < 2e-5 for kind in expected)
    path = str(models / "tiny-reranker")
    real, ours = (cls(path, devices=["cpu", "cpu"], max_length=16) for cls in (reference.FlagReranker, FlagReranker))
    real.pool = Processes(real, real._encode_multi_process_worker, 2)
    expected, found = real.compute_score(pairs), ours.compute_score(pairs)
    assert type(expected) is np.ndarray and type(found) is list and np.abs(expected - found).max() < 1e-5
    compat.array_of_several_devices = True
    try:
        array = ours.compute_score(pairs)
    finally:
        compat.array_of_several_devices = False
    assert type(array) is type(expected) and array.dtype == expected.dtype and array.shape == expected.shape
    real.pool = None


@pytest.mark.oracle
def test_the_last_weight_of_equal_tokens_is_the_references(models, tmp_path, compat_reset):
    path = with_equal_tokens(models, tmp_path)
    real, ours = need("FlagEmbedding").BGEM3FlagModel(path, use_fp16=False, colbert_dim=16), BGEM3FlagModel(path, use_fp16=False)
    compat.last_weight_of_equal_tokens = compat.unwrap_single_token_lists = True
    for weights in (EQUAL_TOKENS, [EQUAL_TOKENS], [EQUAL_TOKENS, {"5": 1.0}]):
        assert ours.convert_id_to_token(weights) == real.convert_id_to_token(weights)


@pytest.mark.oracle
def test_clamped_colbert_scores_are_the_references_of_padded_passages(models, tmp_path, compat_reset):
    torch = need("torch")
    path, head = with_colbert_vectors_of_all_directions(models, tmp_path)
    torch.save({name: torch.from_numpy(tensor) for name, tensor in head.items()}, tmp_path / "m3/colbert_linear.pt")
    real, ours = need("FlagEmbedding").BGEM3FlagModel(path, use_fp16=False, colbert_dim=16), BGEM3FlagModel(path, use_fp16=False)
    assert best_products(ours)[0].min() < -1e-3
    alone = [real.compute_score([pair])["colbert"][0] for pair in COLBERT_PAIRS]
    batch = real.compute_score(COLBERT_PAIRS)["colbert"]
    assert alone[0] < batch[0] - 1e-3  # which is what was mended
    assert ours.compute_score(COLBERT_PAIRS)["colbert"] == pytest.approx(alone, abs=2e-5)
    compat.clamp_colbert_scores = True
    assert ours.compute_score(COLBERT_PAIRS)["colbert"][0] == pytest.approx(batch[0], abs=2e-5)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:bgecpp computes on the CPU")
def test_half_results_as_the_reference(models, compat_reset):
    """Of dtypes: the reference computes in float16 on what is not named "cpu" exactly."""
    path = str(models / "tiny-m3")
    real = need("FlagEmbedding").BGEM3FlagModel(path, devices="cpu:0", colbert_dim=16)
    compat.numpy_lexical_weights = True
    expected, found = real.encode(TEXTS, **M3_ALL), BGEM3FlagModel(path, devices="cuda:0").encode(TEXTS, **M3_ALL)
    assert found["dense_vecs"].dtype == expected["dense_vecs"].dtype == np.float16
    assert [v.dtype for v in found["colbert_vecs"]] == [v.dtype for v in expected["colbert_vecs"]] == [np.float32] * len(TEXTS)
    for a, b in zip(found["lexical_weights"], expected["lexical_weights"]):
        assert {type(w) for w in a.values()} == {type(w) for w in b.values()}
        assert all(abs(float(a[token]) - float(b[token])) < 1e-2 for token in b)


@pytest.mark.oracle
def test_colbert_scores_as_the_reference(models):
    path = str(models / "tiny-m3")
    real, ours = need("FlagEmbedding").BGEM3FlagModel(path, colbert_dim=16), BGEM3FlagModel(path)
    a, b = (np.random.default_rng(i).normal(size=(3 + i, 16)) for i in range(2))
    for kind, most in ((np.float32, 1e-5), (np.float16, 1e-2), (np.float64, 1e-5)):
        expected, found = (model.colbert_score(a.astype(kind), b.astype(kind)) for model in (real, ours))
        assert type(found) is type(expected) and found.dtype == expected.dtype and found.shape == expected.shape
        assert abs(float(found) - float(expected)) < most


PAIR_TEXTS = [("a b c", "d"), "a text alone", ["one two", "three " * 200], ("x " * 300, "y")]


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("normalize", [True, False])
def test_pairs_poolings_and_lengths_are_the_references(models, tmp_path, normalize):
    """Pairs; a pooling that is set later; more columns than there are; a directory that asks for fewer."""
    real_class = need("FlagEmbedding").FlagModel
    given = {"use_fp16": False, "devices": "cpu", "normalize_embeddings": normalize}
    for name in ("tiny-bert", "tiny-roberta"):
        shutil.copytree(models / name, tmp_path / name)
        settings = tmp_path / name / "config_sentence_transformers.json"
        settings.write_text("{}")
        # It does not read the setting.
        real, asking = real_class(str(tmp_path / name), **given), [FlagModel(str(tmp_path / name), **given)]
        for truncate_dim in (10, 32):
            settings.write_text(json.dumps({"truncate_dim": truncate_dim}))
            asking.append(FlagModel(str(tmp_path / name), **given))
        for pooling in ("cls", "mean"):
            for cut in (None, 10, 1000):
                for texts in (["a b c", "d"], PAIR_TEXTS):
                    real.pooling_method, real.truncate_dim = pooling, cut
                    theirs = real.encode(texts, max_length=64)
                    for ours in asking:
                        ours.pooling_method, ours.truncate_dim = pooling, cut
                        mine = ours.encode(texts, max_length=64)
                        assert mine.shape == theirs.shape and np.abs(mine - theirs).max() < 1e-5


def test_a_pooling_that_there_is_not(models):
    model = FlagModel(str(models / "tiny-bert"))
    model.pooling_method = "max"
    with pytest.raises(NotImplementedError, match="give cls or mean"):
        model.encode(["a"])
    model.pooling_method = "mean"
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.encode(["a b"]), model.encode(["a b"]))
    for wrong in ([("a", "b", "c")], [("a",)], [5]):
        with pytest.raises(TypeError, match=r"\[0\]"):
            model.encode(wrong)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
def test_m3_of_a_directory_that_asks_for_fewer_columns(models, tmp_path):
    real_class = need("FlagEmbedding").BGEM3FlagModel
    shutil.copytree(models / "tiny-m3", tmp_path / "m3")
    (tmp_path / "m3/config_sentence_transformers.json").write_text('{"truncate_dim": 5}')
    for cut in (None, 8, 1000):
        given = {"use_fp16": False, "devices": "cpu", "truncate_dim": cut, "colbert_dim": 16}
        ours, real = (cls(str(tmp_path / "m3"), **given) for cls in (BGEM3FlagModel, real_class))
        mine, theirs = (m.encode(["a b c", "d"])["dense_vecs"] for m in (ours, real))
        assert mine.shape == theirs.shape and np.abs(mine - theirs).max() < 1e-5


def test_pairs_that_are_none_are_named(models):
    model = FlagReranker(str(models / "tiny-bert-reranker"))
    pair = ("a", "b")
    for wrong in ({"query": "a", "passage": "b"}, ("a",), "ab", None, 5):
        with pytest.raises(ValueError, match=r"sentence_pairs\[1\]: expected a query and a passage"):
            model.compute_score([pair, wrong])
    assert model.compute_score([("a", "b", "c")]) == model.compute_score([pair])
    with pytest.raises(ValueError, match="max_length out of range: found 3"):
        model.compute_score([pair], max_length=3)


def test_weights_that_sum_to_zero_divide_by_it(models, recwarn):
    model = BGEM3FlagModel(str(models / "tiny-m3"), use_fp16=False, devices="cpu")
    scores = model.compute_score([["hello there", "hello world"], ["a", "b"]], weights_for_different_modes=[1, -1, 0])
    for name in ("sparse+dense", "colbert+sparse+dense"):
        assert [abs(value) for value in scores[name]] == [np.inf, np.inf]
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]
