// For tools/oracle/python_speed.py: the time of one text in a C++ program, through the public
// headers alone.
//
//   query_latency MODEL f32|bf16|int8 THREADS TIMES TEXT
//
// Prints the median in milliseconds of TIMES calls of Embedder::Encode, after a fifth as many that
// are not counted.
#include "bge/bge.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

int Number(std::string_view text, int least) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least)
    throw std::invalid_argument("not a count: " + std::string(text));
  return value;
}

double MedianMs(const bge::Embedder& model, std::string_view text, int times) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> found;
  for (int i = -times / 5; i < times; ++i) {
    const auto begin = Clock::now();
    const std::vector<float> vector = model.Encode(text);
    const std::chrono::duration<double, std::milli> taken = Clock::now() - begin;
    if (vector.empty()) throw std::runtime_error("no vector");
    if (i >= 0) found.push_back(taken.count());
  }
  const auto middle = found.begin() + times / 2;
  std::nth_element(found.begin(), middle, found.end());
  return *middle;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::map<std::string_view, bge::ComputeChoice> dtypes = {
      {"f32", bge::ComputeChoice::kFloat32},
      {"bf16", bge::ComputeChoice::kBFloat16},
      {"int8", bge::ComputeChoice::kInt8}};
  if (argc != 6 || !dtypes.contains(argv[2])) {
    std::fprintf(stderr, "query_latency: usage: MODEL f32|bf16|int8 THREADS TIMES TEXT\n");
    return 2;
  }
  bge::EmbedderOptions options;
  options.compute_type = dtypes.at(argv[2]);
  options.threads = Number(argv[3], 0);
  const bge::Embedder model = bge::Embedder::Load(argv[1], options);
  std::printf("%.4f\n", MedianMs(model, argv[5], Number(argv[4], 1)));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "query_latency: error: %s\n", error.what());
  return 1;
}
