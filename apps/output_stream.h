// Where a command writes its results: standard output, or a file that appears only when complete.
#ifndef BGE_APPS_OUTPUT_STREAM_H_
#define BGE_APPS_OUTPUT_STREAM_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bge::cli {

/// A buffered stream of bytes. Single thread. Destroyed without Commit(), a file leaves nothing
/// behind; what went to a pipe is gone.
class OutputStream {
 public:
  virtual ~OutputStream() = default;

  /// Error(kIo); OutputClosed where the reader of a pipe is gone.
  virtual void Write(std::string_view bytes) = 0;
  /// Overwrites bytes written before, counted from the first one. Only where seekable().
  virtual void WriteAt(uint64_t offset, std::string_view bytes) = 0;
  virtual bool seekable() const = 0;
  virtual bool is_terminal() const = 0;
  /// Hands the bytes buffered so far to the operating system: for readers of a pipe.
  virtual void Flush() = 0;
  /// Makes the file appear under its name (an existing one is replaced).
  virtual void Commit() = 0;
  /// The file's name for messages; "standard output".
  virtual const std::string& name() const = 0;
};

/// What a process has open.
struct OpenDescriptor {
  int fd;                      ///< of this process; -1: of another one
  std::filesystem::path path;  ///< in /proc, or /dev
};

/// What /dev/stdout, /dev/stderr, /dev/fd/N, /proc/PID/fd/N, and links to these, are; nullopt of
/// other paths.
std::optional<OpenDescriptor> DescriptorOf(std::filesystem::path path);

/// What a link leads to in the end, whether that is there or not; another path as it is.
std::filesystem::path FollowLinks(std::filesystem::path path);

/// "-" or empty is standard output. A regular file is written aside and renamed; a link is
/// followed; a descriptor's path, a device or a named pipe is written directly. Error(kIo).
std::unique_ptr<OutputStream> OpenOutput(const std::string& path);

/// UsageError where `output` (as for OpenOutput) is the regular file `input` ("-" or empty:
/// standard input) by whatever name: writing would destroy what is still to be read. To be called
/// before OpenOutput.
void CheckNotInput(const std::string& output, const std::string& input);

/// UsageError where `output` (as for OpenOutput) is a file in the folder `dir`, which is read.
void CheckNotWithin(const std::string& output, const std::string& dir);

}  // namespace bge::cli

#endif  // BGE_APPS_OUTPUT_STREAM_H_
