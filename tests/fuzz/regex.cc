// A regular expression of tokenizer.json and, behind a separator, the text that it is looked for
// in.
#include "tokenizer/regex.h"

#include "tests/fuzz/test_fuzz.h"
#include "tokenizer/utf8.h"

#include <algorithm>
#include <cstdlib>
#include <string>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  bge::fuzz::Pieces pieces(data, size);
  const std::string_view pattern = pieces.Next();
  std::string text;
  bge::tokenizer::ReplaceInvalidUtf8(pieces.rest(), &text);
  bge::fuzz::Expect([&] {
    const bge::tokenizer::Regex regex(pattern, "tokenizer.json: field pattern");
    for (size_t from = 0; from <= text.size();) {
      const auto match = regex.Find(text, from, nullptr);
      if (!match) break;
      if (match->begin < from || match->end < match->begin || match->end > text.size()) {
        std::abort();
      }
      from = std::max(match->end, match->begin + 1);
      while (from < text.size() && bge::tokenizer::IsUtf8Continuation(text[from])) ++from;
    }
  });
  return 0;
}
