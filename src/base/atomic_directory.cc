#include "base/atomic_directory.h"

#include "base/error.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <system_error>

namespace bge {

namespace fs = std::filesystem;

namespace {

fs::path WithoutSlash(const fs::path& path) {
  return path.has_filename() || !path.has_parent_path() ? path : path.parent_path();
}

[[noreturn]] void FailOccupied(const fs::path& path, std::string_view found) {
  Fail(ErrorCode::kInvalidArgument, "the output is there already",
       path.string() + ": " + std::string(found), "give another name, or remove it first");
}

[[noreturn]] void FailErrno(std::string_view what, const fs::path& path, int error) {
  const bool absent = error == ENOENT || error == ENOTDIR;
  Fail(absent ? ErrorCode::kNotFound : ErrorCode::kIo, what,
       path.string() + ": " + std::strerror(error),
       absent ? "create the folder that it is to be in" : "check permissions and disk");
}

void CheckFree(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return;
  if (status.type() == fs::file_type::none) {
    FailErrno("cannot create directory", path, error.value());
  }
  if (!fs::is_directory(status)) FailOccupied(path, "it is not a directory");
  const bool empty = fs::is_empty(path, error);
  if (error) FailErrno("cannot read directory", path, error.value());
  if (!empty) FailOccupied(path, "the directory is not empty");
  // What cannot be replaced by rename.
  const fs::path name = path.filename();
  struct stat state = {};
  struct stat parent = {};
  if (name == "." || name == ".." ||
      (::stat(path.c_str(), &state) == 0 && ::stat((path / "..").c_str(), &parent) == 0 &&
       state.st_dev != parent.st_dev)) {
    FailOccupied(path, "it is a mount point or the current directory");
  }
}

}  // namespace

AtomicDirectory::AtomicDirectory(const fs::path& path)
    : target_(WithoutSlash(path)), temporary_(target_) {
  CheckFree(target_);
  if (::mkdir(temporary_.text().c_str(), 0777) != 0) {
    FailErrno("cannot create directory", target_, errno);
  }
  // An empty folder that is replaced keeps who may use it.
  struct stat old = {};
  if (::stat(target_.c_str(), &old) == 0) ::chmod(temporary_.text().c_str(), old.st_mode & 0777);
}

AtomicDirectory::~AtomicDirectory() {
  if (!committed_ && owner_.IsThisOne()) RemoveTree(temporary_.text().c_str());
}

void AtomicDirectory::Commit() {
  temporary_.Keep();
  // rename(2) replaces an empty folder.
  if (::rename(temporary_.text().c_str(), target_.c_str()) != 0) {
    const int error = errno;
    if (error == ENOTEMPTY || error == EEXIST || error == ENOTDIR) {
      FailOccupied(target_, std::strerror(error));
    }
    FailErrno("cannot rename directory", target_, error);
  }
  committed_ = true;
  SyncFolder(target_.parent_path());
}

}  // namespace bge
