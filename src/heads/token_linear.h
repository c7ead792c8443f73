// A linear layer of a file of its own that a head applies to every token.
#ifndef BGE_HEADS_TOKEN_LINEAR_H_
#define BGE_HEADS_TOKEN_LINEAR_H_

#include "kernels/backend.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bge {

/// y = W x + b in float32, whatever the encoder multiplies: it is little work. Immutable;
/// thread-safe.
class TokenLinear {
 public:
  /// The file of the layer in `dir`: <name>.safetensors, else <name>.pt; nullopt where there is
  /// none.
  static std::optional<std::filesystem::path> FindFile(const std::filesystem::path& dir,
                                                       const std::string& name);

  /// `file` holds "weight" [outputs, inputs] and "bias" [outputs]. `outputs` 0: as many as the file
  /// has. Error(kCorruptData) where it does not fit; as the readers of the two formats.
  TokenLinear(const std::filesystem::path& file, int64_t inputs, int64_t outputs,
              const Backend& backend, WeightRounding rounding = WeightRounding::kNone);

  int64_t outputs() const { return linear_->out_features(); }
  int64_t num_parameters() const { return outputs() * (linear_->in_features() + 1); }

  /// x: [T, inputs]; y: [T, outputs()].
  void Run(const OpContext& context, ConstMatrix x, Activation activation, Matrix y) const;

 private:
  const Backend& backend_;
  std::shared_ptr<const void> source_;  // keeps mapped weights alive
  std::unique_ptr<const PreparedLinear> linear_;
  std::vector<float> bias_;
};

}  // namespace bge

#endif  // BGE_HEADS_TOKEN_LINEAR_H_
