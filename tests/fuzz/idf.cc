// idf.json: tokens and the weights that they have in queries. Behind a separator, a text.
#include "engine/sparse_static_embedding.h"
#include "tests/fuzz/test_fuzz.h"

#include <cmath>

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
  folder.Put("idf.json", pieces.Next());
  const bool known = bge::fuzz::HashOf(pieces.rest()) % 2 == 0;
  bge::fuzz::Expect([&] {
    const bge::StaticWeightsSpec spec{.dir = folder.path() / (known ? "known" : "unknown"),
                                      .idf = folder.path() / "idf.json",
                                      .max_length = {},
                                      .where = "idf.json"};
    const bge::SparseStaticEmbedding embedding(spec, [](std::string_view) {});
    const auto ids = embedding.tokenizer().Encode(pieces.rest(), bge::TokenizeOptions()).ids;
    embedding.CheckTokens(ids);
    for (const float weight : embedding.Encode(ids).weights) {
      if (weight == 0.0f || !std::isfinite(weight)) std::abort();
    }
  });
  return 0;
}
