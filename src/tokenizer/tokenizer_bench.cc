// Bytes of text tokenized a second, and the time to load a vocabulary of BGE's size.
//
// The texts are made from the vocabulary itself, so that the program needs no data.
#include "tokenizer/test_tokenizers.h"

#include <benchmark/benchmark.h>

#include <random>
#include <string>

namespace bge::tokenizer {
namespace {

// A BERT tokenizer.json with as many tokens as bge-small-en has.
std::string LargeJson() {
  std::string json = BertJson(kUncased, kMaskToken);
  std::string more;
  for (int i = 0; i < 30000; ++i) {
    more += "\"" + std::string(i % 5 == 0 ? "##" : "") + "word" + std::to_string(i * 7919) +
            "\":" + std::to_string(1000 + i) + ",";
  }
  return json.insert(json.find("\"[UNK]\":0"), more);
}

std::string Words(size_t bytes, bool ascii) {
  const char* const kAscii[] = {"hello", "unable",   "internationalization",
                                "ab",    "word7919", "xyz",
                                ".",     "Abcabx",   "word15838"};
  const char* const kOther[] = {"中文字符", "привет", "été", "각한국어",
                                "สวัสดี",     "σΑΣ",    "。",  "hello"};
  std::mt19937 random(1);
  std::string text;
  while (text.size() < bytes) {
    text += ascii ? kAscii[random() % std::size(kAscii)] : kOther[random() % std::size(kOther)];
    text += ' ';
  }
  return text;
}

void Encode(benchmark::State& state, bool ascii, bool offsets, bool fast) {
  const Tokenizer tokenizer = FromJsonText(LargeJson(), fast);
  const std::string text = Words(20000, ascii);
  const TokenizeOptions options{.want_offsets = offsets};
  Encoding encoding;
  for (auto _ : state) {
    tokenizer.EncodeInto(text, options, &encoding);
    benchmark::DoNotOptimize(encoding.ids.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}

void Load(benchmark::State& state) {
  const std::string json = LargeJson();
  for (auto _ : state) benchmark::DoNotOptimize(FromJsonText(json).vocab_size());
}

BENCHMARK_CAPTURE(Encode, ascii, true, false, true);
BENCHMARK_CAPTURE(Encode, ascii_offsets, true, true, true);
BENCHMARK_CAPTURE(Encode, multilingual, false, false, true);
BENCHMARK_CAPTURE(Encode, multilingual_offsets, false, true, true);
BENCHMARK_CAPTURE(Encode, general_path, true, true, false);
BENCHMARK(Load)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bge::tokenizer
