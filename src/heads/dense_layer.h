// sentence-transformers' Dense module: activation(W x + b), with x added where it is residual.
#ifndef BGE_HEADS_DENSE_LAYER_H_
#define BGE_HEADS_DENSE_LAYER_H_

#include "heads/module_spec.h"
#include "kernels/backend.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

namespace bge {

/// In float32, whatever the encoder multiplies. Immutable; thread-safe.
class DenseLayer {
 public:
  /// Loads the weights from module.dir. module.out_features 0: as many as the file has.
  /// Error(kCorruptData) where they do not fit the module.
  DenseLayer(const DenseModule& module, const Backend& backend);

  int64_t out_features() const { return linear_->out_features(); }
  int64_t num_parameters() const { return num_parameters_; }
  /// Of the weights.
  const std::vector<std::filesystem::path>& files() const { return files_; }

  /// x: [M, in_features]. [M, out_features()], in the context's workspace.
  Matrix Run(const OpContext& context, ConstMatrix x) const;

 private:
  const Backend& backend_;
  std::shared_ptr<const void> file_;  // keeps mapped weights alive
  std::vector<std::filesystem::path> files_;
  std::unique_ptr<const PreparedLinear> linear_;
  std::unique_ptr<const PreparedLinear> residual_linear_;  // null: x itself, where residual
  std::vector<float> bias_;
  Activation activation_;
  bool residual_;
  int64_t num_parameters_ = 0;
};

}  // namespace bge

#endif  // BGE_HEADS_DENSE_LAYER_H_
