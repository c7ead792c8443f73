// Follows sentence-transformers' sparse_encoder/model.py, sparse_encoder/modules/*.py and
// base/modules/router.py, of versions 5 and 6.
#include "engine/sparse_modules.h"

#include "base/error.h"
#include "engine/module_list.h"
#include "engine/transformer_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace bge {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kMaxDimension = 1 << 24;
constexpr size_t kMaxModules = 64;
constexpr std::string_view kUseAnother = "use another model";

bool IsRouter(const ModuleEntry& module) { return module.Is("Router") || module.Is("Asym"); }
bool IsTransformer(const ModuleEntry& module) {
  return module.Is("MLMTransformer") || module.Is("Transformer");
}

[[noreturn]] void FailModule(const ModuleEntry& module, std::string_view expected) {
  Fail(ErrorCode::kUnsupported, "a sparse encoder of other modules",
       fmt::format("{}: \"{}\": found {}, expected {}", module.where, Printable(module.type, 100),
                   module.code == ModuleCode::kUpstream ? Printable(module.name, 60)
                                                        : "code of the model's own",
                   expected),
       kUseAnother);
}

void ReadSpladePooling(const fs::path& folder, ModelFiles* files, SparseSpec* spec) {
  const fs::path path = folder / "config.json";
  spec->pooling_source = "default";
  const auto document = files->Find(path);
  if (document == nullptr) return;  // Parity: then it has its defaults
  spec->pooling_source = path.string();
  const json::Value config = document->root();
  const auto choose = [&](const char* key, const char* first, const char* second) {
    const auto value = config.FindNonNull(key);
    if (!value || value->AsString() == first) return false;
    if (value->AsString() == second) return true;
    Fail(ErrorCode::kUnsupported, "unknown way to pool logits",
         fmt::format("{}: found \"{}\", expected {} or {}", value->Where(),
                     Printable(value->AsString(), 40), first, second),
         "correct the file, or use another model");
  };
  spec->pooling.sum = choose("pooling_strategy", "max", "sum");
  spec->pooling.log_twice = choose("activation_function", "relu", "log1p_relu");
  for (const char* key : {"embedding_dimension", "word_embedding_dimension"}) {
    if (const auto value = config.FindNonNull(key)) {
      spec->dimension = value->AsIntIn(1, kMaxDimension);
    }
  }
}

// A Transformer whose logits are pooled.
void ReadSpladeChain(const ModuleEntry& transformer, const ModuleEntry& pooling, ModelFiles* files,
                     SparseModules* modules) {
  if (!IsTransformer(transformer)) FailModule(transformer, "MLMTransformer or Transformer");
  if (!pooling.Is("SpladePooling")) FailModule(pooling, "SpladePooling");
  modules->transformer = transformer.path;
  modules->is_mlm = transformer.Is("MLMTransformer");
  ReadSpladePooling(pooling.path, files, &modules->spec);
}

// Parity: upstream looks for the file of `path` where the process was started, which cannot be what
// a model's author means: here it is in the module's folder, or the model's.
fs::path FindIdf(json::Value value, const fs::path& folder, const ModelFiles& files) {
  const fs::path name = ReadModulePath(value);
  for (const fs::path& relative : {folder / name, name}) {
    if (files.Has(relative)) return relative;
  }
  value.Fail(fmt::format("found no file \"{}\" in {} nor in the model's own folder",
                         Printable(name.string(), 80), (files.dir() / folder).string()),
             HowToComplete(files.dir()));
}

StaticWeightsSpec ReadStaticWeights(const ModuleEntry& module, ModelFiles* files) {
  if (!module.Is("SparseStaticEmbedding")) FailModule(module, "SparseStaticEmbedding");
  StaticWeightsSpec spec;
  spec.dir = files->dir() / module.path;
  spec.where = module.path.empty() ? "." : module.path.string();
  const auto length = ReadTokenizerLength(module.path, files);
  if (length) spec.max_length = length->tokens;
  const auto config = files->Find(module.path / "config.json");
  const auto path = config == nullptr ? std::nullopt : config->root().FindNonNull("path");
  if (path && path->AsString().ends_with(".json")) {
    const fs::path idf = FindIdf(*path, module.path, *files);
    spec.idf = files->dir() / idf;
    spec.where = idf.string();
  }
  return spec;
}

