// What the fuzz targets share.
//
// A target defines LLVMFuzzerTestOneInput (https://llvm.org/docs/LibFuzzer.html): any bytes may
// come in, and a parser may accept them or throw bge::Error, nothing else. Whatever it accepts is
// then used as the library uses it. `./dev fuzz` runs the targets; replay.cc, under ctest, runs the
// inputs in corpus/ through them.
#ifndef BGE_TESTS_FUZZ_TEST_FUZZ_H_
#define BGE_TESTS_FUZZ_TEST_FUZZ_H_

#include "bge/error.h"

#include "tests/temp_dir.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace bge::fuzz {

/// Between the parts of an input that stands for several files or texts. It is no UTF-8.
inline constexpr char kSeparator = '\xff';

/// An input cut at separators, piece by piece; empty pieces behind its end.
class Pieces {
 public:
  Pieces(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
  std::string_view Next() {
    const size_t end = rest_.find(kSeparator);
    const std::string_view piece = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return piece;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// Of the bytes of an input: decides what is seldom tried. seeds.py has it too.
inline uint32_t HashOf(std::string_view bytes) {
  uint32_t hash = 0;
  for (const char byte : bytes) hash = hash * 31 + static_cast<uint8_t>(byte);
  return hash * 2654435761U >> 16;
}

/// Runs f(), which may throw Error: the only exception that an input may cause.
template <class F>
void Expect(F&& f) {
  try {
    std::forward<F>(f)();
  } catch (const Error&) {
  }
}

/// A folder whose files are those of the input. Files are written in place, and only where they
/// differ from those of the input before: system calls are most of what small files take.
class FuzzedFolder {
 public:
  const std::filesystem::path& path() const { return folder_.path(); }

  /// One name a piece; an empty piece is no file.
  const std::filesystem::path& Write(std::initializer_list<const char*> names, Pieces* pieces) {
    for (const char* name : names) {
      const std::string_view content = pieces->Next();
      content.empty() ? Remove(name) : Put(name, content);
    }
    return path();
  }

  void Put(const std::string& name, std::string_view content) {
    const auto [file, is_new] = files_.try_emplace(name);
    if (!is_new && file->second == content) return;
    const std::filesystem::path where = path() / name;
    if (is_new) std::filesystem::create_directories(where.parent_path());
    const int fd = ::open(where.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ::write(fd, content.data(), content.size()) != std::ssize(content)) std::abort();
    ::close(fd);
    file->second = content;
  }

  void Remove(const std::string& name) {
    if (files_.erase(name) > 0) std::filesystem::remove(path() / name);
  }

 private:
  test::TempDir folder_;
  std::map<std::string, std::string> files_;  // as they are now
};

}  // namespace bge::fuzz

#endif  // BGE_TESTS_FUZZ_TEST_FUZZ_H_
