#include "base/unfinished.h"

#include "base/error.h"
#include "base/file_operations.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <system_error>

namespace bge {

namespace fs = std::filesystem;

namespace {

// What this process is writing, where a signal handler can find it. A path is written before its
// slot becomes ready, and stays as it is until the slot is free again: nothing is ever freed that
// RemoveUnfinishedFiles() may be reading.
struct Slot {
  enum State { kFree, kTaken, kReady, kRemoving, kRemoved };
  std::atomic<int> state = kFree;
  char path[PATH_MAX] = {};
};
std::array<Slot, 64> unfinished;

// Null where there are more files than anybody opens: such a file is not cleaned on a signal.
Slot* Register(const std::string& path) {
  if (path.size() >= sizeof(Slot::path)) return nullptr;
  for (Slot& slot : unfinished) {
    int free = Slot::kFree;
    if (!slot.state.compare_exchange_strong(free, Slot::kTaken)) continue;
    std::memcpy(slot.path, path.c_str(), path.size() + 1);
    slot.state.store(Slot::kReady);
    return &slot;
  }
  return nullptr;
}

constexpr char kTemporary[] = "tmp-";

// Beside the target's name, so that its origin can be seen, unless that makes the name too long.
std::string TemporaryName(const fs::path& path) {
  // Process numbers are no names: containers that share a folder have the same ones.
  std::random_device random;
  char suffix_text[32];
  std::snprintf(suffix_text, sizeof suffix_text, "%s%08x%08x", kTemporary, random(), random());
  const std::string suffix = suffix_text;
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

UnfinishedName::UnfinishedName(const fs::path& path)
    : text_(TemporaryName(path)), slot_(Register(text_)) {}

UnfinishedName::~UnfinishedName() { Keep(); }

void UnfinishedName::Keep() {
  if (slot_ == nullptr) return;
  auto* const slot = static_cast<Slot*>(slot_);
  slot_ = nullptr;
  // While it is being removed its path is read.
  for (;;) {
    int state = Slot::kReady;
    if (slot->state.compare_exchange_strong(state, Slot::kFree)) return;
    if (state == Slot::kRemoved) return slot->state.store(Slot::kFree);
    ::usleep(1000);
  }
}

void RemoveTree(const char* path) noexcept { Remove(AT_FDCWD, path, 0); }

void RemoveUnfinishedFiles() noexcept {
  for (Slot& slot : unfinished) {
    int ready = Slot::kReady;
    if (!slot.state.compare_exchange_strong(ready, Slot::kRemoving)) continue;
    RemoveTree(slot.path);
    slot.state.store(Slot::kRemoved);
  }
}

void RemoveLeftovers(const fs::path& path, std::chrono::seconds older_than) {
  const std::string prefix = path.filename().string() + "." + kTemporary;
  // What a user may have called alike is not ours.
  const auto is_ours = [&prefix](const std::string& name) {
    return name.starts_with(prefix) && name.size() == prefix.size() + 16 &&
           name.find_first_not_of("0123456789abcdef", prefix.size()) == std::string::npos;
  };
  const auto now = fs::file_time_type::clock::now();
  std::error_code error;
  fs::directory_iterator entry(path.has_parent_path() ? path.parent_path() : ".", error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (!is_ours(entry->path().filename().string())) continue;
    std::error_code ignored;
    if (!fs::is_regular_file(entry->symlink_status(ignored))) continue;
    const auto changed = entry->last_write_time(ignored);
    if (!ignored && now - changed > older_than) fs::remove(entry->path(), ignored);
  }
}

void SyncFolder(const fs::path& folder) {
  const std::string name = folder.empty() ? "." : folder.string();
  FileOperations& operations = FileOperations::Current();
  const int fd = operations.Open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  int error = 0;
  if (fd < 0) {
    error = errno == EACCES ? 0 : errno;  // one that may be written and not be listed
  } else {
    if (operations.FSync(fd) != 0) error = errno;
    ::close(fd);
  }
  // Some file systems cannot sync a folder.
  if (error == 0 || error == EINVAL || error == ENOTSUP || error == EROFS) return;
  Fail(ErrorCode::kIo, "cannot write directory", name + ": " + std::strerror(error),
       "check permissions and disk");
}

}  // namespace bge
