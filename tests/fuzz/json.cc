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
        value.FindNonNull(member.key);
        Visit(member.value);
      }
      break;
    case Type::kString:
      value.AsString();
      break;
    case Type::kNull:
      break;
    case Type::kBool:
      value.AsBool();
      break;
    default:
      bge::fuzz::Expect([&] { value.AsInt(); });
      bge::fuzz::Expect([&] { value.AsDouble(); });
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  bge::fuzz::Expect([&] {
    const auto document = bge::json::Document::Parse(
        std::string_view(reinterpret_cast<const char*>(data), size), "x.json");
    const bge::json::Value root = document->root();
    Visit(root);
    // And as what it is not: once, for an exception takes longer than a small document.
    switch (size % 8) {
      case 0:
        root.AsInt();
        break;
      case 1:
        root.AsDouble();
        break;
      case 2:
        root.AsBool();
        break;
      case 3:
        root.AsString();
        break;
      case 4:
        root.Elements();
        break;
      case 5:
        root.AsIntIn(0, 100);
        break;
      case 6:
        root.At("a");
        break;
      default:
        root.Members();
    }
  });
  return 0;
}
