// What looking for equal texts costs where all differ, beside tokenising them.
#include "base/keyed_hash.h"
#include "engine/repeated_texts.h"
#include "engine/test_tokenizer.h"

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <vector>

namespace bge {
namespace {

// Texts of 20 words of two kinds: the binary digits of their numbers.
std::vector<std::string> DistinctTexts(int64_t n) {
  std::vector<std::string> texts;
  for (int64_t i = 0; i < n; ++i) {
    std::string& text = texts.emplace_back();
    for (int bit = 0; bit < 20; ++bit) text += (i >> bit & 1) != 0 ? "a " : "b ";
  }
  return texts;
}

TokenizedTexts Tokenize(const std::vector<std::string_view>& texts) {
  static const Tokenizer tokenizer = test::TwoWordTokenizer();
  const TextTokenizer how = {
      .tokenizer = tokenizer, .prompt = "", .max_length = 100, .hash = KeyedHash::WithRandomKey()};
  TokenizedTexts tokens(texts, 0, static_cast<int64_t>(texts.size()));
  for (int64_t b = 0; b < tokens.num_blocks(); ++b) tokens.TokenizeBlock(how, b);
  return tokens;
}

void BM_Tokenize(benchmark::State& state) {
  const std::vector<std::string> texts = DistinctTexts(state.range(0));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  for (auto _ : state) benchmark::DoNotOptimize(Tokenize(views).num_blocks());
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Tokenize)->Arg(1000)->Arg(100000)->Unit(benchmark::kMicrosecond);

void BM_HashTokens(benchmark::State& state) {
  const std::vector<int32_t> ids(static_cast<size_t>(state.range(0)), 7);
  const KeyedHash hash = KeyedHash::WithRandomKey();
  for (auto _ : state) benchmark::DoNotOptimize(hash(std::as_bytes(std::span(ids))));
}
BENCHMARK(BM_HashTokens)->Arg(22)->Arg(512);

void BM_FindRepeatedTexts(benchmark::State& state) {
  const std::vector<std::string> texts = DistinctTexts(state.range(0));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const TokenizedTexts tokens = Tokenize(views);
  for (auto _ : state) {
    benchmark::DoNotOptimize(RepeatFinder(views).Find(tokens).computed.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_FindRepeatedTexts)->Arg(1000)->Arg(100000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace bge
