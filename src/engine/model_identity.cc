#include "engine/model_identity.h"

#include "bge/identity.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/json_text.h"
#include "hub/file_hash.h"
#include "weights/weight_source.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <string_view>

namespace bge {

namespace fs = std::filesystem;

namespace {

// Of config.json: what says how numbers are stored, or who wrote the file.
constexpr std::array<std::string_view, 6> kOtherMembers = {"torch_dtype",          "dtype",
                                                           "quantization_config",  "_name_or_path",
                                                           "transformers_version", kQuantizedFrom};

std::string HexOf(std::string_view text) {
  Sha256 hash;
  hash.Update(std::as_bytes(std::span(text)));
  return hash.Hex();
}

// The hashes of a model's files, each computed once.
class ModelHashes {
 public:
  ModelHashes(fs::path dir, bool may_read) : dir_(std::move(dir)), may_read_(may_read) {}

  // "<sha256>  <name>\n" for each file, by name: the output of sha256sum. nullopt where `may_read`
  // is false and a large file's hash is not known.
  std::optional<std::string> Lines(const std::set<std::string>& names) {
    std::string lines;
    for (const std::string& name : names) {
      auto [hash, is_new] = hashes_.try_emplace(name);
      if (is_new) hash->second = HashOf(dir_ / name);
      if (!hash->second) return std::nullopt;
      lines += *hash->second + "  " + name + "\n";
    }
    return lines;
  }

 private:
  std::optional<std::string> HashOf(const fs::path& file) const {
    std::error_code error;
    if (may_read_ || fs::file_size(file, error) < kMinCachedHashBytes) return FileHash(file);
    return FindFileHash(file);
  }

  const fs::path dir_;
  const bool may_read_;
  std::map<std::string, std::optional<std::string>> hashes_;  // by name
};

std::set<std::string> NormalNames(const std::vector<std::string>& files) {
  std::set<std::string> names;
  for (const std::string& file : files) names.insert(fs::path(file).lexically_normal().string());
  return names;
}

// 64 hexadecimal digits, or Error(kCorruptData).
std::optional<std::string> QuantizedFrom(const json::Value& config) {
  const auto from = config.FindNonNull(kQuantizedFrom);
  if (!from) return std::nullopt;
  const json::Value weights = from->At("weights");
  const std::string_view hash = weights.AsString();
  if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    weights.Fail("expected 64 hexadecimal digits", "quantize the model again");
  }
  return std::string(hash);
}

std::string ConfigWithoutStorage(const json::Value& config) {
  std::string text;
  config.ForEachMember([&](std::string_view key, json::Value value) {
    if (std::find(kOtherMembers.begin(), kOtherMembers.end(), key) != kOtherMembers.end()) return;
    json::AppendString(key, &text);
    text += ": ";
    json::AppendValue(value, 0, &text);
    text += "\n";
  });
  return text;
}

std::string Relative(const fs::path& file, const fs::path& dir) {
  return file.lexically_relative(dir).lexically_normal().string();
}

std::set<std::string> WeightNames(const ModelSpec& spec, const std::vector<std::string>& files) {
  std::set<std::string> names;
  for (const std::string& file : files)
    names.insert(Relative(spec.transformer_dir / file, spec.dir));
  return names;
}

// Relative to the transformer's folder. Weights of tokens may lie in a file of tokens instead.
std::vector<std::string> WeightFiles(const ModelSpec& spec) {
  if (!spec.is_static() || spec.sparse->queries->idf.empty()) {
    return OpenWeights(spec.transformer_dir)->Files();
  }
  return {spec.sparse->queries->idf.lexically_relative(spec.transformer_dir).string()};
}

// A setting as it goes into the space.
void Append(std::string_view key, std::string_view value, std::string* text) {
  *text += key;
  *text += ": ";
  json::AppendString(value, text);
  *text += "\n";
}

std::string DescribeSpace(const ModelInfo& info, int64_t max_length, const std::string& weights,
                          const std::string& config, const std::string& other_files) {
  std::string text = "bge-space 1\n";
  Append("weights", weights, &text);
  Append("config", HexOf(config), &text);
  Append("files", HexOf(other_files), &text);
  for (const std::string& module : info.modules) Append("module", module, &text);
  for (const Pooling pooling : info.poolings) Append("pooling", PoolingName(pooling), &text);
  Append("include_prompt", info.include_prompt ? "true" : "false", &text);
  Append("normalizes", info.normalizes ? "true" : "false", &text);
  Append("similarity", info.similarity, &text);
  Append("dimension", std::to_string(info.dimension), &text);
  Append("max_length", std::to_string(max_length), &text);
  Append("query_instruction", info.query_instruction, &text);
  Append("document_instruction", info.document_instruction, &text);
  const std::string heads = std::string(info.heads.dense ? "dense " : "") +
                            (info.heads.sparse ? "sparse " : "") +
                            (info.heads.colbert ? "colbert " : "");
  Append("heads", heads, &text);
  Append("sparse", info.sparse_pooling + " " + info.sparse_activation, &text);
  return text;
}

}  // namespace

std::string OriginalWeights(const ModelSpec& spec, const std::vector<std::string>& files) {
  if (auto from = QuantizedFrom(spec.config->root())) return *from;
  return HexOf(*ModelHashes(spec.dir, true).Lines(WeightNames(spec, files)));
}

std::optional<ModelIdentity> IdentifyModel(const ModelInfo& info, HashFiles hash) {
  const fs::path dir = info.path;
  ModelHashes hashes(dir, hash == HashFiles::kWhereNeeded);
  const std::set<std::string> files = NormalNames(info.files);
  const auto fingerprint = hashes.Lines(files);
  if (!fingerprint) return std::nullopt;

  const ModelSpec spec = ReadModelSpec(dir, {}, !info.sparse_pooling.empty());
  const std::set<std::string> weights = WeightNames(spec, WeightFiles(spec));
  const auto quantized_from = QuantizedFrom(spec.config->root());
  const auto weight_lines = hashes.Lines(weights);
  if (!weight_lines) return std::nullopt;
  std::set<std::string> others;
  const std::string config = Relative(spec.transformer_dir / "config.json", spec.dir);
  for (const std::string& file : files) {
    // The library's versions and the prompts, of which those in use are said below, are in the
    // last.
    if (!weights.contains(file) && file != config && file != "config_sentence_transformers.json") {
      others.insert(file);
    }
  }
  const auto other_lines = hashes.Lines(others);
  if (!other_lines) return std::nullopt;

  ModelIdentity identity;
  identity.fingerprint = HexOf(*fingerprint);
  identity.quantized = quantized_from.has_value();
  identity.space = HexOf(DescribeSpace(info, spec.max_length,
                                       quantized_from ? *quantized_from : HexOf(*weight_lines),
                                       ConfigWithoutStorage(spec.config->root()), *other_lines));
  return identity;
}

std::optional<std::string> FingerprintOf(const RerankerInfo& info, HashFiles hash) {
  const auto lines =
      ModelHashes(info.path, hash == HashFiles::kWhereNeeded).Lines(NormalNames(info.files));
  if (!lines) return std::nullopt;
  return HexOf(*lines);
}

}  // namespace bge
