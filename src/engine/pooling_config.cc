// Follows sentence-transformers' sentence_transformer/modules/pooling.py.
#include "engine/pooling_config.h"

#include "bge/embedder.h"

#include "base/error.h"

#include <fmt/format.h>

namespace bge {

namespace {

// The spelling before sentence-transformers 5.4: one boolean a mode. Several are concatenated in
// this order, whatever their order in the file.
struct OldKey {
  std::string_view key;
  Pooling mode;
};
constexpr OldKey kOldKeys[] = {
    {"pooling_mode_cls_token", Pooling::kCls},
    {"pooling_mode_max_tokens", Pooling::kMax},
    {"pooling_mode_mean_tokens", Pooling::kMean},
    {"pooling_mode_mean_sqrt_len_tokens", Pooling::kMeanSqrtLen},
    {"pooling_mode_weightedmean_tokens", Pooling::kWeightedMean},
    {"pooling_mode_lasttoken", Pooling::kLastToken},
};
constexpr size_t kMaxModes = 16;  // six exist; a longer list is no model's

constexpr std::string_view kModeNames =
    "cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken";

Pooling ReadMode(json::Value value) {
  const std::string_view name = value.AsString();
  if (const auto mode = ParsePooling(name)) return *mode;
  Fail(ErrorCode::kUnsupported, "unknown pooling mode",
       fmt::format("{}: found \"{}\", expected one of {}", value.Where(), Printable(name, 40),
                   kModeNames),
       "correct the file, or choose one with --pooling");
}

// "mean", or ["cls", "mean"]: concatenated in the order of the list.
std::vector<Pooling> ReadNewModes(json::Value value) {
  if (!value.is_array()) return {ReadMode(value)};
  if (value.size() == 0 || value.size() > kMaxModes) {
    value.Fail(fmt::format("found {} pooling modes, expected 1 to {}", value.size(), kMaxModes),
               "correct the file");
  }
  std::vector<Pooling> modes;
  value.ForEachElement([&](json::Value mode) { modes.push_back(ReadMode(mode)); });
  return modes;
}

std::vector<Pooling> ReadOldModes(json::Value config) {
  config.ForEachMember([](std::string_view key, json::Value value) {
    if (!key.starts_with("pooling_mode_")) return;
    for (const OldKey& old : kOldKeys) {
      if (old.key == key) return;
    }
    if (value.type() == json::Type::kBool && !value.AsBool()) return;
    Fail(ErrorCode::kUnsupported, "unknown pooling mode",
         fmt::format("{}: expected only the six modes {}", value.Where(), kModeNames),
         "choose one with --pooling");
  });
  std::vector<Pooling> modes;
  for (const OldKey& old : kOldKeys) {
    const auto value = config.Find(old.key);
    if (value && value->AsBool()) modes.push_back(old.mode);
  }
  if (modes.empty()) modes.push_back(Pooling::kMean);
  return modes;
}

}  // namespace

PoolingModule ReadPoolingConfig(json::Value config, std::optional<int64_t> hidden_size,
                                std::string source) {
  PoolingModule pooling;
  pooling.source = std::move(source);
  // Parity: where both spellings are there, the new one counts (Pooling.load_config).
  const auto mode = config.Find("pooling_mode");
  pooling.modes = mode ? ReadNewModes(*mode) : ReadOldModes(config);
  if (const auto include = config.Find("include_prompt")) {
    pooling.include_prompt = include->AsBool();
  }
  for (const char* key : {"embedding_dimension", "word_embedding_dimension"}) {
    const auto dimension = config.Find(key);
    if (!dimension) continue;
    const int64_t found = dimension->AsIntIn(1, 1 << 20);
    if (hidden_size && found != *hidden_size) {
      dimension->Fail(
          fmt::format("found {}, expected {}, the hidden size of config.json", found, *hidden_size),
          "check that both files belong to the same model");
    }
  }
  return pooling;
}

}  // namespace bge
