// Packed weights kept in a file, so that the next process maps them instead of packing again.
#ifndef BGE_ENCODER_PACKED_CACHE_H_
#define BGE_ENCODER_PACKED_CACHE_H_

#include "bge/types.h"

#include "base/file.h"
#include "kernels/backend.h"
#include "weights/weight_source.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

struct PackedCacheOptions {
  std::filesystem::path folder = {};  ///< empty: nothing is read or kept
  WarningSink on_warning = {};
};

/// The file of the linear layers of one model's encoder, or of its head, in a folder of such files
/// (docs/formats/packed.md). It is named after where the model is, what is computed and the format;
/// a fingerprint in it says for which state of the model's files it is, and another state replaces
/// it. Processes that map one file share its memory. Files may be deleted at any time, and several
/// processes may write one at once: it appears whole, by rename.
///
/// A file is used only if it belongs to this user (or root) and nobody else may write it. Nothing
/// here is an error: without a usable file layers are packed in memory, and a warning says what
/// could not be read or written. Not thread-safe but for Find() and Prepare().
class PackedCache {
 public:
  /// Reads the file, if there is one. `backend` must outlive it. `part` tells a head's file from
  /// the encoder's, which has none: it names the tensors that the layers are made of.
  PackedCache(const PackedCacheOptions& options, const WeightSource& weights, ComputeType type,
              const Backend& backend, std::string_view part = "");

  /// The layer [n, k] of this number, in the mapped file, or null; the cache must outlive it.
  std::unique_ptr<const PreparedLinear> Find(size_t number, int64_t n, int64_t k,
                                             std::span<const int32_t> exact_columns = {}) const;

  /// The layer of this number: Find(), or else prepared from `parts`, which `weights` then
  /// releases. exact_columns: as Backend::PrepareLinear has them.
  std::unique_ptr<const PreparedLinear> Prepare(size_t number, std::span<const TensorView> parts,
                                                const WeightSource& weights,
                                                std::span<const int32_t> exact_columns = {}) const;

  /// Keeps the layers, by their numbers, unless they came from the file. Blocks until the disk has
  /// them.
  void Save(std::span<const PreparedLinear* const> layers) const;

 private:
  struct Entry {
    uint64_t n;
    uint64_t k;
    uint64_t offset;  // into the file
    uint64_t bytes;
  };
  void Open();
  void Warn(const std::string& what) const;

  std::filesystem::path path_;  // empty: not in use
  ComputeType type_;
  const Backend& backend_;
  WarningSink on_warning_;
  std::string fingerprint_;                 // 64 hexadecimal digits
  std::shared_ptr<const MappedFile> file_;  // null: none that fits
  std::vector<Entry> entries_;
};

}  // namespace bge

#endif  // BGE_ENCODER_PACKED_CACHE_H_
