// The "model" of a tokenizer.json alone (BPE and its merges in both spellings, Unigram, WordPiece,
// WordLevel), so that less of an input is spent on what surrounds it. Behind a separator, a text.
#include "base/json.h"
#include "tests/fuzz/test_fuzz.h"
#include "tests/fuzz/test_use_tokenizer.h"
#include "tokenizer/load.h"

#include <string>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  bge::fuzz::Pieces pieces(data, size);
  const std::string file = R"({"model":)" + std::string(pieces.Next()) + "}";
  bge::fuzz::Expect([&] {
    const auto document = bge::json::Document::Parse(file, "tokenizer.json");
    const bge::Tokenizer tokenizer = bge::tokenizer::BuildTokenizer(
        bge::tokenizer::StagesFromJson(document->root()), bge::tokenizer::LoadOptions());
    bge::fuzz::UseTokenizer(tokenizer, pieces.rest());
  });
  return 0;
}
