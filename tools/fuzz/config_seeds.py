"""First inputs of the fuzz target model_config: configurations of encoders and of what stands around them, right and wrong."""

import json

SEPARATOR = b"\xff"
MODEL_CONFIGS = ["config.json", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json",
                 "config_sentence_transformers.json", "2_Dense/config.json", "tokenizer_config.json", "router_config.json",
                 "artifact.metadata"]

ENCODER = {"vocab_size": 8, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 4,
           "max_position_embeddings": 8}
TRANSFORMER, POOLING, DENSE, NORMALIZE, DROPOUT, ROUTER, MLM, SPLADE, STATIC, MASK = (
    f"sentence_transformers.{name}" for name in
    ("models.Transformer", "models.Pooling", "models.Dense", "models.Normalize", "models.Dropout", "models.Router",
     *(f"sparse_encoder.models.{name}" for name in ("MLMTransformer", "SpladePooling", "SparseStaticEmbedding")),
     "multi_vector_encoder.modules.multi_vector_mask.MultiVectorMask"))


def configs(config, modules=(), **files):
    """The input of model_config. A module's second file lies in 2_Dense, the first in 1_Pooling."""
    found = {"config.json": config, **{name.replace("__", "/") + ("" if "artifact" in name else ".json"): value
                                       for name, value in files.items()}}
    if modules:
        places = ["", "1_Pooling", "2_Dense", "3_X", "4_X"]
        found["modules.json"] = [{"idx": i, "name": str(i), "path": place, "type": module}
                                 for i, (place, module) in enumerate(zip(places, modules))]
    found = {name.replace("artifact_metadata", "artifact.metadata"): value for name, value in found.items()}
    assert not set(found) - set(MODEL_CONFIGS), found.keys()
    return SEPARATOR.join(json.dumps(found[name]).encode() if name in found else b"" for name in MODEL_CONFIGS)


def encoder_seeds():
    bert, modern = {"model_type": "bert"} | ENCODER, {"model_type": "modernbert"} | ENCODER
    distil = {"model_type": "distilbert", "dim": 4, "n_layers": 1, "n_heads": 2, "hidden_dim": 4} | ENCODER
    rope = {"rope_type": "default", "rope_theta": 1e4}
    for i, config in enumerate([
            bert | {"position_embedding_type": "relative_key"}, bert | {"layer_norm_eps": 2}, bert | {"is_decoder": True},
            {"model_type": "roberta"} | ENCODER | {"max_position_embeddings": 2, "pad_token_id": 2}, bert | {"hidden_act": "x"},
            bert | {"intermediate_size": 1 << 20}, bert | {"num_attention_heads": 3}, bert | {"type_vocab_size": 1, "layer_norm_eps": 1e-5},
            {"model_type": "roberta"} | ENCODER | {"max_position_embeddings": 2}, {"model_type": "xlm-roberta", "pad_token_id": 1} | ENCODER,
            distil | {"activation": "gelu"}, {"model_type": ""}, {"model_type": "t5"},
            modern, modern | {"layer_types": ["full_attention", "x"]}, modern | {"layer_types": ["x"]},
            modern | {"layer_types": ["sliding_attention"], "global_attn_every_n_layers": 1}, modern | {"global_attn_every_n_layers": 2},
            modern | {"rope_parameters": {"full_attention": rope, "sliding_attention": {}}},
            modern | {"rope_parameters": {"full_attention": {"type": "yarn"}}}, modern | {"rope_parameters": {"x": {}}},
            modern | {"rope_scaling": rope}, modern | {"rope_scaling": {"partial_rotary_factor": 0.5}},
            modern | {"global_rope_theta": 0}, modern | {"head_dim": 3}, modern | {"sliding_window": 3},
            modern | {"position_embedding_type": "x"}, modern | {"num_attention_heads": 4}, modern | {"is_causal": True},
            modern | {"norm_eps": 1, "local_attention": 4, "hidden_activation": "gelu", "classifier_pooling": "mean"}]):
        yield f"encoder-{i}", configs(config, sentence_bert_config={"max_seq_length": 8, "do_lower_case": True})


