// Regular expressions of tokenizer.json, by Oniguruma, which Hugging Face tokenizers uses too.
#ifndef BGE_TOKENIZER_REGEX_H_
#define BGE_TOKENIZER_REGEX_H_

#include "tokenizer/pretokenized_string.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace bge::tokenizer {

/// One expression, in Oniguruma's own syntax. Immutable; thread-safe.
class Regex {
 public:
  /// `where` names file and field in messages. Error(kCorruptData) where it does not compile,
  /// Error(kUnsupported) for more than 16 KiB or 1,000 brackets, as compiling recurses, and for
  /// calls of groups or functions and absent parts, whose time has no bound.
  Regex(std::string_view pattern, std::string where);
  ~Regex();
  Regex(Regex&&) noexcept;

  /// The first match at or after byte `from` of `text`, which is valid UTF-8; it may be empty.
  /// Error(kUnsupported) where a match takes more than 10 million steps back or 4 million places to
  /// go back to; where, since StartText(), those that take more than 10,000 steps take together
  /// more than 320 million and 64 a byte, or all take longer than the text may; and where the text
  /// has 2 GiB. Error(kCancelled) where `stop`, which may be null, asks.
  std::optional<ByteRange> Find(std::string_view text, size_t from,
                                const std::stop_token* stop) const;

  /// Of a thread's own time that a text may take, beside a microsecond for each byte.
  static constexpr std::chrono::seconds kMostTime{10};

  /// Of this thread: what follows is about another text.
  static void StartText(std::chrono::nanoseconds most_time = kMostTime);

 private:
  // Of what Oniguruma says of a search from `from`, the region of which is the thread's.
  std::optional<ByteRange> Result(int found, size_t from) const;

  [[noreturn]] void FailSlow(std::string_view why) const;

  struct Compiled;
  std::unique_ptr<const Compiled> compiled_;
  std::string where_;
  bool searches_whole_ = false;  // a search may not be made of several
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_REGEX_H_
