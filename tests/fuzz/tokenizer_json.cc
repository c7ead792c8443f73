// tokenizer.json: every stage that it may name, built and used. Behind a separator, a text.
#include "base/json.h"
#include "tests/fuzz/test_fuzz.h"
#include "tests/fuzz/test_use_tokenizer.h"
#include "tokenizer/load.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  bge::fuzz::Pieces pieces(data, size);
  const std::string_view file = pieces.Next();
  bge::fuzz::Expect([&] {
    const auto document = bge::json::Document::Parse(file, "tokenizer.json");
    bge::tokenizer::LoadOptions options;
    options.lowercase_first = size % 2 == 1;
    const bge::Tokenizer tokenizer =
        bge::tokenizer::BuildTokenizer(bge::tokenizer::StagesFromJson(document->root()), options);
    bge::fuzz::UseTokenizer(tokenizer, pieces.rest());
  });
  return 0;
}
