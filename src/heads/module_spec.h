// The modules that a sentence-transformers directory lists after its Transformer.
#ifndef BGE_HEADS_MODULE_SPEC_H_
#define BGE_HEADS_MODULE_SPEC_H_

#include "bge/types.h"

#include "kernels/backend.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace bge {

/// Modules that follow the Transformer, in the order of modules.json.
struct PoolingModule {
  std::vector<Pooling> modes;  // concatenated in this order
  bool include_prompt = true;
  std::string source;  // "1_Pooling/config.json", "known model BAAI/bge-...", "default"

  /// The first token of a sequence and nothing else.
  bool takes_first_tokens() const { return modes.size() == 1 && modes[0] == Pooling::kCls; }
};
struct NormalizeModule {};
struct DenseModule {
  std::filesystem::path dir;  // where its weights are
  int64_t in_features = 0;
  int64_t out_features = 0;  // 0: as many as the weights have rows
  bool bias = true;
  bool residual = false;  // adds x, or residual.weight * x where the two widths differ
  Activation activation = Activation::kTanh;
};
struct LayerNormModule {
  std::filesystem::path dir;
  int64_t dimension = 0;
};
/// Does nothing at inference.
struct DropoutModule {};
using ModuleSpec =
    std::variant<PoolingModule, NormalizeModule, DenseModule, LayerNormModule, DropoutModule>;

}  // namespace bge

#endif  // BGE_HEADS_MODULE_SPEC_H_
