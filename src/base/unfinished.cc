#include "base/unfinished.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace bge {

namespace fs = std::filesystem;

namespace {

// What this process is writing, where a signal handler can find it: a slot is a path that is null
// while free.
std::array<std::atomic<char*>, 64> unfinished;

void Register(const std::string& path) {
  char* copy = ::strdup(path.c_str());
  for (auto& slot : unfinished) {
    char* free_slot = nullptr;
    if (slot.compare_exchange_strong(free_slot, copy)) return;
  }
  std::free(copy);  // more files at once than anybody opens: this one is not cleaned on a signal
}

void Unregister(const std::string& path) {
  for (auto& slot : unfinished) {
    char* p = slot.load();
    if (p != nullptr && path == p && slot.compare_exchange_strong(p, nullptr)) {
      std::free(p);
      return;
    }
  }
}

constexpr size_t kMostNameBytes = 255;  // of one file name, on every file system of Linux

// Beside the target's name, so that its origin can be seen, unless that makes the name too long.
std::string TemporaryName(const fs::path& path) {
  static std::atomic<unsigned> counter = 0;
  const std::string suffix = "tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
  if (path.filename().string().size() + 1 + suffix.size() <= kMostNameBytes) {
    return path.string() + "." + suffix;
  }
  return (path.parent_path() / (".bge-" + suffix)).string();
}

// One entry as the kernel's getdents64 gives it: readdir() allocates, which no handler may.
struct DirectoryEntry {
  uint64_t inode;
  int64_t offset;
  uint16_t bytes;
  uint8_t type;
  char name[1];
};

// Deeper folders than anybody makes are left alone: the stack has its end.
constexpr int kMostDepth = 32;

// Whether it is gone.
bool Remove(int folder, const char* name, int depth) noexcept {
  if (::unlinkat(folder, name, 0) == 0) return true;
  if (errno != EISDIR || depth > kMostDepth) return false;
  const int fd = ::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  // Removing may hide entries from a pass: passes until one removes nothing.
  for (bool removed = true; removed;) {
    removed = false;
    alignas(DirectoryEntry) char buffer[4096];
    ::lseek(fd, 0, SEEK_SET);
    for (long n; (n = ::syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0;) {
      for (long at = 0; at < n;) {
        const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer + at);
        const char* child = buffer + at + offsetof(DirectoryEntry, name);
        at += entry->bytes;
        if (std::strcmp(child, ".") == 0 || std::strcmp(child, "..") == 0) continue;
        removed = Remove(fd, child, depth + 1) || removed;
      }
    }
  }
  ::close(fd);
  return ::unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

}  // namespace

UnfinishedName::UnfinishedName(const fs::path& path) : text_(TemporaryName(path)) {
  Register(text_);
}

UnfinishedName::~UnfinishedName() { Unregister(text_); }

void RemoveTree(const char* path) noexcept { Remove(AT_FDCWD, path, 0); }

void RemoveUnfinishedFiles() noexcept {
  for (auto& slot : unfinished) {
    if (const char* path = slot.load()) RemoveTree(path);
  }
}

void SyncFolder(const fs::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);  // some file systems cannot; the data itself is synced
  ::close(fd);
}

}  // namespace bge
