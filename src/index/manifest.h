// manifest.json of an index directory: what the index is and which files hold it.
//
// docs/formats/index.md has the bytes. Everything read here is untrusted: a manifest that parses
// has sizes that agree with each other and file names that stay in the directory.
#ifndef BGE_INDEX_MANIFEST_H_
#define BGE_INDEX_MANIFEST_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bge::index {

inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::string_view kLockName = "write.lock";
inline constexpr int64_t kFormatVersion = 1;
inline constexpr int64_t kMaxDimension = 1 << 20;
inline constexpr uint64_t kMaxManifestBytes = 16 << 20;

/// The files of a segment.
enum class Part { kVectors, kIds, kIdOffsets, kTexts, kTextOffsets };
inline constexpr std::array<std::string_view, 5> kPartNames = {"vectors", "ids", "id_offsets",
                                                               "texts", "text_offsets"};
inline constexpr size_t kNumParts = kPartNames.size();

struct FileRecord {
  uint64_t bytes = 0;
  std::string sha256;  // 64 lower-case hexadecimal digits
};

/// Rows that were written together; never changed afterwards.
struct Segment {
  std::string name;  // "segment-" and 16 hexadecimal digits
  int64_t count = 0;
  std::array<FileRecord, kNumParts> files;  // by Part

  const FileRecord& file(Part part) const { return files[static_cast<size_t>(part)]; }
  /// "<name>.<part's name>"
  std::string FileName(Part part) const;
};

struct Manifest {
  int64_t dimension = 0;
  std::string model;
  std::map<std::string, std::string> metadata;
  Segment segment;
};

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
