// Writing JSON: what a json::Value holds, and strings.
#ifndef BGE_BASE_JSON_TEXT_H_
#define BGE_BASE_JSON_TEXT_H_

#include "base/json.h"

#include <string>
#include <string_view>

namespace bge::json {

/// Appends `text`, which is UTF-8, as a JSON string with its quotes.
void AppendString(std::string_view text, std::string* out);

/// Appends `value` as Python's json.dumps(indent=2, ensure_ascii=False) writes it, its first line
/// where `out` ends and the others `indent` spaces in. Integers beyond 64 bits have become doubles.
void AppendValue(Value value, int indent, std::string* out);

}  // namespace bge::json

#endif  // BGE_BASE_JSON_TEXT_H_
