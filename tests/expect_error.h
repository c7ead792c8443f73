// What a call throws, for assertions on code and message.
#ifndef BGE_TESTS_EXPECT_ERROR_H_
#define BGE_TESTS_EXPECT_ERROR_H_

#include "bge/error.h"

#include <optional>
#include <string>

namespace bge::test {

/// The bge::Error that `f` throws; nullopt where it returns. Any other exception passes through and
/// fails the test.
template <typename F>
std::optional<Error> ErrorOf(F&& f) {
  try {
    static_cast<void>(f());
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

/// "corrupt_data: not a safetensors file: ..." or "no error".
template <typename F>
std::string Thrown(F&& f) {
  const auto error = ErrorOf(f);
  return error ? std::string(ErrorCodeName(error->code())) + ": " + error->what() : "no error";
}

/// One line, in the form that bge::Error promises.
inline bool IsOneLine(const std::string& message) {
  if (message.empty()) return false;
  for (const char c : message) {
    if (static_cast<unsigned char>(c) < 0x20) return false;
  }
  return true;
}

}  // namespace bge::test

#endif  // BGE_TESTS_EXPECT_ERROR_H_
