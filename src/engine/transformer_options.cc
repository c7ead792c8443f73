// Follows sentence-transformers' base/modules/transformer.py: max_seq_length becomes the
// tokenizer's model_max_length, which is else capped by max_position_embeddings. The truncation
// that tokenizer.json may state plays no part: it is overridden by every call there.
#include "engine/transformer_options.h"

#include "base/error.h"

#include <fmt/format.h>

#include <cmath>

namespace bge {

namespace fs = std::filesystem;

namespace {

// In the order in which sentence-transformers looks for them.
constexpr std::string_view kFileNames[] = {
    "sentence_bert_config.json",       "sentence_roberta_config.json",
    "sentence_distilbert_config.json", "sentence_camembert_config.json",
    "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json"};

constexpr const char* kTokenizerConfig = "tokenizer_config.json";
constexpr int64_t kMaxTokens = 1 << 24;
// What transformers writes for "no limit" is 1e30; no text of a real limit comes near this.
constexpr double kSaneLength = 1e9;
// transformers' default where config.json is silent.
constexpr int64_t kDefaultPositions = 512;

// A length that may be written as any number. nullopt: no limit.
std::optional<int64_t> ReadLength(json::Value value) {
  const double length = value.AsDouble();
  if (!(length >= 1)) {  // NaN too
    value.Fail(fmt::format("found {}, expected a positive number of tokens", length),
               "correct the file");
  }
  if (length > kSaneLength) return std::nullopt;
  if (std::trunc(length) != length) {
    value.Fail(fmt::format("found {}, expected a whole number of tokens", length),
               "correct the file");
  }
  return static_cast<int64_t>(length);
}

[[noreturn]] void FailSetting(json::Value value, std::string_view expected) {
  const std::string found = value.is_string() ? "\"" + Printable(value.AsString(), 60) + "\""
                                              : std::string(json::TypeName(value.type()));
  Fail(ErrorCode::kUnsupported, "setting is not supported",
       fmt::format("{}: found {}, expected {}", value.Where(), found, expected),
       "use a dense embedding model for text");
}

void RequireString(json::Value object, std::string_view key, std::string_view expected) {
  const auto value = object.FindNonNull(key);
  if (value && value->AsString() != expected) {
    FailSetting(*value, fmt::format("\"{}\"", expected));
  }
}

// What those keys say of a task.
struct TaskWords {
  std::string_view task;
  std::string_view module_output;
  std::string_view method_output;
};
constexpr TaskWords kFeatureExtraction = {"feature-extraction", "token_embeddings",
                                          "last_hidden_state"};
constexpr TaskWords kSequenceClassification = {"sequence-classification", "scores", "logits"};
constexpr TaskWords kFillMask = {"fill-mask", "token_embeddings", "logits"};

const TaskWords& WordsOf(TransformerTask task) {
  switch (task) {
    case TransformerTask::kSequenceClassification:
      return kSequenceClassification;
    case TransformerTask::kFillMask:
      return kFillMask;
    case TransformerTask::kFeatureExtraction:
    case TransformerTask::kMultiVector:
      break;
  }
  return kFeatureExtraction;
}

// Keys of versions 5.4 and newer. Those that leave the vectors of a text alone are passed over.
void CheckNewKeys(json::Value options, TransformerTask task) {
  const TaskWords& words = WordsOf(task);
  RequireString(options, "transformer_task", words.task);
  RequireString(options, "module_output_name", words.module_output);
  if (const auto modalities = options.FindNonNull("modality_config")) {
    if (const auto text = modalities->FindNonNull("text")) {
      RequireString(*text, "method", "forward");
      RequireString(*text, "method_output_name", words.method_output);
    }
  }
  for (const char* key : {"query_length", "document_length", "query_expansion"}) {
    const auto value = options.FindNonNull(key);
    if (value && task != TransformerTask::kMultiVector) FailSetting(*value, "null");
  }
  if (const auto processing = options.FindNonNull("processing_kwargs")) {
    for (const char* key : {"common", "text"}) {
      const auto value = processing->FindNonNull(key);
      if (value && (!value->is_object() || value->size() > 0))
        FailSetting(*value, "an empty object");
    }
  }
}

// Positions that a text can use. RoBERTa's and MPNet's begin after the padding token's id, so that
// 514 are 512; MPNet takes 1 for it.
int64_t UsablePositions(json::Value config) {
  const auto positions_field = config.FindNonNull("max_position_embeddings");
  const int64_t positions =
      positions_field ? positions_field->AsIntIn(1, kMaxTokens) : kDefaultPositions;
  const std::string_view model_type = config.At("model_type").AsString();
  const bool mpnet = model_type == "mpnet";
  if (!mpnet && model_type != "roberta" && model_type != "xlm-roberta" &&
      model_type != "camembert") {
    return positions;
  }
  const auto padding = mpnet ? std::nullopt : config.FindNonNull("pad_token_id");
  const int64_t offset = (padding ? padding->AsIntIn(0, kMaxTokens) : 1) + 1;
  if (offset >= positions) {
    config.Fail(fmt::format("max_position_embeddings leaves no room: found {} positions, expected "
                            "more than {} (the padding token's id + 1)",
                            positions, offset),
                "repair the file or download it again");
  }
  return positions - offset;
}

}  // namespace

TransformerOptions ReadTransformerOptions(const fs::path& folder, ModelFiles* files,
                                          TransformerTask task) {
  TransformerOptions options;
  for (const std::string_view name : kFileNames) {
    const auto document = files->Find(folder / name);
    if (document == nullptr) continue;
    const json::Value root = document->root();
    CheckNewKeys(root, task);
    if (root.size() == 0) continue;  // Parity: an empty object is passed over
    options.document = document;
    options.file = (folder / name).string();
    options.states_task = root.FindNonNull("transformer_task").has_value();
    if (const auto value = root.FindNonNull("do_lower_case")) {
      options.do_lower_case = value->AsBool();
    }
    const auto set = [&](json::Value value, std::string_view field) {
      options.max_seq_length = ReadLength(value);
      options.max_seq_length_source = fmt::format("{} {}", (folder / name).string(), field);
    };
    if (const auto value = root.FindNonNull("max_seq_length")) set(*value, "max_seq_length");
    // Parity: arguments for the tokenizer come before max_seq_length.
    for (const char* key : {"tokenizer_args", "processor_kwargs"}) {
      const auto arguments = root.FindNonNull(key);
      const auto value = arguments ? arguments->FindNonNull("model_max_length") : std::nullopt;
      if (value) set(*value, std::string(key) + ".model_max_length");
    }
    return options;
  }
  return options;
}

std::optional<TokenizerLength> ReadTokenizerLength(const fs::path& folder, ModelFiles* files) {
  const auto document = files->Find(folder / kTokenizerConfig);
  if (document == nullptr) return std::nullopt;
  std::optional<TokenizerLength> length;
  for (const char* key : {"max_len", "model_max_length"}) {  // the second one counts, if there
    const auto value = document->root().FindNonNull(key);
    if (!value) continue;
    length.reset();
    if (const auto tokens = ReadLength(*value)) length = {*tokens, key};
  }
  return length;
}

MaxLength ResolveMaxLength(const TransformerOptions& options, json::Value config,
                           const fs::path& folder, const KnownModel* known, ModelFiles* files) {
  const int64_t positions = UsablePositions(config);
  MaxLength from_positions = {positions,
                              (folder / "config.json").string() + " max_position_embeddings"};
  if (!config.FindNonNull("max_position_embeddings")) from_positions.source = "default";
  const auto within = [&](int64_t tokens, std::string source) {
    return tokens <= positions ? MaxLength{tokens, std::move(source)} : from_positions;
  };

  const auto tokenizer_length = ReadTokenizerLength(folder, files);
  if (options.max_seq_length) {
    return within(*options.max_seq_length, options.max_seq_length_source);
  }
  if (tokenizer_length) {
    return within(tokenizer_length->tokens,
                  (folder / kTokenizerConfig).string() + " " + tokenizer_length->field);
  }
  if (known != nullptr && known->max_length < positions) {
    return {known->max_length, fmt::format("known model {}", known->repo)};
  }
  return from_positions;
}

}  // namespace bge
