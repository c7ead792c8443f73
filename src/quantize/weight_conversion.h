// A model's tensors in another type, in one file.
#ifndef BGE_QUANTIZE_WEIGHT_CONVERSION_H_
#define BGE_QUANTIZE_WEIGHT_CONVERSION_H_

#include "bge/quantize.h"

#include "weights/weight_source.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string_view>

namespace bge::quantize {

struct ConversionStats {
  int64_t matrices = 0;
  uint64_t bytes_before = 0;  // of all tensors
  uint64_t bytes_after = 0;
};

/// Writes the tensors of `source` to `path` under the same names, matrices as `type` but for those
/// whose names `keep` holds; what is in
/// memory at a time is some MB. Error(kCorruptData) naming a tensor that is not finite,
/// kInvalidArgument one that `type` cannot hold, or whose weights are int8 already; kCancelled.
ConversionStats ConvertWeights(const WeightSource& source, WeightType type,
                               const std::filesystem::path& path, const std::stop_token& stop,
                               const std::function<bool(std::string_view)>& keep = {});

}  // namespace bge::quantize

#endif  // BGE_QUANTIZE_WEIGHT_CONVERSION_H_
