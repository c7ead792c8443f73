// bge embed: texts to vectors.
#include "bge/identity.h"

#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/embedding_flags.h"
#include "apps/encode_stream.h"
#include "apps/explain.h"
#include "apps/identity_file.h"
#include "apps/representation_writer.h"
#include "apps/resumable_output.h"
#include "apps/text_input.h"
#include "apps/vector_writer.h"
#include "base/error.h"

#include <fmt/format.h>

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
  bool resume = false;
};

// The kinds of --return.
Representations AskedKinds(const std::string& list) {
  if (const auto which = ParseRepresentations(list)) return *which;
  throw UsageError("unknown kind of vector: --return " + Printable(list, 60) +
                   ": give any of dense,sparse,colbert");
}

// How all kinds of vectors from one pass are written, in other formats than dense ones alone.
RepresentationFormat FormatOfAll(const EmbedOptions& options, const Representations& which) {
  RepresentationFormat format =
      ChooseRepresentationFormat(options.output_format.empty() ? options.output : "-");
  if (!options.output_format.empty()) {
    const auto asked = ParseRepresentationFormat(options.output_format);
    if (!asked) {
      throw UsageError("format for dense vectors alone: --output-format " + options.output_format +
                       ": with --return give npz, safetensors or jsonl");
    }
    format = *asked;
  }
  const bool jsonl = format == RepresentationFormat::kJsonl;
  if (!jsonl && (options.with_text || options.sparse_tokens)) {
    throw UsageError("option without effect: --with-text, --sparse-tokens: they go with JSONL");
  }
  if (options.colbert_float16 && (jsonl || !which.colbert)) {
    throw UsageError(
        "option without effect: --colbert-f16: it goes with colbert vectors in .npz or "
        ".safetensors");
  }
  return format;
}

// An output of FormatOfAll.
void CheckOutputOfAll(const EmbedOptions& options, RepresentationFormat format,
                      const OutputStream& output) {
  if (!output.is_terminal() || format == RepresentationFormat::kJsonl) return;
  throw UsageError("binary output on a terminal: --output-format " + options.output_format +
                   ": write to a file with --output");
}

void CheckOutputIsNotRead(const EmbedOptions& options, const IdentityFile& side) {
  CheckNotTextInput(options.output, options.input);
  if (!side.name().empty()) CheckNotTextInput(side.name(), options.input);
}

int WriteAll(const EmbedOptions& options, const Representations& which, const Embedder& embedder,
             TextReader& reader, std::unique_ptr<OutputStream> output, const RunContext& context) {
  const EncodeOptions encode = ToEncodeOptions(options.embedding, context);
  RepresentationWriterOptions writing;
  writing.format = FormatOfAll(options, which);
  CheckOutputOfAll(options, writing.format, *output);
  writing.which = which;
  writing.dense_dimension = embedder.OutputDimension(encode);
  writing.colbert_dimension = embedder.info().colbert_dimension;
  if (encode.truncate_dim) {
    writing.colbert_dimension = std::min(writing.colbert_dimension, *encode.truncate_dim);
  }
  writing.with_text = options.with_text;
  writing.sparse_tokens = options.sparse_tokens;
  writing.colbert_float16 = options.colbert_float16;
  if (writing.format != RepresentationFormat::kJsonl) {  // the others have no place for it
    writing.metadata = IdentityMetadata(embedder, options.embedding);
  }
  const IdentityFile side(writing.metadata.empty() ? options.output : "");
  const auto writer = MakeRepresentationWriter(writing, embedder.tokenizer(encode.role),
                                               options.output, std::move(output));
  EncodeStream(reader, embedder, which, encode, context,
               [&writer](std::span<const TextRecord> records, const TextRepresentations& vectors) {
                 writer->Write(records, vectors);
               });
  side.Remove();
  writer->Finish(context.stop);
  side.Write(embedder, options.embedding);
  return 0;
}

// With --return.
int EmbedAll(const EmbedOptions& options, const RunContext& context) {
  const Representations which = AskedKinds(*options.representations);
  const auto reader = OpenTextInput(options.input, false, context);
  CheckOutputIsNotRead(options, IdentityFile(options.output));
  const RepresentationFormat format = FormatOfAll(options, which);
  auto output = OpenOutput(options.output);
  CheckOutputOfAll(options, format, *output);
  const Embedder embedder = LoadEmbedder(options.embedding, context);
  Explain(embedder, options.embedding, options.embedding);
  return WriteAll(options, which, embedder, *reader, std::move(output), context);
}

