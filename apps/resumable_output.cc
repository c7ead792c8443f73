#include "apps/resumable_output.h"

#include "apps/json_object.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/unfinished.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace bge::cli {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;
constexpr std::chrono::milliseconds kBetweenCheckpoints{1000};
constexpr uint64_t kMaxStateBytes = 1 << 20;
constexpr std::string_view kFormat = "bge-embed-part";

[[noreturn]] void FailIo(std::string_view what, const std::string& path) {
  const int error = errno;
  Fail(ErrorCode::kIo, what, path + ": " + std::strerror(error),
       error == ENOSPC ? "free some space" : "check the path, its permissions and the disk");
}

// In a folder that others may write, they may have put there what is to become the result.
void RequireOwn(const struct stat& info, const std::string& path) {
  if (info.st_uid == ::geteuid() && info.st_nlink <= 1) return;
  Fail(ErrorCode::kInvalidArgument, "not a file of this user's alone", path,
       "move it away, or give --resume another --output");
}

std::string StartAnew(const std::string& part) {
  return fmt::format("remove {0} and {0}.json to begin anew", Printable(part, 1000));
}

}  // namespace

ResumableOutput::ResumableOutput(const std::string& path, const ResumeSettings& settings)
    : path_(FollowLinks(path).string()),
      part_(path_ + ".part"),
      state_(part_ + ".json"),
      settings_(settings),
      last_checkpoint_(Clock::now()) {
  struct stat target = {};
  const bool exists = ::stat(path_.c_str(), &target) == 0;
  if ((exists && !S_ISREG(target.st_mode)) || DescriptorOf(path)) {
    Fail(ErrorCode::kInvalidArgument, "not a regular file", path, "give --resume another --output");
  }
  // Who may read the file that is replaced may read this one, and nobody else.
  const mode_t mode = exists ? target.st_mode & 0777 : 0666;
  try {
    OpenPart(mode);
    if (exists && ::fchmod(fd_, mode) != 0) FailIo("cannot set permissions", part_);
    const bool has_state = ReadState(settings);
    struct stat info = {};
    if (::fstat(fd_, &info) != 0) FailIo("cannot read", part_);
    const auto size = static_cast<uint64_t>(info.st_size);
    if (!has_state && size > 0) {
      Fail(ErrorCode::kInvalidArgument, "a file that no run with --resume has begun", part_,
           "move it away, or give --resume another --output");
    }
    // The part got its name, and the process died before it could remove what speaks of it.
    if (size == 0) Forget();
    if (size < bytes_) {
      Fail(ErrorCode::kCorruptData, fmt::format("found {} bytes, expected {}", size, bytes_), part_,
           StartAnew(part_));
    }
    // What was written behind the last checkpoint does not count.
    if (::ftruncate(fd_, static_cast<off_t>(bytes_)) != 0) FailIo("cannot write", part_);
    // Before the first byte there is something that says whose it is.
    Checkpoint();
  } catch (...) {
    if (fd_ >= 0) ::close(fd_);
    throw;
  }
}

// Opens PATH.part and locks it. While this waited, another run may have given it its name.
void ResumableOutput::OpenPart(mode_t mode) {
  for (;;) {
    fd_ = ::open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd_ < 0) FailIo("cannot write", part_);
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      Fail(ErrorCode::kInvalidArgument, "another run is writing it", part_, "wait for its end");
    }
    struct stat locked = {};
    struct stat named = {};
    if (::fstat(fd_, &locked) != 0) FailIo("cannot read", part_);
    if (!S_ISREG(locked.st_mode)) {
      Fail(ErrorCode::kInvalidArgument, "not a regular file", part_, "move it away");
    }
    RequireOwn(locked, part_);
    if (::lstat(part_.c_str(), &named) == 0 && named.st_dev == locked.st_dev &&
        named.st_ino == locked.st_ino) {
      return;
    }
    ::close(std::exchange(fd_, -1));
  }
}

void ResumableOutput::Forget() {
  rows_ = 0;
  bytes_ = 0;
  digest_.clear();
}

ResumableOutput::~ResumableOutput() {
  if (fd_ >= 0) ::close(fd_);
}

