// The directory of a SentencePiece tokenizer: the first byte says under which name the model file
// lies and whether other files lie beside it. What follows, up to separators, is
// tokenizer_config.json, then those others, and all behind them the model file.
#include "tests/fuzz/test_fuzz.h"
#include "tests/fuzz/test_use_tokenizer.h"

#include <array>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static bge::fuzz::FuzzedFolder folder;
  constexpr std::array<const char*, 4> kNames = {"sentencepiece.bpe.model", "spiece.model",
                                                 "tokenizer.model", "sentencepiece.model"};
  if (size == 0) return 0;
  bge::fuzz::Pieces pieces(data + 1, size - 1);
  const char* const name = kNames[data[0] % kNames.size()];
  folder.Put("tokenizer_config.json", pieces.Next());
  bge::fuzz::Pieces none(nullptr, 0);
  folder.Write({"special_tokens_map.json", "added_tokens.json", "config.json"},
               data[0] / kNames.size() % 2 == 1 ? &pieces : &none);
  folder.Put(name, pieces.rest());
  bge::fuzz::Expect([&] {
    bge::fuzz::UseTokenizer(bge::Tokenizer::Load(folder.path(), [](std::string_view) {}),
                            "\xe2\x96\x81 a\xc3\xa9");
  });
  folder.Remove(name);
  return 0;
}
