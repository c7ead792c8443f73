// Puts together what the files of a model directory say. docs/models.md has the same in words.
#include "engine/model_spec.h"

#include "base/error.h"
#include "engine/known_models.h"
#include "engine/model_files.h"
#include "engine/module_chain.h"
#include "engine/multi_vector_spec.h"
#include "engine/prompts.h"
#include "engine/transformer_options.h"
#include "heads/m3_colbert_head.h"
#include "heads/m3_sparse_head.h"
#include "hub/cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bge {

namespace fs = std::filesystem;

namespace {

constexpr const char* kSentenceTransformersConfig = "config_sentence_transformers.json";
constexpr int64_t kMaxDimension = 1 << 20;

// What a directory without config.json may be instead.
[[noreturn]] void FailNoConfig(const ModelFiles& files, const fs::path& relative) {
  if (files.Has("adapter_config.json")) {
    Fail(ErrorCode::kUnsupported, "this is an adapter, not a model",
         (files.dir() / relative).string() + ": absent; found adapter_config.json",
         "merge the adapter into its base model (PEFT's merge_and_unload) and save that");
  }
  Fail(ErrorCode::kNotFound, "not a model directory",
       (files.dir() / relative).string() + ": absent", HowToComplete(files.dir()));
}

std::shared_ptr<const json::Document> ReadConfig(const fs::path& folder, ModelFiles* files) {
  const fs::path relative = folder / "config.json";
  auto config = files->Find(relative);
  if (config == nullptr) FailNoConfig(*files, relative);
  if (config->root().At("model_type").AsString().empty()) {
    config->root()
        .At("model_type")
        .Fail("found an empty string, expected the architecture's name",
              "repair the file or download it again");
  }
  return config;
}

// Width of the hidden states, where config.json says it. The encoder checks it against the weights.
std::optional<int64_t> HiddenSize(json::Value config) {
  for (const char* key : {"hidden_size", "dim"}) {  // "dim" is DistilBERT's
    if (const auto value = config.FindNonNull(key)) return value->AsIntIn(1, kMaxDimension);
  }
  return std::nullopt;
}

std::string Architecture(json::Value config) {
  const auto architectures = config.FindNonNull("architectures");
  if (!architectures || !architectures->is_array() || architectures->size() == 0) return "";
  const json::Value first = architectures->Elements().front();
  return first.is_string() ? std::string(first.AsString()) : "";
}

// Whether config_sentence_transformers.json calls the model a SparseEncoder.
bool IsSparseEncoder(ModelFiles* files) {
  const auto document = files->Find(kSentenceTransformersConfig);
  const auto type = document ? document->root().FindNonNull("model_type") : std::nullopt;
  return type && type->AsString() == "SparseEncoder";
}

// Another kind of model, by its own word.
void CheckModelType(json::Value config, bool sparse) {
  const auto value = config.FindNonNull("model_type");
  if (!value || value->AsString() == "SentenceTransformer") return;
  if (sparse && value->AsString() == "SparseEncoder") return;
  constexpr std::pair<std::string_view, std::string_view> kKinds[] = {
      {"CrossEncoder", "a reranker, which scores pairs: use a dense embedding model"},
      {"SparseEncoder",
       "a sparse encoder, but modules.json lists neither MLMTransformer with SpladePooling nor a "
       "Router: check that file"}};
  std::string_view kind = "of a kind that this version does not know: use a dense embedding model";
  for (const auto& [name, what] : kKinds) {
    if (value->AsString() == name) kind = what;
  }
  Fail(ErrorCode::kUnsupported, "not a dense embedding model",
       fmt::format("{}: found \"{}\", expected \"SentenceTransformer\"", value->Where(),
                   Printable(value->AsString(), 60)),
       fmt::format("the model is {}", kind));
}

void ReadSentenceTransformersConfig(ModelFiles* files, ModelSpec* spec) {
  const auto document = files->Find(kSentenceTransformersConfig);
  if (document == nullptr) return;
  const json::Value config = document->root();
  CheckModelType(config, spec->sparse.has_value());
  Prompts prompts = ReadPrompts(config, kEmbedderPrompts);
  spec->prompts = std::move(prompts.texts);
  spec->default_prompt_name = std::move(prompts.default_name);
  if (const auto similarity = config.FindNonNull("similarity_fn_name")) {
    const std::string_view name = similarity->AsString();
    if (name != "cosine" && name != "dot" && name != "euclidean" && name != "manhattan") {
      Fail(ErrorCode::kUnsupported, "unknown similarity",
           fmt::format("{}: found \"{}\", expected cosine, dot, euclidean or manhattan",
                       similarity->Where(), Printable(name, 40)),
           "correct the file");
    }
    spec->similarity = name;
  }
  if (const auto dimension = config.FindNonNull("truncate_dim")) {
    spec->truncate_dim = dimension->AsIntIn(1, kMaxDimension);
  }
  const auto active = config.FindNonNull("max_active_dims");
  if (active && spec->sparse) spec->sparse->max_active_dims = active->AsIntIn(1, INT64_MAX);
}

// A sparse encoder's modules; where its transformer is.
fs::path ReadSparseEncoder(json::Value modules_json, ModelFiles* files, ModelSpec* spec,
                           bool* is_mlm) {
  SparseModules modules = ReadSparseModules(modules_json, files);
  spec->sparse = std::move(modules.spec);
  spec->module_names = std::move(modules.names);
  spec->similarity = "dot";  // Parity: SparseEncoder's default
  *is_mlm = modules.is_mlm;
  return modules.transformer;
}

// Parity: what SparseEncoder makes of a masked-language model without modules.json.
void AssumeSplade(std::string source, ModelSpec* spec) {
  spec->sparse.emplace().pooling_source = std::move(source);
  spec->similarity = "dot";
  spec->module_names = {"Transformer", "SpladePooling"};
}

// The logits of a Transformer are its own only where it says so.
void RequireFillMask(const TransformerOptions& options, const fs::path& folder) {
  if (options.states_task) return;
  Fail(ErrorCode::kUnsupported, "SpladePooling behind a Transformer without logits",
       fmt::format("{}: field transformer_task: found nothing, expected \"fill-mask\"",
                   (folder / "sentence_bert_config.json").string()),
       "save the model with a current sentence-transformers");
}

// The text of the first of these prompts that is there and not empty, and where it is.
struct Instruction {
  std::string text;
  std::string source;
};
Instruction FromPrompts(const ModelSpec& spec, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto prompt = spec.prompts.find(name);
    if (prompt == spec.prompts.end() || prompt->second.empty()) continue;
    return {prompt->second, fmt::format("{} prompts.{}", kSentenceTransformersConfig, name)};
  }
  return {};
}

