// Files of a test's own, gone when the test ends.
#ifndef BGE_TESTS_TEMP_DIR_H_
#define BGE_TESTS_TEMP_DIR_H_

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bge::test {

/// Created by the constructor, removed with everything in it by the destructor.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "bge-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + name);
    path_ = std::filesystem::canonical(name);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Writes the file, its folders included, and gives its path.
  std::filesystem::path Write(const std::filesystem::path& relative,
                              std::string_view content) const {
    const std::filesystem::path file = path_ / relative;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.close();
    if (!out) throw std::runtime_error("cannot write " + file.string());
    return file;
  }

 private:
  std::filesystem::path path_;
};

/// While it lives, links may lead out of model directories (base/links.h).
class FollowedLinks {
 public:
  FollowedLinks() { ::setenv("BGE_FOLLOW_LINKS", "1", 1); }
  ~FollowedLinks() { ::unsetenv("BGE_FOLLOW_LINKS"); }
  FollowedLinks(const FollowedLinks&) = delete;
  FollowedLinks& operator=(const FollowedLinks&) = delete;
};

/// A file in memory, for tests that write thousands of them: each Write() replaces the content.
class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("bge-test", MFD_CLOEXEC)) {
    if (fd_ < 0) throw std::runtime_error("memfd_create failed");
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  /// Gives the path under which it can be opened. Nobody may have it mapped.
  std::filesystem::path Write(std::string_view content) const {
    if (::ftruncate(fd_, 0) != 0 ||
        ::pwrite(fd_, content.data(), content.size(), 0) != static_cast<ssize_t>(content.size())) {
      throw std::runtime_error("cannot write a file in memory");
    }
    return "/proc/self/fd/" + std::to_string(fd_);
  }

 private:
  int fd_;
};

}  // namespace bge::test

#endif  // BGE_TESTS_TEMP_DIR_H_
