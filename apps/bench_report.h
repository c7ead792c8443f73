// What `bge bench` prints of its measurements: tables for people, JSON for programs.
#ifndef BGE_APPS_BENCH_REPORT_H_
#define BGE_APPS_BENCH_REPORT_H_

#include "bench/model_speed.h"
#include "bench/roof.h"

#include <string>
#include <string_view>

namespace bge::cli {

/// Several lines.
std::string RoofText(const RoofReport& report);
/// One JSON object and a line end.
std::string RoofJson(const RoofReport& report);

/// `work` is what --work said: "mixed", or a file.
std::string SpeedText(const ModelSpeed& speed, std::string_view work);
std::string SpeedJson(const ModelSpeed& speed, std::string_view work);

}  // namespace bge::cli

#endif  // BGE_APPS_BENCH_REPORT_H_
