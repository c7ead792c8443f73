#include "hub/file_hash.h"

#include "base/env.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "hub/cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <map>
#include <mutex>
#include <span>
#include <system_error>
#include <vector>

namespace bge {

namespace fs = std::filesystem;

namespace {

constexpr size_t kHexDigits = 64;
constexpr size_t kBytesAtOnce = 8 << 20;

bool IsHash(std::string_view text) {
  return text.size() == kHexDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Where the hash of the file, as it is now, would be; empty where it is not kept.
fs::path CacheEntry(const fs::path& file) {
  const fs::path folder = HashCacheDir();
  struct stat info = {};
  if (::stat(file.c_str(), &info) != 0) return {};
  if (static_cast<uintmax_t>(info.st_size) < kMinCachedHashBytes) return {};
  std::string key = "bge-file-hash 1";
  for (const int64_t part :
       {static_cast<int64_t>(info.st_dev), static_cast<int64_t>(info.st_ino),
        static_cast<int64_t>(info.st_size), static_cast<int64_t>(info.st_mtim.tv_sec),
        static_cast<int64_t>(info.st_mtim.tv_nsec), static_cast<int64_t>(info.st_ctim.tv_sec),
        static_cast<int64_t>(info.st_ctim.tv_nsec)}) {
    key += " " + std::to_string(part);
  }
  Sha256 hash;
  hash.Update(std::as_bytes(std::span(key)));
  return folder / hash.Hex();
}

// The part of `path` below `folder`, name by name; empty where it is not below it.
std::vector<std::string> NamesBelow(const fs::path& folder, const fs::path& path) {
  std::vector<std::string> names;
  for (const fs::path& name : path.lexically_relative(folder)) names.push_back(name.string());
  if (!names.empty() && (names[0] == ".." || names[0] == ".")) names.clear();
  return names;
}

// What the hub's cache calls the file's content.
std::optional<std::string> BlobName(const fs::path& file) {
  std::error_code error;
  if (!fs::is_symlink(fs::symlink_status(file, error))) return std::nullopt;
  const fs::path cache = fs::canonical(HubCacheDir(), error);
  if (error) return std::nullopt;
  const fs::path folder = fs::canonical(fs::absolute(file, error).parent_path(), error);
  if (error) return std::nullopt;
  const fs::path target = fs::canonical(file, error);
  if (error || fs::file_size(target, error) < kMinCachedHashBytes || error) return std::nullopt;
  // models--X/snapshots/COMMIT and perhaps folders of the model; models--X/blobs/NAME.
  const std::vector<std::string> from = NamesBelow(cache, folder);
  const std::vector<std::string> to = NamesBelow(cache, target);
  if (from.size() < 3 || !from[0].starts_with("models--") || from[1] != "snapshots" ||
      to.size() != 3 || to[0] != from[0] || to[1] != "blobs") {
    return std::nullopt;
  }
  return IsHash(to[2]) ? std::optional(to[2]) : std::nullopt;
}

// Whether the file may yet change without another CacheEntry.
bool IsRacy(const fs::path& file, std::chrono::system_clock::time_point now) {
  struct stat info = {};
  if (::stat(file.c_str(), &info) != 0) return true;
  const std::time_t settled = std::chrono::system_clock::to_time_t(now) - kRacySeconds;
  return info.st_mtim.tv_sec >= settled || info.st_ctim.tv_sec >= settled;
}

// What this process has hashed, by CacheEntry, for where the folder cannot be written.
class KnownHashes {
 public:
  std::optional<std::string> Find(const fs::path& entry) {
    const std::lock_guard lock(mu_);
    const auto found = hashes_.find(entry);
    return found == hashes_.end() ? std::nullopt : std::optional(found->second);
  }
  void Add(const fs::path& entry, const std::string& hash) {
    constexpr size_t kMost = 1024;
    const std::lock_guard lock(mu_);
    if (hashes_.size() >= kMost) hashes_.clear();
    hashes_[entry] = hash;
  }

 private:
  std::mutex mu_;
  std::map<fs::path, std::string> hashes_;  // guarded by mu_
};

KnownHashes& Known() {
  static KnownHashes* const known = new KnownHashes();  // never destroyed: threads may outlive main
  return *known;
}

void Keep(const fs::path& entry, const std::string& hash) {
  try {
    std::error_code error;
    fs::create_directories(entry.parent_path(), error);
    AtomicFile file(entry, FileAccess::kOwnerOnly);
    file.Write(hash);
    file.Commit();
  } catch (const Error&) {  // another process hashes it again
    Known().Add(entry, hash);
  }
}

}  // namespace

fs::path HashCacheDir() { return CacheHomeDir() / "bge" / "sha256"; }

std::optional<std::string> FindFileHash(const fs::path& file) {
  if (auto name = BlobName(file)) return name;
  const fs::path entry = CacheEntry(file);
  if (entry.empty()) return std::nullopt;
  try {
    const auto kept = MappedFile::OpenOwn(entry);  // nobody else can have put it there
    const std::span<const std::byte> bytes = kept->bytes();
    std::string hash(reinterpret_cast<const char*>(bytes.data()),
                     std::min(bytes.size(), kHexDigits + 1));
    if (IsHash(hash)) return hash;
  } catch (const Error&) {  // as if there were none
  }
  return Known().Find(entry);
}

std::string FileHash(const fs::path& file, std::chrono::system_clock::time_point now) {
  if (auto known = FindFileHash(file)) return *known;
  const fs::path entry = CacheEntry(file);
  const auto mapped = MappedFile::Open(file);
  Sha256 hash;
  for (auto left = mapped->bytes(); !left.empty();) {
    const auto part = left.first(std::min(left.size(), kBytesAtOnce));
    hash.Update(part);
    left = left.subspan(part.size());
  }
  std::string hex = hash.Hex();
  // A file that changed meanwhile has another entry, and is hashed again.
  if (!entry.empty() && CacheEntry(file) == entry && !IsRacy(file, now)) Keep(entry, hex);
  return hex;
}

}  // namespace bge
