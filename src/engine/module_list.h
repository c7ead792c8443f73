// The modules that modules.json or a Router lists: what each is, and where it lies. Which of them a
// kind of model may have, and in what order, is for its own reader to say.
#ifndef BGE_ENGINE_MODULE_LIST_H_
#define BGE_ENGINE_MODULE_LIST_H_

#include "base/json.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// Whose code a module is, by its type.
enum class ModuleCode {
  kUpstream,  ///< sentence_transformers.
  kPyLate,    ///< pylate.
  kOther,     ///< the model's own
};

struct ModuleEntry {
  std::string name;  ///< last component of its type: "Pooling"
  ModuleCode code = ModuleCode::kOther;
  std::string type;            ///< as written
  std::string where;           ///< file and field of the type
  std::filesystem::path path;  ///< relative to the model directory, inside of it

  /// sentence-transformers' module of that name.
  bool Is(std::string_view other) const { return code == ModuleCode::kUpstream && name == other; }
  /// `modules.json: field [1].type: found "..."`, for messages.
  std::string Found() const;
};

/// A module's path, which must lead into the model. Error(kCorruptData).
std::filesystem::path ReadModulePath(json::Value value);

/// A module of this type that lies at `path`.
ModuleEntry ReadModule(json::Value type, std::filesystem::path path);

/// The entries of a modules.json, in the file's order. Error(kCorruptData).
std::vector<ModuleEntry> ReadModuleList(json::Value modules);

}  // namespace bge

#endif  // BGE_ENGINE_MODULE_LIST_H_
