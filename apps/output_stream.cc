#include "apps/output_stream.h"

#include "apps/commands.h"
#include "base/error.h"
#include "base/file.h"
#include "base/unfinished.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace bge::cli {

namespace fs = std::filesystem;

namespace {

constexpr size_t kBufferBytes = 256 * 1024;

[[noreturn]] void FailToWrite(std::string_view name, int error) {
  Fail(ErrorCode::kIo, fmt::format("cannot write: {}", std::strerror(error)), name,
       "check the path, its permissions and the free space");
}

// Standard output, a device or a pipe: what is written cannot be taken back.
class DescriptorStream : public OutputStream {
 public:
  DescriptorStream(int fd, bool owned, std::string name)
      : fd_(fd), owned_(owned), name_(std::move(name)) {
    // `> file` is seekable; `>> file` is not, as every write goes to its end.
    struct stat status = {};
    const int flags = fcntl(fd_, F_GETFL);
    if (fstat(fd_, &status) == 0 && S_ISREG(status.st_mode) && flags >= 0 &&
        (flags & O_APPEND) == 0) {
      start_ = lseek(fd_, 0, SEEK_CUR);
    }
  }
  ~DescriptorStream() override {
    if (owned_) close(fd_);
  }

  void Write(std::string_view bytes) override {
    if (buffer_.size() + bytes.size() > kBufferBytes) Flush();
    if (bytes.size() >= kBufferBytes) {
      WriteAll(bytes);
    } else {
      buffer_.append(bytes);
    }
  }
  void WriteAt(uint64_t offset, std::string_view bytes) override {
    Flush();
    while (!bytes.empty()) {
      const ssize_t count =
          pwrite(fd_, bytes.data(), bytes.size(), start_ + static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) FailToWrite(name_, errno);
      bytes.remove_prefix(static_cast<size_t>(count));
      offset += static_cast<uint64_t>(count);
    }
  }
  bool seekable() const override { return start_ >= 0; }
  bool is_terminal() const override { return isatty(fd_) == 1; }
  void Flush() override {
    WriteAll(buffer_);
    buffer_.clear();
  }
  void Commit() override {
    Flush();
    // Some file systems report a full disk only here.
    if (owned_ && close(fd_) != 0) {
      owned_ = false;
      FailToWrite(name_, errno);
    }
    owned_ = false;
  }
  const std::string& name() const override { return name_; }

 private:
  void WriteAll(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = write(fd_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EPIPE) throw OutputClosed();
      if (count < 0) FailToWrite(name_, errno);
      bytes.remove_prefix(static_cast<size_t>(count));
    }
  }

  int fd_;
  bool owned_;
  std::string name_;
  off_t start_ = -1;
  std::string buffer_;
};

class FileStream : public OutputStream {
 public:
  explicit FileStream(const fs::path& path) : name_(path.string()), file_(path) {}

  void Write(std::string_view bytes) override { file_.Write(bytes); }
  void WriteAt(uint64_t offset, std::string_view bytes) override { file_.WriteAt(offset, bytes); }
  bool seekable() const override { return true; }
  bool is_terminal() const override { return false; }
  void Flush() override {}
  void Commit() override { file_.Commit(); }
  const std::string& name() const override { return name_; }

 private:
  std::string name_;
  AtomicFile file_;
};

// In a folder such as /tmp, where all may make files and nobody may remove another's, a link is
// followed only if it is this user's or the folder's owner's: the rule of Linux
// (fs.protected_symlinks), which it applies where the kernel follows links.
void CheckLinkOwner(const fs::path& link) {
  struct stat itself = {};
  struct stat folder = {};
  const fs::path parent = link.parent_path();
  if (lstat(link.c_str(), &itself) != 0 ||
      stat(parent.empty() ? "." : parent.c_str(), &folder) != 0) {
    return;  // opening it says why
  }
  const bool is_shared = (folder.st_mode & S_ISVTX) != 0 && (folder.st_mode & S_IWOTH) != 0;
  if (!is_shared || itself.st_uid == geteuid() || itself.st_uid == folder.st_uid) return;
  Fail(ErrorCode::kInvalidArgument, "a link of another user in a folder that all may write",
       link.string(), "give --output another name");
}

constexpr int kMostLinks = 40;  // as the kernel

std::optional<int> NumberIn(std::string_view digits) {
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool is_number = error == std::errc() && end == digits.data() + digits.size();
  return is_number && number >= 0 ? std::optional(number) : std::nullopt;
}

