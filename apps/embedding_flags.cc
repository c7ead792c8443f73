#include "apps/embedding_flags.h"

#include "apps/arguments.h"
#include "apps/console.h"
#include "apps/model_source.h"
#include "base/env.h"

#include <limits>
#include <string>

namespace bge::cli {
namespace {

constexpr int64_t kMostTokens = int64_t{1} << 31;

CLI::Option* AddCount(CLI::App& app, const std::string& name, std::optional<int64_t>* value,
                      const std::string& description) {
  return app.add_option(name, *value, description)
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
}

}  // namespace

std::string DefaultModel() { return GetEnv("BGE_MODEL").value_or("BAAI/bge-small-en-v1.5"); }

std::string ModelOf(const EmbeddingFlags& flags) {
  return flags.model.empty() ? DefaultModel() : flags.model;
}

CLI::Option* AddModelFlag(CLI::App& app, std::string* model) {
  return AddName(app, "-m,--model", model,
                 "Model directory, or a name on the Hugging Face hub (default: $BGE_MODEL, else "
                 "BAAI/bge-small-en-v1.5)")
      ->type_name("MODEL");
}

void AddModelArgument(CLI::App& app, std::string* model) {
  CLI::Option* const positional = AddName(app, "MODEL", model, "The same as --model");
  AddModelFlag(app, model)->excludes(positional);
}

void AddComputeFlags(CLI::App& app, std::string* dtype, std::string* packed_cache,
                     int64_t* batch_tokens) {
  app.add_option("--dtype", *dtype,
                 "What the CPU multiplies: f32, bf16, int8, or auto (int8 for a model quantized to "
                 "it, else bf16 where the CPU has instructions for it, else f32); default: int8 "
                 "for a model quantized to it, else f32")
      ->type_name("TYPE")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "int8"}));
  AddName(app, "--packed-cache", packed_cache,
          "Keep packed weights in this folder, from where the next process maps them (default: "
          "$BGE_PACKED_CACHE, else none)")
      ->type_name("DIR");
  app.add_option("--batch-tokens", *batch_tokens,
                 "Tokens computed together on a thread (default: chosen)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
}

void AddEngineFlags(CLI::App& app, EmbeddingFlags* flags) {
  app.add_option(
         "--pooling", flags->pooling,
         "Instead of the model's pooling: cls, mean, max, mean_sqrt_len_tokens, weightedmean, "
         "lasttoken")
      ->type_name("NAME")
      ->check(CLI::IsMember(
          {"cls", "mean", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"}));
  AddComputeFlags(app, &flags->dtype, &flags->packed_cache, &flags->batch_tokens);
  AddCount(app, "--max-length", &flags->max_length,
           "Cut texts to so many tokens, special tokens included (default: the model's limit)");
  AddThreadsFlag(app, &flags->threads);
}

void AddThreadsFlag(CLI::App& app, int* threads) {
  app.add_option("--threads", *threads,
                 "Threads (default: one a physical core, within the container's CPU limit)")
      ->type_name("N")
      ->check(CLI::Range(1, kMaxThreads));
}

void AddRoleFlags(CLI::App& app, EmbeddingFlags* flags) {
  CLI::Option* const query =
      app.add_flag("--query", flags->query, "The texts are queries: add the model's instruction");
  CLI::Option* const passage =
      app.add_flag("--passage", flags->passage, "The texts are documents to be found");
  CLI::Option* const instruction =
      AddString(app, "--instruction", &flags->instruction, "Put this in front of every text")
          ->type_name("TEXT");
  CLI::Option* const prompt =
      AddString(app, "--prompt-name", &flags->prompt_name,
                "Put the model's prompt of this name in front (see bge info)")
          ->type_name("NAME");
  query->excludes(passage);
  instruction->excludes(prompt);
}

void AddVectorFlags(CLI::App& app, EmbeddingFlags* flags) {
  app.add_flag("--no-normalize", flags->no_normalize, "Do not scale vectors to length 1");
  AddCount(app, "--truncate-dim", &flags->truncate_dim,
           "Keep the first D values of each vector, then normalise (Matryoshka models)")
      ->type_name("D");
}

void AddExplainFlag(CLI::App& app, EmbeddingFlags* flags) {
  app.add_flag("--explain", flags->explain,
               "Say on standard error what is in force for the texts and where each setting came "
               "from");
}

void AddSpladeFlag(CLI::App& app, EmbeddingFlags* flags) {
  app.add_flag("--splade", flags->splade,
               "A masked-language model without modules.json is a SPLADE model");
}

void AddSparseFlags(CLI::App& app, EmbeddingFlags* flags) {
  AddCount(
      app, "--max-active-dims", &flags->max_active_dims,
      "Keep the N largest weights of each sparse vector (default: the model's limit, else all)");
}

EmbedderOptions ToEmbedderOptions(const EmbeddingFlags& flags) {
  EmbedderOptions options;
  options.threads = flags.threads;
  options.pooling = ParsePooling(flags.pooling);
  options.max_length = flags.max_length;
  options.splade = flags.splade;
  options.packed_cache = flags.packed_cache;
  options.compute_type = ParseComputeChoice(flags.dtype).value_or(ComputeChoice::kDefault);
  options.on_warning = PrintWarning;
  return options;
}

Embedder LoadEmbedder(const EmbeddingFlags& flags, const RunContext& context) {
  return Embedder::Load(ModelDirectory(ModelOf(flags), context), ToEmbedderOptions(flags));
}

bool NormalizesVectors(const ModelInfo& info) {
  return info.similarity != "dot" || info.normalizes;
}

EncodeOptions ToEncodeOptions(const EmbeddingFlags& flags, const RunContext& context) {
  EncodeOptions options;
  if (flags.query) options.role = Role::kQuery;
  if (flags.passage) options.role = Role::kDocument;
  options.instruction = flags.instruction;
  options.prompt_name = flags.prompt_name;
  if (flags.no_normalize) options.normalize = false;
  options.truncate_dim = flags.truncate_dim;
  options.max_active_dims = flags.max_active_dims;
  options.batch_tokens = flags.batch_tokens;
  options.stop = context.stop;
  return options;
}

}  // namespace bge::cli
