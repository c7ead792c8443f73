// Reading and writing must not be what `bge embed` waits for: bytes a second of the formats.
#include "apps/json_text.h"
#include "apps/text_reader.h"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>
#include <string>
#include <vector>

namespace bge::cli {
namespace {

std::vector<float> UnitVectorValues(size_t n) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.05f);
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

void BM_WriteFloats(benchmark::State& state) {
  const auto values = UnitVectorValues(384);
  std::string text;
  size_t bytes = 0;
  for (auto _ : state) {
    text.clear();
    AppendJsonFloats(values, &text);
    bytes += text.size();
    benchmark::DoNotOptimize(text.data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(BM_WriteFloats);

void ReadRecords(benchmark::State& state, TextFormat format, const std::string& record) {
  std::string content;
  while (content.size() < (size_t{4} << 20)) content += record;
  const int file = memfd_create("bge-bench", MFD_CLOEXEC);
  if (write(file, content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    state.SkipWithError("cannot write a file in memory");
    return;
  }
  TextReaderOptions options;
  options.format = format;
  for (auto _ : state) {
    lseek(file, 0, SEEK_SET);
    const auto reader =
        MakeTextReader(std::make_unique<ByteSource>(file, false, "bench", -1), options);
    TextRecord text;
    while (reader->Next(&text)) benchmark::DoNotOptimize(text.text.data());
  }
  close(file);
  state.SetBytesProcessed(static_cast<int64_t>(content.size() * state.iterations()));
}

const std::string kWords(1000, 'x');

void BM_ReadLines(benchmark::State& state) {
  ReadRecords(state, TextFormat::kLines, kWords + "\n");
}
BENCHMARK(BM_ReadLines);

void BM_ReadJsonl(benchmark::State& state) {
  ReadRecords(state, TextFormat::kJsonl,
              R"({"_id": "17", "title": "A title", "text": ")" + kWords + "\\n" + kWords + "\"}\n");
}
BENCHMARK(BM_ReadJsonl);

void BM_ReadCsv(benchmark::State& state) {
  ReadRecords(state, TextFormat::kCsv, "17,\"" + kWords + ", \"\"" + kWords + "\"\n");
}
BENCHMARK(BM_ReadCsv);

}  // namespace
}  // namespace bge::cli