// Of /proc/PID/fd, and /proc/PID/task/TID/fd.
std::optional<std::string> ProcessOfDescriptors(const fs::path& folder) {
  const std::vector<fs::path> parts(folder.begin(), folder.end());
  const bool of_process = parts.size() == 4 || (parts.size() == 6 && parts[3] == "task");
  if (!of_process || parts[1] != "proc" || parts.back() != "fd") return std::nullopt;
  return parts[2].string();
}

}  // namespace

std::optional<OpenDescriptor> DescriptorOf(fs::path path) {
  // Where there is no /proc, these may be no links.
  if (path == "/dev/stdout") return OpenDescriptor{STDOUT_FILENO, path};
  if (path == "/dev/stderr") return OpenDescriptor{STDERR_FILENO, path};
  for (int i = 0; i < kMostLinks; ++i) {
    std::error_code error;
    const fs::path parent = path.parent_path();
    const fs::path folder = fs::canonical(parent.empty() ? "." : parent, error);
    if (error) return std::nullopt;
    const auto number = NumberIn(path.filename().string());
    if (number && folder == "/dev/fd") return OpenDescriptor{*number, path};
    if (const auto process = ProcessOfDescriptors(folder); process && number) {
      const bool is_own = fs::canonical("/proc/self", error) == fs::path("/proc") / *process;
      return OpenDescriptor{is_own ? *number : -1, folder / path.filename()};
    }
    const fs::path next = fs::read_symlink(path, error);
    if (error) return std::nullopt;
    CheckLinkOwner(path);
    path = folder / next;  // an absolute one replaces all
  }
  return std::nullopt;
}

fs::path FollowLinks(fs::path path) {
  std::error_code error;
  for (int i = 0; i < kMostLinks && fs::is_symlink(path, error); ++i) {
    // The links of /proc to pipes lead to no path.
    const auto status = fs::status(path, error);
    if (fs::exists(status) && !fs::is_regular_file(status)) break;
    CheckLinkOwner(path);
    const auto next = fs::read_symlink(path, error);
    if (error) break;
    path = path.parent_path() / next;
  }
  return path;
}

std::unique_ptr<OutputStream> OpenOutput(const std::string& path) {
  if (path.empty() || path == "-") {
    return std::make_unique<DescriptorStream>(STDOUT_FILENO, false, "standard output");
  }
  // What is redirected into a file goes where the redirection is: at its end, say.
  if (const auto descriptor = DescriptorOf(path)) {
    const int fd = descriptor->fd >= 0
                       ? fcntl(descriptor->fd, F_DUPFD_CLOEXEC, 0)
                       : open(descriptor->path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) FailToWrite(path, errno);
    return std::make_unique<DescriptorStream>(fd, true, path);
  }
  std::error_code error;
  const fs::path target = FollowLinks(path);
  const auto status = fs::status(target, error);
  if (fs::is_directory(status)) {
    Fail(ErrorCode::kInvalidArgument, "a directory, expected a file to write", path,
         "add a file name");
  }
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    const int fd = open(target.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) FailToWrite(path, errno);
    return std::make_unique<DescriptorStream>(fd, true, path);
  }
  auto stream = std::make_unique<FileStream>(target);
  RemoveLeftovers(target);
  return stream;
}

void CheckNotInput(const std::string& output, const std::string& input) {
  const auto find = [](const std::string& path, int standard, struct stat* status) {
    const bool dash = path.empty() || path == "-";
    const int result = dash ? fstat(standard, status) : stat(path.c_str(), status);
    return result == 0 && S_ISREG(status->st_mode);
  };
  struct stat from = {};
  struct stat to = {};
  if (!find(input, STDIN_FILENO, &from) || !find(output, STDOUT_FILENO, &to)) return;
  if (from.st_dev != to.st_dev || from.st_ino != to.st_ino) return;
  throw UsageError(
      fmt::format("the output is the input: {}: give --output another name",
                  output.empty() || output == "-" ? "standard output" : Printable(output, 1000)));
}

void CheckNotWithin(const std::string& output, const std::string& dir) {
  if (output.empty() || output == "-") return;
  std::error_code error;
  const auto folder = fs::weakly_canonical(dir, error);
  const auto parent = fs::weakly_canonical(fs::absolute(output, error), error).parent_path();
  if (error || parent != folder) return;
  throw UsageError(fmt::format("the output lies in what is read: {}: give --output another folder",
                               Printable(output, 1000)));
}

}  // namespace bge::cli
