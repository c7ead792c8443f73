#include "base/file.h"

#include "base/error.h"
#include "base/file_operations.h"
#include "base/numeric.h"
#include "base/owner_process.h"
#include "base/unfinished.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace bge {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void FailErrno(std::string_view what, const fs::path& path, int error) {
  const bool absent = error == ENOENT || error == ENOTDIR;
  Fail(absent ? ErrorCode::kNotFound : ErrorCode::kIo, what,
       path.string() + ": " + std::strerror(error),
       absent            ? "check the path"
       : error == ENOSPC ? "free some space"
                         : "check permissions and disk");
}

// A file descriptor that closes itself.
struct Fd {
  int value = -1;
  ~Fd() {
    if (value >= 0) ::close(value);
  }
};

// Opens a regular file for reading and says what it is. Without O_NONBLOCK, opening a FIFO would
// wait for somebody to write to it.
struct stat OpenRegular(const fs::path& path, Links links, Fd* fd) {
  const int flags = links == Links::kRefused ? O_NOFOLLOW : 0;
  fd->value = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
  if (fd->value < 0) {
    const int error = errno;
    if (error == ELOOP && links == Links::kRefused) {
      Fail(ErrorCode::kInvalidArgument, "a link where a file is expected", path.string(),
           "put the file in its place");
    }
    FailErrno("cannot open file", path, error);
  }
  struct stat info = {};
  if (::fstat(fd->value, &info) != 0) FailErrno("cannot open file", path, errno);
  if (!S_ISREG(info.st_mode)) {
    Fail(ErrorCode::kInvalidArgument, "not a regular file", path.string(), "give a file");
  }
  return info;
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::Open(const fs::path& path, Links links) {
  Fd fd;
  const struct stat info = OpenRegular(path, links, &fd);
  return Map(path, fd.value, info);
}

std::shared_ptr<const MappedFile> MappedFile::OpenOwn(const fs::path& path) {
  Fd fd;
  const struct stat info = OpenRegular(path, Links::kRefused, &fd);
  if ((info.st_uid != ::geteuid() && info.st_uid != 0) ||
      (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    Fail(ErrorCode::kInvalidArgument, "others may write the file", path.string(), "remove it");
  }
  return Map(path, fd.value, info);
}

std::shared_ptr<const MappedFile> MappedFile::Map(const fs::path& path, int fd,
                                                  const struct stat& info) {
  const auto size = static_cast<size_t>(info.st_size);
  std::shared_ptr<MappedFile> file(new MappedFile());
  file->path_ = path;
  for (const int64_t part :
       {static_cast<int64_t>(info.st_ino), static_cast<int64_t>(info.st_size),
        static_cast<int64_t>(info.st_mtim.tv_sec), static_cast<int64_t>(info.st_mtim.tv_nsec),
        static_cast<int64_t>(info.st_ctim.tv_sec), static_cast<int64_t>(info.st_ctim.tv_nsec)}) {
    file->state_ += std::to_string(part) + " ";
  }
  if (size > 0) {
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) FailErrno("cannot map file", path, errno);
    file->data_ = static_cast<const std::byte*>(data);
    file->size_ = size;
  }
  return file;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::Release(size_t offset, size_t size) const {
  if (data_ == nullptr || offset > size_ || size > size_ - offset) return;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t begin = RoundUp(offset, page);
  const size_t end = (offset + size) / page * page;
  if (begin < end) ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

std::string ReadFile(const fs::path& path, uint64_t max_bytes, Links links) {
  Fd fd;
  const auto size = static_cast<size_t>(OpenRegular(path, links, &fd).st_size);
  if (size > max_bytes) {
    Fail(ErrorCode::kCorruptData, "file is too large",
         path.string() + ": found " + std::to_string(size) + " bytes, expected at most " +
             std::to_string(max_bytes),
         "check that it is the right file");
  }
  std::string content(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(fd.value, content.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) FailErrno("cannot read file", path, errno);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  content.resize(done);
  return content;
}

// ---------------------------------------------------------------------------------- AtomicFile

struct AtomicFile::State {
  explicit State(const fs::path& target) : path(target), temporary(target) {}

  const fs::path path;
  UnfinishedName temporary;
  Fd fd;
  std::string buffer;
  uint64_t flushed = 0;  // bytes in the file
  bool committed = false;
  OwnerProcess owner;

  ~State() {
    if (!committed && owner.IsThisOne()) FileOperations::Current().Unlink(temporary.text().c_str());
  }

  void WriteAll(const char* data, size_t size, uint64_t offset) {
    while (size > 0) {
      const ssize_t n =
          FileOperations::Current().PWrite(fd.value, data, size, static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) FailErrno("cannot write file", path, errno);
      data += n;
      size -= static_cast<size_t>(n);
      offset += static_cast<uint64_t>(n);
    }
  }

  void Flush() {
    WriteAll(buffer.data(), buffer.size(), flushed);
    flushed += buffer.size();
    buffer.clear();
  }
};

namespace {
constexpr size_t kWriteBuffer = 1 << 20;
}  // namespace

AtomicFile::AtomicFile(const fs::path& path, FileAccess access) {
  struct stat old = {};
  const bool exists = ::stat(path.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) {
    Fail(ErrorCode::kInvalidArgument, "cannot write file", path.string() + ": it is a directory",
         "give a file name");
  }
  if (path.filename().string().size() > kMostNameBytes) {
    FailErrno("cannot create file", path, ENAMETOOLONG);
  }
  // A file that is replaced keeps who may read it.
  const bool private_file = access == FileAccess::kOwnerOnly;
  const bool replaces = !private_file && exists && S_ISREG(old.st_mode);
  const mode_t mode = private_file ? 0600 : replaces ? old.st_mode & 0777 : 0666;
  state_ = std::make_unique<State>(path);
  state_->fd.value = FileOperations::Current().Open(state_->temporary.text().c_str(),
                                                    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (state_->fd.value < 0) FailErrno("cannot create file", path, errno);
  if (replaces && ::fchmod(state_->fd.value, mode) != 0) {
    FailErrno("cannot set permissions of file", path, errno);
  }
}

AtomicFile::AtomicFile(AtomicFile&&) noexcept = default;
AtomicFile::~AtomicFile() = default;

void AtomicFile::Write(std::string_view bytes) {
  State& s = *state_;
  if (s.buffer.size() + bytes.size() > kWriteBuffer) s.Flush();
  if (bytes.size() >= kWriteBuffer) {
    s.WriteAll(bytes.data(), bytes.size(), s.flushed);
    s.flushed += bytes.size();
  } else {
    s.buffer.append(bytes);
  }
}

void AtomicFile::Write(std::span<const std::byte> bytes) {
  Write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void AtomicFile::WriteAt(uint64_t offset, std::string_view bytes) {
  state_->Flush();
  BGE_CHECK(offset <= state_->flushed && bytes.size() <= state_->flushed - offset);
  state_->WriteAll(bytes.data(), bytes.size(), offset);
}

std::string AtomicFile::ReadAt(uint64_t offset, size_t size) {
  State& s = *state_;
  s.Flush();
  BGE_CHECK(offset <= s.flushed && size <= s.flushed - offset);
  std::string bytes(size, '\0');
  for (size_t done = 0; done < size;) {
    const ssize_t n =
        ::pread(s.fd.value, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) FailErrno("cannot read file", s.path, errno);
    if (n == 0)
      Fail(ErrorCode::kIo, "cannot read file", s.path.string() + ": it became shorter",
           "write it again");
    done += static_cast<size_t>(n);
  }
  return bytes;
}

uint64_t AtomicFile::size() const { return state_->flushed + state_->buffer.size(); }

void AtomicFile::CommitName() {
  State& s = *state_;
  s.Flush();
  FileOperations& operations = FileOperations::Current();
  if (operations.FSync(s.fd.value) != 0 && errno != EINVAL) {
    FailErrno("cannot write file", s.path, errno);
  }
  s.temporary.Keep();
  if (operations.Rename(s.temporary.text().c_str(), s.path.c_str()) != 0)
    FailErrno("cannot rename file", s.path, errno);
  s.committed = true;
}

void AtomicFile::Commit() {
  CommitName();
  SyncFolder(state_->path.parent_path());
}

}  // namespace bge
