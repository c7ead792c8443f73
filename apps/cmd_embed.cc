// bge embed: texts to vectors.
#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/embedding_flags.h"
#include "apps/encode_stream.h"
#include "apps/text_input.h"
#include "apps/vector_writer.h"

#include <memory>

namespace bge::cli {
namespace {

struct EmbedOptions {
  EmbeddingFlags embedding;
  TextInputFlags input;
  std::string output;
  std::string output_format;
  bool with_text = false;
};

int Embed(const EmbedOptions& options, const RunContext& context) {
  // What can be wrong with the command line is found before the model is loaded.
  const auto reader = OpenTextInput(options.input, false, context);
  CheckNotTextInput(options.output, options.input);
  auto output = OpenOutput(options.output);
  const auto asked = ParseVectorFormat(options.output_format);
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
                 "npy, jsonl, f32, text (default: by the extension of --output; on standard output "
                 "text for a terminal, else jsonl)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"npy", "jsonl", "f32", "text"}));
  app.add_flag("--with-text", options->with_text, "Write the text into each JSONL object too");
  AddModelFlag(app, &options->embedding.model);
  AddRoleFlags(app, &options->embedding);
  AddVectorFlags(app, &options->embedding);
  AddEngineFlags(app, &options->embedding);
  app.footer(
      "Examples:\n"
      "  bge embed \"How do plants make sugar?\" --query\n"
      "  bge embed --input corpus.jsonl --output vectors.npy\n"
      "  cut -f2 titles.tsv | bge embed --output-format f32 > titles.f32\n"
      "  bge embed --model ./my-model --input qa.csv --field question --output questions.jsonl");
  app.callback([options, action] {
    *action = [options](const RunContext& context) { return Embed(*options, context); };
  });
}

}  // namespace bge::cli
