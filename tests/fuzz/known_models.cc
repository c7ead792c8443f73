// What a model is recognised by: README.md's front matter, config.json, and a name or path.
#include "engine/known_models.h"

#include "base/json.h"
#include "tests/fuzz/test_fuzz.h"

#include <string>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static bge::fuzz::FuzzedFolder folder;
  bge::fuzz::Pieces pieces(data, size);
  const auto& path = folder.Write({"README.md"}, &pieces);
  const std::string_view config = pieces.Next();
  const std::string_view name = pieces.rest();
  if (const auto* const known = bge::FindKnownModel(name)) known->QueryPrefix();
  bge::fuzz::Expect([&] {
    const auto document = bge::json::Document::Parse(config, "config.json");
    // A folder's name counts too, and is what the others are held against.
    const auto found = bge::RecognizeModel(size % 2 == 0 ? path : path / "bge-small-en-v1.5",
                                           document->root(), [](std::string_view) {});
    if (found && (found->model == nullptr || found->source.empty())) std::abort();
  });
  return 0;
}
