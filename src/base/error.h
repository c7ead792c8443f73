// Throwing bge::Error, and checks for what only a bug of ours can break.
#ifndef BGE_BASE_ERROR_H_
#define BGE_BASE_ERROR_H_

#include "bge/error.h"

#include <string>
#include <string_view>

namespace bge {

/// Throws Error(code, "<what>: <where>: <fix>"). Control characters and broken UTF-8 (names from
/// hostile files) are escaped, long parts are shortened.
[[noreturn]] void Fail(ErrorCode code, std::string_view what, std::string_view where,
                       std::string_view fix);

/// `text` on one line, quotes not added: control characters as \xNN, broken UTF-8 replaced, at most
/// max_bytes (then "...").
std::string Printable(std::string_view text, size_t max_bytes = 200);

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace bge

// A broken promise between our own functions where memory safety depends on it: aborts.
#define BGE_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::bge::CheckFailed(__FILE__, __LINE__, #condition))
// The same in debug builds only.
#ifdef NDEBUG
#define BGE_DCHECK(condition) static_cast<void>(0)
#else
#define BGE_DCHECK(condition) BGE_CHECK(condition)
#endif

#endif  // BGE_BASE_ERROR_H_
