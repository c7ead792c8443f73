// Follows sentence-transformers' base/model.py and modules/*.py, of versions 2 to 6.
#include "engine/module_chain.h"

#include "base/error.h"
#include "engine/pooling_config.h"

#include <fmt/format.h>

namespace bge {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kSupported =
    "Transformer, Pooling, Normalize, Dense, LayerNorm, Dropout";
constexpr std::string_view kSentenceEmbedding = "sentence_embedding";
constexpr int64_t kMaxDimension = 1 << 20;

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

// One that a dense model, or a reranker, may have.
void RequireSupported(const ModuleEntry& module) {
  if (module.code != ModuleCode::kUpstream) {
    Fail(ErrorCode::kUnsupported, "module is code of the model's own",
         module.Found() + ", expected a module of sentence_transformers", "use another model");
  }
  for (const std::string_view supported :
       {"Transformer", "Pooling", "Normalize", "Dense", "LayerNorm", "Dropout"}) {
    if (module.name == supported) return;
  }
  for (const OtherModule& other : kOtherModules) {
    if (module.name != other.name) continue;
    Fail(ErrorCode::kUnsupported, fmt::format("module {} is not supported", module.name),
         fmt::format("{}, expected one of {}", module.Found(), kSupported),
         fmt::format("this is {}: use a dense embedding model", other.kind));
  }
  Fail(ErrorCode::kUnsupported, "unknown module",
       fmt::format("{}, expected one of {}", module.Found(), kSupported), "use another model");
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

}  // namespace

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
  std::vector<ModuleEntry> entries = ReadModuleList(modules);
  for (size_t i = 0; i < entries.size(); ++i) {
    const ModuleEntry& entry = entries[i];
    // Parity: its _CLASS_REF_ALIASES.
    const bool dense = entry.Is("Dense") || entry.type == "pylate.models.Dense.Dense";
    const bool follows = dense || entry.Is("MultiVectorMask") || entry.Is("Normalize");
    if (i == 0 ? entry.Is("Transformer") : follows) continue;
    Fail(ErrorCode::kUnsupported, "module of a model of token vectors is not supported",
         fmt::format("{} as module {}, expected Transformer, then any of Dense, MultiVectorMask, "
                     "Normalize",
                     entry.Found(), i),
         "use another model");
  }
  return entries;
}

std::vector<ModuleEntry> ReadModulesJson(json::Value modules) {
  std::vector<ModuleEntry> entries = ReadModuleList(modules);
  for (size_t i = 0; i < entries.size(); ++i) {
    const ModuleEntry& entry = entries[i];
    RequireSupported(entry);
    if (entry.Is("Transformer") == (i == 0) && entry.Is("Pooling") == (i == 1)) continue;
    Fail(ErrorCode::kUnsupported, "modules are in an unusual order",
         fmt::format("{}: found {} as module {}, expected Transformer, Pooling, then others",
                     entry.where, entry.name, i),
         "use another model");
  }
  if (entries.size() < 2) {
    Fail(ErrorCode::kUnsupported, "model has no Pooling module",
         modules.Where() + ": found Transformer only, expected Transformer, Pooling, ...",
         "remove modules.json and choose with --pooling, or use another model");
  }
  return entries;
}

fs::path ReadCrossEncoderModules(json::Value modules) {
  const std::vector<ModuleEntry> entries = ReadModuleList(modules);
  if (entries.size() == 1) {
    RequireSupported(entries[0]);
    if (entries[0].Is("Transformer")) return entries[0].path;
  }
  // By any of its modules, of which this build need not know all.
  for (const ModuleEntry& entry : entries) {
    if (entry.name != "Pooling") continue;
    Fail(ErrorCode::kUnsupported, "not a reranker",
         entry.Found() + ", which makes vectors of texts",
         "embed with it (bge embed, Embedder), or use a reranker, such as BAAI/bge-reranker-base");
  }
  Fail(ErrorCode::kUnsupported, "a reranker with other modules than a Transformer",
       modules.Where() + ": expected one Transformer", "use a sequence classifier of one label");
}

std::vector<ModuleSpec> ReadModuleConfigs(const std::vector<ModuleEntry>& entries,
                                          std::optional<int64_t> hidden_size, ModelFiles* files) {
  std::vector<ModuleSpec> modules;
  std::optional<int64_t> dimension = hidden_size;  // of the vector so far, where it is known
  for (size_t i = 1; i < entries.size(); ++i) {
    const std::string& name = entries[i].name;
    const fs::path& path = entries[i].path;
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
