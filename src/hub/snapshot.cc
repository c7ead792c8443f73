#include "hub/snapshot.h"

#include "base/error.h"
#include "base/file.h"
#include "base/stop.h"
#include "base/unfinished.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace bge::hub {

namespace fs = std::filesystem;

namespace {

constexpr size_t kCopiedAtOnce = 1 << 20;
// Beside snapshots/, and as deep, so that relative links lead to the same places.
constexpr const char* kUnfinished = ".unfinished";
// Making one takes milliseconds.
constexpr std::chrono::hours kAbandoned{1};

[[noreturn]] void FailIo(const fs::path& path, const std::string& reason) {
  Fail(ErrorCode::kIo, "cannot write to the Hugging Face cache", path.string() + ": " + reason,
       "make the cache writable, or choose another with HF_HUB_CACHE");
}

void MakeFolder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) FailIo(path, error.message());
}

void Copy(const fs::path& from, const fs::path& to, const std::stop_token& stop) {
  const auto content = MappedFile::Open(from);
  AtomicFile file(to);
  for (size_t at = 0; at < content->bytes().size(); at += kCopiedAtOnce) {
    ThrowIfStopped(&stop);
    const size_t size = std::min(kCopiedAtOnce, content->bytes().size() - at);
    file.Write(content->bytes().subspan(at, size));
  }
  file.Commit();
}

// The file systems that have no links say so in several ways.
bool HasNoLinks(int error) {
  return error == EPERM || error == EOPNOTSUPP || error == ENOSYS || error == EINVAL;
}

// Parity: huggingface_hub's .no_exist, so that nobody asks again.
fs::path MarkOfAbsence(const fs::path& snapshot, std::string_view file) {
  return snapshot.parent_path().parent_path() / ".no_exist" / snapshot.filename() / file;
}

class SnapshotWriter {
 public:
  SnapshotWriter(const fs::path& folder, bool symlinks, const std::stop_token& stop)
      : folder_(folder), symlinks_(symlinks), stop_(stop) {}

  void Add(const fs::path& snapshot, const std::string& name, const std::string& blob) {
    const fs::path file = snapshot / name;
    std::error_code error;
    if (fs::is_regular_file(file, error)) return;  // commits do not change
    MakeFolder(file.parent_path());
    if (symlinks_) {
      fs::path target = fs::path("..") / ".." / "blobs" / blob;
      for (const char c : name) {
        if (c == '/') target = ".." / target;
      }
      if (Link(target, file)) return;
      symlinks_ = false;
    }
    ::unlink(file.c_str());  // a link to nowhere
    Copy(folder_ / "blobs" / blob, file, stop_);
  }

 private:
  // False where the file system has no links.
  static bool Link(const fs::path& target, const fs::path& file) {
    for (;;) {
      if (::symlink(target.c_str(), file.c_str()) == 0) return true;
      if (HasNoLinks(errno)) return false;
      if (errno != EEXIST) FailIo(file, std::strerror(errno));
      std::error_code error;
      if (fs::is_regular_file(file, error)) return true;  // another process was faster
      if (::unlink(file.c_str()) != 0 && errno != ENOENT) FailIo(file, std::strerror(errno));
    }
  }

  const fs::path& folder_;
  bool symlinks_;
  const std::stop_token& stop_;
};

// What killed processes have left.
void RemoveAbandoned(const fs::path& unfinished) {
  const auto now = fs::file_time_type::clock::now();
  std::error_code error;
  fs::directory_iterator entry(unfinished, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    const auto changed = entry->last_write_time(ignored);
    if (!ignored && now - changed > kAbandoned) RemoveTree(entry->path().c_str());
  }
}

}  // namespace

fs::path WriteSnapshot(const fs::path& folder, const std::string& commit,
                       const SnapshotFiles& files, bool symlinks, const std::stop_token& stop) {
  const fs::path snapshots = folder / "snapshots";
  fs::path snapshot = snapshots / commit;
  const fs::path unfinished = folder / kUnfinished;
  MakeFolder(snapshots);
  SnapshotWriter writer(folder, symlinks, stop);
  std::error_code error;
  if (!fs::is_directory(snapshot, error)) {
    MakeFolder(unfinished);
    RemoveAbandoned(unfinished);
    UnfinishedName temporary(unfinished / commit);
    try {
      MakeFolder(temporary.text());
      for (const auto& [name, blob] : files) writer.Add(temporary.text(), name, blob);
    } catch (...) {
      RemoveTree(temporary.text().c_str());
      throw;
    }
    temporary.Keep();
    const bool renamed = ::rename(temporary.text().c_str(), snapshot.c_str()) == 0;
    const int reason = errno;
    if (!renamed) RemoveTree(temporary.text().c_str());
    ::rmdir(unfinished.c_str());  // unless another process is at work there
    if (!renamed && !fs::is_directory(snapshot, error)) FailIo(snapshot, std::strerror(reason));
  }
  for (const auto& [name, blob] : files) writer.Add(snapshot, name, blob);
  SyncFolder(snapshots);
  return snapshot;
}

bool IsKnownAbsent(const fs::path& snapshot, std::string_view file) {
  std::error_code ignored;
  return fs::is_regular_file(MarkOfAbsence(snapshot, file), ignored);
}

void MarkAbsent(const fs::path& snapshot, std::string_view file) {
  const fs::path mark = MarkOfAbsence(snapshot, file);
  std::error_code ignored;
  fs::create_directories(mark.parent_path(), ignored);
  const int fd = ::open(mark.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd >= 0) ::close(fd);
}

void WriteRef(const fs::path& folder, const std::string& revision, const std::string& commit) {
  if (revision == commit) return;
  const fs::path ref = folder / "refs" / revision;
  std::error_code error;
  // Not touched where it is right: the cache may be another user's, to read only.
  if (fs::is_regular_file(ref, error) && fs::file_size(ref, error) == commit.size() &&
      ReadFile(ref, commit.size()) == commit) {
    return;
  }
  MakeFolder(ref.parent_path());
  AtomicFile file(ref);
  file.Write(commit);
  file.Commit();
}

}  // namespace bge::hub
