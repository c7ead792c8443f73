// bge embed: texts to vectors.
#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/embedding_flags.h"
#include "apps/encode_stream.h"
#include "apps/representation_writer.h"
#include "apps/text_input.h"
#include "apps/vector_writer.h"
#include "base/error.h"

#include <algorithm>
#include <memory>
#include <optional>

namespace bge::cli {
namespace {

struct EmbedOptions {
  EmbeddingFlags embedding;
  TextInputFlags input;
  std::string output;
  std::string output_format;
  bool with_text = false;
  std::optional<std::string> representations;
  bool sparse_tokens = false;
  bool colbert_float16 = false;
};

// With --return: all kinds of vectors from one pass, in other formats than dense ones alone.
int EmbedAll(const EmbedOptions& options, const RunContext& context) {
  RepresentationWriterOptions writing;
  const auto which = ParseRepresentations(*options.representations);
  if (!which) {
    throw UsageError("unknown kind of vector: --return " + Printable(*options.representations, 60) +
                     ": give any of dense,sparse,colbert");
  }
  writing.which = *which;
  const auto reader = OpenTextInput(options.input, false, context);
  CheckNotTextInput(options.output, options.input);
  writing.format = ChooseRepresentationFormat(options.output_format.empty() ? options.output : "-");
  if (!options.output_format.empty()) {
    const auto asked = ParseRepresentationFormat(options.output_format);
    if (!asked) {
      throw UsageError("format for dense vectors alone: --output-format " + options.output_format +
                       ": with --return give npz, safetensors or jsonl");
    }
    writing.format = *asked;
  }
  const bool jsonl = writing.format == RepresentationFormat::kJsonl;
  if (!jsonl && (options.with_text || options.sparse_tokens)) {
    throw UsageError("option without effect: --with-text, --sparse-tokens: they go with JSONL");
  }
  if (options.colbert_float16 && (jsonl || !which->colbert)) {
    throw UsageError(
        "option without effect: --colbert-f16: it goes with colbert vectors in .npz or "
        ".safetensors");
  }
  auto output = OpenOutput(options.output);
  if (output->is_terminal() && writing.format != RepresentationFormat::kJsonl) {
    throw UsageError("binary output on a terminal: --output-format " + options.output_format +
                     ": write to a file with --output");
  }

  const Embedder embedder = LoadEmbedder(options.embedding);
  const EncodeOptions encode = ToEncodeOptions(options.embedding, context);
  writing.dense_dimension = embedder.OutputDimension(encode);
  writing.colbert_dimension = embedder.info().colbert_dimension;
  if (encode.truncate_dim) {
    writing.colbert_dimension = std::min(writing.colbert_dimension, *encode.truncate_dim);
  }
  writing.with_text = options.with_text;
  writing.sparse_tokens = options.sparse_tokens;
  writing.colbert_float16 = options.colbert_float16;
  const auto writer =
      MakeRepresentationWriter(writing, embedder.tokenizer(), options.output, std::move(output));
  EncodeStream(*reader, embedder, *which, encode, context,
               [&writer](std::span<const TextRecord> records, const TextRepresentations& vectors) {
                 writer->Write(records, vectors);
               });
  writer->Finish(context.stop);
  return 0;
}

int Embed(const EmbedOptions& options, const RunContext& context) {
  if (options.representations) return EmbedAll(options, context);
  if (options.sparse_tokens || options.colbert_float16) {
    throw UsageError(
        "option without effect: --sparse-tokens, --colbert-f16: they go with --return");
  }
  // What can be wrong with the command line is found before the model is loaded.
  const auto reader = OpenTextInput(options.input, false, context);
  CheckNotTextInput(options.output, options.input);
  auto output = OpenOutput(options.output);
  const auto asked = ParseVectorFormat(options.output_format);
  if (!asked && !options.output_format.empty()) {
    throw UsageError("format for several kinds of vectors: --output-format " +
                     options.output_format + ": give --return too, or npy, jsonl, f32 or text");
  }
  const VectorFormat format = asked ? *asked : ChooseVectorFormat(options.output, *output);
  CheckVectorFormat(format, *output);

  const Embedder embedder = LoadEmbedder(options.embedding);
  const EncodeOptions encode = ToEncodeOptions(options.embedding, context);
  const auto writer = MakeVectorWriter(format, embedder.OutputDimension(encode), options.with_text,
                                       std::move(output));
  EncodeStream(*reader, embedder, encode, context,
               [&writer](std::span<const TextRecord> records, std::span<const float> vectors) {
                 writer->Write(records, vectors);
               });
  writer->Finish();
  return 0;
}

}  // namespace

void SetUpEmbed(CLI::App& app, Action* action) {
  const auto options = std::make_shared<EmbedOptions>();
  AddTextInputFlags(app, &options->input, true);
  AddString(app, "-o,--output", &options->output,
            "File to write; - is standard output (the default)")
      ->type_name("FILE");
  app.add_option("--output-format", options->output_format,
                 "npy, jsonl, f32, text; with --return npz, safetensors, jsonl (default: by the "
                 "extension of --output; on standard output text for a terminal, else jsonl)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"npy", "jsonl", "f32", "text", "npz", "safetensors"}));
  app.add_flag("--with-text", options->with_text, "Write the text into each JSONL object too");
  AddString(app, "--return", &options->representations,
            "Kinds of vectors, from one pass: any of dense,sparse,colbert (BGE-M3)")
      ->type_name("KINDS");
  app.add_flag("--sparse-tokens", options->sparse_tokens,
               "JSONL: sparse weights by token, for people, and not by token id");
  app.add_flag("--colbert-f16", options->colbert_float16,
               "npz, safetensors: colbert vectors as float16");
  AddModelFlag(app, &options->embedding.model);
  AddRoleFlags(app, &options->embedding);
  AddVectorFlags(app, &options->embedding);
  AddEngineFlags(app, &options->embedding);
  app.footer(
      "Examples:\n"
      "  bge embed \"How do plants make sugar?\" --query\n"
      "  bge embed --input corpus.jsonl --output vectors.npy\n"
      "  cut -f2 titles.tsv | bge embed --output-format f32 > titles.f32\n"
      "  bge embed --model BAAI/bge-m3 --return dense,sparse,colbert --input c.jsonl -o c.npz\n"
      "  bge embed --model ./my-model --input qa.csv --field question --output questions.jsonl");
  app.callback([options, action] {
    *action = [options](const RunContext& context) { return Embed(*options, context); };
  });
}

}  // namespace bge::cli