// The modules of one route, by the ids that `structure` lists.
std::vector<ModuleEntry> ReadRoute(json::Value ids, json::Value types, const fs::path& folder) {
  if (!ids.is_array() || ids.size() == 0 || ids.size() > kMaxModules) {
    ids.Fail(fmt::format("expected a list of 1 to {} modules", kMaxModules),
             "repair the file or download it again");
  }
  std::vector<ModuleEntry> modules;
  ids.ForEachElement([&](json::Value id) {
    modules.push_back(ReadModule(types.At(id.AsString()), folder / ReadModulePath(id)));
  });
  return modules;
}

void ReadDefaultRoute(json::Value config, json::Value structure, SparseSpec* spec) {
  const auto parameters = config.FindNonNull("parameters");
  const auto find = [&](const char* key) {
    return parameters ? parameters->FindNonNull(key) : std::nullopt;
  };
  const auto mappings = find("route_mappings");
  if (mappings && mappings->size() > 0) {
    Fail(ErrorCode::kUnsupported, "a router with mappings of routes", mappings->Where(),
         kUseAnother);
  }
  std::string_view route;
  if (const auto value = find("default_route")) {
    route = value->AsString();
    if (!structure.Find(route)) {
      value->Fail(fmt::format("found \"{}\", expected one of the routes", Printable(route, 60)),
                  "correct the file");
    }
  } else {
    const auto allow = find("allow_empty_key");
    if (allow && !allow->AsBool()) {
      spec->default_route.reset();
      return;
    }
    route = structure.Members().front().key;  // Parity: the first
  }
  spec->default_route = route == "query" ? Role::kQuery : Role::kDocument;
}

void ReadRouter(const ModuleEntry& router, ModelFiles* files, SparseModules* modules) {
  auto document = files->Find(router.path / "router_config.json");
  if (document == nullptr) {  // as before version 5
    document = files->Get(router.path / "config.json", "modules.json lists a Router there");
  }
  const json::Value config = document->root();
  const json::Value types = config.At("types");
  const json::Value structure = config.At("structure");
  types.Members();  // an object, as structure
  for (const auto& [route, ids] : structure.Members()) {
    if (route == "query" || route == "document") continue;
    Fail(ErrorCode::kUnsupported, "a router of other routes",
         fmt::format("{}: found \"{}\", expected query and document", structure.Where(),
                     Printable(route, 60)),
         kUseAnother);
  }
  const std::vector<ModuleEntry> queries = ReadRoute(structure.At("query"), types, router.path);
  const std::vector<ModuleEntry> documents =
      ReadRoute(structure.At("document"), types, router.path);
  if (documents.size() != 2) FailModule(documents.back(), "a Transformer, then SpladePooling");
  if (queries.size() != 1) FailModule(queries.back(), "one SparseStaticEmbedding for queries");
  ReadSpladeChain(documents[0], documents[1], files, modules);
  modules->spec.queries = ReadStaticWeights(queries[0], files);
  ReadDefaultRoute(config, structure, &modules->spec);
}

}  // namespace

bool ListsSparseModules(json::Value value, bool sparse_encoder) {
  const std::vector<ModuleEntry> modules = ReadModuleList(value);
  return (modules.size() > 1 && modules[1].Is("SpladePooling")) ||
         modules[0].Is("SparseStaticEmbedding") || (sparse_encoder && IsRouter(modules[0]));
}

SparseModules ReadSparseModules(json::Value value, ModelFiles* files) {
  const std::vector<ModuleEntry> modules = ReadModuleList(value);
  SparseModules result;
  for (const ModuleEntry& module : modules) result.names.push_back(module.name);
  const bool is_static = modules[0].Is("SparseStaticEmbedding");
  const size_t expected = is_static || IsRouter(modules[0]) ? 1 : 2;
  if (modules.size() > expected) FailModule(modules[expected], "nothing behind the others");
  if (is_static) {
    result.transformer = modules[0].path;
    result.spec.is_static = true;
    result.spec.queries = ReadStaticWeights(modules[0], files);
  } else if (expected == 1) {
    ReadRouter(modules[0], files, &result);
  } else {
    ReadSpladeChain(modules[0], modules[1], files, &result);
  }
  return result;
}

}  // namespace bge
