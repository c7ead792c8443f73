// The content is written at its offset in the file, never appended: where a file system ignores
// locks, two processes write the same bytes to the same places.
#include "hub/blob.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/stop.h"
#include "base/unfinished.h"
#include "hub/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace bge::hub {

namespace fs = std::filesystem;

namespace {

// Of a file whose length the hub does not say: a text that it compresses on the way.
constexpr uint64_t kMaxUnsizedBytes = 256 << 20;
constexpr size_t kHashedAtOnce = 1 << 20;
// A server that ends every connection early is left alone at some time.
constexpr int kMaxAttempts = 100;

[[noreturn]] void FailIo(const fs::path& path, const char* action) {
  Fail(ErrorCode::kIo, std::string("cannot ") + action + " a file of the Hugging Face cache",
       path.string() + ": " + std::strerror(errno),
       errno == ENOSPC || errno == EDQUOT ? "make room, or choose another place with HF_HUB_CACHE"
                                          : "make the cache writable, or choose another with "
                                            "HF_HUB_CACHE");
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void Reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

uint64_t SizeOf(int fd, const fs::path& path) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) FailIo(path, "read");
  return static_cast<uint64_t>(info.st_size);
}

std::string HashOf(int fd, const fs::path& path, const std::string& etag,
                   const std::stop_token& stop) {
  Sha256 sha256;
  Sha1 sha1;
  const bool is_sha256 = etag.size() == 64;
  const uint64_t size = SizeOf(fd, path);
  const std::string header = fmt::format("blob {}", size);
  if (!is_sha256) {  // git hashes "blob <size>\0<content>"
    sha1.Update(std::as_bytes(std::span(header.c_str(), header.size() + 1)));
  }
  std::vector<std::byte> buffer(kHashedAtOnce);
  for (uint64_t at = 0;;) {
    ThrowIfStopped(&stop);
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) FailIo(path, "read");
    if (count == 0) break;
    const std::span piece(buffer.data(), static_cast<size_t>(count));
    is_sha256 ? sha256.Update(piece) : sha1.Update(piece);
    at += piece.size();
  }
  return is_sha256 ? sha256.Hex() : sha1.Hex();
}

// The file that grows, and the loop that makes it.
class BlobDownload {
 public:
  BlobDownload(HubClient* client, const BlobRequest& request, const FileMetadata& metadata,
               const BlobOptions& options, fs::path path)
      : client_(client),
        request_(request),
        metadata_(metadata),
        options_(options),
        path_(std::move(path)),
        file_(Open()),
        offset_(SizeOf(file_.get(), path_)) {}

  // The file is complete and right afterwards, and its bytes are on the disk.
  uint64_t Run() {
    if (offset_ > metadata_.size.value_or(kMaxUnsizedBytes)) StartAgain();
    bool resumed = offset_ > 0;
    if (resumed && options_.note && metadata_.size && offset_ < *metadata_.size) {
      options_.note(fmt::format("{}: going on after {:.1f} MB", request_.file,
                                static_cast<double>(offset_) / 1e6));
    }
    CheckSpace();
    for (;;) {
      FetchRest(&resumed);
      if (HashOf(file_.get(), path_, metadata_.etag, options_.stop) == metadata_.etag) break;
      // What an earlier process has left may be of something else; what has just come may not.
      if (!resumed) FailHash();
      StartAgain();
      resumed = false;
    }
    if (::fsync(file_.get()) != 0) FailIo(path_, "write");
    return received_;
  }