void ChooseInstructions(const std::optional<Recognition>& recognition, ModelSpec* spec) {
  Instruction query = FromPrompts(*spec, {"query"});
  Instruction document = FromPrompts(*spec, {"document", "passage", "corpus"});
  if (recognition) {
    const KnownModel& known = *recognition->model;
    if (query.source.empty() && !known.query_instruction.empty()) {
      query = {known.QueryPrefix(), recognition->source};
    }
    if (document.source.empty() && !known.document_instruction.empty()) {
      document = {std::string(known.document_instruction), recognition->source};
    }
  }
  spec->query_instruction = query.text;
  spec->document_instruction = document.text;
  if (query.source.empty() || document.source.empty() || query.source == document.source) {
    spec->instruction_source = query.source.empty() ? document.source : query.source;
  } else {
    spec->instruction_source = query.source + "; " + document.source;
  }
}

// Name of the folder, whatever way the path was written.
std::string FolderName(const fs::path& dir) {
  std::error_code ignored;
  fs::path path = fs::absolute(dir, ignored).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.filename().string();
}

// A model of token vectors alone. What is known of published models of dense vectors does not hold
// for one that was made from them.
void ReadMultiVectorModel(MultiVectorLayout layout, ModelFiles* files, ModelSpec* spec) {
  MultiVectorSpec multi_vector = ReadMultiVectorSpec(layout, files);
  const fs::path& folder = multi_vector.folder;
  spec->transformer_dir = folder.empty() ? spec->dir : spec->dir / folder;
  spec->config = ReadConfig(folder, files);
  const json::Value config = spec->config->root();
  const auto repo = RepoOfSnapshot(spec->dir);
  spec->name = repo ? *repo : FolderName(spec->dir);
  spec->module_names = multi_vector.module_names;
  spec->prompts = multi_vector.prompts;
  // Parity: sentence-transformers gives every model these two, empty.
  for (const char* role : {"query", "document"}) spec->prompts.try_emplace(role);
  spec->default_prompt_name = multi_vector.default_prompt_name;
  spec->query_instruction = spec->prompts["query"];
  spec->document_instruction = spec->prompts["document"];
  if (!spec->query_instruction.empty() || !spec->document_instruction.empty()) {
    spec->instruction_source = multi_vector.prompt_source;
  }
  spec->similarity = multi_vector.similarity;
  spec->do_lower_case = multi_vector.transformer.do_lower_case;
  MaxLength max_length = ResolveMaxLength(multi_vector.transformer, config, folder, nullptr, files);
  spec->max_length = max_length.tokens;
  spec->max_length_source = std::move(max_length.source);
  spec->multi_vector = std::move(multi_vector);
  spec->files = files->names();
}

