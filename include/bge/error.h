// The one exception type that the library throws.
#ifndef BGE_ERROR_H_
#define BGE_ERROR_H_

#include "bge/export.h"

#include <stdexcept>
#include <string>
#include <string_view>

namespace bge {

/// What kind of thing went wrong; servers map it to a status, programs decide whether to retry.
enum class ErrorCode {
  kInvalidArgument,  ///< the caller asked for something that makes no sense
  kNotFound,         ///< a file, model or name is absent
  kCorruptData,      ///< a file is not what its format says
  kUnsupported,      ///< well formed, but not something this build can do
  kOutOfMemory,
  kOverloaded,
  kCancelled,  ///< a std::stop_token asked for it
  kIo,  ///< the operating system refused to read or write, or the network or a host on it did
  kInternal,
};

/// "invalid_argument", "not_found", ...
BGE_API std::string_view ErrorCodeName(ErrorCode code);

/// A failure caused by input or environment. what() is one line of valid UTF-8 without control
/// characters, in the form "<what>: <where>: <fix>": what went wrong, the file and field with found
/// and expected values, and what to do about it.
class BGE_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message);
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace bge

#endif  // BGE_ERROR_H_
