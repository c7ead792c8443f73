// bge score: two texts by dense, sparse and colbert vectors, and by weighted means of the scores;
// or by the token vectors or the sparse vectors of a model that makes nothing else.
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
#include <cmath>
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

// Names and scores, in the order in which they are printed.
using Rows = std::vector<std::pair<std::string_view, float>>;

// The vectors of one of the two texts, of a model that reads queries and documents in ways of their
// own.
TextRepresentations EncodeOne(const Embedder& embedder, const ScoreFlags& flags,
                              const RunContext& context, const Representations& which, Role role,
                              size_t i) {
  EncodeOptions encode = ToEncodeOptions(flags.embedding, context);
  encode.role = role;
  TextRepresentations made =
      embedder.EncodeAll(std::span<const std::string>(flags.texts).subspan(i, 1), which, encode);
  if (made.stats.truncated_texts > 0) {
    PrintWarning(fmt::format("the {} was longer than {} tokens and was cut",
                             role == Role::kQuery ? "query" : "passage", made.stats.max_length));
  }
  return made;
}

// Of a model of token vectors alone.
Rows TokenScores(const Embedder& embedder, const ScoreFlags& flags, const RunContext& context) {
  const auto vectors = [&](Role role, size_t i) {
    return std::move(EncodeOne(embedder, flags, context, {.dense = false, .colbert = true}, role, i)
                         .colbert_vecs[0]);
  };
  const MultiVector query = vectors(Role::kQuery, 0);
  const MultiVector passage = vectors(Role::kDocument, 1);
  return {{"maxsim", MaxSim(query, passage)}, {"meanmaxsim", ColbertScore(query, passage)}};
}

// sentence-transformers' similarity function of that name, of two sparse vectors.
float SparseSimilarity(const SparseVector& a, const SparseVector& b, std::string_view name) {
  double a_squares = 0;
  double b_squares = 0;
  double squares = 0;    // of the differences
  double distances = 0;  // their absolute values
  for (size_t i = 0, j = 0; i < a.token_ids.size() || j < b.token_ids.size();) {
    const int64_t of_a = i < a.token_ids.size() ? a.token_ids[i] : INT64_MAX;
    const int64_t of_b = j < b.token_ids.size() ? b.token_ids[j] : INT64_MAX;
    const double x = of_a <= of_b ? a.weights[i++] : 0.0f;
    const double y = of_b <= of_a ? b.weights[j++] : 0.0f;
    a_squares += x * x;
    b_squares += y * y;
    squares += (x - y) * (x - y);
    distances += std::abs(x - y);
  }
  if (name == "euclidean") return static_cast<float>(-std::sqrt(squares));
  if (name == "manhattan") return static_cast<float>(-distances);
  const double lengths = name == "cosine" ? std::sqrt(a_squares) * std::sqrt(b_squares) : 1.0;
  return lengths > 0 ? static_cast<float>(LexicalMatchingScore(a, b) / lengths) : 0.0f;
}

// Of a sparse encoder, whose queries and documents may take different routes.
Rows SparseScores(const Embedder& embedder, const ScoreFlags& flags, const RunContext& context) {
  const auto vector = [&](Role role, size_t i) {
    return std::move(EncodeOne(embedder, flags, context, {.dense = false, .sparse = true}, role, i)
                         .lexical_weights[0]);
  };
  const SparseVector query = vector(Role::kQuery, 0);
  const SparseVector passage = vector(Role::kDocument, 1);
  Rows rows = {{"dot", LexicalMatchingScore(query, passage)}};
  const std::string& similarity = embedder.info().similarity;
  if (similarity != "dot") {
    rows.emplace_back(similarity, SparseSimilarity(query, passage, similarity));
  }
  return rows;
}

// By all kinds of vectors, and their weighted means.
Rows AllScores(const Embedder& embedder, const ScoreFlags& flags,
               const std::array<float, 3>& weights, const RunContext& context) {
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
  const Embedder embedder = LoadEmbedder(flags.embedding);
  const bool one_kind = !embedder.info().heads.dense;
  if (one_kind && (flags.clamp || flags.weights != ScoreFlags().weights)) {
    throw UsageError(
        "option without effect: --weights, --clamp: they go with a model of all three kinds");
  }
  const Rows rows = !one_kind                      ? AllScores(embedder, flags, weights, context)
                    : embedder.info().heads.sparse ? SparseScores(embedder, flags, context)
                                                   : TokenScores(embedder, flags, context);
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
  AddSpladeFlag(app, &flags->embedding);
  AddEngineFlags(app, &flags->embedding);
  app.footer(
      "Examples:\n"
      "  bge score --model BAAI/bge-m3 \"What is BGE M3?\" \"BGE M3 is a model.\"\n"
      "  bge score --model BAAI/bge-m3 \"a cat\" \"a kitten\" --weights 0.4,0.2,0.4 --json\n"
      "  bge score --model colbert-ir/colbertv2.0 \"who wrote Faust?\" \"Goethe wrote it.\"\n"
      "  bge score --model naver/splade-v3 \"who wrote Faust?\" \"Goethe wrote it.\"");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return Score(*flags, context); };
  });
}

}  // namespace bge::cli
