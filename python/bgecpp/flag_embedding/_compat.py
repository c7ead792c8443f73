"""Where FlagEmbedding's ways were mended, and how to have them back.

    from bgecpp.flag_embedding import compat
    compat.unwrap_single_token_lists = True
"""

from dataclasses import dataclass


@dataclass
class Compat:
    """Each True brings back what FlagEmbedding 1.4 does. docs/python.md says why it was mended."""

    #: convert_id_to_token of a list of one dict gives the dict, not a list of one.
    unwrap_single_token_lists: bool = False
    #: ids that decode to the same token: the last one's weight, not the largest.
    last_weight_of_equal_tokens: bool = False
    #: an empty list raises IndexError, instead of giving an array without rows.
    refuse_empty_lists: bool = False
    #: the two ColBERT scores of compute_score are at least 0 for each token, as where a batch pads.
    clamp_colbert_scores: bool = False
    #: lexical weights are NumPy numbers (float32, float16 where other results are), not Python floats, which json can write.
    numpy_lexical_weights: bool = False
    #: a reranker that was given several devices gives its scores as an array (float64), not as a list.
    array_of_several_devices: bool = False
    #: BGEM3FlagModel.compute_score scores texts without the instructions that encode_queries and encode_corpus put
    #: before them.
    scores_without_instructions: bool = False
    #: BGEM3FlagModel.compute_score scores whole vectors, where encode cuts them to truncate_dim.
    scores_of_whole_vectors: bool = False


compat = Compat()