// A sparse encoder without a transformer.
void ReadStaticModel(const fs::path& folder, ModelFiles* files, ModelSpec* spec) {
  const fs::path config = folder / "config.json";
  spec->config = files->Find(config);
  if (spec->config == nullptr) {
    spec->config = json::Document::Parse("{}", (spec->dir / config).string());
  }
  const auto repo = RepoOfSnapshot(spec->dir);
  spec->name = repo ? *repo : FolderName(spec->dir);
  const auto length = ReadTokenizerLength(folder, files);
  spec->max_length = length ? length->tokens : kNoTokenLimit;
  spec->max_length_source =
      length ? (folder / "tokenizer_config.json").string() + " " + length->field : "default";
  ChooseInstructions(std::nullopt, spec);
  spec->files = files->names();
}

// A head of BGE-M3 in a file of its own, which only such models have.
std::string M3HeadFile(const fs::path& dir) {
  for (const char* head : {M3SparseHead::kFile, M3ColbertHead::kFile}) {
    if (const auto file = TokenLinear::FindFile(dir, head)) return file->filename().string();
  }
  return "";
}

// Without modules.json: what the table says or BGE-M3's heads, else what sentence-transformers
// assumes.
PoolingModule AssumePooling(const std::optional<Recognition>& recognition, const ModelSpec& spec,
                            const WarningSink& on_warning) {
  PoolingModule pooling;
  if (recognition) {
    pooling.modes = {recognition->model->pooling};
    pooling.source = recognition->source;
    return pooling;
  }
  if (const std::string head = M3HeadFile(spec.transformer_dir); !head.empty()) {
    pooling.modes = {Pooling::kCls};
    pooling.source = head + ", which models made from BAAI/bge-m3 have";
    return pooling;
  }
  const json::Value config = spec.config->root();
  const std::string architecture = Architecture(config);
  const auto labels = config.FindNonNull("id2label");
  if (architecture.ends_with("ForSequenceClassification") && labels && labels->size() == 1) {
    Fail(ErrorCode::kUnsupported, "not a dense embedding model",
         fmt::format("{}: field architectures: found {} with one label", spec.config->file_name(),
                     Printable(architecture, 60)),
         "the model is a reranker, which scores pairs: use bge rerank (Reranker), or a dense "
         "embedding "
         "model");
  }
  // Parity: causal language models keep their meaning in the last token.
  pooling.modes = {architecture.ends_with("ForCausalLM") ? Pooling::kLastToken : Pooling::kMean};
  pooling.source = "default";
  if (on_warning) {
    on_warning(fmt::format(
        "{}: no modules.json and not a model of the table: assuming {} pooling; if the model wants "
        "another, choose it (--pooling){}",
        Printable(spec.dir.string()), pooling.modes[0] == Pooling::kMean ? "mean" : "last-token",
        architecture.ends_with("ForMaskedLM") ? "; if it is a SPLADE model, say so (--splade)"
                                              : ""));
  }
  return pooling;
}

}  // namespace