// Options that make sense only for a model that makes no dense vectors.
bool WantsOtherVectors(const EmbedOptions& options) {
  if (options.sparse_tokens || options.colbert_float16) return true;
  if (!options.output_format.empty()) {
    return !ParseVectorFormat(options.output_format).has_value();
  }
  return options.output.ends_with(".npz") || options.output.ends_with(".safetensors");
}

// How dense vectors are written.
VectorFormat FormatOfDense(const EmbedOptions& options, const OutputStream& output) {
  if (options.sparse_tokens || options.colbert_float16) {
    throw UsageError(
        "option without effect: --sparse-tokens, --colbert-f16: they go with --return");
  }
  const auto asked = ParseVectorFormat(options.output_format);
  if (!asked && !options.output_format.empty()) {
    throw UsageError("format for several kinds of vectors: --output-format " +
                     options.output_format + ": give --return too, or npy, jsonl, f32 or text");
  }
  const VectorFormat format = asked ? *asked : ChooseVectorFormat(options.output, output);
  CheckVectorFormat(format, output);
  if (options.with_text && format != VectorFormat::kJsonl) {
    throw UsageError("option without effect: --with-text: it goes with JSONL");
  }
  return format;
}

// What must be the same in a run that goes on with the output of another.
ResumeSettings SettingsOf(const EmbedOptions& options, VectorFormat format,
                          const Embedder& embedder, const EncodeOptions& encode) {
  const EmbeddingFlags& flags = options.embedding;
  ResumeSettings settings;
  settings["model"] = embedder.info().name;
  settings["type"] = ComputeTypeName(embedder.info().compute_type);
  settings["dimension"] = std::to_string(embedder.OutputDimension(encode));
  settings["output format"] = VectorFormatName(format);
  settings["input format"] = options.input.format;
  settings["field"] = options.input.field.value_or("");
  settings["on error"] = options.input.on_error;
  settings["with text"] = options.with_text ? "yes" : "no";
  const ModelIdentity identity = *IdentifyModel(embedder.info());
  settings["fingerprint"] = identity.fingerprint;
  settings["space"] = identity.space;
  // What options change of vectors changes this one: role, instruction, pooling, length 1.
  std::string probe;
  for (const float value : embedder.Encode("A text to resume by.", encode)) {
    probe += fmt::format("{:.4f} ", value == 0 ? 0.0f : value);
    if (probe.size() > 60) break;
  }
  settings["vectors"] = probe;
  settings["pooling"] = flags.pooling;
  settings["max length"] = std::to_string(embedder.info().max_length);
  settings["instruction"] = flags.instruction.value_or("");
  return settings;
}

void CheckResumable(const EmbedOptions& options) {
  if (options.output.empty() || options.output == "-") {
    throw UsageError("nothing to resume: --resume: it goes with --output FILE");
  }
  if (options.representations || WantsOtherVectors(options)) {
    throw UsageError(
        "nothing to resume: --resume: it goes with dense vectors in .npy, .jsonl, .f32 or .txt");
  }
}

// With --resume.
int EmbedResumed(const EmbedOptions& options, const RunContext& context) {
  CheckResumable(options);
  const auto reader = OpenTextInput(options.input, false, context);
  const IdentityFile side(options.output);
  CheckOutputIsNotRead(options, side);
  for (const char* end : {".part", ".part.json"}) {
    CheckNotTextInput(options.output + end, options.input);
  }
  const auto asked = ParseVectorFormat(options.output_format);
  const VectorFormat format = asked ? *asked : VectorFormatOfName(options.output);
  const Embedder embedder = LoadEmbedder(options.embedding, context);
  Explain(embedder, options.embedding, options.embedding);
  const EncodeOptions encode = ToEncodeOptions(options.embedding, context);
  auto output = std::make_unique<ResumableOutput>(options.output,
                                                  SettingsOf(options, format, embedder, encode));
  ResumableOutput* const part = output.get();
  const int64_t rows = part->rows();
  if (rows > 0) {
    part->SkipDone(reader.get());
    PrintNote(fmt::format("{}: going on behind {} texts", Printable(options.output, 1000),
                          WithSeparators(rows)));
  }
  const auto writer = MakeVectorWriter(format, embedder.OutputDimension(encode), options.with_text,
                                       std::move(output), rows);
  EncodeStream(
      *reader, embedder, encode, context,
      [&](std::span<const TextRecord> records, std::span<const float> vectors) {
        writer->Write(records, vectors);
        part->Written(records);
      },
      ChunkSize::kSmall);
  side.Remove();
  writer->Finish();
  side.Write(embedder, options.embedding);
  return 0;
}

