// For tools/oracle/python_speed.py: one text in C++, through the public headers alone, in the
// process of the Python that it is compared with. A shared library with functions for ctypes; a
// model that does not load ends the process.
#include "bge/bge.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

extern "C" {

// dtype: a bge::ComputeChoice. To be given to query_latency_free.
void* query_latency_load(const char* model, int dtype, int threads) {
  bge::EmbedderOptions options;
  options.compute_type = static_cast<bge::ComputeChoice>(dtype);
  options.threads = threads;
  return new bge::Embedder(bge::Embedder::Load(model, options));
}

void query_latency_free(void* loaded) { delete static_cast<bge::Embedder*>(loaded); }

// The median in milliseconds of `times` calls of Embedder::Encode, one after another.
double query_latency_run(const void* loaded, const char* text, int64_t times) {
  using Clock = std::chrono::steady_clock;
  const auto& model = *static_cast<const bge::Embedder*>(loaded);
  std::vector<double> found;
  for (int64_t i = 0; i < times; ++i) {
    const auto begin = Clock::now();
    const std::vector<float> vector = model.Encode(text);
    const std::chrono::duration<double, std::milli> taken = Clock::now() - begin;
    if (vector.empty()) return -1;
    found.push_back(taken.count());
  }
  const auto middle = found.begin() + times / 2;
  std::nth_element(found.begin(), middle, found.end());
  return *middle;
}

}  // extern "C"
