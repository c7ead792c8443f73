"""Arrays from strangers: of lying offsets, of ids that wrap around, and names of functions in a model's files."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bgecpp
from bgecpp import CrossEncoder, Embedder, Reranker, SentenceTransformer, errors

BOUNDS = np.array([0, 3])


# Arrow data whose last offset lies behind its buffer, as a file from elsewhere may have it.


def lying_table(pa: Any, column: Any, last: int) -> Any:
    table = pa.table({"text": column})
    file = io.BytesIO()
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    right = struct.pack("<iii", 0, 2, 8)
    assert file.getvalue().count(right) == 1
    data = file.getvalue().replace(right, struct.pack("<iii", 0, 2, last))
    return pa.ipc.open_file(io.BytesIO(data)).read_all()


@pytest.mark.parametrize("last", [400, 2_000_000_000])
@pytest.mark.parametrize("how", ["default", "arrow dtype", "index", "array", "slice"])
def test_a_column_of_pandas_is_validated(models: Path, how: str, last: int) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    table = lying_table(pa, pa.array(["ab", "cdefgh"]), last)
    # pandas 2 makes Python strings by default, which nobody reads in place.
    by_default = how == "default" and int(pd.__version__.split(".")[0]) >= 3
    column = table.to_pandas(types_mapper=None if by_default else pd.ArrowDtype)["text"]
    column = {"index": pd.Index, "array": lambda c: c.array, "slice": lambda c: c[1:]}.get(how, lambda c: c)(column)
    assert hasattr(getattr(column, "array", column), "__arrow_array__")
    with pytest.raises(pa.ArrowInvalid):
        Embedder(models / "tiny-bert", threads=1).tokenizer.encode(column)


def test_a_column_of_pandas_is_read(models: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    embedder = Embedder(models / "tiny-bert", threads=1)
    texts = ["hello there", "the sea", "", "one two"]
    for dtype in ("string[pyarrow]", "string[python]", object):
        column = pd.Series(texts, dtype=dtype)
        for columns in (column[1:3], pd.Index(column[1:3]), column[1:3].array):
            np.testing.assert_array_equal(embedder.encode(columns), embedder.encode(texts[1:3]))
        with pytest.raises((ValueError, TypeError)):
            embedder.encode(pd.Series([*texts, None], dtype=dtype))


def test_a_class_of_ones_own_is_validated(models: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

    class Own(pa.ExtensionArray):  # type: ignore[misc]
        pass

    class Kind(pa.ExtensionType):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(pa.string(), "tests.kind")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, storage: Any, serialized: bytes) -> Kind:
            return cls()

        def __arrow_ext_class__(self) -> type:
            return Own

    pa.register_extension_type(Kind())
    try:
        column = pa.ExtensionArray.from_storage(Kind(), pa.array(["ab", "cdefgh"]))
        chunk = lying_table(pa, column, 400).column(0).chunk(0)
        assert type(chunk) is Own
        with pytest.raises(pa.ArrowInvalid):
            Embedder(models / "tiny-bert", threads=1).tokenizer.encode(chunk)
    finally:
        pa.unregister_extension_type("tests.kind")


# Token ids.


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64])
def test_integers_of_any_width_are_ids(models: Path, dtype: Any) -> None:
    embedder = Embedder(models / "tiny-bert")
    expected = embedder.hidden_states(np.array([2, 5, 3], np.int32), None, BOUNDS)
    ids = np.array([2, 0, 5, 0, 3], dtype)[::2]  # with strides
    np.testing.assert_array_equal(embedder.hidden_states(ids, np.zeros(3, dtype), BOUNDS.astype(dtype)), expected)


def test_ids_do_not_wrap_around(models: Path) -> None:
    embedder, reranker = Embedder(models / "tiny-bert"), Reranker(models / "tiny-bert-reranker")
    for call in (embedder.hidden_states, reranker.logits):
        for wrong in (2**32 + 5, -(2**32) + 5, 2**31):
            with pytest.raises(ValueError, match=rf"^ids\[1\]: found {wrong}, expected a value of int32$"):
                call(np.array([2, wrong, 3]), None, BOUNDS)
        with pytest.raises(ValueError, match=r"^cu_seqlens\[1\]: found"):
            call(np.array([2, 5, 3]), None, np.array([0, 2**32 + 3]))
        with pytest.raises(ValueError, match=r"^type_ids\[0\]: found"):
            call(np.array([2, 5, 3]), np.array([2**32, 0, 0]), BOUNDS)
        for wrong_array in (np.array([2, 5.9, 3]), np.array([True, True, True]), np.array([[2, 5, 3]]), np.array(5)):
            with pytest.raises(TypeError, match=r"^ids: expected an array \(N,\) of integers, found"):
                call(wrong_array, None, BOUNDS)


def test_a_forward_pass_refuses_what_it_would_take_for_something_else(models: Path) -> None:
    model = SentenceTransformer(str(models / "tiny-bert"))

    def vector(ids: Any, mask: Any, **more: Any) -> Any:
        features = {"input_ids": np.array(ids), "attention_mask": np.array(mask), **more}
        return np.asarray(model(features)["sentence_embedding"])

    right = vector([[2, 5, 3, 0]], [[1, 1, 1, 0]])
    np.testing.assert_array_equal(vector([[2, 5, 3]], [[1.0, 1.0, 1.0]]), right)
    with pytest.raises(errors.InvalidArgument, match="input_ids: outside the model's vocabulary"):
        vector([[2, 2**32 + 5, 3]], [[1, 1, 1]])
    for ids, mask, message in (
        ([[2, 5.9, 3]], [[1, 1, 1]], "input_ids: expected integers"),
        ([2, 5, 3], [1, 1, 1], "input_ids: expected integers"),
        ([[2, 5, 3]], [[1, 1]], "attention_mask: expected shape"),
        ([[2, 5, 3]], [[1, float("nan"), 1]], "attention_mask: found NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            vector(ids, mask)
    with pytest.raises(errors.Unsupported, match="ones behind zeros"):
        vector([[2, 5, 3]], [[1, 0, 1]])
    np.testing.assert_array_equal(vector([[0, 2, 5, 3]], [[0, 1, 1, 1]]), right)  # as encode() gives, of any padding
    with pytest.raises(ValueError, match="token_type_ids: expected shape"):
        vector([[2, 5, 3]], [[1, 1, 1]], token_type_ids=np.zeros((1, 2), int))


# Names of functions in a model's files.

SETTINGS, CONFIG = "config_sentence_transformers.json", "config.json"


def reranker_with(folder: Path, models: Path, settings: dict[str, Any] | None, config: dict[str, Any]) -> Path:
    shutil.copytree(models / "tiny-bert-reranker", folder)
    (folder / "modules.json").unlink(missing_ok=True)
    fields = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    for name in ("sentence_transformers", "sbert_ce_default_activation_function"):
        fields.pop(name, None)
    (folder / CONFIG).write_text(json.dumps({**fields, **config}), encoding="utf-8")
    if settings is None:
        (folder / SETTINGS).unlink(missing_ok=True)
    else:
        (folder / SETTINGS).write_text(json.dumps(settings), encoding="utf-8")
    return folder


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize("name", ["torch.utils.collect_env.main", "torch.nope.X", "os.getcwd", "torch.nn.ReLU", "Sigmoid"])
def test_no_function_that_a_model_names_is_called(models: Path, tmp_path: Path, name: str, trust: bool) -> None:
    sigmoid = "torch.nn.modules.activation.Sigmoid"
    for number, (settings, config) in enumerate(
        [
            ({"activation_fn": sigmoid}, {"sentence_transformers": {"activation_fn": name}}),
            ({"activation_fn": sigmoid}, {"sbert_ce_default_activation_function": name}),
            ({"activation_fn": name}, {"sbert_ce_default_activation_function": sigmoid}),
            (None, {"sentence_transformers": {"activation_fn": sigmoid}, "sbert_ce_default_activation_function": name}),
            (None, {"sentence_transformers": {"activation_fn": name}}),
        ]
    ):
        folder = reranker_with(tmp_path / str(number), models, settings, config)
        with pytest.raises(errors.Unsupported, match="unknown activation of scores"):
            CrossEncoder(str(folder), trust_remote_code=trust)


def test_both_take_the_same_activation(models: Path, tmp_path: Path) -> None:
    sigmoid, identity, tanh = (f"torch.nn.{name}" for name in ("Sigmoid", "Identity", "Tanh"))
    pair = ("what is it", "a thing")
    logit = float(Reranker(models / "tiny-bert-reranker").compute_score([pair[0]], [pair[1]], normalize=False)[0])
    expected = {"sigmoid": 1 / (1 + np.exp(-logit)), "identity": logit, "tanh": np.tanh(logit)}
    for number, (settings, config, name) in enumerate(
        [
            ({"activation_fn": sigmoid}, {"sentence_transformers": {"activation_fn": identity}}, "identity"),
            ({"activation_fn": identity}, {}, "sigmoid"),  # without modules.json nobody reads it
            (None, {"sentence_transformers": {"activation_fn": tanh}}, "tanh"),
            (None, {"sbert_ce_default_activation_function": identity}, "identity"),
            (None, {"sentence_transformers": {}, "sbert_ce_default_activation_function": tanh}, "tanh"),
            (None, {}, "sigmoid"),
        ]
    ):
        folder = reranker_with(tmp_path / str(number), models, settings, config)
        model = CrossEncoder(str(folder))
        assert abs(float(model.predict([pair])[0]) - expected[name]) < 1e-5, number
        info = Reranker(folder).info
        assert info["activation_source"] == "default" or info["activation"] == name
        model.save(str(tmp_path / f"saved {number}"))
        saved = CrossEncoder(str(tmp_path / f"saved {number}"))
        assert abs(float(saved.predict([pair])[0]) - expected[name]) < 1e-5, number
        assert Reranker(tmp_path / f"saved {number}").info["activation"] == name


# A fork while another thread writes.


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_does_not_wait_for_its_parents_writer(tmp_path: Path) -> None:
    writer = bgecpp.IndexWriter(tmp_path / "index", 64)
    vectors = np.zeros((20000, 64), np.float32)
    vectors[:, 0] = 1
    stop = threading.Event()

    def work() -> None:
        for begin in range(0, 400000, len(vectors)):
            if stop.is_set():
                return
            writer.add([f"{begin + i}" for i in range(len(vectors))], [""] * len(vectors), vectors)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    len(writer)
                    writer.add(["x"], [""], vectors[:1])
                except errors.InvalidArgument:
                    code = 0
                finally:
                    os._exit(code)
            for _ in range(500):
                pid, status = os.waitpid(child, os.WNOHANG)
                if pid:
                    break
                threading.Event().wait(0.02)
            else:
                os.kill(child, 9)
                os.waitpid(child, 0)
                pytest.fail("the child hangs")
            assert os.waitstatus_to_exitcode(status) == 0
    finally:
        stop.set()
        thread.join()
