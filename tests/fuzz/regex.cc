// A regular expression of tokenizer.json and, behind a separator, the text that it is looked for
// in.
#include "tokenizer/regex.h"

#include "tests/fuzz/test_fuzz.h"
#include "tokenizer/utf8.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  bge::fuzz::Pieces pieces(data, size);
  std::string pattern(pieces.Next());
  std::string text;
  bge::tokenizer::ReplaceInvalidUtf8(pieces.rest(), &text);
  // Now and then long ones. They take a hundred times as long, so it is a hash that says when: what
  // made an input long would stay in most inputs that a fuzzer makes of it, and it would do little
  // else.
  const uint32_t hash =
      bge::fuzz::HashOf(std::string_view(reinterpret_cast<const char*>(data), size));
  // A text longer than what is searched at once. (Where a pattern repeats something, it takes for
  // ever.)
  if (hash % 512 == 0 && !text.empty() && pattern.find_first_of("+*{") == std::string::npos) {
    const std::string once = text;
    while (text.size() < 70000) text += once;
  }
  // And a pattern of about the longest that is accepted.
  if (hash % 512 == 1 && !pattern.empty()) {
    const size_t bytes = hash % 1024 == 1 ? 15000 : 17000;
    const std::string once = pattern;
    while (pattern.size() < bytes) pattern += once;
  }
  bge::tokenizer::Regex::StartText();
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
