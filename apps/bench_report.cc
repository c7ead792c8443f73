#include "apps/bench_report.h"

#include "bge/version.h"

#include "apps/console.h"
#include "apps/json_object.h"
#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

namespace bge::cli {
namespace {

std::string Joined(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : " ") + word;
  return joined;
}

std::string Count(int64_t n, std::string_view noun) {
  return fmt::format("{} {}{}", WithSeparators(n), noun, n == 1 ? "" : "s");
}

std::string Rate(double per_second) { return WithSeparators(std::llround(per_second)); }

std::string Line(std::string_view name, std::string_view value) {
  return fmt::format("{:<12}{}\n", name, value);
}

std::string MachineLines(const Machine& machine, const MachineLoad& load, int threads) {
  std::string text = Line("machine", fmt::format("{}, {} CPUs, {}", Printable(machine.cpu),
                                                 machine.cpus, Count(threads, "thread")));
  text += Line("", fmt::format("{}; own kernels: {}", Joined(machine.instruction_sets),
                               machine.kernel_target));
  std::string others = fmt::format("load average {:.2f} before, {:.2f} after", load.average_before,
                                   load.average_after);
  if (load.other_cpus) {
    others =
        fmt::format("others used {:.2f} of {} CPUs; {}", *load.other_cpus, machine.cpus, others);
  }
  if (load.loaded) others += "; LOADED: figures are too low";
  return text + Line("load", others);
}

void WriteMachine(JsonObject& object, const Machine& machine, const MachineLoad& load) {
  object.Object("machine", [&](JsonObject& to) {
    to.Text("cpu", machine.cpu);
    to.Number("cpus", machine.cpus);
    to.Texts("instruction_sets", machine.instruction_sets);
    to.Text("kernel_target", machine.kernel_target);
  });
  object.Object("load", [&](JsonObject& to) {
    to.Real("average_before", load.average_before);
    to.Real("average_after", load.average_after);
    if (load.other_cpus) {
      to.Real("other_cpus", *load.other_cpus);
    } else {
      to.Null("other_cpus");
    }
    to.Flag("loaded", load.loaded);
  });
}

// ---- bge bench roof

// A table whose cells are found by the names of their row and column, which appear in the order in
// which they are first set.
class Grid {
 public:
  void Set(const std::string& row, const std::string& column, const std::string& value) {
    cells_[{IndexOf(row, &rows_), IndexOf(column, &columns_)}] = value;
  }
  std::string Text() const {
    size_t name_width = 0;
    for (const std::string& row : rows_) name_width = std::max(name_width, row.size());
    std::string text = std::string(name_width + 2, ' ');
    for (const std::string& column : columns_) text += fmt::format("{:>{}}", column, Width(column));
    text += '\n';
    for (size_t r = 0; r < rows_.size(); ++r) {
      text += fmt::format("  {:<{}}", rows_[r], name_width);
      for (size_t c = 0; c < columns_.size(); ++c) {
        const auto cell = cells_.find({r, c});
        text += fmt::format("{:>{}}", cell == cells_.end() ? "" : cell->second, Width(columns_[c]));
      }
      text += '\n';
    }
    return text;
  }

 private:
  static size_t Width(const std::string& column) { return std::max<size_t>(10, column.size() + 2); }
  static size_t IndexOf(const std::string& name, std::vector<std::string>* names) {
    const auto at = std::find(names->begin(), names->end(), name);
    if (at != names->end()) return static_cast<size_t>(at - names->begin());
    names->push_back(name);
    return names->size() - 1;
  }

  std::vector<std::string> rows_;
  std::vector<std::string> columns_;
  std::map<std::pair<size_t, size_t>, std::string> cells_;
};

// ---- bge bench

std::string LatencyText(const Latency& latency) {
  return fmt::format("p50 {:.2f} ms, p95 {:.2f}, p99 {:.2f} ({} queries", latency.p50_ms,
                     latency.p95_ms, latency.p99_ms, WithSeparators(latency.queries));
}

std::string StagesText(const ModelSpeed& speed) {
  std::string text = fmt::format("  {:<11}{:>10}{:>8}{:>10}{:>10}{:>10}{:>10}\n", "stage",
                                 "seconds", "%", "MB", "GB/s", "GFLOP", "GFLOP/s");
  for (const StageSpeed& stage : speed.stages) {
    const double gb = 1e-9 * static_cast<double>(stage.bytes);
    const double wall = stage.thread_seconds / speed.threads;
    text += fmt::format("  {:<11}{:>10.4f}{:>8.2f}", stage.name, stage.thread_seconds,
                        100 * stage.share);
    if (stage.bytes > 0) {
      text += fmt::format("{:>10.1f}{:>10.1f}", 1e3 * gb, wall > 0 ? gb / wall : 0);
      if (stage.flops > 0) {
        text += fmt::format("{:>10.2f}{:>10.1f}", 1e-9 * static_cast<double>(stage.flops),
                            stage.gflops);
      }
    }
    text += '\n';
  }
  return text;
}

// "; sparse, colbert": but for a model of dense vectors alone, of which there is nothing to say.
std::string Makes(const MeasuredModelInfo& model) {
  if (model.makes == std::vector<std::string>{"dense"}) return "";
  std::string makes;
  for (const std::string& kind : model.makes) makes += (makes.empty() ? "; " : ", ") + kind;
  return makes;
}

double PercentOf(double value, double roof) { return roof > 0 ? 100 * value / roof : 0; }

}  // namespace

