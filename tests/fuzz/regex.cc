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
  std::string pattern(pieces.Next());
  std::string text;
  bge::tokenizer::ReplaceInvalidUtf8(pieces.rest(), &text);
  // A text longer than what is searched at once. Not always: it takes long, and for ever where a
  // pattern repeats something.
  if (size % 64 == 63 && !text.empty() && pattern.find_first_of("+*{") == std::string::npos) {
    const std::string once = text;
    while (text.size() < 70000) text += once;
  }
  // And a pattern of about the longest that is accepted.
  if (size % 64 == 62 && !pattern.empty()) {
    const size_t bytes = size % 128 == 62 ? 15000 : 17000;
    const std::string once = pattern;
    while (pattern.size() < bytes) pattern += once;
  }
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
