#include "apps/spool_file.h"

#include "base/error.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace bge::cli {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

[[noreturn]] void FailIo(const std::string& folder, const char* what) {
  Fail(ErrorCode::kIo, std::string("cannot ") + what + " a temporary file",
       folder + ": " + std::strerror(errno), "check that there is room, or write JSONL");
}

int OpenUnnamed(const std::string& folder) {
#ifdef O_TMPFILE
  const int fd = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return fd;
#endif
  // Not every file system has such files.
  std::string name = folder + "/.bge-spool-XXXXXX";  // mkstemp puts letters in place of the Xs
  const int named = mkstemp(name.data());
  if (named >= 0) unlink(name.c_str());
  return named;
}

}  // namespace

SpoolFile::SpoolFile(const std::string& folder)
    : folder_(folder.empty() ? "." : folder), fd_(OpenUnnamed(folder_)) {
  if (fd_ < 0) FailIo(folder_, "make");
}

SpoolFile::~SpoolFile() { close(fd_); }

void SpoolFile::Append(std::string_view bytes) {
  buffer_.append(bytes);
  size_ += bytes.size();
  if (buffer_.size() >= kPieceBytes) Flush();
}

void SpoolFile::Flush() {
  for (std::string_view left = buffer_; !left.empty();) {
    const ssize_t n = write(fd_, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) FailIo(folder_, "write");
    left.remove_prefix(static_cast<size_t>(n));
  }
  buffer_.clear();
}

void SpoolFile::ForEachPiece(const std::function<void(std::string_view)>& f) {
  Flush();
  std::vector<char> piece(kPieceBytes);
  for (uint64_t at = 0; at < size_;) {
    const ssize_t n = pread(fd_, piece.data(), piece.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) FailIo(folder_, "read");
    f({piece.data(), static_cast<size_t>(n)});
    at += static_cast<uint64_t>(n);
  }
}

}  // namespace bge::cli
