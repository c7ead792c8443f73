// Follows sentence-transformers' cross_encoder/model.py, of versions 2 to 6.
#include "engine/reranker_spec.h"

#include "base/error.h"
#include "engine/model_files.h"
#include "engine/module_chain.h"
#include "engine/prompts.h"
#include "engine/transformer_options.h"
#include "hub/cache.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>

namespace bge {

namespace fs = std::filesystem;

namespace {

constexpr const char* kCrossEncoderConfig = "config_sentence_transformers.json";
constexpr std::string_view kClassifier = "ForSequenceClassification";
constexpr std::string_view kUseReranker = "use a reranker, such as BAAI/bge-reranker-base";

// "torch.nn.modules.activation.Sigmoid"
Activation ReadActivation(json::Value value) {
  const std::string_view path = value.AsString();
  if (path.starts_with("torch.nn.")) {
    const std::string_view name = path.substr(path.rfind('.') + 1);
    if (name == "Sigmoid") return Activation::kSigmoid;
    if (name == "Identity") return Activation::kIdentity;
    if (name == "Tanh") return Activation::kTanh;
  }
  Fail(ErrorCode::kUnsupported, "unknown activation of scores",
       fmt::format("{}: found \"{}\"", value.Where(), Printable(path, 80)),
       "supported: torch.nn's Sigmoid, Identity and Tanh");
}

// The labels that a classifier tells apart: transformers' num_labels, which id2label overrides.
int64_t NumLabels(json::Value config) {
  if (const auto labels = config.FindNonNull("id2label")) {
    return static_cast<int64_t>(labels->size());
  }
  if (const auto labels = config.FindNonNull("num_labels")) return labels->AsIntIn(0, 1 << 20);
  return 2;  // transformers' default
}

// Empty where the file names none.
std::string Architecture(json::Value config) {
  const auto architectures = config.FindNonNull("architectures");
  if (!architectures || !architectures->is_array() || architectures->size() == 0) return "";
  return std::string(architectures->Elements().front().AsString());
}

void CheckClassifier(json::Value config) {
  const std::string architecture = Architecture(config);
  if (!architecture.ends_with(kClassifier)) {
    Fail(ErrorCode::kUnsupported, "not a reranker",
         fmt::format("{}: architectures: found {}, expected ...ForSequenceClassification",
                     config.Where(), architecture.empty() ? "none" : Printable(architecture, 60)),
         kUseReranker);
  }
  if (const int64_t labels = NumLabels(config); labels != 1) {
    Fail(ErrorCode::kUnsupported, "a classifier of several labels is no reranker",
         fmt::format("{}: id2label: found {} labels, expected 1", config.Where(), labels),
         kUseReranker);
  }
}

// The first that is given counts, but each must be known: another reader may take another.
void OfferActivation(json::Value value, RerankerSpec* spec) {
  const Activation activation = ReadActivation(value);
  if (!spec->activation_source.empty()) return;
  spec->activation = activation;
  spec->activation_source = value.Where();
}

// config_sentence_transformers.json. Parity: the activation in it counts with a modules.json.
void ReadCrossEncoderConfig(json::Value config, bool has_modules, RerankerSpec* spec) {
  const auto type = config.FindNonNull("model_type");
  if (type && type->AsString() != "CrossEncoder") {
    Fail(ErrorCode::kUnsupported, "not a reranker",
         fmt::format("{}: found \"{}\", expected \"CrossEncoder\"", type->Where(),
                     Printable(type->AsString(), 60)),
         kUseReranker);
  }
  spec->pair_style = PairStyle::kCrossEncoder;
  spec->pair_style_source = kCrossEncoderConfig;
  if (const auto activation = config.FindNonNull("activation_fn")) {
    has_modules&& type ? OfferActivation(*activation, spec) : (void)ReadActivation(*activation);
  }
  const Prompts prompts = ReadPrompts(config, {});
  if (!prompts.default_name.empty()) spec->default_prompt = prompts.texts.at(prompts.default_name);
}

// What the old layout keeps in config.json, in CrossEncoder's order.
void ReadOldCrossEncoderKeys(json::Value config, RerankerSpec* spec) {
  const auto settings = config.FindNonNull("sentence_transformers");
  const auto new_key = settings ? settings->FindNonNull("activation_fn") : std::nullopt;
  const auto old_key = config.FindNonNull("sbert_ce_default_activation_function");
  if (settings || old_key) {
    spec->pair_style = PairStyle::kCrossEncoder;
    spec->pair_style_source = settings ? "config.json sentence_transformers"
                                       : "config.json sbert_ce_default_activation_function";
  }
  if (new_key) OfferActivation(*new_key, spec);
  if (old_key) OfferActivation(*old_key, spec);
}

}  // namespace

bool DescribesReranker(const fs::path& dir) {
  ModelFiles files(dir);
  if (const auto document = files.Find(kCrossEncoderConfig)) {
    if (const auto type = document->root().FindNonNull("model_type")) {
      return type->AsString() == "CrossEncoder";
    }
  }
  if (files.Has("modules.json")) return false;
  const auto config = files.Find("config.json");
  return config != nullptr && Architecture(config->root()).ends_with(kClassifier) &&
         NumLabels(config->root()) == 1;
}

RerankerSpec ReadRerankerSpec(const fs::path& dir) {
  std::error_code ignored;
  if (!fs::is_directory(dir, ignored)) {
    Fail(ErrorCode::kNotFound, "no such model directory", dir.string(), "check the path");
  }
  ModelFiles files(dir);
  RerankerSpec spec;
  spec.dir = dir;
  spec.pair_style_source = "default";

  fs::path folder;
  TransformerOptions options;
  if (const auto document = files.Find(kCrossEncoderConfig)) {
    ReadCrossEncoderConfig(document->root(), files.Has("modules.json"), &spec);
  }
  if (const auto modules = files.Find("modules.json")) {
    folder = ReadCrossEncoderModules(modules->root());
    options = ReadTransformerOptions(folder, &files, TransformerTask::kSequenceClassification);
  }
  spec.transformer_dir = folder.empty() ? dir : dir / folder;
  spec.config = files.Get(folder / "config.json", "it describes the model");
  const json::Value config = spec.config->root();
  CheckClassifier(config);
  ReadOldCrossEncoderKeys(config, &spec);
  if (spec.activation_source.empty()) spec.activation_source = "default";

  spec.do_lower_case = options.do_lower_case;
  MaxLength max_length = ResolveMaxLength(options, config, folder, nullptr, &files);
  spec.max_length = max_length.tokens;
  spec.max_length_source = std::move(max_length.source);
  const auto repo = RepoOfSnapshot(dir);
  fs::path path = fs::absolute(dir, ignored).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  spec.name = repo ? *repo : path.filename().string();
  spec.files = files.names();
  return spec;
}

}  // namespace bge
