#include "apps/index_space.h"

#include "apps/console.h"
#include "apps/json_text.h"
#include "base/error.h"
#include "hub/cache.h"
#include "hub/needed_files.h"
#include "hub/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

namespace bge::cli {
namespace {

// The values of this sentence's vector tell models apart, wherever their files lie.
constexpr std::string_view kProbeText = "A ship left the harbour at dawn, and nobody saw it again.";
constexpr size_t kProbeValues = 32;
// Other machines and number formats move a vector by less (int8 by about 0.005); another model's
// first values have a cosine around 0.
constexpr double kMinCosine = 0.98;
constexpr double kMaxLengthRatio = 1.1;

// The settings that decide vectors, without instruction: queries and documents may differ there.
// And in length, so that it is the index's, or the embedder's own.
EncodeOptions ProbeOptions(const EmbeddingFlags& flags, std::optional<int64_t> max_length) {
  EncodeOptions options;
  options.instruction = "";
  options.max_length = max_length;
  if (flags.no_normalize) options.normalize = false;
  options.truncate_dim = flags.truncate_dim;
  return options;
}

std::vector<float> Probe(const EmbeddingFlags& flags, std::optional<int64_t> max_length,
                         const Embedder& embedder) {
  std::vector<float> values = embedder.Encode(kProbeText, ProbeOptions(flags, max_length));
  values.resize(std::min(values.size(), kProbeValues));
  return values;
}

const std::string* Find(const IndexInfo& info, const std::string& key) {
  const auto found = info.metadata.find(key);
  return found == info.metadata.end() ? nullptr : &found->second;
}

// The length that the index's texts were cut to; nullopt: the model's own.
std::optional<int64_t> MaxLengthOf(const IndexInfo& info) {
  const std::string* length = Find(info, "max_length");
  if (length == nullptr) return std::nullopt;
  int64_t tokens = 0;
  const char* const end = length->data() + length->size();
  const auto [next, error] = std::from_chars(length->data(), end, tokens);
  if (error != std::errc() || next != end || tokens < 1) {
    Fail(ErrorCode::kCorruptData, "the index wants a length that is no number of tokens",
         fmt::format("metadata max_length: found {}", *length), "build the index again");
  }
  return tokens;
}

// Numbers with spaces between; fewer where something else comes.
std::vector<float> ParseValues(std::string_view text) {
  std::vector<float> values;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    float value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc()) break;
    values.push_back(value);
    at = next != end && *next == ' ' ? next + 1 : next;
  }
  return values;
}

bool IsSameDirection(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return false;
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i];
    const double y = b[i];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (aa == 0 || bb == 0) return aa == bb;
  const double ratio = std::sqrt(aa / bb);
  return ab >= kMinCosine * std::sqrt(aa * bb) && ratio < kMaxLengthRatio &&
         ratio > 1 / kMaxLengthRatio;
}

// What an index was built with, by name at the commit that it had then, where that is known.
std::string ModelAtCommit(const IndexInfo& info) {
  const std::string* commit = Find(info, "commit");
  std::error_code ignored;
  if (commit == nullptr || !IsCommit(*commit) || std::filesystem::exists(info.model, ignored)) {
    return info.model;
  }
  const auto name = ParseModelName(info.model);
  return name ? fmt::format("{}@{}", name->repo, *commit) : info.model;
}

[[noreturn]] void FailOtherSpace(const IndexInfo& info, const std::string& dir,
                                 const Embedder& embedder, const std::string& difference) {
  const std::string model = ModelAtCommit(info);
  Fail(
      ErrorCode::kInvalidArgument, "this index was built with another model or other settings",
      fmt::format("{}: built with {}, given {}: {}", dir, info.model, embedder.info().path,
                  difference),
      model == info.model
          ? "leave --model, --pooling and --max-length out, or build the index again"
          : fmt::format("give --model {}, leave --pooling and --max-length out, or build the index "
                        "again",
                        model));
}

void CheckIdentity(const IndexInfo& info, const std::string& dir, const Embedder& embedder) {
  const std::string* space = Find(info, "space");
  if (space == nullptr) return;  // of an earlier version, or from the library
  const auto identity = IdentifyModel(embedder.info());
  if (identity->space != *space) {
    FailOtherSpace(info, dir, embedder,
                   fmt::format("found the space {}, expected {}", identity->space, *space));
  }
  const std::string* fingerprint = Find(info, "fingerprint");
  if (fingerprint == nullptr || *fingerprint == identity->fingerprint) return;
  PrintWarning(fmt::format(
      "{}: built with other files of the same space, {}: quantized weights give slightly other "
      "vectors",
      Printable(dir, 1000), Printable(info.model, 1000)));
}

// Where the model of an index is, which no network is asked for: an index may be a stranger's, and
// what is downloaded is what the user names. At the commit that the index was built with, or else
// at the one that the name has now, whose space is checked.
std::string LocateModel(const IndexInfo& info, const std::string& dir) {
  const std::string at_commit = ModelAtCommit(info);
  try {
    for (const std::string& model : {at_commit, info.model}) {
      const ModelReference reference = ParseModelReference(model);
      if (!reference.name) return model;
      const auto snapshot = FindModel(*reference.name);
      if (snapshot && hub::HasNeededFiles(*snapshot)) return snapshot->string();
    }
  } catch (const Error&) {
    return info.model;  // it is neither a directory nor a name: loading it says so
  }
  if (hub::IsOffline()) return info.model;
  Fail(ErrorCode::kNotFound, "the model that this index was built with is not wholly in the cache",
       fmt::format("{}: built with {}", dir, at_commit),
       fmt::format("give --model {} to download it, or the place where it is", at_commit));
}

}  // namespace

