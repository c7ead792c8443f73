// The directory of a BERT tokenizer, without tokenizer.json or, behind the text, with one that its
// other files are to agree with.
#include "tests/fuzz/test_fuzz.h"
#include "tests/fuzz/test_use_tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static bge::fuzz::FuzzedFolder folder;
  bge::fuzz::Pieces pieces(data, size);
  const auto& path = folder.Write(
      {"vocab.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"},
      &pieces);
  const std::string_view text = pieces.Next();
  folder.Write({"tokenizer.json", "config.json"}, &pieces);
  bge::fuzz::Expect(
      [&] { bge::fuzz::UseTokenizer(bge::Tokenizer::Load(path, [](std::string_view) {}), text); });
  return 0;
}
