// Model directories whose weights take less space.
//
// docs/formats/quantized.md says what is written.
#ifndef BGE_QUANTIZE_H_
#define BGE_QUANTIZE_H_

#include "bge/export.h"

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

namespace bge {

/// In which type a model's matrices are stored. kInt8: with a scale for each row. kFloat32 rounds
/// nothing: it makes one .safetensors file of shards or of a torch file.
enum class WeightType { kInt8, kBFloat16, kFloat16, kFloat32 };

struct QuantizeOptions {
  WeightType type = WeightType::kInt8;
  /// A request to stop ends the call with Error(kCancelled).
  std::stop_token stop = {};
};

/// What Quantize has written.
struct QuantizeStats {
  int64_t matrices = 0;       ///< converted; the other tensors are copied
  int64_t files = 0;          ///< in the new directory
  uint64_t bytes_before = 0;  ///< of the transformer's tensors
  uint64_t bytes_after = 0;
};

/// Writes `out`: the directory of `model` (named as for Embedder::Load) with the transformer's
/// matrices rounded to another type, and its other files as they are. `out` is absent or an empty
/// directory, and not within the model; it appears when it is complete. Throws Error:
/// kInvalidArgument too for a model whose weights are int8 already, and for weights that the type
/// cannot hold. Calls that write different directories may run at once.
BGE_API QuantizeStats Quantize(const std::string& model, const std::filesystem::path& out,
                               const QuantizeOptions& options = {});

}  // namespace bge

#endif  // BGE_QUANTIZE_H_