def model_seeds():
    bert = {"model_type": "bert"} | ENCODER
    dense = {"in_features": 4, "out_features": 2, "bias": True, "activation_function": "torch.nn.modules.activation.Tanh"}
    tokens = {"module_input_name": "token_embeddings"}
    for i, pooling in enumerate([
            {"embedding_dimension": 4, "pooling_mode": "x"}, {"word_embedding_dimension": 4, "pooling_mode_cls_token": True},
            {"pooling_mode": ["cls"] * 20}, {"pooling_mode": ["cls", "lasttoken"], "embedding_dimension": 4},
            {"pooling_mode_x": True, "word_embedding_dimension": 4}, {"pooling_mode": "mean", "include_prompt": False},
            {"pooling_mode_mean_sqrt_len_tokens": True, "pooling_mode_weightedmean_tokens": True}]):
        yield f"pooling-{i}", configs(bert, [TRANSFORMER, POOLING, DENSE, NORMALIZE], **{"1_Pooling__config": pooling, "2_Dense__config": dense})
    yield "no-modules", configs(bert | {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "x"}})
    yield "causal", configs(bert | {"architectures": ["BertForCausalLM"]})
    yield "static", configs({"frozen": True}, [STATIC], tokenizer_config={"model_max_length": 8})
    yield "static-idf", configs({"path": "config.json"}, [STATIC], config_sentence_transformers={"model_type": "SparseEncoder", "max_active_dims": 4})
    for name in ("BAAI/bge-small-en-v1.5", "intfloat/multilingual-e5-small", "sentence-transformers/all-MiniLM-L6-v2"):
        known = bert | {"_name_or_path": name, "hidden_size": 384, "num_hidden_layers": 12, "vocab_size": 30522, "architectures": ["BertModel"]}
        yield f"known-{name[:4]}", configs(known)
    for i, settings in enumerate([
            {"truncate_dim": 2, "similarity_fn_name": "dot"}, {"similarity_fn_name": "x"}, {"prompts": {"query": "q: ", "document": "d: "}},
            {"prompts": {"query": "q: "}, "default_prompt_name": "query"}, {"model_type": "SparseEncoder", "max_active_dims": 4}]):
        yield f"settings-{i}", configs(bert, [TRANSFORMER, POOLING], config_sentence_transformers=settings,
                                       **{"1_Pooling__config": {"pooling_mode": "cls"}})
    several = {"model_type": "MultiVectorEncoder", "prompts": {"query": "q"}, "similarity_fn_name": "meanmaxsim"}
    expansion = {"strategy": "fixed", "attend": True, "token": "[MASK]", "length": 4}
    for i, (second, third, transformer, settings, modules) in enumerate([
            (dense | tokens, {"skiplist_words": ["!"], "skiplist_tasks": ["query", "document"], "keep_only_token_ids": [1, 2]},
             {}, several, (DENSE, MASK)),
            (dense, dense, {}, several, (DENSE, DENSE)), (dense, dense | {"in_features": 2}, {}, several, (DENSE, DENSE, NORMALIZE)),
            (dense | {"module_input_name": "x"}, {}, {}, several, (DENSE,)), ({}, {}, {}, several, (MASK, MASK)),
            (tokens, {"skiplist_words": 3}, {}, several, (NORMALIZE, MASK)), ({"module_input_name": "x"}, {}, {}, several, (NORMALIZE,)),
            ({"keep_only_token_ids": 5}, {}, {}, several, (MASK,)), ({"skiplist_tasks": "query"}, {}, {}, several, (MASK,)),
            ({}, {}, {"query_length": 3, "document_length": None, "query_expansion": expansion}, several, (MASK,)),
            ({}, {}, {"query_expansion": expansion | {"x": 1}}, several, (MASK,)),
            ({}, {}, {"query_expansion": expansion | {"strategy": "x"}}, several, (MASK,)),
            ({}, {}, {"query_expansion": expansion | {"strategy": "min"}}, several, (MASK,)),
            ({}, {}, {}, several | {"query_expansion": expansion}, (MASK,)),
            (dense, {}, {}, {"model_type": "ColBERT", "query_length": 4, "document_length": 8, "query_prefix": "[Q]", "document_prefix": None,
                             "do_query_expansion": True, "attend_to_expansion_tokens": True, "skiplist_words": ["!"]}, (DENSE,)),
            (dense, {}, {}, {"query_prefix": "[Q]", "do_query_expansion": False}, (DENSE,)),
            (dense, {}, {}, {"query_length": 4, "attend_to_mask_tokens": True}, ("pylate.models.Dense.Dense",)),
            (dense | {"module_input_name": "sentence_embedding"}, {}, {}, {"query_prefix": "[Q]", "query_expansion": expansion}, (DENSE,))]):
        yield f"tokens-{i}", configs(bert, [TRANSFORMER, *modules], sentence_bert_config={"max_seq_length": 8} | transformer,
                                     config_sentence_transformers=settings,
                                     **{"1_Pooling__config": second, "2_Dense__config": third})
    stanford = bert | {"architectures": ["HF_ColBERT"]}
    yield "stanford", configs(stanford)
    yield "stanford-artifact", configs(stanford, artifact_metadata={
        "query_token_id": "[Q]", "doc_token_id": "", "doc_maxlen": 6, "query_maxlen": 4, "attend_to_mask_tokens": True, "mask_punctuation": False})
    yield "stanford-list", configs(stanford, artifact_metadata=[])


