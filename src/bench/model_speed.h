// How fast a model turns texts into vectors or scores, and where the time goes: what `bge bench`
// prints.
#ifndef BGE_BENCH_MODEL_SPEED_H_
#define BGE_BENCH_MODEL_SPEED_H_

#include "bge/types.h"

#include "bench/machine.h"
#include "bench/measured_model.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

struct ModelSpeedOptions {
  MeasuredModelOptions model;
  int64_t repeat = 3;     ///< passes over all texts
  int64_t queries = 200;  ///< of one caller, and of several callers together
  int callers = 4;
};

struct Latency {
  int64_t queries = 0;
  double p50_ms = 0;
  double p95_ms = 0;
  double p99_ms = 0;
};

/// A part of the work of one pass. The last is "other": what is none of the stages, such as
/// sorting, copying and threads that wait for the last one.
struct StageSpeed {
  std::string name;
  double thread_seconds = 0;  ///< of all threads together
  double share = 0;           ///< of the seconds of all threads in the pass: all shares make 1
  int64_t calls = 0;
  int64_t bytes = 0;  ///< read and written at least
  int64_t flops = 0;  ///< of products of matrices; a multiply-add is two
  double gflops = 0;  ///< of all threads together: flops / (thread_seconds / threads)
};

/// Rates are per second and of all threads together; GFLOP/s, 10^9.
struct ModelSpeed {
  Machine machine;
  MachineLoad load;
  MeasuredModelInfo model;
  std::string dtype;  ///< of the linear layers' products
  int threads = 0;

  EncodeStats work;
  std::vector<double> pass_seconds;  ///< in order, without a warm-up
  double docs_per_s = 0;             ///< of the fastest pass; of a reranker pairs
  double docs_per_s_median = 0;
  double first_pass_docs_per_s = 0;
  double tokens_per_s = 0;
  double tokens_per_s_median = 0;

  double gflops = 0;                 ///< linear layers alone, in the fastest pass
  double gflops_with_attention = 0;  ///< and attention's products
  /// What the machine multiplies at this model's shapes: each thread 512 rows of its own.
  double roof_gflops = 0;

  int64_t query_tokens = 0;
  Latency alone;  ///< one query after another
  int callers = 0;
  Latency concurrent;  ///< callers at once, each one query after another
  double concurrent_queries_per_s = 0;

  double load_ms = 0;
  double first_vector_ms = 0;  ///< from before loading to the first vector
  int64_t peak_bytes = 0;      ///< resident at once, mapped files included, after the passes

  double profile_seconds = 0;  ///< of the pass that the stages are of
  std::vector<StageSpeed> stages;
};

/// Loads the model and encodes `texts`, or scores them for a query. The passes, latencies and
/// memory are those of bge::Embedder and bge::Reranker as everybody uses them; the stages come from
/// another pass, with a clock around every operation.
ModelSpeed MeasureModel(std::span<const std::string_view> texts, const ModelSpeedOptions& options);

}  // namespace bge

#endif  // BGE_BENCH_MODEL_SPEED_H_
