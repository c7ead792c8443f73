"""Names, places and arguments that sentence-transformers had: they work, and say what they are called now."""

import copy
import logging
import pickle
import warnings

import pytest
from conftest import MODELS, need
from sentence_transformers_cases import SMALL_MODELS, TEXTS, load

from bgecpp.sentence_transformers import CrossEncoder


def forget_what_was_logged():
    """Also what transformers, where it is loaded, remembers of lines that are logged once."""
    from bgecpp.sentence_transformers import _deprecated

    _deprecated._first.cache_clear()
    if hasattr(logging.Logger, "warning_once"):
        logging.Logger.warning_once.cache_clear()


PAIR = [("a", "b")]
OLD_PROPERTIES = [
    ("SentenceTransformer", lambda m: m.get_sentence_embedding_dimension(), lambda m: m.get_embedding_dimension(), FutureWarning),
    ("SparseEncoder", lambda m: m.get_sentence_embedding_dimension(), lambda m: m.get_embedding_dimension(), FutureWarning),
    ("SentenceTransformer", lambda m: m.truncate_sentence_embeddings(4).__enter__(), lambda m: None, FutureWarning),
    ("SentenceTransformer", lambda m: type(m).load(m.model_path).max_seq_length, lambda m: m.max_seq_length, DeprecationWarning),
    ("SentenceTransformer", lambda m: type(m)(m.model_path, use_auth_token=False).prompts, lambda m: m.prompts, FutureWarning),
    ("CrossEncoder", lambda m: m.max_length, lambda m: m.max_seq_length, DeprecationWarning),
    ("CrossEncoder", lambda m: setattr(m, "max_length", 9) or m.max_seq_length, lambda m: 9, DeprecationWarning),
    ("CrossEncoder", lambda m: repr(m.default_activation_function), lambda m: repr(m.activation_fn), DeprecationWarning),
]  # fmt: skip


@pytest.mark.parametrize("cls, old, new, category", OLD_PROPERTIES)
def test_old_names_warn_and_work(cls, old, new, category):
    loaded = load(cls, SMALL_MODELS[cls])
    with pytest.warns(category, match="deprecated|renamed") as seen:
        found = old(loaded)
    assert found == new(loaded)
    assert [warning.filename for warning in seen if warning.category is category] == [__file__]  # the caller's line


