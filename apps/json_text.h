// Writing JSON: strings that are always valid UTF-8, and numbers that read back as the same float.
#ifndef BGE_APPS_JSON_TEXT_H_
#define BGE_APPS_JSON_TEXT_H_

#include <span>
#include <string>
#include <string_view>

namespace bge::cli {

/// Appends `text` as a JSON string with its quotes. What is not UTF-8 becomes U+FFFD, one for each
/// maximal part of a sequence, as Rust's from_utf8_lossy does.
void AppendJsonString(std::string_view text, std::string* out);

/// Appends the shortest decimal that reads back as the same float; null where it is not finite
/// (JSON has no such number).
void AppendJsonFloat(float value, std::string* out);

/// Appends "[1,0.5,...]".
void AppendJsonFloats(std::span<const float> values, std::string* out);

/// Appends the values with spaces between; "nan", "inf", "-inf" where not finite.
void AppendPlainFloats(std::span<const float> values, std::string* out);

}  // namespace bge::cli

#endif  // BGE_APPS_JSON_TEXT_H_