std::string RoofText(const RoofReport& report) {
  std::string text = MachineLines(report.machine, report.load, report.threads);
  Grid peaks;
  for (const RoofReport::Peak& peak : report.peaks) {
    peaks.Set(fmt::format("{:<9} {}", peak.dtype, peak.instruction), Count(peak.threads, "thread"),
              fmt::format("{:.0f}", peak.gflops));
  }
  text += "\nRegisters alone, GFLOP/s (a multiply-add is two)\n" + peaks.Text();
  Grid gemm;
  for (const RoofReport::Gemm& row : report.gemm) {
    gemm.Set(fmt::format("{} {:<5} H {:>4}  {}", row.dtype, row.model.name, row.model.hidden_size,
                         Count(row.threads, "thread")),
             row.side_by_side ? fmt::format("{} each", row.rows) : fmt::format("{} rows", row.rows),
             fmt::format("{:.0f}", row.gflops));
  }
  text += "\nLinear layers, GFLOP/s of the four products of a layer (\"each\": of every thread)\n" +
          gemm.Text();
  Grid attention;
  for (const RoofReport::Attention& row : report.attention) {
    attention.Set(
        fmt::format("{} head size {}  {}", row.dtype, row.head_dim, Count(row.threads, "thread")),
        fmt::format("{} tokens", row.seqlen), fmt::format("{:.0f}", row.gflops));
  }
  text += "\nAttention, GFLOP/s\n" + attention.Text();
  Grid memory;
  for (const RoofReport::Memory& row : report.memory) {
    memory.Set(fmt::format("{} MB", WithSeparators(row.bytes / 1'000'000)),
               Count(row.threads, "thread"), fmt::format("{:.1f}", row.gigabytes_per_second));
  }
  text += "\nReading memory, GB/s\n" + memory.Text();
  return text;
}

std::string RoofJson(const RoofReport& report) {
  std::string text;
  JsonObject object(&text);
  object.Text("version", Version());
  object.Number("threads", report.threads);
  WriteMachine(object, report.machine, report.load);
  object.Objects<RoofReport::Peak>("peaks", report.peaks, [](JsonObject& to, const auto& row) {
    to.Text("dtype", row.dtype);
    to.Text("instruction", row.instruction);
    to.Number("threads", row.threads);
    to.Real("gflops", row.gflops);
  });
  object.Objects<RoofReport::Gemm>("gemm", report.gemm, [](JsonObject& to, const auto& row) {
    to.Text("dtype", row.dtype);
    to.Text("model", row.model.name);
    to.Number("hidden_size", row.model.hidden_size);
    to.Number("intermediate_size", row.model.intermediate_size);
    to.Number("rows", row.rows);
    to.Number("threads", row.threads);
    to.Flag("side_by_side", row.side_by_side);
    to.Real("gflops", row.gflops);
    for (const auto& [name, gflops] : row.products) to.Real(name + "_gflops", gflops);
  });
  object.Objects<RoofReport::Attention>("attention", report.attention,
                                        [](JsonObject& to, const auto& row) {
                                          to.Text("dtype", row.dtype);
                                          to.Number("head_dim", row.head_dim);
                                          to.Number("seqlen", row.seqlen);
                                          to.Number("threads", row.threads);
                                          to.Real("gflops", row.gflops);
                                        });
  object.Objects<RoofReport::Memory>("memory", report.memory, [](JsonObject& to, const auto& row) {
    to.Number("bytes", row.bytes);
    to.Number("threads", row.threads);
    to.Real("gb_per_s", row.gigabytes_per_second);
  });
  object.End();
  text += '\n';
  return text;
}