OLD_ARGUMENTS = [
    ("SentenceTransformer", "tokenizer_kwargs", lambda m: type(m)(m.model_path, tokenizer_kwargs={"model_max_length": 8})),
    ("SentenceTransformer", "sentences", lambda m: m.encode(sentences=TEXTS)),
    ("SentenceTransformer", "sentences", lambda m: m.encode_query(sentences=TEXTS)),
    ("SentenceTransformer", "sentences", lambda m: m.encode_document(sentences=TEXTS)),
    ("SentenceTransformer", "tokenize", lambda m: m.tokenize(TEXTS)),
    ("SentenceTransformer", "tokenize", lambda m: m[0].tokenize(TEXTS)),
    ("SparseEncoder", "tokenizer_kwargs", lambda m: type(m)(m.model_path, tokenizer_kwargs={})),
    ("SparseEncoder", "sentences", lambda m: m.encode(sentences=TEXTS)),
    ("CrossEncoder", "model_name", lambda m: type(m)(model_name=m.model_path)),
    ("CrossEncoder", "default_activation_function", lambda m: type(m)(m.model_path, default_activation_function=m.activation_fn)),
    ("CrossEncoder", "automodel_args", lambda m: type(m)(m.model_path, automodel_args={})),
    ("CrossEncoder", "tokenizer_args", lambda m: type(m)(m.model_path, tokenizer_args={"model_max_length": 8})),
    ("CrossEncoder", "tokenizer_kwargs", lambda m: type(m)(m.model_path, tokenizer_kwargs=None)),
    ("CrossEncoder", "config_args", lambda m: type(m)(m.model_path, config_args={"classifier_dropout": 0.1})),
    ("CrossEncoder", "cache_dir", lambda m: type(m)(m.model_path, cache_dir="nowhere")),
    ("CrossEncoder", "sentences", lambda m: m.predict(sentences=PAIR)),
    ("CrossEncoder", "activation_fct", lambda m: m.predict(PAIR, activation_fct=m.activation_fn)),
    ("CrossEncoder", "num_workers", lambda m: m.predict(PAIR, num_workers=0)),
    ("CrossEncoder", "activation_fct", lambda m: m.rank("a", ["b"], activation_fct=m.activation_fn)),
    ("CrossEncoder", "num_workers", lambda m: m.rank("a", ["b"], num_workers=0)),
    ("CrossEncoder", "apply_softmax", lambda m: m.rank("a", ["b"], apply_softmax=False)),
    ("CrossEncoder", "convert_to_numpy", lambda m: m.rank("a", ["b"], convert_to_numpy=True)),
    ("CrossEncoder", "convert_to_tensor", lambda m: m.rank("a", ["b"], convert_to_tensor=False)),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("cls, name, call", OLD_ARGUMENTS)
def test_old_arguments_are_logged_once(cls, name, call, caplog):
    loaded = load(cls, SMALL_MODELS[cls])
    forget_what_was_logged()
    for _ in range(2):
        with caplog.at_level(logging.WARNING):
            call(loaded)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1 and f"`{name}`" in lines[0] and "deprecated" in lines[0]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_once_was_a_place_or_an_argument_of_its_own_is_logged_each_time(caplog):
    path = str(MODELS / "tiny-reranker")
    with caplog.at_level(logging.WARNING):
        old = CrossEncoder(path, 1, 9)
        CrossEncoder(path, classifier_dropout=0.1234)
        CrossEncoder(path, classifier_dropout=0.1234)
    lines = [record.getMessage() for record in caplog.records]
    assert ["`num_labels`" in lines[0], "`max_length=9`" in lines[1]] == [True, True] and old.max_seq_length == 9
    assert len(lines) == 4 and all("`classifier_dropout` argument is deprecated" in line for line in lines[2:])


def test_new_names_say_nothing(caplog, recwarn):
    cross, sparse = load("CrossEncoder", "tiny-reranker"), load("SparseEncoder", "tiny-splade")
    model = load("SentenceTransformer", "tiny-bert")
    forget_what_was_logged()
    recwarn.clear()
    with caplog.at_level(logging.WARNING):
        model.preprocess(TEXTS), model.encode(inputs=TEXTS), model.encode_query(TEXTS), model.encode_document(TEXTS)
        model.get_embedding_dimension(), model.get_max_seq_length(), copy.deepcopy(model), pickle.loads(pickle.dumps(model))
        sparse.encode(TEXTS), sparse.get_embedding_dimension()
        cross.predict(PAIR, activation_fn=cross.activation_fn), cross.rank("a", ["b"]), pickle.loads(pickle.dumps(cross))
        CrossEncoder(cross.model_path, num_labels=1, max_length=9, processor_kwargs={"use_fast": True})
    assert [record.getMessage() for record in caplog.records] == []
    assert [w for w in recwarn if issubclass(w.category, (DeprecationWarning, FutureWarning)) and w.filename == __file__] == []


def test_rank_has_no_sentences():
    with pytest.raises(ValueError, match="sentences"):
        load("CrossEncoder", "tiny-reranker").rank("a", ["b"], sentences=PAIR)


def said(call):
    """(categories of the warnings about old names, loggers and levels of the lines of the log, what was raised), twice in
    turn."""
    records: list = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append((record.name, record.levelname))
    log = logging.getLogger("sentence_transformers")
    log.addHandler(handler)
    logging.Logger.warning_once.cache_clear()
    found = []
    try:
        for _ in range(2):
            records.clear()
            raised = None
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                try:
                    call()
                except Exception as error:
                    raised = type(error).__name__
            old = [w.category.__name__ for w in seen if issubclass(w.category, (DeprecationWarning, FutureWarning))]
            found.append((old, [r for r in records if r[1] == "WARNING"], raised))
    finally:
        log.removeHandler(handler)
    return found


def set_attribute(name, value):
    return lambda model, cls, path: setattr(model, name, value)


# The class, and what is called of a model, its class and its path.
OLD_NAMES = {
    "SentenceTransformer": {
        "get_sentence_embedding_dimension": lambda m, c, p: m.get_sentence_embedding_dimension(),
        "truncate_sentence_embeddings": lambda m, c, p: m.truncate_sentence_embeddings(4).__enter__(),
        "encode_multi_process": lambda m, c, p: m.encode_multi_process(TEXTS[:1], None),
        "load": lambda m, c, p: c.load(p),
        "_target_device": lambda m, c, p: m._target_device,
        "_target_device =": set_attribute("_target_device", "cpu"),
        "tokenize": lambda m, c, p: m.tokenize(["a"]),
        "[0].tokenize": lambda m, c, p: m[0].tokenize(["a"]),
        "encode(sentences)": lambda m, c, p: m.encode(sentences=["a"]),
        "encode_query(sentences)": lambda m, c, p: m.encode_query(sentences=["a"]),
        "encode_document(sentences)": lambda m, c, p: m.encode_document(sentences=["a"]),
        "encode(both)": lambda m, c, p: m.encode(inputs=["a"], sentences=["b"]),
        "use_auth_token": lambda m, c, p: c(p, use_auth_token=False),
        "use_auth_token and token": lambda m, c, p: c(p, use_auth_token="a", token="b"),
        "tokenizer_kwargs": lambda m, c, p: c(p, tokenizer_kwargs={}),
        "nothing": lambda m, c, p: (c(p, processor_kwargs={}), m.encode(inputs=["a"]), m.get_max_seq_length()),
    },
    "CrossEncoder": {
        "max_length": lambda m, c, p: m.max_length,
        "max_length =": set_attribute("max_length", 16),
        "default_activation_function": lambda m, c, p: m.default_activation_function,
        "predict(sentences)": lambda m, c, p: m.predict(sentences=[("a", "b")]),
        "predict(activation_fct)": lambda m, c, p: m.predict([("a", "b")], activation_fct=m.activation_fn),
        "predict(num_workers)": lambda m, c, p: m.predict([("a", "b")], num_workers=0),
        "rank(num_workers)": lambda m, c, p: m.rank("a", ["b"], num_workers=0),
        "rank(apply_softmax)": lambda m, c, p: m.rank("a", ["b"], apply_softmax=True),
        "rank(convert_to_numpy)": lambda m, c, p: m.rank("a", ["b"], convert_to_numpy=True, convert_to_tensor=True),
        "model_name": lambda m, c, p: c(model_name=p),
        "places": lambda m, c, p: c(p, 1, 16, None, "cpu"),
        "automodel_args": lambda m, c, p: c(p, automodel_args={}),
        "tokenizer_args": lambda m, c, p: c(p, tokenizer_args={}),
        "tokenizer_kwargs": lambda m, c, p: c(p, tokenizer_kwargs={}),
        "config_args": lambda m, c, p: c(p, config_args={}),
        "cache_dir": lambda m, c, p: c(p, cache_dir=None),
        "classifier_dropout": lambda m, c, p: c(p, classifier_dropout=0.1),
        "nothing": lambda m, c, p: (c(p, max_length=16), m.predict([("a", "b")]), m.rank("a", ["b"])),
    },
    "SparseEncoder": {
        "get_sentence_embedding_dimension": lambda m, c, p: m.get_sentence_embedding_dimension(),
        "encode(sentences)": lambda m, c, p: m.encode(sentences=["a"]),
        "tokenizer_kwargs": lambda m, c, p: c(p, tokenizer_kwargs={}),
    },
}


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cls, name, what", [(c, n, w) for c, names in OLD_NAMES.items() for n, w in names.items()])
def test_old_names_are_said_as_there(both, cls, name, what):
    need("torch")
    model = {"SentenceTransformer": "tiny-bert", "CrossEncoder": "tiny-bert-reranker", "SparseEncoder": "tiny-splade"}[cls]
    theirs, mine = both(cls, model)
    path = str(MODELS / model)
    expected = said(lambda: what(theirs, type(theirs), path))
    assert said(lambda: what(mine, type(mine), path)) == expected
    assert (expected[0] == ([], [], None)) == (name == "nothing")
