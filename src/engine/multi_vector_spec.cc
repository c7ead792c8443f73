#include "engine/multi_vector_spec.h"

#include "base/error.h"
#include "engine/module_chain.h"
#include "engine/prompts.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace bge {

namespace fs = std::filesystem;

namespace {

constexpr const char* kSentenceTransformersConfig = "config_sentence_transformers.json";
constexpr const char* kArtifact = "artifact.metadata";
constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";  // Python's
constexpr int64_t kUsualQueryLength = 32;
constexpr int64_t kMaxTokens = 1 << 24;
constexpr int64_t kMaxDimension = 1 << 20;
constexpr size_t kMaxWords = 1 << 16;
// Any of these says that PyLate has written the file.
constexpr const char* kPyLateFields[] = {
    "query_length",       "document_length",       "query_expansion",
    "do_query_expansion", "attend_to_mask_tokens", "attend_to_expansion_tokens",
    "query_prefix",       "document_prefix",       "skiplist_words"};

bool HasPyLateFields(json::Value config) {
  return std::any_of(std::begin(kPyLateFields), std::end(kPyLateFields),
                     [&](const char* field) { return config.Find(field).has_value(); });
}

bool IsStanford(ModelFiles* files) {
  const auto config = files->Find("config.json");
  const auto architectures = config && config->root().is_object()
                                 ? config->root().FindNonNull("architectures")
                                 : std::nullopt;
  if (!architectures || !architectures->is_array()) return false;
  bool found = false;
  architectures->ForEachElement([&found](json::Value value) {
    found = found || (value.is_string() && value.AsString() == "HF_ColBERT");
  });
  return found;
}

bool ListsPyLateModule(json::Value modules) {
  const std::vector<ModuleEntry> entries = ReadModuleList(modules);
  return std::any_of(entries.begin(), entries.end(),
                     [](const ModuleEntry& entry) { return entry.code == ModuleCode::kPyLate; });
}

std::vector<std::string> Punctuation() {
  std::vector<std::string> words;
  for (const char c : kPunctuation) words.emplace_back(1, c);
  return words;
}

std::vector<std::string> ReadWords(json::Value list) {
  if (!list.is_array() || list.size() > kMaxWords) {
    list.Fail(fmt::format("found {}, expected a list of at most {} words",
                          list.is_array() ? fmt::format("{} words", list.size())
                                          : std::string(json::TypeName(list.type())),
                          kMaxWords),
              "repair the file or download it again");
  }
  std::vector<std::string> words;
  list.ForEachElement([&](json::Value word) { words.emplace_back(word.AsString()); });
  return words;
}

std::string SourceOf(const fs::path& file, std::string_view field) {
  return fmt::format("{} {}", file.string(), field);
}

// Parity: _normalize_query_expansion of base/modules/transformer.py.
QueryExpansion ReadExpansion(json::Value value) {
  value.ForEachMember([](std::string_view key, json::Value member) {
    for (const char* known : {"strategy", "attend", "token", "length"}) {
      if (key == known) return;
    }
    member.Fail("unknown field of a query expansion, expected strategy, attend, token or length",
                "use another model");
  });
  QueryExpansion expansion;
  const json::Value strategy = value.At("strategy");
  expansion.fixed = strategy.AsString() == "fixed";
  if (!expansion.fixed && strategy.AsString() != "min") {
    strategy.Fail(fmt::format("found \"{}\", expected \"fixed\" or \"min\"",
                              Printable(strategy.AsString(), 40)),
                  "use another model");
  }
  if (const auto attend = value.Find("attend")) expansion.attended = attend->AsBool();
  if (const auto token = value.FindNonNull("token")) expansion.token = token->AsString();
  expansion.length = value.At("length").AsIntIn(1, kMaxTokens);
  return expansion;
}

std::optional<int64_t> ReadLength(json::Value value) {
  if (value.is_null()) return std::nullopt;
  return value.AsIntIn(1, kMaxTokens);
}

// Python's truth of a flag that may be absent or null.
bool IsTrue(std::optional<json::Value> flag) { return flag && !flag->is_null() && flag->AsBool(); }

// PyLate's settings, under what sentence_bert_config.json says.
void ReadPyLateFields(json::Value config, MultiVectorSpec* spec) {
  const auto set_length = [&](const char* field, RoleLength* length) {
    const auto value = config.FindNonNull(field);
    if (value) *length = {ReadLength(*value), SourceOf(kSentenceTransformersConfig, field)};
  };
  set_length("query_length", &spec->query);
  set_length("document_length", &spec->document);
  if (const auto expansion = config.Find("query_expansion")) {
    if (!expansion->is_null()) spec->expansion = ReadExpansion(*expansion);
    return;
  }
  if (!HasPyLateFields(config)) return;
  const auto wanted = config.Find("do_query_expansion");
  if (wanted && !wanted->is_null() && !wanted->AsBool()) return;
  auto attended = config.Find("attend_to_expansion_tokens");
  if (!attended) attended = config.Find("attend_to_mask_tokens");
  // PyLate's query_length is the length that queries are filled up to.
  spec->expansion = QueryExpansion{.fixed = true,
                                   .attended = IsTrue(attended),
                                   .token = "",
                                   .length = spec->query.tokens.value_or(kUsualQueryLength)};
  spec->query = {};
}

void ReadPyLatePrefixes(json::Value config, MultiVectorSpec* spec) {
  for (const auto& [field, role] :
       {std::pair("query_prefix", "query"), std::pair("document_prefix", "document")}) {
    const auto value = config.Find(field);
    if (!value) continue;
    const std::string prefix(value->is_null() ? "" : value->AsString());
    spec->markers.push_back(prefix);
    std::string prompt = spec->prompts[role];
    if (prompt.starts_with(prefix)) prompt.erase(0, prefix.size());
    spec->prompts[role] = prefix + prompt;
  }
}

void ReadConfig(json::Value config, MultiVectorSpec* spec) {
  Prompts prompts = ReadPrompts(config, kEmbedderPrompts);
  spec->prompts = std::move(prompts.texts);
  spec->default_prompt_name = std::move(prompts.default_name);
  if (const auto name = config.FindNonNull("similarity_fn_name")) {
    // Parity: any other name, such as "cosine" in a directory of PyLate, is passed over.
    if (name->AsString() == "meanmaxsim") spec->similarity = name->AsString();
  }
  ReadPyLatePrefixes(config, spec);
  ReadPyLateFields(config, spec);
}

// Settings of the Transformer module, which come before those of PyLate.
void ReadTransformerFields(MultiVectorSpec* spec) {
  const auto& document = spec->transformer.document;
  if (document == nullptr) return;
  const json::Value root = document->root();
  const auto set_length = [&](const char* field, RoleLength* length) {
    const auto value = root.Find(field);
    if (value) *length = {ReadLength(*value), SourceOf(spec->transformer.file, field)};
  };
  set_length("query_length", &spec->query);
  set_length("document_length", &spec->document);
  if (const auto expansion = root.Find("query_expansion")) {
    spec->expansion.reset();
    if (!expansion->is_null()) spec->expansion = ReadExpansion(*expansion);
  }
}

void ReadMask(json::Value config, MultiVectorSpec* spec) {
  if (const auto words = config.FindNonNull("skiplist_words")) {
    spec->skiplist_words = ReadWords(*words);
  }
  if (const auto tasks = config.FindNonNull("skiplist_tasks")) {
    const std::vector<std::string> names =
        tasks->is_string() ? std::vector{std::string(tasks->AsString())} : ReadWords(*tasks);
    const auto has = [&](const char* task) {
      return std::find(names.begin(), names.end(), task) != names.end();
    };
    spec->mask.skips_in_queries = has("query");
    spec->mask.skips_in_documents = has("document");
  }
  if (const auto ids = config.FindNonNull("keep_only_token_ids")) {
    if (!ids->is_array() || ids->size() > kMaxWords) {
      ids->Fail(fmt::format("expected a list of at most {} token ids", kMaxWords),
                "repair the file or download it again");
    }
    ids->ForEachElement([&](json::Value id) {
      spec->mask.kept.push_back(static_cast<int32_t>(id.AsIntIn(0, kMaxTokens)));
    });
  }
}

std::string FeatureOf(json::Value config, const char* field, std::string_view usual) {
  const auto value = config.FindNonNull(field);
  return std::string(value ? value->AsString() : usual);
}

[[noreturn]] void FailFeature(json::Value config, std::string_view module, std::string_view found) {
  Fail(ErrorCode::kUnsupported, fmt::format("{} works on something else", module),
       fmt::format("{}: module_input_name, module_output_name: found \"{}\", expected "
                   "\"token_embeddings\"",
                   config.Where(), Printable(found, 60)),
       "use a model whose modules work on tokens");
}

constexpr std::string_view kTokens = "token_embeddings";
constexpr std::string_view kText = "sentence_embedding";

// `redirects`: as _load_converted_modules does, a Dense on whole texts works on tokens.
void ReadTokenDense(json::Value config, const fs::path& dir, bool redirects,
                    MultiVectorSpec* spec) {
  const std::string input = FeatureOf(config, "module_input_name", kTokens);
  const std::string output = FeatureOf(config, "module_output_name", input);
  const bool redirected = redirects && input == kText && output == kText;
  if ((input != kTokens || output != kTokens) && !redirected) {
    FailFeature(config, "Dense", input == kTokens ? output : input);
  }
  spec->modules.emplace_back(ReadDenseConfig(config, dir));
}

void ReadTokenNormalize(std::optional<json::Value> config, MultiVectorSpec* spec) {
  // Parity: of whole texts, which is the default, it finds nothing to do.
  if (!config) return;
  const std::string input = FeatureOf(*config, "module_input_name", kText);
  if (input == kText) return;
  const std::string output = FeatureOf(*config, "module_output_name", input);
  if (input != kTokens || output != kTokens) FailFeature(*config, "Normalize", input);
  spec->modules.emplace_back(NormalizeModule{});
}

// What sentence-transformers puts behind the modules of PyLate and of Stanford.
void AppendMask(std::vector<std::string> skiplist_words, MultiVectorSpec* spec) {
  spec->mask = {.expansion = true};
  spec->skiplist_words = std::move(skiplist_words);
  spec->modules.emplace_back(NormalizeModule{});
  for (const char* name : {"MultiVectorMask", "Normalize"}) spec->module_names.emplace_back(name);
}

void ReadModules(const std::vector<ModuleEntry>& entries, bool redirects, ModelFiles* files,
                 MultiVectorSpec* spec) {
  int masks = 0;
  for (const ModuleEntry& entry : entries) {
    const fs::path path = entry.path / "config.json";
    if (entry.name == "Dense") {
      const auto document = files->Get(path, "modules.json lists a Dense there");
      ReadTokenDense(document->root(), files->dir() / entry.path, redirects, spec);
    } else if (entry.name == "Normalize") {
      const auto document = files->Find(path);
      ReadTokenNormalize(document ? std::optional(document->root()) : std::nullopt, spec);
    } else if (entry.name == "MultiVectorMask") {
      if (++masks > 1) {
        Fail(ErrorCode::kUnsupported, "a second MultiVectorMask module",
             (files->dir() / path).string(), "use a model with one");
      }
      spec->mask.expansion = true;
      // Parity: without a file, its defaults hold.
      if (const auto document = files->Find(path)) ReadMask(document->root(), spec);
    }
    spec->module_names.push_back(entry.name);
  }
}

void CheckDimensions(const MultiVectorSpec& spec) {
  std::optional<int64_t> dimension;
  for (const TokenModule& module : spec.modules) {
    const auto* const dense = std::get_if<DenseModule>(&module);
    if (dense == nullptr) continue;
    if (dimension && dense->in_features != *dimension) {
      Fail(ErrorCode::kCorruptData, "Dense module takes vectors of another size",
           fmt::format("{}: field in_features: found {}, expected {}, which the module before it "
                       "gives",
                       (dense->dir / "config.json").string(), dense->in_features, *dimension),
           "check that the folders belong to the same model");
    }
    dimension = dense->out_features;
  }
}

void CheckLengths(const MultiVectorSpec& spec, const fs::path& dir) {
  if (!spec.expansion || !spec.query.tokens || *spec.query.tokens >= spec.expansion->length) return;
  Fail(ErrorCode::kCorruptData, "queries are cut shorter than they are filled up to",
       fmt::format("{}: found {}, expected at least {}, the length of query_expansion",
                   (dir / spec.query.source).string(), *spec.query.tokens, spec.expansion->length),
       "repair the file or download it again");
}

// Parity: _maybe_load_stanford_metadata.
void ReadArtifact(ModelFiles* files, MultiVectorSpec* spec) {
  const auto document = files->Find(kArtifact);
  if (document != nullptr && !document->root().is_object()) {
    document->root().Fail("found a list, expected an object",
                          "repair the file or download it again");
  }
  const auto find = [&](const char* field) {
    return document == nullptr ? std::nullopt : document->root().Find(field);
  };
  const auto set = [](const std::optional<json::Value>& value) {
    return value && !value->is_null();
  };
  const auto marker = [&](const char* field, const char* role, const char* usual) {
    const auto value = find(field);
    std::string text(set(value) ? value->AsString() : "");
    if (text.empty()) text = usual;
    spec->markers.push_back(text + " ");
    spec->prompts[role] = spec->markers.back();
  };
  marker("query_token_id", "query", "[unused0]");
  marker("doc_token_id", "document", "[unused1]");
  spec->prompt_source = document == nullptr ? "default" : kArtifact;
  if (const auto length = find("doc_maxlen"); set(length)) {
    spec->document = {ReadLength(*length), SourceOf(kArtifact, "doc_maxlen")};
  }
  QueryExpansion expansion = {.length = kUsualQueryLength};
  if (const auto length = find("query_maxlen"); set(length)) {
    expansion.length = length->AsIntIn(1, kMaxTokens);
  }
  expansion.attended = IsTrue(find("attend_to_mask_tokens"));
  spec->expansion = expansion;
  const auto punctuation = find("mask_punctuation");
  if (!punctuation || IsTrue(punctuation)) spec->skiplist_words = Punctuation();
}

MultiVectorSpec ReadStanford(ModelFiles* files) {
  MultiVectorSpec spec;
  ReadArtifact(files, &spec);
  const auto config = files->Get("config.json", "the encoder's");
  // Without bias or activation, beside the encoder's weights.
  spec.modules.emplace_back(
      DenseModule{.dir = files->dir(),
                  .in_features = config->root().At("hidden_size").AsIntIn(1, kMaxDimension),
                  .out_features = 0,
                  .bias = false,
                  .activation = Activation::kIdentity});
  spec.module_names = {"Transformer", "Dense"};
  AppendMask(std::move(spec.skiplist_words), &spec);
  return spec;
}

}  // namespace

