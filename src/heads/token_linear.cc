#include "heads/token_linear.h"

#include "base/error.h"
#include "weights/rounded.h"
#include "weights/torch_file.h"
#include "weights/weight_source.h"

#include <array>
#include <utility>

namespace bge {

namespace fs = std::filesystem;

std::optional<fs::path> TokenLinear::FindFile(const fs::path& dir, const std::string& name) {
  for (const char* extension : {".safetensors", ".pt"}) {
    const fs::path path = dir / (name + extension);
    std::error_code ignored;
    // A link that leads nowhere is an error later, not an absent head.
    if (fs::symlink_status(path, ignored).type() != fs::file_type::not_found) return path;
  }
  return std::nullopt;
}

TokenLinear::TokenLinear(const fs::path& file, int64_t inputs, int64_t outputs,
                         const Backend& backend, WeightRounding rounding)
    : backend_(backend) {
  auto stored = file.extension() == ".pt" ? OpenTorchFile(file) : OpenSafetensors(file);
  const PrefixedWeights weights(RoundWeights(std::move(stored), rounding), "weight");
  source_ = weights.shared_source();
  if (outputs == 0) {
    outputs = weights.GetRank("weight", 2).shape[0];
    constexpr int64_t kMostOutputs = 1 << 16;
    if (outputs < 1 || outputs > kMostOutputs) {
      Fail(ErrorCode::kCorruptData, "a head of a strange size",
           file.string() + ": weight: found " + std::to_string(outputs) + " rows, expected 1 to " +
               std::to_string(kMostOutputs),
           "download the file again");
    }
  }
  const std::array part = {weights.Get("weight", Shape{outputs, inputs})};
  linear_ = backend.PrepareLinear(part, ComputeType::kFloat32);
  bias_ = weights.GetVector("bias", outputs);
}

void TokenLinear::Run(const OpContext& context, ConstMatrix x, Activation activation,
                      Matrix y) const {
  backend_.Linear(context, x, *linear_, {bias_, activation}, y);
}

}  // namespace bge
