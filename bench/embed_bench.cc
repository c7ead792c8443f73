// How fast a model turns texts into vectors, in one process and as one line of JSON.
//
//   bge_embed_bench --model DIR --texts FILE.jsonl [--threads N] [--repeat N] [--queries N]
//                   [--batch-tokens N] [--dtype f32|bf16|int8]
//
// docs_per_s and tokens_per_s are the fastest of `repeat` passes over all texts (there is no
// warm-up: first_pass_docs_per_s is the first of them). The query is encoded alone, `queries`
// times. first_vector_ms runs from before Load to the first vector; peak_mb is VmHWM.
#include "bge/embedder.h"
#include "bge/error.h"

#include "base/error.h"
#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge {
namespace {

// The query of 12 tokens that the other engines get.
constexpr std::string_view kQuery = "what is the effect of vitamin d on bone density";

using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::time_point since) {
  return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

struct Arguments {
  std::string model;
  std::string texts;
  std::string dtype = "f32";
  int64_t threads = 0;
  int64_t repeat = 3;
  int64_t queries = 200;
  int64_t batch_tokens = 0;
};

Arguments ReadArguments(std::span<char*> words) {
  std::map<std::string, std::string> given;
  for (size_t i = 0; i + 1 < words.size(); i += 2) given[words[i]] = words[i + 1];
  Arguments arguments;
  arguments.model = given["--model"];
  arguments.texts = given["--texts"];
  if (!given["--dtype"].empty()) arguments.dtype = given["--dtype"];
  const auto number = [&](const char* name, int64_t* value) {
    const std::string& text = given[name];
    if (!text.empty()) std::from_chars(text.data(), text.data() + text.size(), *value);
  };
  number("--threads", &arguments.threads);
  number("--repeat", &arguments.repeat);
  number("--queries", &arguments.queries);
  number("--batch-tokens", &arguments.batch_tokens);
  if (arguments.model.empty() || arguments.texts.empty()) {
    Fail(ErrorCode::kInvalidArgument, "--model or --texts is missing", "bge_embed_bench",
         "see the top of bench/embed_bench.cc");
  }
  return arguments;
}

std::vector<std::string> ReadTexts(const std::string& path) {
  std::vector<std::string> texts;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    texts.emplace_back(json::Document::Parse(line, path)->root().At("text").AsString());
  }
  if (texts.empty()) Fail(ErrorCode::kNotFound, "no texts", path, "give a JSONL file");
  return texts;
}

/// VmHWM: the most memory that was resident at once, mapped files included.
double PeakMegabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<size_t>(static_cast<double>(values.size()) * share))];
}

void Run(const Arguments& arguments) {
  const std::vector<std::string> texts = ReadTexts(arguments.texts);
  const std::vector<std::string_view> views(texts.begin(), texts.end());

  const Clock::time_point before_load = Clock::now();
  EmbedderOptions load_options;
  load_options.threads = static_cast<int>(arguments.threads);
  load_options.compute_type = ParseComputeType(arguments.dtype);
  const Embedder embedder = Embedder::Load(arguments.model, load_options);
  const double load_ms = Milliseconds(before_load);
  static_cast<void>(embedder.Encode(kQuery));
  const double first_vector_ms = Milliseconds(before_load);

  EncodeOptions options;
  options.batch_tokens = arguments.batch_tokens;
  std::vector<float> output(texts.size() * static_cast<size_t>(embedder.dimension()));
  std::vector<double> passes_ms;
  EncodeStats stats;
  for (int64_t i = 0; i < arguments.repeat; ++i) {
    const Clock::time_point start = Clock::now();
    stats = embedder.EncodeInto(views, options, output);
    passes_ms.push_back(Milliseconds(start));
  }
  const double peak_mb = PeakMegabytes();

  std::vector<double> query_ms;
  for (int64_t i = 0; i < arguments.queries + std::min<int64_t>(10, arguments.queries); ++i) {
    const Clock::time_point start = Clock::now();
    static_cast<void>(embedder.Encode(kQuery));
    if (i >= 10) query_ms.push_back(Milliseconds(start));
  }

  const double best_s =
      passes_ms.empty() ? 0 : *std::min_element(passes_ms.begin(), passes_ms.end()) / 1e3;
  const auto per_second = [](double count, double seconds) {
    return seconds > 0 ? count / seconds : 0;
  };
  const auto num_texts = static_cast<double>(texts.size());
  fmt::print(
      "{{\"engine\":\"bge\",\"dtype\":\"{}\",\"threads\":{},\"texts\":{},\"tokens\":{},"
      "\"truncated\":{},"
      "\"docs_per_s\":{:.1f},\"tokens_per_s\":{:.0f},\"first_pass_docs_per_s\":{:.1f},"
      "\"query_ms_p50\":{:.3f},\"query_ms_p99\":{:.3f},\"load_ms\":{:.1f},"
      "\"first_vector_ms\":{:.1f},\"peak_mb\":{:.1f}}}\n",
      ComputeTypeName(embedder.info().compute_type), embedder.threads(), texts.size(), stats.tokens,
      stats.truncated_texts, per_second(num_texts, best_s),
      per_second(static_cast<double>(stats.tokens), best_s),
      per_second(num_texts, passes_ms.empty() ? 0 : passes_ms.front() / 1e3),
      Percentile(query_ms, 0.5), Percentile(query_ms, 0.99), load_ms, first_vector_ms, peak_mb);
}

}  // namespace
}  // namespace bge

int main(int argc, char** argv) {
  try {
    bge::Run(bge::ReadArguments(std::span<char*>(argv, static_cast<size_t>(argc)).subspan(1)));
    return 0;
  } catch (const bge::Error& error) {
    fmt::print(stderr, "bge_embed_bench: error: {}\n", error.what());
    return 1;
  }
}
