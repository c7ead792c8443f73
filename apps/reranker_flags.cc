#include "apps/reranker_flags.h"

#include "apps/arguments.h"
#include "apps/console.h"
#include "apps/embedding_flags.h"
#include "apps/model_source.h"

namespace bge::cli {

namespace {

constexpr const char* kDefaultReranker = "BAAI/bge-reranker-base";
constexpr int64_t kMostTokens = int64_t{1} << 31;

}  // namespace

void AddRerankerFlags(CLI::App& app, RerankerFlags* flags) {
  AddName(app, "-m,--model", &flags->model,
          "Directory of a reranker or a ColBERT model, or a name on the Hugging Face hub (default: "
          "BAAI/bge-reranker-base)")
      ->type_name("MODEL");
  CLI::Option* const normalize =
      app.add_flag("--normalize", flags->normalize, "Scores from 0 to 1: a sigmoid of the logits");
  app.add_flag("--raw", flags->raw, "Scores are logits, whatever the model's own activation")
      ->excludes(normalize);
  AddString(app, "--instruction", &flags->instruction, "Put this in front of every query")
      ->type_name("TEXT");
  app.add_flag("--best-window", flags->best_window,
               "Score a passage that is too long by its best window instead of cutting it");
  app.add_option("--max-length", flags->max_length,
                 "Tokens of a pair, special tokens included (default: 512, or the model's limit "
                 "where that is less); of a ColBERT model: of a text (default: the model's)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
  app.add_option("--query-max-length", flags->query_max_length,
                 "Tokens of the query (default: three quarters of --max-length)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
  app.add_option("--pairs-as", flags->pair_style,
                 "How pairs are cut and scored: flagembedding (the passage is cut, logits) or "
                 "crossencoder (the longer one is cut, the model's activation); default: "
                 "crossencoder for a CrossEncoder's directory, else flagembedding")
      ->type_name("STYLE")
      ->check(CLI::IsMember({"flagembedding", "crossencoder"}));
  AddComputeFlags(app, &flags->dtype, &flags->packed_cache, &flags->batch_tokens);
  AddThreadsFlag(app, &flags->threads);
}

Reranker LoadReranker(const RerankerFlags& flags, const RunContext& context) {
  RerankerOptions options;
  options.threads = flags.threads;
  options.max_length = flags.max_length;
  options.packed_cache = flags.packed_cache;
  options.compute_type = ParseComputeChoice(flags.dtype).value_or(ComputeChoice::kDefault);
  if (flags.pair_style == "flagembedding") options.pair_style = PairStyle::kFlagEmbedding;
  if (flags.pair_style == "crossencoder") options.pair_style = PairStyle::kCrossEncoder;
  options.on_warning = PrintWarning;
  return Reranker::Load(
      ModelDirectory(flags.model.empty() ? kDefaultReranker : flags.model, context), options);
}

Embedder LoadTokenEmbedder(const RerankerFlags& flags, const RunContext& context) {
  EmbeddingFlags embedding;
  embedding.model = flags.model;
  embedding.threads = flags.threads;
  embedding.dtype = flags.dtype;
  embedding.packed_cache = flags.packed_cache;
  embedding.max_length = flags.max_length;
  return LoadEmbedder(embedding, context);
}

RerankOptions ToRerankOptions(const RerankerFlags& flags, const RunContext& context) {
  RerankOptions options;
  if (flags.normalize) options.normalize = true;
  if (flags.raw) options.normalize = false;
  options.query_max_length = flags.query_max_length;
  options.instruction = flags.instruction;
  options.best_window = flags.best_window;
  options.batch_tokens = flags.batch_tokens;
  options.stop = context.stop;
  return options;
}

}  // namespace bge::cli
