#include "apps/json_object.h"

#include "apps/json_text.h"

#include <fmt/format.h>

#include <cmath>

namespace bge::cli {

void JsonObject::Name(std::string_view name) {
  if (!first_) *out_ += ',';
  first_ = false;
  AppendJsonString(name, out_);
  *out_ += ':';
}

void JsonObject::Text(std::string_view name, std::string_view value) {
  Name(name);
  AppendJsonString(value, out_);
}

void JsonObject::Number(std::string_view name, int64_t value) {
  Name(name);
  *out_ += fmt::format("{}", value);
}

void JsonObject::Real(std::string_view name, double value) {
  if (!std::isfinite(value)) return Null(name);
  Name(name);
  *out_ += fmt::format("{:.6g}", value);
}

void JsonObject::Reals(std::string_view name, std::span<const float> values) {
  Name(name);
  *out_ += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0) *out_ += ',';
    *out_ += std::isfinite(values[i]) ? fmt::format("{}", values[i]) : "null";
  }
  *out_ += ']';
}

void JsonObject::Flag(std::string_view name, bool value) {
  Name(name);
  *out_ += value ? "true" : "false";
}

void JsonObject::Null(std::string_view name) {
  Name(name);
  *out_ += "null";
}

void JsonObject::Texts(std::string_view name, const std::vector<std::string>& values) {
  Name(name);
  *out_ += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0) *out_ += ',';
    AppendJsonString(values[i], out_);
  }
  *out_ += ']';
}

void JsonObject::Map(std::string_view name, const std::map<std::string, std::string>& values) {
  Object(name, [&](JsonObject& object) {
    for (const auto& [key, value] : values) object.Text(key, value);
  });
}

void JsonObject::Object(std::string_view name, const std::function<void(JsonObject&)>& write) {
  Name(name);
  JsonObject object(out_);
  write(object);
  object.End();
}

}  // namespace bge::cli
