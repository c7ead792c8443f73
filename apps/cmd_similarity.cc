// bge similarity: one text against others, by the similarity that the model was made for.
#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/embedding_flags.h"
#include "apps/json_text.h"
#include "apps/output_stream.h"
#include "base/error.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <span>

namespace bge::cli {
namespace {

struct SimilarityFlags {
  EmbeddingFlags embedding;
  std::vector<std::string> texts;
  bool json = false;
};

float Score(std::string_view similarity, std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i];
    const double y = b[i];
    if (similarity == "euclidean") {
      sum -= (x - y) * (x - y);
    } else if (similarity == "manhattan") {
      sum -= std::fabs(x - y);
    } else {
      sum += x * y;
    }
  }
  return static_cast<float>(similarity == "euclidean" ? -std::sqrt(-sum) : sum);
}

int Similarity(const SimilarityFlags& flags, const RunContext& context) {
  if (flags.texts.size() < 2) {
    throw UsageError("one text: TEXT: give another one to compare it with");
  }
  const auto output = OpenOutput("-");
  const Embedder embedder = LoadEmbedder(flags.embedding, context);
  const std::string& similarity = embedder.info().similarity;
  // The cosine is the inner product of vectors of length 1; the others are of the vectors as the
  // model's modules leave them.
  EncodeOptions options = ToEncodeOptions(flags.embedding, context);
  options.normalize = similarity == "cosine" || embedder.info().normalizes;
  EncodeOptions others = options;
  if (flags.embedding.query) others.role = Role::kDocument;

  const auto texts = std::span(flags.texts);
  const TextRepresentations first = embedder.EncodeAll(texts.first(1), {.dense = true}, options);
  const TextRepresentations rest = embedder.EncodeAll(texts.subspan(1), {.dense = true}, others);
  const std::span<const float> a = first.dense_vecs[0];
  const Embeddings& b = rest.dense_vecs;
  const int64_t cut = first.stats.truncated_texts + rest.stats.truncated_texts;
  if (cut > 0) {
    PrintWarning(fmt::format("{} of {} texts were longer than {} tokens and were cut", cut,
                             texts.size(), rest.stats.max_length));
  }
  std::string lines;
  for (int64_t i = 0; i < b.count; ++i) {
    const float score = Score(similarity, a, b[i]);
    const std::string& text = texts[static_cast<size_t>(i) + 1];
    if (flags.json) {
      lines += "{\"score\":";
      AppendJsonFloat(score, &lines);
      lines += ",\"text\":";
      AppendJsonString(text, &lines);
      lines += "}\n";
    } else {
      lines += fmt::format("{:.4f}\t{}\n", score, Printable(text, text.size() * 4));
    }
  }
  output->Write(lines);
  output->Commit();
  return 0;
}

}  // namespace

void SetUpSimilarity(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<SimilarityFlags>();
  AddStrings(
      app, "TEXT", &flags->texts,
      "The first text is compared with each of the others (after -- where one begins with -)");
  AddModelFlag(app, &flags->embedding.model);
  app.add_flag("--query", flags->embedding.query,
               "The first text is a query, the others are documents: add the model's instructions");
  AddString(app, "--instruction", &flags->embedding.instruction, "Put this in front of every text")
      ->type_name("TEXT");
  app.add_flag("--json", flags->json, "Print a JSON object a line: score, text");
  AddEngineFlags(app, &flags->embedding);
  app.footer(
      "Examples:\n"
      "  bge similarity \"a cat\" \"a kitten\" \"a train\"\n"
      "  bge similarity --query \"who wrote Faust?\" \"Goethe wrote it.\" \"Bread is baked.\"");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return Similarity(*flags, context); };
  });
}

}  // namespace bge::cli
