"""Tokens of the hub: nothing shows, pickles or saves them."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import put_in_cache

import bgecpp
from bgecpp import _common, _names, _secrets, errors

TOKEN = "hf_SECRETSECRETSECRET"
KWARGS = ("model_kwargs", "config_kwargs", "processor_kwargs", "tokenizer_kwargs")
OLD = {"automodel_args": {"token": TOKEN}, "tokenizer_args": {"token": TOKEN}, "config_args": {"use_auth_token": TOKEN}}
PLAIN, OLD_PLAIN = {"token": TOKEN}, {"use_auth_token": TOKEN}
DEEP = {"model_kwargs": {"model_kwargs": {"token": TOKEN}}}
BOTH = (PLAIN, OLD_PLAIN)
SENTENCE_TRANSFORMERS = [PLAIN, DEEP, *({name: given} for name in KWARGS for given in BOTH)]
pytestmark = pytest.mark.filterwarnings("ignore")

# (module, class, tiny model, arguments): class "A.b" is a function of one.
CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    *(("", "SentenceTransformer", "tiny-bert", given) for given in (*SENTENCE_TRANSFORMERS, OLD_PLAIN)),
    *(("", "CrossEncoder", "tiny-bert-reranker", given) for given in (*SENTENCE_TRANSFORMERS, OLD)),
    *(("", "SparseEncoder", "tiny-splade", given) for given in SENTENCE_TRANSFORMERS),
    *(("", "AutoTokenizer.from_pretrained", "tiny-bert", given) for given in BOTH),
    *(("transformers", "PreTrainedTokenizerFast", "tiny-bert", given) for given in BOTH),
    *(("", "AutoModel.from_pretrained", "tiny-bert", given) for given in BOTH),
    *(("", "AutoModelForSequenceClassification.from_pretrained", "tiny-bert-reranker", given) for given in BOTH),
    *(("", "FlagModel", "tiny-bert", given) for given in (*BOTH, DEEP)),
    *(("", "BGEM3FlagModel", "tiny-m3", given) for given in BOTH),
    *(("", "FlagReranker", "tiny-reranker", given) for given in BOTH),
    *(("", "FlagAutoModel.from_finetuned", "tiny-bert", {"model_class": "encoder-only-base", **given}) for given in BOTH),
    *(("", "TextEmbedding", "tiny-bert", given) for given in (*BOTH, DEEP)),
    *(("", cls, "tiny-bert", PLAIN) for cls in ("Embedder", "Reranker")),
    *(("langchain", "BgeEmbeddings", "tiny-bert", given) for given in (*BOTH, DEEP, {"model_kwargs": PLAIN})),
    *(("langchain", "BgeEmbeddings", "tiny-bert", {"threads": "many", **given}) for given in BOTH),
    *(
        ("langchain", "HuggingFaceBgeEmbeddings", "tiny-bert", {name: given})
        for name in ("model_kwargs", "encode_kwargs")
        for given in (*BOTH, DEEP)
    ),
    *(("langchain", "BgeReranker", "tiny-bert-reranker", given) for given in (*BOTH, {"model_kwargs": PLAIN})),
    *(("langchain", "BgeCrossEncoder", "tiny-bert-reranker", given) for given in (*BOTH, {"model_kwargs": PLAIN})),
    *(("llama_index", "BgeEmbedding", "tiny-bert", given) for given in (*BOTH, {"model_kwargs": PLAIN})),
    *(("llama_index", "BgeRerank", "tiny-bert-reranker", given) for given in (*BOTH, {"model_kwargs": PLAIN})),
    *(("haystack", cls, "tiny-bert", given) for cls in ("BgeTextEmbedder", "BgeDocumentEmbedder") for given in BOTH),
    *(("haystack", "BgeRanker", "tiny-bert-reranker", given) for given in BOTH),
    *(("chroma", "BgeEmbeddingFunction", "tiny-bert", given) for given in (*BOTH, {"model_kwargs": PLAIN})),
    *(("mteb", "BgeEncoder", "tiny-bert", given) for given in (*BOTH, {"model_kwargs": PLAIN})),
    *(("mteb", "BgeCrossEncoder", "tiny-bert-reranker", given) for given in BOTH),
]
NEEDED = {
    "langchain": "langchain_core",
    "llama_index": "llama_index.core",
    "haystack": "haystack",
    "chroma": "chromadb",
    "mteb": "mteb",
}
# Of those that refuse these arguments.
REFUSED = (TypeError, ValueError, errors.Unsupported)


def _made(module: str, name: str, model: Path, given: dict[str, Any]) -> Any:
    if module in NEEDED:
        pytest.importorskip(NEEDED[module])
    found: Any = importlib.import_module(f"bgecpp.{module}" if module else "bgecpp")
    if module == "transformers" and name == "PreTrainedTokenizerFast":
        found = importlib.import_module("bgecpp.transformers._tokenizer")
    for part in name.split("."):
        found = getattr(found, part)
    key = {"BgeEmbedding": "model_name", "HuggingFaceBgeEmbeddings": "model_name"}.get(name, "model")
    place = () if module in ("langchain", "llama_index") else (str(model),)
    return found(*place, **({} if place else {key: str(model)}), **given)


def _inside(value: Any, seen: dict[int, Any], depth: int = 8) -> Iterator[str]:
    """The strs in an object, in its attributes and in what it holds, as far as Python code made them."""
    if isinstance(value, (str, bytes)):
        yield value if isinstance(value, str) else value.decode("latin1")
        return
    if id(value) in seen or depth == 0 or isinstance(value, type):
        return
    seen[id(value)] = value
    held = [*value.keys(), *value.values()] if isinstance(value, dict) else []
    held += list(value) if isinstance(value, (list, tuple, set, frozenset)) else []
    held += list(getattr(value, "__dict__", {}).values()) if type(value).__module__.startswith("bgecpp") else []
    private = getattr(value, "__pydantic_private__", None)
    for part in [*held, *([private] if isinstance(private, dict) else [])]:
        yield from _inside(part, seen, depth - 1)


def _shown(value: Any) -> Iterator[tuple[str, str]]:
    """(how, text) of all that an object shows of itself."""
    yield "repr", repr(value)
    yield "str", str(value)
    yield "pickle", pickle.dumps(value).decode("latin1")
    yield "copy", pickle.dumps(copy.copy(value)).decode("latin1")
    yield "vars", "\n".join(_inside(value, {}))
    for name in ("model_dump", "model_dump_json", "to_dict", "get_config"):
        if callable(getattr(value, name, None)):
            yield name, repr(getattr(value, name)())
    if hasattr(value, "config"):
        yield "config", repr(value.config) + json.dumps(value.config.to_dict(), default=repr)
    if hasattr(value, "init_kwargs"):
        yield "init_kwargs", repr(value.init_kwargs)
    if isinstance(getattr(value, "tokenizer", None), _tokenizer_class()):
        yield "tokenizer", pickle.dumps(value.tokenizer).decode("latin1") + repr(value.tokenizer.init_kwargs)


def _tokenizer_class() -> Any:
    return importlib.import_module("bgecpp.transformers._tokenizer").PreTrainedTokenizerFast


def _leaks(value: Any, folder: Path) -> list[str]:
    found = [how for how, text in _shown(value) if TOKEN in text]
    save = getattr(value, "save_pretrained", None)
    if callable(save):
        save(str(folder))
        assert any(folder.iterdir())
        found += [p.name for p in folder.rglob("*") if p.is_file() and TOKEN.encode() in p.read_bytes()]
    return found


def _id(case: tuple[str, str, str, dict[str, Any]]) -> str:
    module, name, _, given = case
    return f"{module or 'bgecpp'}.{name}({given})".replace(TOKEN, "T")


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_no_token_is_shown_pickled_or_saved(
    case: tuple[str, str, str, dict[str, Any]], models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name, model, given = case
    before = copy.deepcopy(given)
    monkeypatch.setattr(_common, "_warned", set())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            made = _made(module, name, models / model, given)
        except REFUSED as error:
            assert TOKEN not in str(error) and TOKEN not in repr(error)
            made = None
    assert given == before  # the caller's own
    assert not [str(w.message) for w in said if TOKEN in str(w.message)]
    if made is not None:
        assert _leaks(made, tmp_path / "saved") == []
        # Of what a model makes when it is asked for: configurations, tokenizers.
        assert _leaks(pickle.loads(pickle.dumps(made)), tmp_path / "saved again") == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("langchain", "BgeEmbeddings"),
        ("langchain", "HuggingFaceBgeEmbeddings"),
        ("llama_index", "BgeEmbedding"),
        ("", "SentenceTransformer"),
        ("chroma", "BgeEmbeddingFunction"),
    ],
)
def test_the_token_is_sent_and_a_pickle_loads_without(
    module: str, name: str, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []

    def located(model: Any, **options: Any) -> str:
        sent.append(options["token"])
        return str(models / "tiny-bert")

    monkeypatch.setattr(_names, "located", located)
    monkeypatch.setattr("bgecpp.sentence_transformers._base.located", located)
    given: dict[str, Any] = {"model_kwargs": PLAIN} if name.startswith("HuggingFace") else PLAIN
    made = _made(module, name, Path("private/model"), given)
    assert sent == [TOKEN]
    again = pickle.loads(pickle.dumps(made))
    # LlamaIndex' pickles make the object anew, of its fields.
    assert sent == ([TOKEN, None] if module == "llama_index" else [TOKEN]) and TOKEN not in "".join(_inside(again, {}))
    encode = next(getattr(again, name) for name in ("embed_query", "get_query_embedding", "encode") if hasattr(again, name))
    text: Any = ["a text"] if module == "chroma" else "a text"
    assert len(encode(text)) == (1 if module == "chroma" else 32)


@pytest.mark.parametrize("name", ["BgeTextEmbedder", "BgeRanker"])
def test_a_component_has_its_token_until_it_is_loaded(
    name: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("haystack")
    from haystack.utils import Secret

    model = models / ("tiny-bert" if name == "BgeTextEmbedder" else "tiny-bert-reranker")
    sent: list[Any] = []

    def located(name: str, token: Any = None, **options: Any) -> str:
        sent.append(token)
        return str(model)

    monkeypatch.setattr(_names, "located", located)
    monkeypatch.setenv("OF_TESTS", "hf_of_tests")
    for given in (TOKEN, Secret.from_token(TOKEN)):
        made = _made("haystack", name, Path("private/model"), {"token": given})
        assert repr(vars(made)["_token"]) == "***" and _leaks(made, tmp_path) == []
        copied = copy.deepcopy(made)
        pickle.loads(pickle.dumps(made)).warm_up()
        copied.warm_up()
        made.warm_up()
        assert sent == [None, TOKEN, TOKEN] and vars(made)["_token"] is None
        sent.clear()
    made = _made("haystack", name, Path("private/model"), {"token": Secret.from_env_var("OF_TESTS")})
    pickled = pickle.dumps(made)
    assert b"hf_of_tests" not in pickled
    pickle.loads(pickled).warm_up()
    _made("haystack", name, Path("private/model"), {"token": False}).warm_up()
    assert sent == ["hf_of_tests", False]


def test_a_directory_that_holds_a_token_is_saved_without(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "tiny-bert", tmp_path / "model")
    config = json.loads((models / "tiny-bert/tokenizer_config.json").read_text())
    (tmp_path / "model/tokenizer_config.json").write_text(json.dumps({**config, "use_auth_token": TOKEN}))
    tokenizer = bgecpp.AutoTokenizer.from_pretrained(str(tmp_path / "model"))
    assert _leaks(tokenizer, tmp_path / "saved") == []
    assert config.items() <= json.loads((tmp_path / "saved/tokenizer_config.json").read_text()).items()


def test_a_model_of_a_cache_is_pickled_by_its_path(models: Path, tmp_path: Path) -> None:
    put_in_cache(tmp_path, "private/model", models / "tiny-bert")
    options: dict[str, Any] = {"cache_folder": str(tmp_path), "token": TOKEN, "local_files_only": True}
    pickled = pickle.dumps(bgecpp.SentenceTransformer("private/model", **options))
    assert TOKEN.encode() not in pickled and len(pickle.loads(pickled).encode("a text")) == 32


def test_options_without_tokens() -> None:
    others = {"hf_token": 5, "headers": {"Authorization": 6}}
    given = {"token": 1, "a": 2, "model_kwargs": {"use_auth_token": 3, "b": 4, **others}, "label2id": {"token": 0}}
    assert _secrets.without(given) == {"a": 2, "model_kwargs": {"b": 4}, "label2id": {"token": 0}}
    assert _secrets.without(None) == {} and given["token"] == 1
    held = _secrets.Held(TOKEN)
    assert repr(held) == str(held) == "***" and copy.deepcopy(held).value == copy.copy(held).value == TOKEN
    assert pickle.loads(pickle.dumps(held)).value is None
