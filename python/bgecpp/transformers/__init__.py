"""transformers' Auto classes, for reading: encoders, rerankers and their tokenizers.

    from bgecpp.transformers import AutoModel, AutoTokenizer
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path)
    hidden = model(**tokenizer(texts, padding=True, truncation=True, return_tensors="np")).last_hidden_state

NumPy arrays give NumPy arrays, torch tensors give torch tensors. Nothing is trained, changed or saved.
"""

from bgecpp.transformers._auto_tokenizer import AutoTokenizer
from bgecpp.transformers._batch import BatchEncoding
from bgecpp.transformers._config import AutoConfig
from bgecpp.transformers._models import AutoModel, AutoModelForSequenceClassification
from bgecpp.transformers._outputs import BaseModelOutputWithPooling, SequenceClassifierOutput
from bgecpp.transformers._tokenizer import PreTrainedTokenizerFast

__all__ = [
    "AutoConfig",
    "AutoModel",
    "AutoModelForSequenceClassification",
    "AutoTokenizer",
    "BaseModelOutputWithPooling",
    "BatchEncoding",
    "PreTrainedTokenizerFast",
    "SequenceClassifierOutput",
]