int Embed(const EmbedOptions& options, const RunContext& context) {
  if (options.resume) return EmbedResumed(options, context);
  if (options.representations) return EmbedAll(options, context);
  // What can be wrong with the command line is found before the model is loaded.
  const auto reader = OpenTextInput(options.input, false, context);
  const IdentityFile side(options.output);
  CheckOutputIsNotRead(options, side);
  auto output = OpenOutput(options.output);
  if (!WantsOtherVectors(options)) FormatOfDense(options, *output);

  const Embedder embedder = LoadEmbedder(options.embedding, context);
  Explain(embedder, options.embedding, options.embedding);
  if (const Representations& heads = embedder.info().heads; !heads.dense) {
    return WriteAll(options, heads, embedder, *reader, std::move(output), context);
  }
  const VectorFormat format = FormatOfDense(options, *output);
  const EncodeOptions encode = ToEncodeOptions(options.embedding, context);
  const auto writer = MakeVectorWriter(format, embedder.OutputDimension(encode), options.with_text,
                                       std::move(output));
  EncodeStream(*reader, embedder, encode, context,
               [&writer](std::span<const TextRecord> records, std::span<const float> vectors) {
                 writer->Write(records, vectors);
               });
  side.Remove();
  writer->Finish();
  side.Write(embedder, options.embedding);
  return 0;
}

}  // namespace

void SetUpEmbed(CLI::App& app, Action* action) {
  const auto options = std::make_shared<EmbedOptions>();
  AddTextInputFlags(app, &options->input, true);
  AddName(app, "-o,--output", &options->output, "File to write; - is standard output (the default)")
      ->type_name("FILE");
  app.add_option("--output-format", options->output_format,
                 "npy, jsonl, f32, text; with --return npz, safetensors, jsonl (default: by the "
                 "extension of --output; on standard output text for a terminal, else jsonl)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"npy", "jsonl", "f32", "text", "npz", "safetensors"}));
  app.add_flag("--resume", options->resume,
               "Go on where a run with this --output was cut off; finished rows are kept in "
               "FILE.part meanwhile");
  app.add_flag("--with-text", options->with_text, "Write the text into each JSONL object too");
  AddString(
      app, "--return", &options->representations,
      "Kinds of vectors, from one pass: any of dense,sparse,colbert (default: dense; of a model "
      "without dense vectors all that it makes)")
      ->type_name("KINDS");
  app.add_flag("--sparse-tokens", options->sparse_tokens,
               "JSONL: sparse weights by token, for people, and not by token id");
  app.add_flag("--colbert-f16", options->colbert_float16,
               "npz, safetensors: colbert vectors as float16");
  AddModelFlag(app, &options->embedding.model);
  AddRoleFlags(app, &options->embedding);
  AddVectorFlags(app, &options->embedding);
  AddSparseFlags(app, &options->embedding);
  AddSpladeFlag(app, &options->embedding);
  AddEngineFlags(app, &options->embedding);
  AddExplainFlag(app, &options->embedding);
  app.footer(
      "Examples:\n"
      "  bge embed \"How do plants make sugar?\" --query\n"
      "  bge embed --input corpus.jsonl --output vectors.npy\n"
      "  cut -f2 titles.tsv | bge embed --output-format f32 > titles.f32\n"
      "  bge embed --model BAAI/bge-m3 --return dense,sparse,colbert --input c.jsonl -o c.npz\n"
      "  bge embed --model naver/splade-v3 \"a cat\" --sparse-tokens\n"
      "  bge embed --model ./my-model --input qa.csv --field question --output questions.jsonl");
  app.callback([options, action] {
    *action = [options](const RunContext& context) { return Embed(*options, context); };
  });
}

}  // namespace bge::cli
