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

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
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

/// Runs f(), which may throw Error: the only exception that an input may cause.
template <class F>
void Expect(F&& f) {
  try {
    std::forward<F>(f)();
  } catch (const Error&) {
  }
}

/// A folder whose files are those of the input: one name a piece; an empty piece is no file.
class FuzzedFolder {
 public:
  const std::filesystem::path& Write(std::initializer_list<const char*> names, Pieces* pieces) {
    for (const char* name : names) {
      const std::string_view content = pieces->Next();
      if (content.empty()) {
        std::filesystem::remove(folder_.path() / name);
      } else {
        folder_.Write(name, content);
      }
    }
    return folder_.path();
  }

 private:
  test::TempDir folder_;
};

}  // namespace bge::fuzz

#endif  // BGE_TESTS_FUZZ_TEST_FUZZ_H_
