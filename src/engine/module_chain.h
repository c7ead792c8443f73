// modules.json: what follows the transformer, in order.
#ifndef BGE_ENGINE_MODULE_CHAIN_H_
#define BGE_ENGINE_MODULE_CHAIN_H_

#include "engine/model_files.h"
#include "engine/model_spec.h"
#include "engine/module_list.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bge {

/// The entries of a modules.json, in the file's order: a Transformer, a Pooling, then any of
/// Normalize, Dense, LayerNorm, Dropout. Error(kCorruptData), or kUnsupported naming the module.
std::vector<ModuleEntry> ReadModulesJson(json::Value modules);

/// The same of a model of token vectors: a Transformer, then any of Dense, which may be PyLate's,
/// MultiVectorMask, Normalize.
std::vector<ModuleEntry> ReadTokenModulesJson(json::Value modules);

/// The configuration of a Dense module in `dir`, whatever it works on.
DenseModule ReadDenseConfig(json::Value config, const std::filesystem::path& dir);

/// The folder of the Transformer, the one module of a CrossEncoder's modules.json. Errors as above.
std::filesystem::path ReadCrossEncoderModules(json::Value modules);

/// The configuration of the modules after the Transformer. `hidden_size`: where config.json says
/// it. Dimensions that do not fit each other are Error(kCorruptData).
std::vector<ModuleSpec> ReadModuleConfigs(const std::vector<ModuleEntry>& entries,
                                          std::optional<int64_t> hidden_size, ModelFiles* files);

}  // namespace bge

#endif  // BGE_ENGINE_MODULE_CHAIN_H_
