// Writing a JSON object, member by member.
#ifndef BGE_APPS_JSON_OBJECT_H_
#define BGE_APPS_JSON_OBJECT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge::cli {

/// Appends to a string as its members are called, each once a member, then End(). Single thread.
class JsonObject {
 public:
  explicit JsonObject(std::string* out) : out_(out) { *out_ += '{'; }

  void Text(std::string_view name, std::string_view value);
  void Number(std::string_view name, int64_t value);
  /// Six digits; null where it is not finite (JSON has no such number).
  void Real(std::string_view name, double value);
  /// The shortest digits that say the float; null where it is not finite.
  void Reals(std::string_view name, std::span<const float> values);
  void Flag(std::string_view name, bool value);
  void Null(std::string_view name);
  void Texts(std::string_view name, const std::vector<std::string>& values);
  void Map(std::string_view name, const std::map<std::string, std::string>& values);
  /// An object with the members that `write` gives it.
  void Object(std::string_view name, const std::function<void(JsonObject&)>& write);
  /// An array of objects, one for each value, with the members that write(object, value) gives it.
  template <typename T>
  void Objects(std::string_view name, const std::vector<T>& values,
               const std::function<void(JsonObject&, const T&)>& write) {
    Name(name);
    *out_ += '[';
    for (size_t i = 0; i < values.size(); ++i) {
      if (i != 0) *out_ += ',';
      JsonObject object(out_);
      write(object, values[i]);
      object.End();
    }
    *out_ += ']';
  }
  void End() { *out_ += '}'; }

 private:
  void Name(std::string_view name);

  std::string* out_;
  bool first_ = true;
};

}  // namespace bge::cli

#endif  // BGE_APPS_JSON_OBJECT_H_
