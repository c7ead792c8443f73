// Writes the files of a new segment, row by row.
#ifndef BGE_INDEX_SEGMENT_WRITER_H_
#define BGE_INDEX_SEGMENT_WRITER_H_

#include "base/file.h"
#include "base/hash.h"
#include "base/owner_process.h"
#include "index/deleted_rows.h"
#include "index/manifest.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge::index {

/// Files that have their names in an index directory, and go again unless they are kept: those of a
/// commit that fails.
class PlacedFiles {
 public:
  PlacedFiles() = default;
  ~PlacedFiles();
  PlacedFiles(PlacedFiles&&) noexcept = default;
  PlacedFiles& operator=(PlacedFiles&&) = delete;

  void Add(std::filesystem::path file) { files_.push_back(std::move(file)); }
  void Keep() { files_.clear(); }

 private:
  std::vector<std::filesystem::path> files_;
  OwnerProcess owner_;
};

/// Rows go to disk as they are added, under temporary names until Place(). Single thread.
class SegmentWriter {
 public:
  /// `dir` exists.
  SegmentWriter(std::filesystem::path dir, int64_t dimension);

  int64_t count() const { return record_.count; }
  /// vector: [dimension], finite. Nothing more may be added where it has thrown.
  void Add(std::string_view id, std::string_view text, std::span<const float> vector);
  /// Of a row that was added.
  std::string ReadId(int64_t row);

  /// Syncs the files and gives them their names, which go to `placed`. The folder is not synced.
  Segment Place(PlacedFiles* placed);

 private:
  // One file, hashed while it is written.
  class HashedFile {
   public:
    explicit HashedFile(const std::filesystem::path& path) : file_(path) {}
    void Write(std::string_view bytes);
    FileRecord CommitName();
    uint64_t size() const { return file_.size(); }
    std::string ReadAt(uint64_t offset, size_t size) { return file_.ReadAt(offset, size); }

   private:
    AtomicFile file_;
    Sha256 hash_;
  };

  HashedFile& File(Part part) { return *files_[static_cast<size_t>(part)]; }
  std::filesystem::path PathOf(Part part) const { return dir_ / record_.FileName(part); }
  void WriteOffsets();

  std::filesystem::path dir_;
  int64_t dimension_;
  Segment record_;
  std::array<std::optional<HashedFile>, kNumParts> files_;
};

/// Writes the file of a segment's deleted rows, as SegmentWriter::Place does; nullopt where there
/// is none. `segment`: its name.
std::optional<DeletedRecord> PlaceDeletedRows(const std::filesystem::path& dir,
                                              const Segment& segment, const DeletedRows& deleted,
                                              PlacedFiles* placed);

}  // namespace bge::index

#endif  // BGE_INDEX_SEGMENT_WRITER_H_
