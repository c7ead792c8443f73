#include "base/json.h"

#include "base/error.h"
#include "base/file.h"
#include "base/stop.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace bge::json {

namespace od = simdjson::ondemand;

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kNull:
      return "null";
    case Type::kBool:
      return "a boolean";
    case Type::kInt:
      return "an integer";
    case Type::kDouble:
      return "a number";
    case Type::kString:
      return "a string";
    case Type::kArray:
      return "an array";
    case Type::kObject:
      return "an object";
  }
  return "nothing";
}

namespace {

constexpr int kMaxDepth = 256;  // deeper than any real file; bounds the recursion

// A tokenizer.json of a quarter of a million pieces has about a million; bounds the memory (16
// bytes each), which "[0,0,0" would make eight times the file.
constexpr size_t kMaxNodes = size_t{1} << 24;

// At least as many values as the text has: each but the first follows one of these, and takes two
// bytes with it. Characters inside strings make it too many, which costs address space only.
size_t EstimateNodes(std::string_view text) {
  size_t n = 1;
  for (const char c : text) n += c == ',' || c == ':' || c == '[' || c == '{';
  return std::min({n, text.size() / 2 + 1, kMaxNodes});
}

// Appends the code point as UTF-8; surrogates become U+FFFD.
void AppendUtf8(uint32_t c, std::string* out) {
  if (c >= 0xd800 && c <= 0xdfff) c = 0xfffd;
  const auto put = [&](uint32_t b) { out->push_back(static_cast<char>(b)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6)), put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12)), put(0x80 | ((c >> 6) & 0x3f)), put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | (c >> 18)), put(0x80 | ((c >> 12) & 0x3f)), put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

