// The configuration files of an embedding model.
#include "encoder/bert_config.h"
#include "encoder/config_fields.h"
#include "encoder/modernbert_config.h"
#include "engine/model_spec.h"
#include "tests/fuzz/test_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static bge::fuzz::FuzzedFolder folder;
  bge::fuzz::Pieces pieces(data, size);
  const auto& path = folder.Write(
      {"config.json", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json",
       "config_sentence_transformers.json", "2_Dense/config.json", "tokenizer_config.json",
       "router_config.json", "artifact.metadata"},
      &pieces);
  bge::fuzz::Expect([&] {
    const bool splade = size % 2 == 1;
    const bge::ModelSpec spec = bge::ReadModelSpec(
        path, [](std::string_view) {}, splade);
    // As the registry of encoders does.
    const auto type = spec.config->root().At("model_type").AsString();
    if (bge::BertFamilyOf(type)) {
      const auto config = bge::BertConfig::FromJson(spec.config->root());
      bge::CheckInt8Width(config.hidden_size, config.intermediate_size);
    } else if (type == "modernbert") {
      bge::ModernBertConfig::FromJson(spec.config->root());
    }
  });
  return 0;
}
