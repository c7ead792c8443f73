// What a tokenizer that was accepted is put through.
#ifndef BGE_TESTS_FUZZ_TEST_USE_TOKENIZER_H_
#define BGE_TESTS_FUZZ_TEST_USE_TOKENIZER_H_

#include "bge/tokenizer.h"

#include "tests/fuzz/test_fuzz.h"

#include <cstdlib>
#include <string>
#include <string_view>

namespace bge::fuzz {

/// Encodes `text` and its like in every way and decodes the ids. Aborts where an encoding
/// contradicts itself. The targets are about a tokenizer's files: a long text would take most of
/// the time, so that of most inputs only the start is encoded. Which, a hash says: what made a text
/// long or short would stay in most inputs that a fuzzer makes of it.
inline void UseTokenizer(const Tokenizer& tokenizer, std::string_view text) {
  const uint32_t kind = HashOf(text) % 64;
  constexpr size_t kStart = 48;
  for (const std::string_view input :
       {std::string_view("Hello, wOrld! a b"),
        std::string_view("  \xc3\xa9\xe4\xb8\xad\xe2\x96\x81<mask>\n"),
        kind % 8 == 0 ? text : text.substr(0, kStart)}) {
    Expect([&] {
      TokenizeOptions options;
      options.want_offsets = true;
      const Encoding all = tokenizer.Encode(input, options);
      if (all.offsets.size() != all.ids.size() || all.type_ids.size() != all.ids.size() ||
          all.special_tokens_mask.size() != all.ids.size()) {
        std::abort();
      }
      for (const int32_t id : all.ids) {
        if (const auto token = tokenizer.IdToToken(id)) tokenizer.TokenToId(*token);
        tokenizer.is_special(id);
      }
      tokenizer.Decode(all.ids);
      tokenizer.Decode(all.ids, false);
    });
    Expect([&] {
      TokenizeOptions options;
      options.max_length = 8;
      if (tokenizer.Encode(input, options).ids.size() > 8) std::abort();
      options.strategy = TruncationStrategy::kOnlySecond;
      if (tokenizer.EncodePair(input, "b", options).ids.size() > 8) std::abort();
    });
  }
  tokenizer.vocab_size();
  tokenizer.num_special_tokens(true);
  // Where there is a limit, a tokenizer looks at the start of a long text only.
  if (kind == 1 && !text.empty()) {
    Expect([&] {
      std::string many;
      while (many.size() < 4096) many += text;
      TokenizeOptions options;
      options.max_length = 8;
      if (tokenizer.Encode(many, options).ids.size() > 8) std::abort();
    });
  }
}

}  // namespace bge::fuzz

#endif  // BGE_TESTS_FUZZ_TEST_USE_TOKENIZER_H_
