// The charsmap of a Precompiled normaliser: its trie, and what it makes of texts.
#include "tests/fuzz/test_fuzz.h"
#include "tokenizer/normalizer/precompiled.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using bge::tokenizer::NormalizedString;
  bge::fuzz::Expect([&] {
    const bge::tokenizer::Precompiled normalizer(
        std::string_view(reinterpret_cast<const char*>(data), size), "charsmap");
    for (const char* text : {"abc", "\xe2\x91\xa0 \xef\xbc\xa1",
                             "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84 \xe3\x82\xab\xe3\x82\x99"}) {
      NormalizedString normalized;
      normalized.Assign(text, 0);
      normalizer.Normalize(&normalized);
    }
    normalizer.Find("a");
  });
  return 0;
}
