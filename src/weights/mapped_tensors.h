// The tensors of one mapped file, once a parser of its format has said where they lie.
#ifndef BGE_WEIGHTS_MAPPED_TENSORS_H_
#define BGE_WEIGHTS_MAPPED_TENSORS_H_

#include "base/file.h"
#include "weights/stored_dtype.h"
#include "weights/weight_source.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bge {

/// A tensor of a file. `bytes` are dense and row-major; their number fits dims and dtype.
struct MappedTensor {
  std::string name;
  const StoredDType* dtype = nullptr;
  std::vector<int64_t> dims;
  std::span<const std::byte> bytes;  // of the file
};

/// Bytes that a tensor of these dims and dtype takes; nullopt where that is not a whole number that
/// fits, or a dim is negative.
std::optional<uint64_t> TensorBytes(std::span<const int64_t> dims, const StoredDType& dtype);

/// "[384, 1536]"; of many dims the first.
std::string DimsToString(std::span<const int64_t> dims);

/// A source of these tensors of `file`. Error(kCorruptData) where a name occurs twice.
std::shared_ptr<const WeightSource> MakeMappedTensors(std::shared_ptr<const MappedFile> file,
                                                      std::vector<MappedTensor> tensors,
                                                      std::map<std::string, std::string> metadata);

}  // namespace bge

#endif  // BGE_WEIGHTS_MAPPED_TENSORS_H_
