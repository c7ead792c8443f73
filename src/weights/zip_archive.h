// The directory of a ZIP file whose members are stored as they are, as torch.save writes it.
//
// Format: PKWARE's APPNOTE.TXT, with ZIP64. Compressed or encrypted members are refused.
#ifndef BGE_WEIGHTS_ZIP_ARCHIVE_H_
#define BGE_WEIGHTS_ZIP_ARCHIVE_H_

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bge {

/// Immutable; the views are of `file` and live as long as its memory.
class ZipArchive {
 public:
  /// Reads the directory of `file`, whose name `path` is for messages. Error(kCorruptData) where
  /// it contradicts itself or the file; kUnsupported for a member that is not stored as it is.
  ZipArchive(std::span<const std::byte> file, const std::string& path);

  /// Whether these bytes begin as a ZIP file does.
  static bool LooksLikeOne(std::span<const std::byte> file);

  /// The bytes of a member; nullopt where the name is absent.
  std::optional<std::span<const std::byte>> Find(std::string_view name) const;
  /// The one member whose name ends so; nullopt where there is none or more than one.
  std::optional<std::string_view> FindEnding(std::string_view end) const;

 private:
  std::map<std::string, std::span<const std::byte>, std::less<>> members_;
};

}  // namespace bge

#endif  // BGE_WEIGHTS_ZIP_ARCHIVE_H_