 private:
  int Open() const {
    const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) FailIo(path_, "create");
    struct stat info = {};
    if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) return fd;
    ::close(fd);
    errno = EINVAL;
    FailIo(path_, "create");
  }

  // With a new file: somebody else may be writing into the old one.
  void StartAgain() {
    ::unlink(path_.c_str());
    file_.Reset(Open());
    offset_ = SizeOf(file_.get(), path_);
    if (offset_ == 0) return;
    if (::ftruncate(file_.get(), 0) != 0) FailIo(path_, "write");
    offset_ = 0;
  }

  void CheckSpace() const {
    struct statvfs space = {};
    if (!metadata_.size || ::fstatvfs(file_.get(), &space) != 0) return;
    const uint64_t free = static_cast<uint64_t>(space.f_bavail) * space.f_frsize;
    const uint64_t wanted = *metadata_.size - std::min(offset_, *metadata_.size);
    if (free >= wanted) return;
    Fail(ErrorCode::kIo, "not enough space for a file of the model",
         fmt::format("{}: {} takes {:.1f} MB more, and {:.1f} MB are free",
                     path_.parent_path().string(), request_.file, static_cast<double>(wanted) / 1e6,
                     static_cast<double>(free) / 1e6),
         "make room, or choose another place with HF_HUB_CACHE");
  }

  bool IsWhole() const { return metadata_.size && offset_ == *metadata_.size; }

  void FetchRest(bool* resumed) {
    uint64_t furthest = offset_;
    int fruitless = 0;  // attempts since the file grew
    for (int attempts = 1; !IsWhole(); ++attempts) {
      too_long_ = false;
      misplaced_ = false;
      const DownloadResult result = client_->Download(
          request_.repo, request_.commit, request_.file, offset_,
          [this, first = true, resumed](const HttpHead& head, std::string_view bytes) mutable {
            if (first && !Begin(head, resumed)) return false;
            first = false;
            return Write(bytes);
          });
      if (too_long_) FailLength();
      if (result.complete && (!metadata_.size || IsWhole())) return;
      fruitless = offset_ > furthest ? 1 : fruitless + 1;
      furthest = std::max(furthest, offset_);
      const bool may_retry = result.complete || result.may_retry || misplaced_;
      const std::string problem = misplaced_
                                      ? "the answer is not the part of the file that was asked for"
                                  : result.complete ? "the file ended early"
                                                    : result.problem;
      if (!may_retry || fruitless >= HubClient::kAttempts || attempts >= kMaxAttempts) {
        FailDownload(problem);
      }
      if (misplaced_ || result.bad_range) StartAgain();
      client_->Pause(fruitless, fmt::format("{}: {}", request_.file, problem), result.retry_after);
    }
  }

  // Whether the answer goes on where the file ends.
  bool Begin(const HttpHead& head, bool* resumed) {
    if (head.status == 200) {
      if (offset_ > 0) StartAgain();  // a server that does not know ranges
      *resumed = false;
      return true;
    }
    const auto range = ParseContentRange(head.Find("content-range").value_or(""));
    misplaced_ = !range || range->begin != offset_ ||
                 (metadata_.size && range->size && *range->size != *metadata_.size);
    return !misplaced_;
  }

  bool Write(std::string_view bytes) {
    if (bytes.size() > metadata_.size.value_or(kMaxUnsizedBytes) - offset_) {
      too_long_ = true;
      return false;
    }
    while (!bytes.empty()) {
      const ssize_t count =
          ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset_));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) FailIo(path_, "write");
      offset_ += static_cast<uint64_t>(count);
      received_ += static_cast<uint64_t>(count);
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    if (options_.progress) options_.progress(offset_, metadata_.size.value_or(0));
    return true;
  }

  std::string Where() const { return fmt::format("{} of {}", request_.file, request_.repo); }

  [[noreturn]] void FailDownload(const std::string& problem) const {
    Fail(ErrorCode::kIo, "a file of the model could not be downloaded",
         fmt::format("{}: {}", Where(), problem), "run it again: it goes on where this ended");
  }

  [[noreturn]] void FailLength() const {
    ::unlink(path_.c_str());
    Fail(ErrorCode::kCorruptData, "a downloaded file is longer than the hub said",
         fmt::format("{}: found more, expected {} bytes", Where(),
                     metadata_.size.value_or(kMaxUnsizedBytes)),
         "try again; a mirror (HF_ENDPOINT) or proxy may have changed it");
  }

  [[noreturn]] void FailHash() const {
    const std::string found = HashOf(file_.get(), path_, metadata_.etag, options_.stop);
    ::unlink(path_.c_str());
    Fail(ErrorCode::kCorruptData, "a downloaded file is not what the hub said",
         fmt::format("{}: found {} {}, expected {}", Where(),
                     metadata_.etag.size() == 64 ? "SHA-256" : "git SHA-1", found, metadata_.etag),
         "try again; a mirror (HF_ENDPOINT) or proxy may have changed it");
  }

  HubClient* client_;
  const BlobRequest& request_;
  const FileMetadata& metadata_;
  const BlobOptions& options_;
  const fs::path path_;
  Descriptor file_;
  uint64_t offset_;
  uint64_t received_ = 0;
  bool too_long_ = false;
  bool misplaced_ = false;
};

// A blob of the right length is trusted, as Python does: it was checked when it got its name.
bool IsThere(const fs::path& blob, const FileMetadata& metadata) {
  std::error_code error;
  if (!fs::is_regular_file(blob, error)) return false;
  const uint64_t size = fs::file_size(blob, error);
  return !error && (!metadata.size || size == *metadata.size);
}

}  // namespace

uint64_t FetchBlob(HubClient* client, const BlobRequest& request, const FileMetadata& metadata,
                   const BlobOptions& options) {
  const fs::path blobs = request.folder / "blobs";
  const fs::path blob = blobs / metadata.etag;
  if (IsThere(blob, metadata)) return 0;
  std::error_code error;
  fs::create_directories(blobs, error);
  if (error) {
    errno = error.value();
    FailIo(blobs, "create");
  }
  const fs::path locks = request.folder.parent_path() / ".locks" / request.folder.filename();
  const LockFile lock(locks / (metadata.etag + ".lock"), options.stop, [&] {
    if (options.note) {
      options.note(fmt::format("waiting for another process that downloads {}", request.file));
    }
  });
  if (IsThere(blob, metadata)) return 0;  // that process has done it
  const fs::path incomplete = blobs / (metadata.etag + ".incomplete");
  const uint64_t received = BlobDownload(client, request, metadata, options, incomplete).Run();
  if (::rename(incomplete.c_str(), blob.c_str()) != 0) FailIo(blob, "create");
  SyncFolder(blobs);
  return received;
}

std::string HashOfFile(const fs::path& path, const std::string& etag, const std::stop_token& stop) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) FailIo(path, "read");
  return HashOf(file.get(), path, etag, stop);
}

}  // namespace bge::hub
