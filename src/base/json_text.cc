#include "base/json_text.h"

#include <charconv>
#include <cmath>

namespace bge::json {

namespace {

constexpr int kIndent = 2;
// What is nested deeper stays on one line: otherwise text grows with its depth.
constexpr int kMostIndent = 12;

void NewLine(int indent, std::string* out) {
  if (indent > kMostIndent) return;
  *out += '\n';
  out->append(static_cast<size_t>(indent), ' ');
}

// Python's names for what JSON lacks; always recognisable as no integer.
void AppendDouble(double value, std::string* out) {
  if (!std::isfinite(value)) {
    *out += std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
    return;
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const std::string_view text(digits, static_cast<size_t>(end - digits));
  *out += text;
  if (text.find_first_of(".e") == std::string_view::npos) *out += ".0";
}

// The two brackets around elements that `append` appends one by one.
template <typename Container, typename Append>
void AppendElements(const Container& elements, std::string_view brackets, int indent,
                    std::string* out, const Append& append) {
  *out += brackets[0];
  bool first = true;
  for (const auto& element : elements) {
    if (!first) *out += ',';
    first = false;
    NewLine(indent + kIndent, out);
    append(element);
  }
  if (!first) NewLine(indent, out);
  *out += brackets[1];
}

}  // namespace

void AppendString(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  *out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      *out += {'\\', c};
    } else if (byte < 0x20) {
      *out += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      *out += c;
    }
  }
  *out += '"';
}

void AppendValue(Value value, int indent, std::string* out) {
  switch (value.type()) {
    case Type::kNull:
      *out += "null";
      return;
    case Type::kBool:
      *out += value.AsBool() ? "true" : "false";
      return;
    case Type::kInt:
      *out += std::to_string(value.AsInt());
      return;
    case Type::kDouble:
      return AppendDouble(value.AsDouble(), out);
    case Type::kString:
      return AppendString(value.AsString(), out);
    case Type::kArray:
      return AppendElements(value.Elements(), "[]", indent, out, [&](const Value& element) {
        AppendValue(element, indent + kIndent, out);
      });
    case Type::kObject:
      return AppendElements(value.Members(), "{}", indent, out, [&](const Value::Member& member) {
        AppendString(member.key, out);
        *out += ": ";
        AppendValue(member.value, indent + kIndent, out);
      });
  }
}

}  // namespace bge::json
