// Follows sentence-transformers' base/model.py and modules/*.py, of versions 2 to 6.
#include "engine/module_chain.h"

#include "base/error.h"
#include "engine/pooling_config.h"

#include <fmt/format.h>

#include <algorithm>

namespace bge {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kSupported =
    "Transformer, Pooling, Normalize, Dense, LayerNorm, Dropout";
constexpr std::string_view kSentenceEmbedding = "sentence_embedding";
constexpr int64_t kMaxDimension = 1 << 20;
constexpr size_t kMaxModules = 64;

// Modules that exist but are of another kind of model: what to call that kind.
struct OtherModule {
  std::string_view name;
  std::string_view kind;
};
constexpr OtherModule kOtherModules[] = {
    {"StaticEmbedding", "a static embedding model"},
    {"Router", "a model with several routes"},
    {"Asym", "a model with several routes"},
    {"MLMTransformer", "a sparse (SPLADE) model"},
    {"SpladePooling", "a sparse (SPLADE) model"},
    {"SparseAutoEncoder", "a sparse model"},
    {"SparseStaticEmbedding", "a sparse model"},
    {"LogitScore", "a reranker"},
    {"MultiVectorMask", "a multi-vector (late interaction) model"},
    {"CLIPModel", "an image model"},
    {"BoW", "a bag-of-words model"},
    {"WordEmbeddings", "a word-vector model"},
    {"WordWeights", "a word-vector model"},
    {"CNN", "a convolutional model"},
    {"LSTM", "a recurrent model"},
    {"WeightedLayerPooling", "a model that pools over layers"},
};

// "sentence_transformers.models.Pooling" and "sentence_transformers.sentence_transformer.modules.
// pooling.Pooling" are both "Pooling".
std::string ReadModuleType(json::Value value) {
  const std::string_view type = value.AsString();
  const std::string_view name = type.substr(type.rfind('.') + 1);
  const std::string found = fmt::format("{}: found \"{}\"", value.Where(), Printable(type, 100));
  if (!type.starts_with("sentence_transformers.")) {
    Fail(ErrorCode::kUnsupported, "module is code of the model's own",
         found + ", expected a module of sentence_transformers", "use another model");
  }
  for (const std::string_view supported :
       {"Transformer", "Pooling", "Normalize", "Dense", "LayerNorm", "Dropout"}) {
    if (name == supported) return std::string(name);
  }
  for (const OtherModule& other : kOtherModules) {
    if (name != other.name) continue;
    Fail(ErrorCode::kUnsupported, fmt::format("module {} is not supported", name),
         fmt::format("{}, expected one of {}", found, kSupported),
         fmt::format("this is {}: use a dense embedding model", other.kind));
  }
  Fail(ErrorCode::kUnsupported, "unknown module",
       fmt::format("{}, expected one of {}", found, kSupported), "use another model");
}

// Normalize and Dense can read and write other things than the pooled vector.
void RequireSentenceEmbedding(json::Value config, std::string_view module) {
  for (const char* key : {"module_input_name", "module_output_name"}) {
    const auto value = config.FindNonNull(key);
    if (!value || value->AsString() == kSentenceEmbedding) continue;
    Fail(ErrorCode::kUnsupported, fmt::format("{} works on something else", module),
         fmt::format("{}: found \"{}\", expected \"{}\"", value->Where(),
                     Printable(value->AsString(), 60), kSentenceEmbedding),
         "use a model that makes one vector a text");
  }
}

Activation ReadActivation(json::Value config) {
  constexpr std::pair<std::string_view, Activation> kActivations[] = {
      {"Identity", Activation::kIdentity}, {"Tanh", Activation::kTanh},
      {"ReLU", Activation::kRelu},         {"GELU", Activation::kGeluErf},
      {"Sigmoid", Activation::kSigmoid},   {"SiLU", Activation::kSilu}};
  const auto value = config.Find("activation_function");
  if (!value) return Activation::kTanh;  // Parity: Dense's default
  const std::string_view type = value->AsString();
  if (type.starts_with("torch.nn.")) {
    const std::string_view name = type.substr(type.rfind('.') + 1);
    for (const auto& [known, activation] : kActivations) {
      if (name == known) return activation;
    }
  }
  Fail(ErrorCode::kUnsupported, "unknown activation",
       fmt::format("{}: found \"{}\", expected torch.nn's Identity, Tanh, ReLU, GELU, Sigmoid or "
                   "SiLU",
                   value->Where(), Printable(type, 80)),
       "use another model");
}

DenseModule ReadDense(json::Value config, const fs::path& dir) {
  const DenseModule dense = ReadDenseConfig(config, dir);
  RequireSentenceEmbedding(config, "Dense");
  return dense;
}

// `field` says a module's input dimension; the chain has brought `dimension`.
void RequireDimension(json::Value field, std::optional<int64_t> dimension) {
  if (!dimension || field.AsInt() == *dimension) return;
  field.Fail(fmt::format("found {}, expected {}, which the module before it gives", field.AsInt(),
                         *dimension),
             "check that the folders belong to the same model");
}

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

DenseModule ReadDenseConfig(json::Value config, const fs::path& dir) {
  DenseModule dense;
  dense.dir = dir;
  dense.in_features = config.At("in_features").AsIntIn(1, kMaxDimension);
  dense.out_features = config.At("out_features").AsIntIn(1, kMaxDimension);
  if (const auto bias = config.Find("bias")) dense.bias = bias->AsBool();
  if (const auto residual = config.Find("use_residual")) dense.residual = residual->AsBool();
  dense.activation = ReadActivation(config);
  return dense;
}

std::vector<ModuleEntry> ReadTokenModulesJson(json::Value modules) {
  CheckModuleCount(modules);
  std::vector<ModuleEntry> entries;
  modules.ForEachElement([&](json::Value module) {
    const json::Value type = module.At("type");
    const std::string_view path = type.AsString();
    ModuleEntry entry;
    entry.name = path.substr(path.rfind('.') + 1);
    entry.path = ReadModulePath(module.At("path"));
    const bool transformer = entry.name == "Transformer" && entries.empty();
    const bool follows =
        entry.name == "MultiVectorMask" || entry.name == "Normalize" || entry.name == "Dense";
    const bool upstream = path.starts_with("sentence_transformers.") ||
                          path == "pylate.models.Dense.Dense";  // Parity: its _CLASS_REF_ALIASES
    if (!upstream || (entries.empty() ? !transformer : !follows)) {
      Fail(ErrorCode::kUnsupported, "module of a model of token vectors is not supported",
           fmt::format("{}: found \"{}\" as module {}, expected Transformer, then any of Dense, "
                       "MultiVectorMask, Normalize",
                       type.Where(), Printable(path, 100), entries.size()),
           "use another model");
    }
    entries.push_back(std::move(entry));
  });
  return entries;
}

std::vector<ModuleEntry> ReadModulesJson(json::Value modules) {
  CheckModuleCount(modules);
  std::vector<ModuleEntry> entries;
  std::vector<std::string_view> names;
  // Parity: sentence-transformers runs them in the file's order and does not look at "idx".
  modules.ForEachElement([&](json::Value module) {
    ModuleEntry entry;
    entry.name = ReadModuleType(module.At("type"));
    entry.path = ReadModulePath(module.At("path"));
    const size_t at = entries.size();
    if ((entry.name == "Transformer") != (at == 0) || (entry.name == "Pooling") != (at == 1)) {
      Fail(ErrorCode::kUnsupported, "modules are in an unusual order",
           fmt::format("{}: found {} as module {}, expected Transformer, Pooling, then others",
                       module.At("type").Where(), entry.name, at),
           "use another model");
    }
    if (const auto name = module.Find("name")) {
      // Two of one name would be one module to sentence-transformers.
      if (std::find(names.begin(), names.end(), name->AsString()) != names.end()) {
        name->Fail("two modules have the same name", "correct the file");
      }
      names.push_back(name->AsString());
    }
    entries.push_back(std::move(entry));
  });
  if (entries.size() < 2) {
    Fail(ErrorCode::kUnsupported, "model has no Pooling module",
         modules.Where() + ": found Transformer only, expected Transformer, Pooling, ...",
         "remove modules.json and choose with --pooling, or use another model");
  }
  return entries;
}

fs::path ReadCrossEncoderModules(json::Value modules) {
  if (modules.is_array() && modules.size() == 1) {
    const json::Value module = modules.Elements().front();
    if (ReadModuleType(module.At("type")) == "Transformer") {
      return ReadModulePath(module.At("path"));
    }
  }
  // By any of its modules, of which this build need not know all.
  if (modules.is_array()) {
    modules.ForEachElement([](json::Value module) {
      const json::Value type = module.At("type");
      if (!type.AsString().ends_with(".Pooling")) return;
      Fail(ErrorCode::kUnsupported, "not a reranker",
           fmt::format("{}: found \"{}\", which makes vectors of texts", type.Where(),
                       Printable(type.AsString(), 60)),
           "embed with it (bge embed, Embedder), or use a reranker, such as "
           "BAAI/bge-reranker-base");
    });
  }
  Fail(ErrorCode::kUnsupported, "a reranker with other modules than a Transformer",
       modules.Where() + ": expected one Transformer", "use a sequence classifier of one label");
}

std::vector<ModuleSpec> ReadModuleConfigs(const std::vector<ModuleEntry>& entries,
                                          std::optional<int64_t> hidden_size, ModelFiles* files) {
  std::vector<ModuleSpec> modules;
  std::optional<int64_t> dimension = hidden_size;  // of the vector so far, where it is known
  for (size_t i = 1; i < entries.size(); ++i) {
    const auto& [name, path] = entries[i];
    const fs::path config_path = path / "config.json";
    if (name == "Dropout") {
      modules.emplace_back(DropoutModule{});
      continue;
    }
    if (name == "Normalize") {
      // Older versions write an empty folder, or none.
      if (const auto config = files->Find(config_path)) {
        RequireSentenceEmbedding(config->root(), "Normalize");
      }
      modules.emplace_back(NormalizeModule{});
      continue;
    }
    const auto document =
        files->Get(config_path, fmt::format("modules.json lists a {} there", name));
    const json::Value config = document->root();
    if (name == "Pooling") {
      PoolingModule pooling = ReadPoolingConfig(config, hidden_size, config_path.string());
      if (dimension) *dimension *= static_cast<int64_t>(pooling.modes.size());
      modules.emplace_back(std::move(pooling));
    } else if (name == "Dense") {
      const DenseModule dense = ReadDense(config, files->dir() / path);
      RequireDimension(config.At("in_features"), dimension);
      dimension = dense.out_features;
      modules.emplace_back(dense);
    } else {
      const LayerNormModule norm = {files->dir() / path,
                                    config.At("dimension").AsIntIn(1, kMaxDimension)};
      RequireDimension(config.At("dimension"), dimension);
      dimension = norm.dimension;
      modules.emplace_back(norm);
    }
  }
  return modules;
}

}  // namespace bge
