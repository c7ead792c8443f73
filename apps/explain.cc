#include "apps/explain.h"

#include "apps/console.h"
#include "apps/json_text.h"
#include "base/env.h"
#include "base/error.h"

#include <fmt/format.h>

namespace bge::cli {
namespace {

std::string Quoted(std::string_view text) {
  if (text.empty()) return "nothing";
  std::string quoted;
  AppendJsonString(text, &quoted);
  return quoted;
}

// Where a setting came from that may have been typed.
std::string Origin(bool typed, std::string_view option, std::string_view source) {
  return std::string(typed || source.empty() ? option : source);
}

Setting RoleOf(const EmbeddingFlags& flags, const EmbeddingFlags& typed, std::string_view source) {
  const std::string untyped = Origin(false, "the command", source);
  if (flags.query) return {"texts are", "queries", typed.query ? "--query" : untyped};
  if (flags.passage) return {"texts are", "documents", typed.passage ? "--passage" : untyped};
  return {"texts are", "texts without a role", "the command; --query and --passage give one"};
}

// Of that of queries, or of documents.
std::string SourceOfInstruction(const ModelInfo& info, bool of_queries) {
  const std::string& source = info.instruction_source;
  const size_t between = source.find("; ");
  if (between == std::string::npos) return source;
  return of_queries ? source.substr(0, between) : source.substr(between + 2);
}

// What is put in front of each text.
Setting InstructionOf(const ModelInfo& info, const EmbeddingFlags& flags,
                      const EmbeddingFlags& typed, std::string_view source) {
  const std::string name = "in front";
  if (flags.instruction) {
    return {name, Quoted(*flags.instruction),
            Origin(typed.instruction.has_value(), "--instruction", source)};
  }
  if (flags.prompt_name) {
    const auto found = info.prompts.find(*flags.prompt_name);
    return {name, Quoted(found == info.prompts.end() ? std::string() : found->second),
            typed.prompt_name || source.empty()
                ? "--prompt-name " + *flags.prompt_name
                : fmt::format("{}: prompt {}", source, *flags.prompt_name)};
  }
  if (flags.query) return {name, Quoted(info.query_instruction), SourceOfInstruction(info, true)};
  if (flags.passage) {
    return {name, Quoted(info.document_instruction), SourceOfInstruction(info, false)};
  }
  const auto found = info.prompts.find(info.default_prompt_name);
  if (info.default_prompt_name.empty() || found == info.prompts.end()) {
    return {name, "nothing", "texts without a role"};
  }
  return {name, Quoted(found->second), "default_prompt_name: " + info.default_prompt_name};
}

Setting LengthOf(const ModelInfo& info, const EmbeddingFlags& flags, const std::string& chosen) {
  const std::string name = "max length";
  if (flags.max_length && *flags.max_length <= info.max_length) {
    return {name, fmt::format("{} tokens", *flags.max_length), chosen};
  }
  if (flags.query && info.query_length > 0) {
    return {name, fmt::format("{} tokens", info.query_length), info.query_length_source};
  }
  if (flags.passage && info.document_length > 0) {
    return {name, fmt::format("{} tokens", info.document_length), info.document_length_source};
  }
  return {name, LengthText(info.max_length), info.max_length_source};
}

Setting PoolingOf(const ModelInfo& info, const EmbeddingFlags& flags, const std::string& chosen) {
  if (!flags.pooling.empty()) return {"pooling", flags.pooling, chosen};
  if (!info.sparse_pooling.empty()) {
    return {"pooling", info.sparse_pooling + ", " + info.sparse_activation, info.pooling_source};
  }
  if (!info.has_transformer) return {"pooling", "none: weights by token", info.query_weights};
  std::string names;
  for (const Pooling pooling : info.poolings) {
    if (!names.empty()) names += " + ";
    names += PoolingName(pooling);
  }
  return {"pooling", names.empty() ? "none: a vector a token" : names, info.pooling_source};
}

}  // namespace

std::vector<Setting> ExplainEncoding(const Embedder& model, const EmbeddingFlags& flags,
                                     const EmbeddingFlags& typed, const FlagSources& sources) {
  const ModelInfo& info = model.info();
  const auto of_space = [&](bool was_typed, std::string_view option) {
    return Origin(was_typed, option, sources.space);
  };
  std::vector<Setting> settings;
  settings.push_back({"model", info.name + ", " + info.path,
                      typed.model.empty()
                          ? of_space(false, GetEnv("BGE_MODEL") ? "$BGE_MODEL" : "the default")
                          : "--model"});
  settings.push_back(RoleOf(flags, typed, sources.documents));
  settings.push_back(InstructionOf(info, flags, typed, sources.documents));
  settings.push_back(LengthOf(info, flags, of_space(typed.max_length.has_value(), "--max-length")));
  settings.push_back(PoolingOf(info, flags, of_space(!typed.pooling.empty(), "--pooling")));
  if (info.heads.dense) {
    settings.push_back({"length 1", flags.no_normalize ? "no: vectors are not scaled" : "yes",
                        flags.no_normalize
                            ? Origin(typed.no_normalize, "--no-normalize", sources.normalize)
                        : info.normalizes ? "the model's Normalize module"
                                          : "the default; --no-normalize turns it off"});
    settings.push_back(
        {"dimension",
         fmt::format("{}", flags.truncate_dim ? std::min(*flags.truncate_dim, info.dimension)
                                              : info.dimension),
         flags.truncate_dim ? of_space(typed.truncate_dim.has_value(), "--truncate-dim")
                            : "the model"});
  }
  if (flags.max_active_dims) {
    settings.push_back(
        {"weights kept", fmt::format("{} a text", *flags.max_active_dims), "--max-active-dims"});
  } else if (info.max_active_dims > 0) {
    settings.push_back(
        {"weights kept", fmt::format("{} a text", info.max_active_dims), "the model"});
  }
  settings.push_back({"computed in", std::string(ComputeTypeName(info.compute_type)),
                      !typed.dtype.empty() ? "--dtype"
                      : !flags.dtype.empty()
                          ? Origin(false, "--dtype", sources.documents)
                          : "the default: int8 where the weights are, else float32"});
  settings.push_back(
      {"threads", fmt::format("{}", model.threads()),
       typed.threads > 0 ? "--threads" : "one a physical core, within the container's limit"});
  return settings;
}

void Explain(const Embedder& model, const EmbeddingFlags& flags, const EmbeddingFlags& typed,
             const FlagSources& sources) {
  if (!flags.explain) return;
  for (const Setting& setting : ExplainEncoding(model, flags, typed, sources)) {
    std::string line = fmt::format("{:<13}{}", setting.name, Printable(setting.value, 4096));
    if (!setting.source.empty()) line += fmt::format("  ({})", Printable(setting.source, 1000));
    PrintNote(line);
  }
}

}  // namespace bge::cli
