// Names of pooling modes and compute types, as users write and read them.
#include "bge/embedder.h"

#include <array>
#include <utility>

namespace bge {

namespace {

constexpr std::array<std::pair<Pooling, std::string_view>, 6> kPoolingNames = {{
    {Pooling::kCls, "cls"},
    {Pooling::kMax, "max"},
    {Pooling::kMean, "mean"},
    {Pooling::kMeanSqrtLen, "mean_sqrt_len_tokens"},
    {Pooling::kWeightedMean, "weightedmean"},
    {Pooling::kLastToken, "lasttoken"},
}};

}  // namespace

std::string_view PoolingName(Pooling pooling) {
  for (const auto& [value, name] : kPoolingNames) {
    if (value == pooling) return name;
  }
  return "unknown";
}

std::optional<Pooling> ParsePooling(std::string_view name) {
  for (const auto& [value, known] : kPoolingNames) {
    if (name == known) return value;
  }
  return std::nullopt;
}

std::string_view ComputeTypeName(ComputeType type) {
  switch (type) {
    case ComputeType::kFloat32:
      return "float32";
    case ComputeType::kBFloat16:
      return "bfloat16";
    case ComputeType::kInt8:
      return "int8";
  }
  return "unknown";
}

std::optional<ComputeChoice> ParseComputeChoice(std::string_view name) {
  if (name == "float32" || name == "f32") return ComputeChoice::kFloat32;
  if (name == "bfloat16" || name == "bf16") return ComputeChoice::kBFloat16;
  if (name == "int8") return ComputeChoice::kInt8;
  if (name == "auto") return ComputeChoice::kAuto;
  return std::nullopt;
}

}  // namespace bge
