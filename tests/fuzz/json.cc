// JSON of any kind, visited whole.
#include "base/json.h"

#include "tests/fuzz/test_fuzz.h"

namespace {

void Visit(const bge::json::Value& value) {
  using bge::json::Type;
  value.Where();
  switch (value.type()) {
    case Type::kArray:
      for (const auto& element : value.Elements()) Visit(element);
      break;
    case Type::kObject:
      for (const auto& member : value.Members()) {
        value.Find(member.key);
        Visit(member.value);
      }
      break;
    case Type::kString:
      value.AsString();
      break;
    default:
      bge::fuzz::Expect([&] { value.AsInt(); });
      bge::fuzz::Expect([&] { value.AsDouble(); });
      bge::fuzz::Expect([&] { value.AsBool(); });
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  bge::fuzz::Expect([&] {
    Visit(bge::json::Document::Parse(std::string_view(reinterpret_cast<const char*>(data), size),
                                     "x.json")
              ->root());
  });
  return 0;
}