bool ResumableOutput::ReadState(const ResumeSettings& settings) {
  std::string text;
  try {
    struct stat state = {};
    if (::lstat(state_.c_str(), &state) == 0) RequireOwn(state, state_);
    text = ReadFile(state_, kMaxStateBytes, Links::kRefused);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound) return false;
    throw;
  }
  const auto document = json::Document::Parse(text, state_);
  const json::Value root = document->root();
  const json::Value format = root.At("format");
  if (format.AsString() != kFormat) {
    format.Fail(
        fmt::format("found \"{}\", expected \"{}\"", Printable(format.AsString(), 60), kFormat),
        StartAnew(part_));
  }
  const json::Value then = root.At("settings");
  for (const auto& [name, value] : settings) {
    const auto found = then.Find(name);
    const std::string_view was = found ? found->AsString() : std::string_view();
    if (was == value) continue;
    Fail(ErrorCode::kInvalidArgument,
         fmt::format("the run that is to go on had {} \"{}\", this one has \"{}\"", name,
                     Printable(was, 200), Printable(value, 200)),
         state_, "give the same options, or " + StartAnew(part_));
  }
  rows_ = root.At("rows").AsIntIn(0, int64_t{1} << 60);
  bytes_ = static_cast<uint64_t>(root.At("bytes").AsIntIn(0, int64_t{1} << 60));
  digest_ = root.At("texts").AsString();
  if (rows_ == 0) Forget();  // a header alone is written again
  return true;
}

void ResumableOutput::AddToDigest(const TextRecord& record) {
  Sha256 hash;
  const auto add = [&hash](std::string_view text) {
    // Its length in front: no two lists of texts have the same bytes.
    const std::string length = fmt::format("{}:", text.size());
    hash.Update(std::as_bytes(std::span(length)));
    hash.Update(std::as_bytes(std::span(text)));
  };
  add(digest_);
  add(record.id.value_or(""));
  add(record.text);
  digest_ = hash.Hex();
}

void ResumableOutput::SkipDone(TextReader* reader) {
  const std::string expected = std::exchange(digest_, {});
  TextRecord record;
  for (int64_t i = 0; i < rows_; ++i) {
    if (!reader->Next(&record)) {
      Fail(ErrorCode::kInvalidArgument,
           fmt::format("found {} texts, but an earlier run had {} already", i, rows_),
           reader->name(), "give the same input, or " + StartAnew(part_));
    }
    AddToDigest(record);
  }
  if (digest_ == expected) return;
  Fail(ErrorCode::kInvalidArgument,
       fmt::format("the first {} texts are not those of the run that is to go on", rows_),
       reader->name(), "give the same input, or " + StartAnew(part_));
}

void ResumableOutput::Written(std::span<const TextRecord> records) {
  for (const TextRecord& record : records) AddToDigest(record);
  rows_ += std::ssize(records);
  if (Clock::now() - last_checkpoint_ >= kBetweenCheckpoints) Checkpoint();
}

void ResumableOutput::Checkpoint() {
  WriteBuffer();
  // The bytes are on disk before the file that says so.
  if (::fdatasync(fd_) != 0) FailIo("cannot write", part_);
  std::string text;
  JsonObject object(&text);
  object.Text("format", kFormat);
  object.Number("version", 1);
  object.Number("rows", rows_);
  object.Number("bytes", static_cast<int64_t>(bytes_));
  object.Text("texts", digest_);
  object.Map("settings", settings_);
  object.End();
  text += '\n';
  AtomicFile file(state_);
  file.Write(text);
  file.Commit();
  last_checkpoint_ = Clock::now();
}

void ResumableOutput::WriteBuffer() {
  WriteThrough(bytes_, buffer_);
  bytes_ += buffer_.size();
  buffer_.clear();
}

void ResumableOutput::Write(std::string_view bytes) {
  buffer_.append(bytes);
  if (buffer_.size() >= kBufferBytes) WriteBuffer();
}

// What is buffered may be of that place, and would be written over it later.
void ResumableOutput::WriteAt(uint64_t offset, std::string_view bytes) {
  WriteBuffer();
  WriteThrough(offset, bytes);
}

void ResumableOutput::WriteThrough(uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) FailIo("cannot write", part_);
    bytes.remove_prefix(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
}

void ResumableOutput::Commit() {
  // The whole part counts first: where the rename fails, nothing is computed again.
  Checkpoint();
  if (::fsync(fd_) != 0) FailIo("cannot write", part_);
  if (::rename(part_.c_str(), path_.c_str()) != 0) FailIo("cannot rename", part_);
  const auto folder = std::filesystem::path(path_).parent_path();
  SyncFolder(folder);
  ::unlink(state_.c_str());
  SyncFolder(folder);
}

}  // namespace bge::cli
