// The configuration files of a reranker.
#include "engine/reranker_spec.h"
#include "tests/fuzz/test_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static bge::fuzz::FuzzedFolder folder;
  bge::fuzz::Pieces pieces(data, size);
  const auto& path =
      folder.Write({"config.json", "config_sentence_transformers.json", "sentence_bert_config.json",
                    "modules.json", "tokenizer_config.json"},
                   &pieces);
  bge::fuzz::Expect([&] { bge::DescribesReranker(path); });
  bge::fuzz::Expect([&] { bge::ReadRerankerSpec(path); });
  return 0;
}
