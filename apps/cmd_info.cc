// bge info: what a model is, and which file or rule decided each setting.
#include "bge/identity.h"

#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/embedding_flags.h"
#include "apps/json_object.h"
#include "apps/json_text.h"
#include "apps/model_source.h"
#include "apps/output_stream.h"
#include "base/error.h"

#include <fmt/format.h>

#include <memory>

namespace bge::cli {
namespace {

struct InfoFlags {
  EmbeddingFlags embedding;
  bool json = false;
};

std::string Joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string joined;
  for (const std::string& part : parts) {
    if (!joined.empty()) joined += separator;
    joined += part;
  }
  return joined;
}

std::vector<std::string> PoolingNames(const ModelInfo& info) {
  std::vector<std::string> names;
  for (const Pooling pooling : info.poolings) names.emplace_back(PoolingName(pooling));
  return names;
}

constexpr size_t kMostShown = 1 << 16;

// What comes from the model's files is shown on one line, whatever it contains.
std::string Quoted(std::string_view text) {
  std::string quoted;
  AppendJsonString(text, &quoted);
  return Printable(quoted, kMostShown);
}

std::string WithSource(std::string value, const std::string& source) {
  return source.empty() ? value : fmt::format("{}  ({})", value, Printable(source));
}

class Table {
 public:
  void Row(std::string_view name, std::string_view value) {
    text_ += fmt::format("{:<14}{}\n", name, value);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::vector<std::string> Heads(const ModelInfo& info) {
  std::vector<std::string> heads;
  if (info.heads.dense) heads.emplace_back("dense");
  if (info.heads.sparse) heads.emplace_back("sparse");
  if (info.heads.colbert) heads.emplace_back("colbert");
  return heads;
}

// "dense, sparse, colbert (1024 values a token)"
std::string HeadNames(const ModelInfo& info) {
  std::string names = Joined(Heads(info), ", ");
  if (info.heads.colbert) names += fmt::format(" ({} values a token)", info.colbert_dimension);
  return names;
}

// How a model of token vectors reads queries and documents.
void AddRoleRows(const ModelInfo& info, Table* table) {
  table->Row("query length",
             WithSource(fmt::format("{} tokens", info.query_length), info.query_length_source));
  if (info.query_expansion_length > 0) {
    table->Row("", fmt::format("shorter ones are filled up to {} tokens with {}, {}",
                               info.query_expansion_length, Printable(info.query_expansion_token),
                               info.query_expansion_attended ? "which others attend to"
                                                             : "which no token attends to"));
  }
  table->Row("text length", WithSource(fmt::format("{} tokens of a document", info.document_length),
                                       info.document_length_source));
}

std::string Instruction(const std::string& text) {
  return "instruction " + (text.empty() ? std::string("none") : Quoted(text));
}

// What every model has comes first, in the same words; the files come last.
template <typename ModelOrRerankerInfo>
void AddCommonRows(const ModelOrRerankerInfo& info, std::string_view kind, Table* table) {
  table->Row("name", Printable(info.name));
  table->Row("path", Printable(info.path, 4096));
  table->Row("kind", kind);
  table->Row("architecture", Printable(info.architecture));
  table->Row("size", info.num_layers == 0
                         ? fmt::format("no layers, {} word pieces", WithSeparators(info.vocab_size))
                         : fmt::format("{} layers, hidden {}, {} heads, feed-forward {}, {} word "
                                       "pieces",
                                       info.num_layers, info.hidden_size, info.num_heads,
                                       info.intermediate_size, WithSeparators(info.vocab_size)));
  table->Row("parameters", fmt::format("{} ({})", WithSeparators(info.num_parameters),
                                       Printable(info.weights_dtype)));
  table->Row("max length", WithSource(LengthText(info.max_length), info.max_length_source));
}

template <typename ModelOrRerankerInfo>
void AddCommonMembers(const ModelOrRerankerInfo& info, const std::string& kind,
                      JsonObject* object) {
  object->Text("name", info.name);
  object->Text("path", info.path);
  object->Text("kind", kind);
  object->Text("architecture", info.architecture);
  object->Number("num_layers", info.num_layers);
  object->Number("hidden_size", info.hidden_size);
  object->Number("num_heads", info.num_heads);
  object->Number("intermediate_size", info.intermediate_size);
  object->Number("vocab_size", info.vocab_size);
  object->Number("num_parameters", info.num_parameters);
  object->Text("weights_dtype", info.weights_dtype);
  object->Number("max_length", info.max_length);
  object->Text("max_length_source", info.max_length_source);
}

// "30,522 values, compared by dot"; of sparse vectors where there are no dense ones.
std::string VectorsOf(const ModelInfo& info) {
  const bool sparse = !info.heads.dense && info.heads.sparse;
  return fmt::format(
      "{} values, compared by {}",
      sparse ? WithSeparators(info.sparse_dimension) : fmt::format("{}", info.dimension),
      Printable(info.similarity));
}

// "cls", or "max of log1p(relu)".
std::string PoolingOf(const ModelInfo& info) {
  if (info.sparse_pooling.empty()) return Joined(PoolingNames(info), " + ");
  return fmt::format("{}, {}", info.sparse_pooling, info.sparse_activation);
}

std::string InfoText(const RerankerInfo& info, const std::string& fingerprint) {
  Table table;
  AddCommonRows(info, "reranker", &table);
  table.Row("pairs", WithSource(fmt::format("as {} does", PairStyleName(info.pair_style)),
                                info.pair_style_source));
  const bool raw = info.pair_style == PairStyle::kFlagEmbedding;
  table.Row("scores", raw ? "logits; with --normalize a sigmoid of them"
                          : WithSource(info.activation, info.activation_source));
  table.Row("queries", Instruction(info.default_prompt));
  table.Row("fingerprint", fingerprint);
  for (const std::string& file : info.files) table.Row("file", Printable(file, 4096));
  return table.text();
}

std::string InfoJson(const RerankerInfo& info, const std::string& fingerprint) {
  std::string text;
  JsonObject object(&text);
  AddCommonMembers(info, "reranker", &object);
  object.Text("pair_style", std::string(PairStyleName(info.pair_style)));
  object.Text("pair_style_source", info.pair_style_source);
  object.Text("activation", info.activation);
  object.Text("activation_source", info.activation_source);
  object.Text("query_instruction", info.default_prompt);
  object.Text("fingerprint", fingerprint);
  object.Texts("files", info.files);
  object.End();
  text += '\n';
  return text;
}

std::string InfoText(const ModelInfo& info, const ModelIdentity& identity) {
  Table table;
  AddCommonRows(info, "embedder", &table);
  if (info.heads.dense || info.heads.sparse) {
    table.Row("vectors", VectorsOf(info));
  } else {
    table.Row("vectors", "compared by " + Printable(info.similarity));
  }
  table.Row("heads", HeadNames(info));
  if (info.query_length > 0) AddRoleRows(info, &table);
  if (info.heads.dense || !info.sparse_pooling.empty()) {
    table.Row("pooling", WithSource(PoolingOf(info), info.pooling_source));
  }
  if (info.max_active_dims > 0) {
    table.Row("", fmt::format("the {} largest weights of each vector", info.max_active_dims));
  }
  if (!info.include_prompt) table.Row("", "the prompt's tokens are left out of pooling");
  table.Row("modules", Printable(Joined(info.modules, " > "), 1000));
  table.Row("queries", WithSource(Instruction(info.query_instruction), info.instruction_source));
  const std::string by_token = "weights by token from " + Printable(info.query_weights, 1000);
  if (!info.query_weights.empty()) table.Row("", by_token);
  table.Row("documents", Instruction(info.document_instruction));
  if (!info.has_transformer) table.Row("", by_token);
  for (const auto& [name, prompt] : info.prompts) {
    table.Row("prompt", fmt::format("{}: {}{}", Printable(name), Quoted(prompt),
                                    name == info.default_prompt_name ? "  (the default)" : ""));
  }
  table.Row("fingerprint", identity.fingerprint);
  table.Row("space", WithSource(identity.space, identity.quantized ? "quantized_from" : ""));
  for (const std::string& file : info.files) table.Row("file", Printable(file, 4096));
  return table.text();
}

std::string InfoJson(const ModelInfo& info, const ModelIdentity& identity) {
  std::string text;
  JsonObject object(&text);
  AddCommonMembers(info, "embedder", &object);
  object.Number("dimension", info.dimension);
  object.Texts("heads", Heads(info));
  object.Number("colbert_dimension", info.colbert_dimension);
  object.Number("sparse_dimension", info.sparse_dimension);
  object.Text("similarity", info.similarity);
  if (info.query_length > 0) {
    object.Number("query_length", info.query_length);
    object.Text("query_length_source", info.query_length_source);
    object.Number("document_length", info.document_length);
    object.Text("document_length_source", info.document_length_source);
    object.Text("query_expansion_token", info.query_expansion_token);
    object.Number("query_expansion_length", info.query_expansion_length);
    object.Flag("query_expansion_attended", info.query_expansion_attended);
  }
  object.Texts("pooling", PoolingNames(info));
  object.Text("pooling_source", info.pooling_source);
  object.Text("sparse_pooling", info.sparse_pooling);
  object.Text("sparse_activation", info.sparse_activation);
  object.Number("max_active_dims", info.max_active_dims);
  object.Text("query_weights", info.query_weights);
  object.Flag("include_prompt", info.include_prompt);
  object.Flag("normalizes", info.normalizes);
  object.Texts("modules", info.modules);
  object.Map("prompts", info.prompts);
  object.Text("default_prompt_name", info.default_prompt_name);
  object.Text("query_instruction", info.query_instruction);
  object.Text("document_instruction", info.document_instruction);
  object.Text("instruction_source", info.instruction_source);
  object.Text("fingerprint", identity.fingerprint);
  object.Text("space", identity.space);
  object.Flag("quantized_copy", identity.quantized);
  object.Texts("files", info.files);
  object.End();
  text += '\n';
  return text;
}

int Info(const InfoFlags& flags, const RunContext& context) {
  const auto output = OpenOutput("-");
  EmbeddingFlags embedding = flags.embedding;
  embedding.model = ModelDirectory(ModelOf(flags.embedding), context);
  if (IsReranker(embedding.model)) {
    const RerankerInfo info = Reranker::Inspect(embedding.model, {.on_warning = PrintWarning});
    const std::string fingerprint = *FingerprintOf(info);
    output->Write(flags.json ? InfoJson(info, fingerprint) : InfoText(info, fingerprint));
    output->Commit();
    return 0;
  }
  const ModelInfo info = Embedder::Inspect(embedding.model, ToEmbedderOptions(embedding));
  const ModelIdentity identity = *IdentifyModel(info);
  output->Write(flags.json ? InfoJson(info, identity) : InfoText(info, identity));
  output->Commit();
  return 0;
}

}  // namespace

void SetUpInfo(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<InfoFlags>();
  AddModelArgument(app, &flags->embedding.model);
  AddSpladeFlag(app, &flags->embedding);
  app.add_flag("--json", flags->json, "Print one JSON object");
  app.footer(
      "Examples:\n"
      "  bge info BAAI/bge-small-en-v1.5\n"
      "  bge info ./my-model --json");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return Info(*flags, context); };
  });
}

}  // namespace bge::cli