std::optional<MultiVectorLayout> FindMultiVectorLayout(ModelFiles* files) {
  const auto modules = files->Find("modules.json");
  if (modules == nullptr) {
    return IsStanford(files) ? std::optional(MultiVectorLayout::kStanford) : std::nullopt;
  }
  const auto config = files->Find(kSentenceTransformersConfig);
  const bool is_object = config != nullptr && config->root().is_object();
  if (is_object) {
    if (const auto type = config->root().FindNonNull("model_type")) {
      if (type->AsString() == "MultiVectorEncoder") {
        return MultiVectorLayout::kSentenceTransformers;
      }
      if (type->AsString() == "ColBERT") return MultiVectorLayout::kPyLate;
      return std::nullopt;
    }
  }
  if (IsStanford(files)) return MultiVectorLayout::kSentenceTransformers;
  if (ListsPyLateModule(modules->root()) || (is_object && HasPyLateFields(config->root()))) {
    return MultiVectorLayout::kPyLateWithoutType;
  }
  return std::nullopt;
}

MultiVectorSpec ReadMultiVectorSpec(MultiVectorLayout layout, ModelFiles* files) {
  if (layout == MultiVectorLayout::kStanford) return ReadStanford(files);
  MultiVectorSpec spec;
  std::optional<std::vector<std::string>> skiplist_words;  // of PyLate's file
  if (const auto document = files->Find(kSentenceTransformersConfig)) {
    const json::Value config = document->root();
    ReadConfig(config, &spec);
    spec.prompt_source = kSentenceTransformersConfig;
    if (const auto words = config.FindNonNull("skiplist_words")) skiplist_words = ReadWords(*words);
  }
  const bool converted = layout == MultiVectorLayout::kPyLateWithoutType;
  const auto modules = files->Get("modules.json", "the model's modules");
  const std::vector<ModuleEntry> entries = ReadTokenModulesJson(modules->root());
  spec.folder = entries.front().path;
  spec.transformer = ReadTransformerOptions(spec.folder, files, TransformerTask::kMultiVector);
  ReadTransformerFields(&spec);
  ReadModules(entries, converted, files, &spec);
  if (layout != MultiVectorLayout::kSentenceTransformers) {
    // Parity: PyLate skips punctuation where it does not say what.
    const bool usual = layout == MultiVectorLayout::kPyLate || !spec.markers.empty();
    if (!skiplist_words && usual) skiplist_words = Punctuation();
    AppendMask(skiplist_words.value_or(std::vector<std::string>()), &spec);
  }
  CheckDimensions(spec);
  CheckLengths(spec, files->dir());
  return spec;
}

}  // namespace bge
