// bge score: two texts by dense, sparse and colbert vectors, and by weighted means of the scores;
// or by the token vectors of a model that makes nothing else.
#include "bge/embedder.h"

#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/embedding_flags.h"
#include "apps/json_text.h"
#include "apps/output_stream.h"
#include "base/error.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bge::cli {
namespace {

struct ScoreFlags {
  EmbeddingFlags embedding;
  std::vector<std::string> texts;
  std::string weights = "1,1,1";
  bool clamp = false;
  bool json = false;
};

// "0.4,0.2,0.4"
std::array<float, 3> ParseWeights(std::string_view text) {
  std::array<float, 3> weights = {};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto [next, error] = std::from_chars(at, end, weights[i]);
    const bool last = i + 1 == weights.size();
    const bool ended = last ? next == end : next < end && *next == ',';
    if (error != std::errc() || !ended || !(weights[i] >= 0 && weights[i] < 1e6f)) {
      throw UsageError("not three weights: --weights " + Printable(text, 60) +
                       ": give those of dense, sparse and colbert, such as 0.4,0.2,0.4");
    }
    at = last ? next : next + 1;
  }
  return weights;
}

// Of a model of token vectors alone, which reads queries and documents in different ways.
std::vector<std::pair<std::string_view, float>> TokenScores(const Embedder& embedder,
                                                            const ScoreFlags& flags,
                                                            const RunContext& context) {
  EncodeOptions encode = ToEncodeOptions(flags.embedding, context);
  const auto vectors = [&](Role role, size_t i) {
    encode.role = role;
    TextRepresentations made =
        embedder.EncodeAll(std::span<const std::string>(flags.texts).subspan(i, 1),
                           {.dense = false, .colbert = true}, encode);
    if (made.stats.truncated_texts > 0) {
      PrintWarning(fmt::format("the {} was longer than {} tokens and was cut",
                               role == Role::kQuery ? "query" : "passage", made.stats.max_length));
    }
    return std::move(made.colbert_vecs[0]);
  };
  const MultiVector query = vectors(Role::kQuery, 0);
  const MultiVector passage = vectors(Role::kDocument, 1);
  return {{"maxsim", MaxSim(query, passage)}, {"meanmaxsim", ColbertScore(query, passage)}};
}

// By all kinds of vectors, and their weighted means.
std::vector<std::pair<std::string_view, float>> AllScores(const Embedder& embedder,
                                                          const ScoreFlags& flags,
                                                          const std::array<float, 3>& weights,
                                                          const RunContext& context) {
  EncodeOptions encode = ToEncodeOptions(flags.embedding, context);
  encode.instruction = "";  // compute_score puts nothing in front
  const TextRepresentations both =
      embedder.EncodeAll(std::span<const std::string>(flags.texts),
                         {.dense = true, .sparse = true, .colbert = true}, encode);
  if (both.stats.truncated_texts > 0) {
    PrintWarning(fmt::format("{} of 2 texts were longer than {} tokens and were cut",
                             both.stats.truncated_texts, both.stats.max_length));
  }
  const M3Scores scores = ComputeM3Scores(both, 0, both, 1, weights,
                                          flags.clamp ? ColbertClamp::kZero : ColbertClamp::kNone);
  return {{"colbert", scores.colbert},
          {"sparse", scores.sparse},
          {"dense", scores.dense},
          {"sparse+dense", scores.sparse_dense},
          {"colbert+sparse+dense", scores.colbert_sparse_dense}};
}

int Score(const ScoreFlags& flags, const RunContext& context) {
  if (flags.texts.size() != 2) {
    throw UsageError(fmt::format("found {} texts: QUERY PASSAGE: give two", flags.texts.size()));
  }
  const std::array<float, 3> weights = ParseWeights(flags.weights);
  const auto output = OpenOutput("-");
  const Embedder embedder = LoadEmbedder(flags.embedding, context);
  const bool tokens_alone = embedder.info().query_length > 0;
  if (tokens_alone && (flags.clamp || flags.weights != ScoreFlags().weights)) {
    throw UsageError(
        "option without effect: --weights, --clamp: they go with a model of all three kinds");
  }
  const auto rows = tokens_alone ? TokenScores(embedder, flags, context)
                                 : AllScores(embedder, flags, weights, context);
  std::string text;
  for (const auto& [name, score] : rows) {
    if (flags.json) {
      text += text.empty() ? "{" : ",";
      AppendJsonString(name, &text);
      text += ':';
      AppendJsonFloat(score, &text);
    } else {
      text += fmt::format("{:<22}{:.6f}\n", name, score);
    }
  }
  output->Write(flags.json ? text + "}\n" : text);
  output->Commit();
  return 0;
}

}  // namespace

void SetUpScore(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<ScoreFlags>();
  AddStrings(app, "TEXT", &flags->texts,
             "A query and a passage (after -- where one begins with -)");
  AddString(app, "--weights", &flags->weights,
            "Of dense, sparse and colbert in the weighted means (default: 1,1,1)")
      ->type_name("D,S,C");
  app.add_flag("--clamp", flags->clamp,
               "Colbert products below zero count as zero, as in FlagEmbedding's batches");
  app.add_flag("--json", flags->json, "Print one JSON object");
  AddModelFlag(app, &flags->embedding.model);
  AddEngineFlags(app, &flags->embedding);
  app.footer(
      "Examples:\n"
      "  bge score --model BAAI/bge-m3 \"What is BGE M3?\" \"BGE M3 is a model.\"\n"
      "  bge score --model BAAI/bge-m3 \"a cat\" \"a kitten\" --weights 0.4,0.2,0.4 --json\n"
      "  bge score --model colbert-ir/colbertv2.0 \"who wrote Faust?\" \"Goethe wrote it.\"");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return Score(*flags, context); };
  });
}

}  // namespace bge::cli
