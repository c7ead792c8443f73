// Reading JSON that somebody else wrote: every access names the file and the field it is about.
//
// simdjson does the parsing; what its strictness refuses but Python's json writes and reads (a BOM,
// NaN and Infinity, lone surrogates, integers of any size, the last of duplicate keys) is accepted
// here, so that a file which transformers can load loads.
#ifndef BGE_BASE_JSON_H_
#define BGE_BASE_JSON_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace bge::json {

enum class Type : uint8_t { kNull, kBool, kInt, kDouble, kString, kArray, kObject };

/// "null", "a boolean", "an integer", ... for messages.
std::string_view TypeName(Type type);

class Document;

/// A handle to one value of a Document, which must outlive it. Cheap to copy.
class Value {
 public:
  Type type() const;
  bool is_null() const { return type() == Type::kNull; }
  bool is_object() const { return type() == Type::kObject; }
  bool is_array() const { return type() == Type::kArray; }
  bool is_string() const { return type() == Type::kString; }
  bool is_number() const { return type() == Type::kInt || type() == Type::kDouble; }

  // The value as that type; Error(kCorruptData) "<file>: field <path>: found <type>, expected ..."
  // otherwise. AsInt accepts a double without a fraction that fits.
  bool AsBool() const;
  int64_t AsInt() const;
  /// AsInt, and within [low, high].
  int64_t AsIntIn(int64_t low, int64_t high) const;
  double AsDouble() const;
  std::string_view AsString() const;  ///< valid UTF-8; lives as long as the Document

  /// Number of elements or members.
  size_t size() const;

  /// Member of an object; nullopt where absent. A member that is null is present. The last one
  /// wins.
  std::optional<Value> Find(std::string_view key) const;
  /// As Find, but absent and null are the same.
  std::optional<Value> FindNonNull(std::string_view key) const;
  /// Member of an object; an error naming the field where absent.
  Value At(std::string_view key) const;

  /// Elements of an array, or values of an object, in the order of the file.
  std::vector<Value> Elements() const;
  struct Member;
  std::vector<Member> Members() const;

  // Visits without allocating, for vocabularies of hundreds of thousands of members.
  template <typename F>
  void ForEachMember(F&& f) const;  // f(std::string_view key, Value value)
  template <typename F>
  void ForEachElement(F&& f) const;  // f(Value value)

  /// Where this value is, for messages: "tokenizer.json: field model.vocab".
  std::string Where() const;
  /// Throws Error(kCorruptData) "<problem>: <Where()>: <fix>".
  [[noreturn]] void Fail(std::string_view problem, std::string_view fix) const;

 private:
  friend class Document;
  Value(const Document* document, uint32_t node) : document_(document), node_(node) {}
  uint32_t NextNode() const;  // the node just past this value
  void Require(Type type) const;

  const Document* document_;
  uint32_t node_;
};

struct Value::Member {
  std::string_view key;
  Value value;
};

/// A parsed file. Immutable; move-only; Values stay valid when it moves.
class Document {
 public:
  /// `file_name` is used in messages only. Error(kCorruptData) with file and byte offset, also for
  /// more than 2^24 values; Error(kCancelled) when `stop`, which may be null, asks.
  static std::shared_ptr<const Document> Parse(std::string_view text, std::string file_name,
                                               const std::stop_token* stop = nullptr);
  /// Reads and parses. Error(kNotFound / kIo) too. Files over `max_bytes` are refused.
  static std::shared_ptr<const Document> Load(const std::string& path,
                                              uint64_t max_bytes = 1u << 30);

  Value root() const { return Value(this, 0); }
  const std::string& file_name() const { return file_name_; }

  struct Node {
    Type type = Type::kNull;
    uint32_t size = 0;  // string: bytes; array, object: elements
    union {
      bool boolean;
      int64_t integer;
      double real;
      uint64_t text;  // string: offset into text_
      uint64_t next;  // array, object: the node just past the whole value
    };
    Node() : integer(0) {}
  };

 private:
  friend class Value;
  friend class Builder;
  Document() = default;
  std::string file_name_;
  std::vector<Node>
      nodes_;  // in document order; an object's member is a string node, then its value
  std::string text_;
};

template <typename F>
void Value::ForEachMember(F&& f) const {
  Require(Type::kObject);
  const size_t n = size();
  uint32_t node = node_ + 1;
  for (size_t i = 0; i < n; ++i) {
    const Value key(document_, node);
    const Value value(document_, node + 1);
    f(key.AsString(), value);
    node = value.NextNode();
  }
}

template <typename F>
void Value::ForEachElement(F&& f) const {
  Require(Type::kArray);
  const size_t n = size();
  uint32_t node = node_ + 1;
  for (size_t i = 0; i < n; ++i) {
    const Value value(document_, node);
    f(value);
    node = value.NextNode();
  }
}

}  // namespace bge::json

#endif  // BGE_BASE_JSON_H_