// The content of a JSON string that simdjson refuses: one with lone surrogates (\ud800), which
// Python writes. `raw` begins after the opening quote. nullopt where it is broken otherwise.
std::optional<std::string> UnescapeLeniently(const char* raw, const char* end) {
  std::string out;
  const auto hex4 = [&](const char* p) -> std::optional<uint32_t> {
    uint32_t v = 0;
    if (end - p < 4 || std::from_chars(p, p + 4, v, 16).ptr != p + 4) return std::nullopt;
    return v;
  };
  for (const char* p = raw; p < end; ++p) {
    if (*p == '"') return out;
    if (*p != '\\') {
      out.push_back(*p);
      continue;
    }
    if (++p == end) return std::nullopt;
    switch (*p) {
      case '"':
      case '\\':
      case '/':
        out.push_back(*p);
        break;
      case 'b':
        out.push_back('\b');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'u': {
        const auto unit = hex4(p + 1);
        if (!unit) return std::nullopt;
        p += 4;
        uint32_t c = *unit;
        if (c >= 0xd800 && c < 0xdc00 && end - p > 6 && p[1] == '\\' && p[2] == 'u') {
          const auto low = hex4(p + 3);
          if (low && *low >= 0xdc00 && *low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (*low - 0xdc00);
            p += 6;
          }
        }
        AppendUtf8(c, &out);
        break;
      }
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

// Turns simdjson's forward-only view into the node list.
class Builder {
 public:
  Builder(Document* document, const simdjson::padded_string& text, const std::stop_token* stop)
      : document_(document), text_(text), end_(text.data() + text.size()), stop_(stop) {}

  void Build() {
    od::parser parser;
    od::document root;
    position_ = text_.data();
    Check(parser.iterate(text_).get(root));
    bool scalar = false;
    Check(root.is_scalar().get(scalar));
    if (scalar) {
      // A file of ours is always an object or an array; a lone scalar has other rules in simdjson.
      FailAt("the top level is neither an object nor an array");
    }
    od::value value;
    Check(root.get_value().get(value));
    Add(value, 0);
    const char* rest = nullptr;
    if (root.current_location().get(rest) == simdjson::SUCCESS) {
      FailAt("there is text after the end of the JSON value");
    }
  }

 private:
  [[noreturn]] void FailAt(std::string_view problem) const {
    const auto offset = position_ - text_.data();
    Fail(ErrorCode::kCorruptData, "not valid JSON",
         document_->file_name_ + ": near byte " + std::to_string(offset) + ": " +
             std::string(problem),
         "repair the file or download it again");
  }
  void Check(simdjson::error_code error) const {
    if (error != simdjson::SUCCESS) FailAt(simdjson::error_message(error));
  }

  uint32_t NewNode(Type type) {
    ThrowIfStopped(stop_, document_->nodes_.size());
    if (document_->nodes_.size() >= kMaxNodes) {
      FailAt("too many values: expected at most " + std::to_string(kMaxNodes));
    }
    document_->nodes_.emplace_back();
    document_->nodes_.back().type = type;
    return static_cast<uint32_t>(document_->nodes_.size() - 1);
  }
  Document::Node& node(uint32_t i) { return document_->nodes_[i]; }

  void AddText(std::string_view s) {
    const uint32_t i = NewNode(Type::kString);
    node(i).size = static_cast<uint32_t>(s.size());
    node(i).text = document_->text_.size();
    document_->text_.append(s);
  }

  void AddString(const char* raw, simdjson::simdjson_result<std::string_view> parsed) {
    std::string_view s;
    if (std::move(parsed).get(s) == simdjson::SUCCESS) return AddText(s);
    const auto lenient = UnescapeLeniently(raw, end_);
    if (!lenient) FailAt("a string has a bad escape");
    AddText(*lenient);
  }

  void AddNumber(od::value value, std::string_view token) {
    int64_t integer = 0;
    const auto [p, ec] = std::from_chars(token.data(), token.data() + token.size(), integer);
    const bool whole =
        ec == std::errc() && (p == token.data() + token.size() ||
                              std::string_view(" \t\r\n").find(*p) != std::string_view::npos);
    double real = 0;
    Check(value.get_double().get(real));  // also checks the grammar
    const uint32_t i = NewNode(whole ? Type::kInt : Type::kDouble);
    if (whole) {
      node(i).integer = integer;
    } else {
      node(i).real = real;
    }
  }

  void Add(od::value value, int depth) {
    if (depth > kMaxDepth) FailAt("nested too deeply");
    const std::string_view token = value.raw_json_token();
    position_ = token.data();
    if (token.starts_with("NaN") || token.starts_with("Infinity") ||
        token.starts_with("-Infinity")) {
      // Python's json module writes these.
      const uint32_t i = NewNode(Type::kDouble);
      node(i).real = token[0] == 'N'
                         ? std::numeric_limits<double>::quiet_NaN()
                         : (token[0] == '-' ? -1 : 1) * std::numeric_limits<double>::infinity();
      return;
    }
    od::json_type type;
    Check(value.type().get(type));
    switch (type) {
      case od::json_type::null: {
        bool is_null = false;
        Check(value.is_null().get(is_null));
        if (!is_null) FailAt("a literal is misspelt");
        NewNode(Type::kNull);
        return;
      }
      case od::json_type::boolean: {
        bool b = false;
        Check(value.get_bool().get(b));
        node(NewNode(Type::kBool)).boolean = b;
        return;
      }
      case od::json_type::number:
        return AddNumber(value, token);
      case od::json_type::string:
        return AddString(token.data() + 1, value.get_string());
      case od::json_type::array: {
        od::array array;
        Check(value.get_array().get(array));
        const uint32_t i = NewNode(Type::kArray);
        uint32_t n = 0;
        for (auto element : array) {
          od::value v;
          Check(element.get(v));
          Add(v, depth + 1);
          ++n;
        }
        node(i).size = n;
        node(i).next = document_->nodes_.size();
        return;
      }
      case od::json_type::object: {
        od::object object;
        Check(value.get_object().get(object));
        const uint32_t i = NewNode(Type::kObject);
        uint32_t n = 0;
        for (auto member : object) {
          od::field field;
          Check(std::move(member).get(field));
          position_ = field.key().raw();  // before unescaped_key(), which consumes it
          AddString(position_, field.unescaped_key());
          Add(field.value(), depth + 1);
          ++n;
        }
        node(i).size = n;
        node(i).next = document_->nodes_.size();
        return;
      }
    }
    FailAt("a value of unknown type");
  }

  Document* document_;
  const simdjson::padded_string& text_;
  const char* end_;
  const std::stop_token* stop_;
  const char* position_ = nullptr;
};

std::shared_ptr<const Document> Document::Parse(std::string_view text, std::string file_name,
                                                const std::stop_token* stop) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // the BOM that some editors write
  std::shared_ptr<Document> document(new Document());
  document->file_name_ = std::move(file_name);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    bge::Fail(ErrorCode::kCorruptData, "not valid JSON",
              document->file_name_ + ": the file is empty", "repair the file or download it again");
  }
  document->nodes_.reserve(EstimateNodes(text));
  const simdjson::padded_string padded(text);
  Builder(document.get(), padded, stop).Build();
  return document;
}

std::shared_ptr<const Document> Document::Load(const std::string& path, uint64_t max_bytes) {
  return Parse(ReadFile(path, max_bytes), path);
}

Type Value::type() const { return document_->nodes_[node_].type; }
size_t Value::size() const { return document_->nodes_[node_].size; }

uint32_t Value::NextNode() const {
  const Document::Node& n = document_->nodes_[node_];
  return n.type == Type::kArray || n.type == Type::kObject ? static_cast<uint32_t>(n.next)
                                                           : node_ + 1;
}

void Value::Require(Type expected) const {
  if (type() == expected) return;
  bge::Fail(ErrorCode::kCorruptData, "wrong type in JSON",
            Where() + ": found " + std::string(TypeName(type())) + ", expected " +
                std::string(TypeName(expected)),
            "repair the file or download it again");
}

bool Value::AsBool() const {
  Require(Type::kBool);
  return document_->nodes_[node_].boolean;
}

int64_t Value::AsInt() const {
  const Document::Node& n = document_->nodes_[node_];
  if (n.type == Type::kDouble && std::trunc(n.real) == n.real && std::abs(n.real) < 0x1p62) {
    return static_cast<int64_t>(n.real);
  }
  Require(Type::kInt);
  return n.integer;
}

int64_t Value::AsIntIn(int64_t low, int64_t high) const {
  const int64_t v = AsInt();
  if (v < low || v > high) {
    Fail("value out of range: found " + std::to_string(v) + ", expected " + std::to_string(low) +
             " to " + std::to_string(high),
         "repair the file or download it again");
  }
  return v;
}

double Value::AsDouble() const {
  const Document::Node& n = document_->nodes_[node_];
  if (n.type == Type::kInt) return static_cast<double>(n.integer);
  Require(Type::kDouble);
  return n.real;
}

std::string_view Value::AsString() const {
  Require(Type::kString);
  const Document::Node& n = document_->nodes_[node_];
  return std::string_view(document_->text_).substr(n.text, n.size);
}

std::optional<Value> Value::Find(std::string_view key) const {
  std::optional<Value> found;
  ForEachMember([&](std::string_view k, Value v) {
    if (k == key) found = v;
  });
  return found;
}

std::optional<Value> Value::FindNonNull(std::string_view key) const {
  auto found = Find(key);
  return found && !found->is_null() ? found : std::nullopt;
}

Value Value::At(std::string_view key) const {
  if (auto found = Find(key)) return *found;
  Fail("field \"" + std::string(key) + "\" is missing", "repair the file or download it again");
}

std::vector<Value> Value::Elements() const {
  std::vector<Value> elements;
  elements.reserve(size());
  if (is_object()) {
    ForEachMember([&](std::string_view, Value v) { elements.push_back(v); });
  } else {
    ForEachElement([&](Value v) { elements.push_back(v); });
  }
  return elements;
}

std::vector<Value::Member> Value::Members() const {
  std::vector<Member> members;
  members.reserve(size());
  ForEachMember([&](std::string_view k, Value v) { members.push_back({k, v}); });
  return members;
}

std::string Value::Where() const {
  std::string path;
  // From the root down, into the child whose nodes include this one.
  for (Value at(document_, 0); at.node_ != node_;) {
    const bool object = at.is_object();
    uint32_t child = at.node_ + 1;
    for (size_t i = 0;; ++i) {
      BGE_CHECK(i < at.size());
      const Value value(document_, object ? child + 1 : child);
      if (node_ < value.NextNode()) {
        if (object) {
          path += (path.empty() ? "" : ".") + Printable(Value(document_, child).AsString(), 60);
        } else {
          path += "[" + std::to_string(i) + "]";
        }
        at = value;
        break;
      }
      child = value.NextNode();
    }
  }
  return document_->file_name_ + (path.empty() ? "" : ": field " + path);
}

void Value::Fail(std::string_view problem, std::string_view fix) const {
  bge::Fail(ErrorCode::kCorruptData, problem, Where(), fix);
}

}  // namespace bge::json
