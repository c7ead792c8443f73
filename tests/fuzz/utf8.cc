// Bytes that may be UTF-8.
#include "tokenizer/utf8.h"

#include "tests/fuzz/test_fuzz.h"
#include "tokenizer/normalizer/unicode_forms.h"

#include <array>
#include <cstdlib>
#include <string>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bge::tokenizer;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t valid = ValidUtf8Prefix(text);
  if (valid > size) std::abort();
  std::string repaired;
  ReplaceInvalidUtf8(text, &repaired);
  if (ValidUtf8Prefix(repaired) != repaired.size()) std::abort();
  if (valid == size && repaired != text) std::abort();
  // What is decoded is encoded as it was.
  std::string again;
  size_t characters = 0;
  for (const char* p = repaired.data(); p != repaired.data() + repaired.size(); ++characters) {
    AppendUtf8(DecodeUtf8(p), &again);
  }
  if (again != repaired || characters != CountCharacters(repaired)) std::abort();
  // One form an input, so that there are more inputs.
  constexpr std::array kForms = {ToNfc, ToNfd, ToNfkc, ToNfkd};
  bge::fuzz::Expect([&] {
    const auto form = kForms[size % kForms.size()];
    NormalizedString once;
    once.Assign(repaired, 0);
    form(&once);
    NormalizedString twice;
    twice.Assign(once.text(), 0);
    form(&twice);
    if (once.text() != twice.text()) std::abort();
  });
  return 0;
}