ModelSpec ReadModelSpec(const fs::path& dir, const WarningSink& on_warning, bool splade) {
  std::error_code ignored;
  if (!fs::is_directory(dir, ignored)) {
    Fail(ErrorCode::kNotFound, "no such model directory", dir.string(), "check the path");
  }
  ModelFiles files(dir);
  ModelSpec spec;
  spec.dir = dir;

  ModelFiles looked_at(dir);
  if (const auto layout = FindMultiVectorLayout(&looked_at)) {
    if (splade) {
      Fail(ErrorCode::kInvalidArgument, "the model is no SPLADE model",
           dir.string() + ": found a model of token vectors (ColBERT)",
           "leave the option out (--splade)");
    }
    ReadMultiVectorModel(*layout, &files, &spec);
    return spec;
  }

  std::vector<ModuleEntry> entries;
  const auto modules_json = files.Find("modules.json");
  fs::path folder;
  bool is_mlm = false;
  if (modules_json != nullptr) {
    const json::Value modules = modules_json->root();
    if (ListsSparseModules(modules, IsSparseEncoder(&files))) {
      folder = ReadSparseEncoder(modules, &files, &spec, &is_mlm);
    }
    // Before the chain: a reranker or multi-vector model is then named as such.
    ReadSentenceTransformersConfig(&files, &spec);
    if (!spec.sparse) {
      entries = ReadModulesJson(modules);
      folder = entries.front().path;
    }
    if (splade && !spec.sparse) {
      Fail(ErrorCode::kInvalidArgument, "the model is no SPLADE model",
           modules.Where() + ": found a Pooling module, expected SpladePooling",
           "leave the option out (--splade)");
    }
  } else if (splade || IsSparseEncoder(&files)) {
    AssumeSplade(splade ? "the caller's option" : kSentenceTransformersConfig, &spec);
  }
  spec.transformer_dir = folder.empty() ? dir : dir / folder;
  if (spec.is_static()) {
    ReadStaticModel(folder, &files, &spec);
    return spec;
  }
  spec.config = ReadConfig(folder, &files);
  const json::Value config = spec.config->root();

  // The known models are dense ones; a sparse one that was made from them is another.
  const auto recognition = spec.sparse ? std::nullopt : RecognizeModel(dir, config, on_warning);
  spec.known = recognition.has_value();
  const auto repo = RepoOfSnapshot(dir);
  spec.name = recognition ? recognition->name : repo ? *repo : FolderName(dir);

  TransformerOptions options;
  if (modules_json != nullptr && spec.sparse) {
    options = ReadTransformerOptions(folder, &files, TransformerTask::kFillMask);
    if (!is_mlm) RequireFillMask(options, folder);
  } else if (modules_json != nullptr) {
    options = ReadTransformerOptions(folder, &files);
    spec.modules = ReadModuleConfigs(entries, HiddenSize(config), &files);
    for (const ModuleEntry& entry : entries) spec.module_names.push_back(entry.name);
  } else if (!spec.sparse) {
    // Parity: the other files of sentence-transformers are then not read there either.
    HiddenSize(config);
    spec.modules.emplace_back(AssumePooling(recognition, spec, on_warning));
    spec.module_names = {"Transformer", "Pooling"};
  }
  spec.do_lower_case = options.do_lower_case;
  MaxLength max_length =
      ResolveMaxLength(options, config, folder, recognition ? recognition->model : nullptr, &files);
  spec.max_length = max_length.tokens;
  spec.max_length_source = std::move(max_length.source);
  ChooseInstructions(recognition, &spec);
  spec.files = files.names();
  return spec;
}

}  // namespace bge
