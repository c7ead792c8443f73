// Lines of bytes from a file descriptor, with a limit on their length and an ear for Ctrl-C.
#ifndef BGE_APPS_BYTE_SOURCE_H_
#define BGE_APPS_BYTE_SOURCE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bge::cli {

/// Reads a descriptor through one growing buffer. A byte order mark (UTF-8) at the very beginning
/// is dropped. Single thread.
class ByteSource {
 public:
  /// "-" is standard input. Error(kNotFound / kIo); a directory is kInvalidArgument. When stop_fd
  /// (-1: none) becomes readable, reading throws Error(kCancelled).
  static std::unique_ptr<ByteSource> Open(const std::string& path, int stop_fd);

  /// Reads `fd`, and closes it in the end if owned. `buffer_bytes` is the size of one read().
  ByteSource(int fd, bool owned, std::string name, int stop_fd, size_t buffer_bytes = 256 * 1024);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// The bytes up to the next '\n', which is consumed and not part of them, or up to the end of the
  /// input; nullopt when nothing is left. Valid until the next call. Error(kCorruptData) naming the
  /// line where it is longer than max_bytes; the next call is then about the line after it.
  std::optional<std::string_view> NextLine(size_t max_bytes);

  /// Number of lines returned so far: the 1-based number of the last one.
  int64_t line() const { return line_; }
  /// The last line returned ended with '\n' (false only for a last line without one).
  bool line_was_terminated() const { return terminated_; }
  uint64_t bytes_read() const { return consumed_; }
  std::optional<uint64_t> bytes_total() const { return total_; }
  const std::string& name() const { return name_; }
  /// No complete line is buffered, and nothing arrives within wait_ms. False for regular files and
  /// at the end of the input.
  bool Idle(int wait_ms);
  /// Ends a pending NextLine, and all later ones that would have to wait, with Error(kCancelled).
  /// The one method that may be called from another thread.
  void Cancel();

 private:
  bool Fill(size_t limit);
  bool DiscardLine(size_t limit);
  void WaitReadable();

  int fd_;
  bool owned_;
  std::string name_;
  int stop_fd_;
  int cancel_fd_;
  size_t read_bytes_;
  std::vector<char> buffer_;
  size_t begin_ = 0;  // unread bytes are buffer_[begin_, end_)
  size_t end_ = 0;
  size_t scanned_ = 0;  // no '\n' in buffer_[begin_, begin_ + scanned_)
  bool at_end_ = false;
  bool started_ = false;
  bool terminated_ = true;
  bool discarding_ = false;  // the line that was too long has not been passed yet
  int64_t line_ = 0;
  uint64_t consumed_ = 0;
  std::optional<uint64_t> total_;
};

}  // namespace bge::cli

#endif  // BGE_APPS_BYTE_SOURCE_H_
