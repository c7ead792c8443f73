// Weights of tokens, idf.json or safetensors. Behind a separator, a text, whose hash says which and
// with which tokenizer.
#include "engine/sparse_static_embedding.h"
#include "tests/fuzz/test_fuzz.h"

#include <cmath>
#include <optional>
#include <string_view>

namespace {

// Two tokenizers: unknown tokens have an id in one of them; the other gives an id beyond its words.
struct Folder : bge::fuzz::FuzzedFolder {
  Folder() {
    Put("known/tokenizer.json",
        R"({"pre_tokenizer": {"type": "Whitespace"}, "model": {"type": "WordLevel",
                  "unk_token": "[UNK]", "vocab": {"a": 0, "[UNK]": 1, "b": 2, "c": 3}}})");
    Put("unknown/tokenizer.json",
        R"({"pre_tokenizer": {"type": "Whitespace"}, "model": {"type": "WordLevel",
                  "unk_token": "?", "vocab": {"a": 0, "b": 4, "c": 2}}})");
  }
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Folder folder;
  bge::fuzz::Pieces pieces(data, size);
  const std::string_view weights = pieces.Next();
  const uint32_t kind = bge::fuzz::HashOf(pieces.rest()) % 8;
  const bool is_idf = kind % 4 != 2;
  folder.Put(is_idf ? "idf.json" : "known/model.safetensors", weights);
  bge::fuzz::Expect([&] {
    const bge::StaticWeightsSpec spec{
        .dir = folder.path() / (kind % 2 == 0 ? "known" : "unknown"),
        .idf = is_idf ? folder.path() / "idf.json" : std::filesystem::path(),
        .max_length = {},
        .where = "weights"};
    const bge::SparseStaticEmbedding own(spec, [](std::string_view) {});
    std::optional<const bge::SparseStaticEmbedding> shared;
    if (kind == 4) shared.emplace(spec, own.tokenizer());
    const bge::SparseStaticEmbedding& embedding = shared ? *shared : own;
    const auto ids = embedding.tokenizer().Encode(pieces.rest(), bge::TokenizeOptions()).ids;
    embedding.CheckTokens(ids);
    for (const float weight : embedding.Encode(ids).weights) {
      if (weight == 0.0f || !std::isfinite(weight)) std::abort();
    }
  });
  return 0;
}
