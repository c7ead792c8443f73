// The limits of this machine, measured: what `bge bench roof` prints.
#ifndef BGE_BENCH_ROOF_H_
#define BGE_BENCH_ROOF_H_

#include "bench/machine.h"

#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace bge {

/// What to measure. The defaults are BGE's shapes and take some seconds.
struct RoofOptions {
  struct Model {
    std::string name;
    int64_t hidden_size;
    int64_t intermediate_size;
  };
  int threads = 0;  ///< beside one thread; 0: one for each physical core
  std::vector<Model> models = {{"small", 384, 1536}, {"base", 768, 3072}, {"large", 1024, 4096}};
  std::vector<int64_t> rows = {12, 64, 512, 4096};
  std::vector<int64_t> seqlens = {12, 64, 128, 512};
  std::vector<int64_t> head_dims = {32, 64};
  int64_t attention_tokens = 512;  ///< for each thread
  /// Sizes that are read; 0: chosen, so large that no cache holds it.
  std::vector<int64_t> memory_bytes = {43'000'000, 0};
  std::stop_token stop = {};  ///< ends with Error(kCancelled)
};

/// Rates are in units of 10^9 a second; a multiply-add is two operations.
struct RoofReport {
  struct Peak {
    std::string dtype;
    std::string instruction;
    int threads;
    double gflops;
  };
  struct Gemm {
    std::string dtype;
    RoofOptions::Model model;
    int64_t rows;  ///< of the product that all threads share, or of each thread's own
    int threads;
    bool side_by_side;  ///< each thread has a product of its own
    double gflops;
    std::vector<std::pair<std::string, double>> products;  ///< "qkv", ... and its rate
  };
  struct Attention {
    std::string dtype;
    int64_t head_dim;
    int64_t seqlen;
    int threads;
    double gflops;
  };
  struct Memory {
    int64_t bytes;
    int threads;
    double gigabytes_per_second;
  };
  Machine machine;
  MachineLoad load;
  int threads = 0;
  std::vector<Peak> peaks;
  std::vector<Gemm> gemm;
  std::vector<Attention> attention;
  std::vector<Memory> memory;
};

/// Measures all of it, on one thread and on all.
RoofReport MeasureRoof(const RoofOptions& options);

}  // namespace bge

#endif  // BGE_BENCH_ROOF_H_
