#include "weights/zip_archive.h"

#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace bge {

namespace {

constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kDirectorySignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kLocator64Signature = 0x07064b50;
constexpr uint64_t kEndBytes = 22;
constexpr uint64_t kLocatorBytes = 20;
constexpr uint64_t kEnd64Bytes = 56;
constexpr uint64_t kDirectoryEntryBytes = 46;
constexpr uint64_t kLocalHeaderBytes = 30;
constexpr uint64_t kMostCommentBytes = 0xffff;
constexpr uint16_t kZip64Extra = 1;
constexpr uint32_t kIn64 = 0xffffffff;  // a 32-bit field whose value is in the ZIP64 part

// Reads little-endian numbers at checked places.
class Bytes {
 public:
  Bytes(std::span<const std::byte> bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  uint64_t size() const { return bytes_.size(); }
  uint16_t U16(uint64_t at) const { return static_cast<uint16_t>(Number(at, 2)); }
  uint32_t U32(uint64_t at) const { return static_cast<uint32_t>(Number(at, 4)); }
  uint64_t U64(uint64_t at) const { return Number(at, 8); }
  std::span<const std::byte> Part(uint64_t at, uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) {
      FailAt(at, fmt::format("needs {} bytes there, and the file ends at {}", size, bytes_.size()));
    }
    return bytes_.subspan(at, size);
  }
  std::string_view Text(uint64_t at, uint64_t size) const {
    const auto part = Part(at, size);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  [[noreturn]] void FailAt(uint64_t at, const std::string& what) const {
    Fail(ErrorCode::kCorruptData, "damaged ZIP archive",
         fmt::format("{}: byte {}: {}", path_, at, what), "download the file again");
  }

 private:
  uint64_t Number(uint64_t at, uint64_t size) const {
    uint64_t value = 0;
    const auto part = Part(at, size);
    for (size_t i = part.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(part[i]);
    return value;
  }

  std::span<const std::byte> bytes_;
  const std::string& path_;
};

struct Directory {
  uint64_t begin;
  uint64_t members;
};

Directory FindDirectory(const Bytes& file) {
  if (file.size() < kEndBytes) file.FailAt(0, "too short for a ZIP archive");
  // The end record is last but for a comment.
  uint64_t end = file.size() - kEndBytes;
  const uint64_t last = end - std::min(end, kMostCommentBytes);
  while (file.U32(end) != kEndSignature) {
    if (end == last) file.FailAt(end, "found no end of the directory: the file is cut off");
    --end;
  }
  const Directory small = {file.U32(end + 16), file.U16(end + 10)};
  if (end < kLocatorBytes || file.U32(end - kLocatorBytes) != kLocator64Signature) return small;
  const uint64_t end64 = file.U64(end - kLocatorBytes + 8);
  file.Part(end64, kEnd64Bytes);
  if (file.U32(end64) != kEnd64Signature) file.FailAt(end64, "found no ZIP64 end record");
  return {file.U64(end64 + 48), file.U64(end64 + 32)};
}

// Sizes and place of a member, which the ZIP64 part holds where they are large.
struct Member {
  uint64_t size;
  uint64_t stored_size;
  uint64_t header;
};

Member ReadMember(const Bytes& file, uint64_t at, uint64_t extra, uint64_t extra_size) {
  Member member = {file.U32(at + 24), file.U32(at + 20), file.U32(at + 42)};
  for (uint64_t used = 0; used + 4 <= extra_size;) {
    const uint64_t part = extra + used;
    const uint64_t size = file.U16(part + 2);
    if (used + 4 + size > extra_size) break;
    if (file.U16(part) == kZip64Extra) {
      uint64_t field = part + 4;
      for (uint64_t* value : {&member.size, &member.stored_size, &member.header}) {
        if (*value != kIn64) continue;
        if (field + 8 > part + 4 + size) file.FailAt(part, "ZIP64 part of a member is too short");
        *value = file.U64(field);
        field += 8;
      }
    }
    used += 4 + size;
  }
  return member;
}

}  // namespace

bool ZipArchive::LooksLikeOne(std::span<const std::byte> file) {
  const std::string path;
  return file.size() >= 4 && Bytes(file, path).U32(0) == kLocalSignature;
}

ZipArchive::ZipArchive(std::span<const std::byte> bytes, const std::string& path) {
  const Bytes file(bytes, path);
  const Directory directory = FindDirectory(file);
  uint64_t at = directory.begin;
  for (uint64_t i = 0; i < directory.members; ++i) {
    file.Part(at, kDirectoryEntryBytes);
    if (file.U32(at) != kDirectorySignature) file.FailAt(at, "found no directory entry");
    const uint64_t name_size = file.U16(at + 28);
    const uint64_t extra_size = file.U16(at + 30);
    const uint64_t comment_size = file.U16(at + 32);
    const std::string_view name = file.Text(at + kDirectoryEntryBytes, name_size);
    const uint64_t extra = at + kDirectoryEntryBytes + name_size;
    file.Part(extra, extra_size + comment_size);
    constexpr uint16_t kEncrypted = 1;
    if ((file.U16(at + 8) & kEncrypted) != 0 || file.U16(at + 10) != 0) {
      Fail(ErrorCode::kUnsupported, "a member of the ZIP archive is compressed or encrypted",
           path + ": " + Printable(name, 80), "save the weights with torch.save");
    }
    const Member member = ReadMember(file, at, extra, extra_size);
    if (member.size != member.stored_size) file.FailAt(at, "a stored member has two sizes");
    file.Part(member.header, kLocalHeaderBytes);
    if (file.U32(member.header) != kLocalSignature) {
      file.FailAt(member.header, "found no member where the directory has one");
    }
    const uint64_t data = member.header + kLocalHeaderBytes + file.U16(member.header + 26) +
                          file.U16(member.header + 28);
    if (!members_.emplace(name, file.Part(data, member.size)).second) {
      file.FailAt(at, "a member's name occurs twice: " + Printable(name, 80));
    }
    at = extra + extra_size + comment_size;
  }
}

std::optional<std::span<const std::byte>> ZipArchive::Find(std::string_view name) const {
  const auto it = members_.find(name);
  return it == members_.end() ? std::nullopt : std::optional(it->second);
}

std::optional<std::string_view> ZipArchive::FindEnding(std::string_view end) const {
  std::optional<std::string_view> found;
  for (const auto& [name, bytes] : members_) {
    if (!std::string_view(name).ends_with(end)) continue;
    if (found) return std::nullopt;
    found = name;
  }
  return found;
}

}  // namespace bge