std::string SpeedText(const ModelSpeed& speed, std::string_view work) {
  const MeasuredModelInfo& model = speed.model;
  const std::string_view unit = model.reranker ? "pairs" : "documents";
  std::string text =
      Line("model", fmt::format("{}: {} layers, hidden {}, computed in {}{}", Printable(model.name),
                                model.num_layers, model.hidden_size, speed.dtype, Makes(model)));
  text += MachineLines(speed.machine, speed.load, speed.threads);
  text += Line("work", fmt::format("{}: {}, {}, {} cut at the length of {}", Printable(work),
                                   Count(speed.work.texts, model.reranker ? "pair" : "text"),
                                   Count(speed.work.tokens, "token"),
                                   WithSeparators(speed.work.truncated_texts), model.max_length));
  text += Line("throughput",
               fmt::format("{:.1f} {}/s, {} tokens/s: the best of {} passes", speed.docs_per_s,
                           unit, Rate(speed.tokens_per_s), speed.pass_seconds.size()));
  text += Line("", fmt::format("{:.1f} {}/s, {} tokens/s: the median; the first pass {:.1f}",
                               speed.docs_per_s_median, unit, Rate(speed.tokens_per_s_median),
                               speed.first_pass_docs_per_s));
  text +=
      Line("compute", fmt::format("{:.0f} GFLOP/s in linear layers: {:.0f} % of the roof, {:.0f}",
                                  speed.gflops, PercentOf(speed.gflops, speed.roof_gflops),
                                  speed.roof_gflops));
  text +=
      Line("", fmt::format("{:.0f} GFLOP/s with attention: {:.0f} %", speed.gflops_with_attention,
                           PercentOf(speed.gflops_with_attention, speed.roof_gflops)));
  text += Line("latency", fmt::format("{} of {}, one at a time)", LatencyText(speed.alone),
                                      Count(speed.query_tokens, "token")));
  text += Line("", fmt::format("{} of {} callers); {} queries/s", LatencyText(speed.concurrent),
                               speed.callers, Rate(speed.concurrent_queries_per_s)));
  text += Line("loading", fmt::format("{:.0f} ms to the first {}, of them {:.0f} to load",
                                      speed.first_vector_ms, model.reranker ? "score" : "vector",
                                      speed.load_ms));
  text += Line("memory",
               fmt::format("{:.0f} MB at most", static_cast<double>(speed.peak_bytes) / (1 << 20)));
  text += fmt::format("\nOne pass with a clock around every operation: {:.3f} s on {}\n",
                      speed.profile_seconds, Count(speed.threads, "thread"));
  return text + StagesText(speed);
}

std::string SpeedJson(const ModelSpeed& speed, std::string_view work) {
  const auto latency = [](JsonObject& to, const Latency& of, const std::string& prefix) {
    to.Real(prefix + "p50", of.p50_ms);
    to.Real(prefix + "p95", of.p95_ms);
    to.Real(prefix + "p99", of.p99_ms);
  };
  std::string text;
  JsonObject object(&text);
  object.Text("engine", "bge");
  object.Text("version", Version());
  object.Text("model", speed.model.name);
  object.Text("kind", speed.model.reranker ? "reranker" : "embedder");
  object.Texts("makes", speed.model.makes);
  object.Text("dtype", speed.dtype);
  object.Text("work", work);
  object.Number("threads", speed.threads);
  object.Number("max_length", speed.model.max_length);
  object.Number(speed.model.reranker ? "pairs" : "texts", speed.work.texts);
  object.Number("tokens", speed.work.tokens);
  object.Number("truncated", speed.work.truncated_texts);
  object.Number("passes", static_cast<int64_t>(speed.pass_seconds.size()));
  const std::string per_s = speed.model.reranker ? "pairs_per_s" : "docs_per_s";
  object.Real(per_s, speed.docs_per_s);
  object.Real(per_s + "_median", speed.docs_per_s_median);
  object.Real("first_pass_" + per_s, speed.first_pass_docs_per_s);
  object.Real("tokens_per_s", speed.tokens_per_s);
  object.Real("tokens_per_s_median", speed.tokens_per_s_median);
  object.Real("gflops", speed.gflops);
  object.Real("gflops_with_attention", speed.gflops_with_attention);
  object.Real("roof_gflops", speed.roof_gflops);
  object.Real("roof_percent", PercentOf(speed.gflops, speed.roof_gflops));
  object.Real("roof_percent_with_attention",
              PercentOf(speed.gflops_with_attention, speed.roof_gflops));
  object.Number("query_tokens", speed.query_tokens);
  object.Number("queries", speed.alone.queries);
  latency(object, speed.alone, "query_ms_");
  object.Number("callers", speed.callers);
  object.Number("concurrent_queries", speed.concurrent.queries);
  latency(object, speed.concurrent, "concurrent_ms_");
  object.Real("concurrent_queries_per_s", speed.concurrent_queries_per_s);
  object.Real("load_ms", speed.load_ms);
  object.Real("first_vector_ms", speed.first_vector_ms);
  object.Real("peak_mb", static_cast<double>(speed.peak_bytes) / (1 << 20));
  object.Real("profile_s", speed.profile_seconds);
  object.Objects<StageSpeed>("stages", speed.stages, [](JsonObject& to, const StageSpeed& stage) {
    to.Text("stage", stage.name);
    to.Real("thread_s", stage.thread_seconds);
    to.Real("percent", 100 * stage.share);
    to.Number("calls", stage.calls);
    to.Number("bytes", stage.bytes);
    to.Number("flops", stage.flops);
    to.Real("gflops", stage.gflops);
  });
  WriteMachine(object, speed.machine, speed.load);
  object.End();
  text += '\n';
  return text;
}

}  // namespace bge::cli
