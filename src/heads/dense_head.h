// From hidden states to one dense vector a text: pooling, then the modules that a
// sentence-transformers directory lists after it.
#ifndef BGE_HEADS_DENSE_HEAD_H_
#define BGE_HEADS_DENSE_HEAD_H_

#include "heads/dense_layer.h"
#include "heads/module_spec.h"
#include "kernels/backend.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <variant>
#include <vector>

namespace bge {

/// Immutable; thread-safe.
class DenseHead {
 public:
  /// `modules` begin with a PoolingModule. Loads the weights of Dense and LayerNorm modules.
  /// Error(kCorruptData) where dimensions do not follow from each other.
  DenseHead(std::span<const ModuleSpec> modules, int64_t hidden_size, const Backend& backend);

  int64_t dimension() const { return dimension_; }
  bool include_prompt() const { return pooling_.include_prompt; }
  /// Pooling takes the first token of a sequence and nothing else.
  bool takes_first_tokens() const { return pooling_.takes_first_tokens(); }
  /// The chain ends in a Normalize module.
  bool ends_normalized() const { return ends_normalized_; }
  /// Parameters of its own.
  int64_t num_parameters() const { return num_parameters_; }
  /// Of the modules' weights.
  const std::vector<std::filesystem::path>& files() const { return files_; }

  /// hidden: [T, H]; out: [ranges.size(), dimension()]. Normalize modules at the end of the chain
  /// are left to the caller, which truncates first.
  void Run(const OpContext& context, ConstMatrix hidden, std::span<const PoolRange> ranges,
           Matrix out) const;

 private:
  struct Norm {
    std::vector<float> gamma, beta;
  };
  struct Normalize {};
  using Step = std::variant<DenseLayer, Norm, Normalize>;

  DenseLayer LoadDense(const DenseModule& module);
  Norm LoadNorm(const LayerNormModule& module);
  Matrix Apply(const OpContext& context, const Step& step, Matrix x) const;

  const Backend& backend_;
  PoolingModule pooling_;
  int64_t dimension_ = 0;
  int64_t num_parameters_ = 0;
  bool ends_normalized_ = false;
  std::vector<std::filesystem::path> files_;
  std::vector<Step> steps_;
};

}  // namespace bge

#endif  // BGE_HEADS_DENSE_HEAD_H_