def sparse_seeds():
    bert = {"model_type": "bert"} | ENCODER
    for i, pooling in enumerate([
            {"pooling_strategy": "sum", "activation_function": "log1p_relu", "embedding_dimension": 8},
            {"pooling_strategy": "max", "activation_function": "relu", "word_embedding_dimension": 8}, {"pooling_strategy": "mean"}, {}]):
        yield f"splade-{i}", configs(bert, [TRANSFORMER if i == 3 else MLM, SPLADE], **{"1_Pooling__config": pooling})
    types = {"": MLM, "1_Pooling": SPLADE, "2_Dense": STATIC}
    structure = {"query": ["2_Dense"], "document": ["", "1_Pooling"]}
    found, lost = {"path": "config.json"}, {"path": "idf.json"}
    for i, (routes, parameters, query) in enumerate([
            (structure, {"default_route": "query"}, found), (structure, {"default_route": "x"}, found), (structure, {}, found),
            (structure, {"allow_empty_key": False}, {}), (structure, {"allow_empty_key": True}, lost),
            (structure, {"route_mappings": {"query": "document"}}, found), (structure | {"query": []}, {}, found),
            (structure | {"query": ["2_Dense"] * 2}, {}, found), (structure | {"document": ["1_Pooling"]}, {}, found),
            (structure | {"x": []}, {}, found), (structure | {"query": ["1_Pooling"]}, {}, found)]):
        yield f"router-{i}", configs(bert, [ROUTER], router_config={"types": types, "structure": routes, "parameters": parameters},
                                     config_sentence_transformers={"model_type": "SparseEncoder"},
                                     **{"1_Pooling__config": {}, "2_Dense__config": query})
    yield "dropout", configs(bert, [TRANSFORMER, POOLING, DROPOUT], **{"1_Pooling__config": {"pooling_mode": "cls", "embedding_dimension": 4}})
    yield "normalize-else", configs(bert, [TRANSFORMER, POOLING, NORMALIZE], **{
        "1_Pooling__config": {"pooling_mode": "cls", "embedding_dimension": 4}, "2_Dense__config": {"module_input_name": "x"}})
