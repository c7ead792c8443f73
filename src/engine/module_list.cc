// Follows sentence-transformers' base/model.py, of versions 2 to 6.
#include "engine/module_list.h"

#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bge {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxModules = 64;

void CheckModuleCount(json::Value modules) {
  if (!modules.is_array() || modules.size() == 0 || modules.size() > kMaxModules) {
    modules.Fail(fmt::format("found {}, expected a list of 1 to {} modules",
                             modules.is_array() ? fmt::format("{} modules", modules.size())
                                                : std::string(json::TypeName(modules.type())),
                             kMaxModules),
                 "repair the file or download it again");
  }
}

}  // namespace

std::string ModuleEntry::Found() const {
  return fmt::format("{}: found \"{}\"", where, Printable(type, 100));
}

// Parity: _validate_relative_path of sentence-transformers, POSIX and Windows spellings.
fs::path ReadModulePath(json::Value value) {
  const std::string_view text = value.AsString();
  fs::path path(text);
  const bool leads_out = path.is_absolute() ||
                         std::find(path.begin(), path.end(), "..") != path.end() ||
                         text.find_first_of(std::string_view("\\:\0", 3)) != std::string_view::npos;
  if (leads_out) {
    value.Fail(fmt::format("module path leads out of the model: found \"{}\", expected a path "
                           "inside the model directory",
                           Printable(text, 80)),
               "correct the file");
  }
  return path;
}

// "sentence_transformers.models.Pooling" and "sentence_transformers.sentence_transformer.modules.
// pooling.Pooling" are both "Pooling".
ModuleEntry ReadModule(json::Value value, fs::path path) {
  const std::string_view type = value.AsString();
  ModuleEntry module;
  module.name = type.substr(type.rfind('.') + 1);
  if (type.starts_with("sentence_transformers.")) module.code = ModuleCode::kUpstream;
  if (type.starts_with("pylate.")) module.code = ModuleCode::kPyLate;
  module.type = type;
  module.where = value.Where();
  module.path = std::move(path);
  return module;
}

std::vector<ModuleEntry> ReadModuleList(json::Value modules) {
  CheckModuleCount(modules);
  std::vector<ModuleEntry> entries;
  std::vector<std::string_view> names;
  // Parity: sentence-transformers runs them in the file's order and does not look at "idx".
  modules.ForEachElement([&](json::Value module) {
    const json::Value type = module.At("type");
    entries.push_back(ReadModule(type, ReadModulePath(module.At("path"))));
    const auto name = module.Find("name");
    if (!name) return;
    // Two of one name would be one module to sentence-transformers.
    if (std::find(names.begin(), names.end(), name->AsString()) != names.end()) {
      name->Fail("two modules have the same name", "correct the file");
    }
    names.push_back(name->AsString());
  });
  return entries;
}

}  // namespace bge
