#include "apps/byte_source.h"

#include "base/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bge::cli {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

[[noreturn]] void FailToRead(std::string_view name, int error) {
  if (error == ENOENT) {
    Fail(ErrorCode::kNotFound, "no such file", name, "check the path");
  }
  Fail(ErrorCode::kIo, fmt::format("cannot read: {}", std::strerror(error)), name,
       "check that the file can be read");
}

}  // namespace

std::unique_ptr<ByteSource> ByteSource::Open(const std::string& path, int stop_fd) {
  if (path == "-") {
    return std::make_unique<ByteSource>(STDIN_FILENO, false, "standard input", stop_fd);
  }
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) FailToRead(path, errno);
  auto source = std::make_unique<ByteSource>(fd, true, path, stop_fd);
  struct stat status = {};
  if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
    Fail(ErrorCode::kInvalidArgument, "a directory, expected a file of texts", path,
         "give a file, or - for standard input");
  }
  return source;
}

ByteSource::ByteSource(int fd, bool owned, std::string name, int stop_fd, size_t buffer_bytes)
    : fd_(fd),
      owned_(owned),
      name_(std::move(name)),
      stop_fd_(stop_fd),
      cancel_fd_(eventfd(0, EFD_CLOEXEC)),
      read_bytes_(buffer_bytes) {
  struct stat status = {};
  if (fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) {
    total_ = static_cast<uint64_t>(status.st_size);
    posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
}

ByteSource::~ByteSource() {
  if (owned_) close(fd_);
  if (cancel_fd_ >= 0) close(cancel_fd_);
}

void ByteSource::Cancel() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(cancel_fd_, &one, sizeof one);
}

void ByteSource::WaitReadable() {
  // poll() leaves a negative descriptor out.
  pollfd waits[3] = {{stop_fd_, POLLIN, 0}, {cancel_fd_, POLLIN, 0}, {fd_, POLLIN, 0}};
  while (poll(waits, 3, -1) < 0) {
    if (errno != EINTR) FailToRead(name_, errno);
  }
  if (waits[0].revents != 0 || waits[1].revents != 0) {
    Fail(ErrorCode::kCancelled, "interrupted", name_, "run the command again");
  }
}

// Reads more bytes behind the unread ones; false at the end of the input. The buffer never grows
// beyond `limit` and one read.
bool ByteSource::Fill(size_t limit) {
  if (at_end_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < end_ + read_bytes_) {
    buffer_.resize(std::max(end_ + read_bytes_, std::min(end_ * 2, limit + read_bytes_)));
  }
  for (;;) {
    WaitReadable();
    const ssize_t count = read(fd_, buffer_.data() + end_, read_bytes_);
    if (count > 0) {
      end_ += static_cast<size_t>(count);
      return true;
    }
    if (count == 0) {
      at_end_ = true;
      return false;
    }
    if (errno != EINTR && errno != EAGAIN) FailToRead(name_, errno);
  }
}

// Drops the rest of a line that was too long; false at the end of the input.
bool ByteSource::DiscardLine(size_t limit) {
  discarding_ = false;
  ++line_;
  scanned_ = 0;
  for (;;) {
    const char* const start = buffer_.data() + begin_;
    const void* const newline = end_ > begin_ ? std::memchr(start, '\n', end_ - begin_) : nullptr;
    const size_t used = newline != nullptr
                            ? static_cast<size_t>(static_cast<const char*>(newline) - start) + 1
                            : end_ - begin_;
    begin_ += used;
    consumed_ += used;
    if (newline != nullptr) return true;
    if (!Fill(limit)) return false;
  }
}

std::optional<std::string_view> ByteSource::NextLine(size_t max_bytes) {
  if (!started_) {
    started_ = true;
    while (end_ - begin_ < kByteOrderMark.size() && Fill(max_bytes)) {
    }
    const std::string_view start(buffer_.data() + begin_, end_ - begin_);
    if (start.starts_with("\xff\xfe") || start.starts_with("\xfe\xff")) {
      Fail(ErrorCode::kInvalidArgument, "the text is UTF-16, as its byte order mark says", name_,
           "convert it to UTF-8, for example with iconv -f UTF-16 -t UTF-8");
    }
    if (start.starts_with(kByteOrderMark)) {
      begin_ += kByteOrderMark.size();
      consumed_ += kByteOrderMark.size();
    }
  }
  if (discarding_ && !DiscardLine(max_bytes)) return std::nullopt;
  for (;;) {
    const char* const start = buffer_.data() + begin_;
    const size_t size = end_ - begin_;
    const void* const newline =
        size > scanned_ ? std::memchr(start + scanned_, '\n', size - scanned_) : nullptr;
    const size_t length =
        newline != nullptr ? static_cast<size_t>(static_cast<const char*>(newline) - start) : size;
    if (length > max_bytes) {
      discarding_ = true;
      Fail(ErrorCode::kCorruptData, fmt::format("a line of more than {} bytes", max_bytes),
           fmt::format("{}: line {}", name_, line_ + 1),
           "split the text, or check that the file is of the stated format");
    }
    const bool last = newline == nullptr && at_end_;
    if (newline == nullptr && !last) {
      scanned_ = size;
      Fill(max_bytes);
      continue;
    }
    if (last && size == 0) return std::nullopt;
    const size_t used = length + (last ? 0 : 1);
    begin_ += used;
    consumed_ += used;
    scanned_ = 0;
    terminated_ = !last;
    ++line_;
    return std::string_view(start, length);
  }
}

bool ByteSource::Idle(int wait_ms) {
  if (total_ || at_end_) return false;
  const size_t size = end_ - begin_;
  if (size > 0 && std::memchr(buffer_.data() + begin_, '\n', size) != nullptr) return false;
  pollfd wait = {fd_, POLLIN, 0};
  return poll(&wait, 1, wait_ms) == 0;
}

}  // namespace bge::cli
