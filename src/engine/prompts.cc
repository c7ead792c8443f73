#include "engine/prompts.h"

#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace bge {

Prompts ReadPrompts(json::Value config, std::span<const std::string_view> implied) {
  Prompts prompts;
  if (const auto texts = config.FindNonNull("prompts")) {
    texts->ForEachMember([&](std::string_view name, json::Value text) {
      prompts.texts[std::string(name)] = text.is_null() ? "" : text.AsString();
    });
  }
  const auto name = config.FindNonNull("default_prompt_name");
  if (!name) return prompts;
  prompts.default_name = name->AsString();
  if (prompts.texts.contains(prompts.default_name)) return prompts;
  if (std::find(implied.begin(), implied.end(), prompts.default_name) != implied.end()) {
    prompts.texts[prompts.default_name] = "";
    return prompts;
  }
  name->Fail(
      fmt::format("found \"{}\", expected a key of prompts", Printable(name->AsString(), 60)),
      "add the prompt, or set it to null");
}

}  // namespace bge