IndexSpace DescribeSpace(const EmbeddingFlags& flags, const Embedder& embedder) {
  IndexSpace space;
  space.model = flags.model.empty() ? DefaultModel() : flags.model;
  std::error_code error;
  if (std::filesystem::is_directory(space.model, error)) {
    // Not resolved further: a link to a model stays one when the model is replaced.
    const auto absolute = std::filesystem::absolute(space.model, error);
    if (!error) space.model = absolute.lexically_normal().string();
  }
  space.metadata["model_name"] = embedder.info().name;
  if (const auto name = NameOfSnapshot(embedder.info().path)) {
    space.metadata["commit"] = name->revision;
  }
  if (!flags.pooling.empty()) space.metadata["pooling"] = flags.pooling;
  space.metadata["compute_type"] = ComputeTypeName(embedder.info().compute_type);
  space.metadata["similarity"] = embedder.info().similarity;
  space.metadata["normalize"] = flags.no_normalize ? "false" : "true";
  if (flags.max_length) space.metadata["max_length"] = fmt::format("{}", *flags.max_length);
  if (flags.truncate_dim) space.metadata["truncate_dim"] = fmt::format("{}", *flags.truncate_dim);
  // For more documents; queries have their own.
  if (flags.query) space.metadata["role"] = "query";
  if (flags.instruction) space.metadata["instruction"] = *flags.instruction;
  if (flags.prompt_name) space.metadata["prompt_name"] = *flags.prompt_name;
  AppendPlainFloats(Probe(flags, flags.max_length, embedder), &space.metadata[kProbeKey]);
  const auto identity = IdentifyModel(embedder.info());
  space.metadata["fingerprint"] = identity->fingerprint;
  space.metadata["space"] = identity->space;
  return space;
}

void ApplySpace(const IndexInfo& info, EmbeddingFlags* flags) {
  if (flags->model.empty()) flags->model = info.model;
  if (const std::string* pooling = Find(info, "pooling")) {
    if (!ParsePooling(*pooling)) {
      Fail(ErrorCode::kUnsupported, "the index wants a pooling that is not known",
           fmt::format("metadata pooling: found {}", *pooling),
           "use the version of bge that wrote it");
    }
    if (flags->pooling.empty()) flags->pooling = *pooling;
  }
  if (const std::string* normalize = Find(info, "normalize")) {
    flags->no_normalize = *normalize == "false";
  }
  const auto max_length = MaxLengthOf(info);
  if (!flags->max_length) flags->max_length = max_length;
  // A cut is only needed where there was one: then the dimension says where.
  if (Find(info, "truncate_dim") != nullptr) flags->truncate_dim = info.dimension;
}

void ApplyDocumentSpace(const IndexInfo& info, EmbeddingFlags* flags) {
  const std::string* role = Find(info, "role");
  flags->query = role != nullptr && *role == "query";
  flags->passage = !flags->query;
  if (const std::string* instruction = Find(info, "instruction")) flags->instruction = *instruction;
  if (const std::string* prompt = Find(info, "prompt_name")) flags->prompt_name = *prompt;
  const std::string* type = Find(info, "compute_type");
  if (flags->dtype.empty() && type != nullptr) flags->dtype = *type;
}

Embedder LoadSpaceEmbedder(const IndexInfo& info, const std::string& dir,
                           const EmbeddingFlags& flags, bool asked, const RunContext& context) {
  EmbeddingFlags located = flags;
  if (!asked) located.model = LocateModel(info, dir);
  try {
    return LoadEmbedder(located, context);
  } catch (const Error& error) {
    std::error_code ignored;
    if (asked || error.code() != ErrorCode::kNotFound ||
        std::filesystem::is_directory(info.model, ignored)) {
      throw;
    }
  }
  Fail(ErrorCode::kNotFound, "the model that this index was built with is not there",
       fmt::format("{}: built with {}", dir, info.model),
       "give the place where that model is now with --model");
}

void CheckSpace(const IndexInfo& info, const std::string& dir, const EmbeddingFlags& flags,
                const Embedder& embedder) {
  // Asked for first: a model of fewer values than the cut could not even be tried.
  const int64_t dimension = flags.truncate_dim ? std::min(*flags.truncate_dim, embedder.dimension())
                                               : embedder.dimension();
  if (dimension != info.dimension) {
    FailOtherSpace(info, dir, embedder,
                   fmt::format("found {} values a vector, expected {}", dimension, info.dimension));
  }
  const std::string* probe = Find(info, kProbeKey);  // an index from the library may have none
  if (probe != nullptr &&
      !IsSameDirection(ParseValues(*probe), Probe(flags, MaxLengthOf(info), embedder))) {
    FailOtherSpace(info, dir, embedder, "a test sentence has another vector");
  }
  CheckIdentity(info, dir, embedder);
}

}  // namespace bge::cli
