// manifest.json of an index directory: what the index is and which files hold it.
//
// docs/formats/index.md has the bytes. Everything read here is untrusted: a manifest that parses
// has sizes that agree with each other and file names that stay in the directory.
#ifndef BGE_INDEX_MANIFEST_H_
#define BGE_INDEX_MANIFEST_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bge::index {

inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::string_view kLockName = "write.lock";
inline constexpr int64_t kFormatVersion = 2;  // what is written; version 1 is read too
inline constexpr int64_t kMaxDimension = 1 << 20;
inline constexpr uint64_t kMaxManifestBytes = 16 << 20;
inline constexpr int64_t kMaxSegments = 4096;  // five mapped files each

/// The files of a segment.
enum class Part { kVectors, kIds, kIdOffsets, kTexts, kTextOffsets };
inline constexpr std::array<std::string_view, 5> kPartNames = {"vectors", "ids", "id_offsets",
                                                               "texts", "text_offsets"};
inline constexpr size_t kNumParts = kPartNames.size();

struct FileRecord {
  uint64_t bytes = 0;
  std::string sha256;  // 64 lower-case hexadecimal digits
};

/// The file that says which rows of a segment are deleted. Never changed: where more rows are
/// deleted, another takes its place.
struct DeletedRecord {
  std::string name;   // "deleted-" and 16 hexadecimal digits
  int64_t count = 0;  // deleted rows, at least one
  FileRecord file;
};

/// Rows that were written together; never changed afterwards.
struct Segment {
  std::string name;  // "segment-" and 16 hexadecimal digits
  int64_t count = 0;
  std::array<FileRecord, kNumParts> files;  // by Part
  std::optional<DeletedRecord> deleted;     // nullopt: none of the rows

  int64_t live() const { return count - (deleted ? deleted->count : 0); }
  const FileRecord& file(Part part) const { return files[static_cast<size_t>(part)]; }
  /// "<name>.<part's name>"
  std::string FileName(Part part) const;
  /// "<name>.<name of `deleted`>", which there must be.
  std::string DeletedFileName() const;
};

struct Manifest {
  int64_t generation = 0;  // commits since the index was built, that one included; version 1: 1
  int64_t rows_added = 0;  // since then, the deleted ones included
  int64_t dimension = 0;
  std::string model;
  std::map<std::string, std::string> metadata;
  std::vector<Segment> segments;  // in the order of their rows
};

/// A name that no segment had or will have.
std::string NewSegmentName();
/// The same for the rows that are deleted.
std::string NewDeletedName();

/// `path` is used in messages. Error(kCorruptData), or kUnsupported for what later versions write.
Manifest ParseManifest(std::string_view text, const std::string& path);

/// The file's bytes, checksum included.
std::string FormatManifest(const Manifest& manifest);

/// True for the beginning of every manifest of every version.
bool LooksLikeManifest(std::string_view text);

/// True for the names that a writer gives to files of an index directory, temporary ones included.
bool IsIndexFileName(std::string_view name);
/// The same without the manifest and the lock: files that no reader needs unless a manifest names
/// them.
bool IsSegmentFileName(std::string_view name);

}  // namespace bge::index

#endif  // BGE_INDEX_MANIFEST_H_
