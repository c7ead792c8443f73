// One segment of an index, mapped from its files.
#ifndef BGE_INDEX_MAPPED_SEGMENT_H_
#define BGE_INDEX_MAPPED_SEGMENT_H_

#include "bge/error.h"

#include "base/file.h"
#include "index/deleted_rows.h"
#include "index/manifest.h"
#include "tensor/tensor_view.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace bge::index {

/// Throws Error(kCorruptData) "damaged index: <file>: <problem>".
[[noreturn]] void FailDamaged(const std::filesystem::path& file, const std::string& problem);

/// Throws Error(kCorruptData) for a file that the manifest names and `not_found` is about.
[[noreturn]] void FailMissing(const Error& not_found);

/// The files of a segment, which stay readable when they are removed. Rows are those of the files,
/// deleted or not: [0, record().count). Immutable; thread-safe.
class MappedSegment {
 public:
  /// Maps the files and checks their sizes; reads and checks only the one of deleted rows.
  /// `known`, which may be null, is the same segment as it was earlier: its mappings are used
  /// again. Error(kNotFound) where a file is missing, kCorruptData.
  static std::shared_ptr<const MappedSegment> Open(const std::filesystem::path& dir,
                                                   const Segment& record, int64_t dimension,
                                                   const MappedSegment* known = nullptr);

  const Segment& record() const { return record_; }
  const LiveRows& live() const { return live_; }

  // Views live as long as this object. Error(kCorruptData) where the row's offsets are wrong.
  std::string_view Id(int64_t row) const { return Text(Part::kIds, Part::kIdOffsets, row); }
  std::string_view RowText(int64_t row) const {
    return Text(Part::kTexts, Part::kTextOffsets, row);
  }
  /// [count, dimension]
  ConstMatrix Vectors() const;

  /// Reads every byte and compares checksums, offsets and values; throws kCorruptData.
  void Verify() const;

 private:
  MappedSegment(std::filesystem::path dir, Segment record, int64_t dimension);
  const MappedFile& File(Part part) const { return *files_[static_cast<size_t>(part)]; }
  uint64_t Offset(Part offsets, int64_t row) const;  // row: [0, count]
  std::string_view Text(Part data, Part offsets, int64_t row) const;
  void VerifyOffsets(Part data, Part offsets) const;
  void VerifyVectors() const;

  std::filesystem::path dir_;
  Segment record_;
  int64_t dimension_;
  std::array<std::shared_ptr<const MappedFile>, kNumParts> files_;
  LiveRows live_{DeletedRows()};
};

}  // namespace bge::index

#endif  // BGE_INDEX_MAPPED_SEGMENT_H_
