// bge search: the texts of an index that are nearest to queries.
#include "bge/index.h"

#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/embedding_flags.h"
#include "apps/encode_stream.h"
#include "apps/explain.h"
#include "apps/hit_writer.h"
#include "apps/index_space.h"
#include "apps/pair_scorer.h"
#include "apps/reranker_flags.h"
#include "apps/text_input.h"
#include "base/error.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace bge::cli {
namespace {

// Hits of so many queries at once are held in memory before they are written.
constexpr int64_t kMaxHitsHeld = 1 << 20;
constexpr int64_t kRerankDepth = 100;

struct SearchFlags {
  std::string dir;
  int64_t top_k = 10;
  EmbeddingFlags embedding;
  TextInputFlags input;
  std::string output;
  std::string output_format;
  HitWriterOptions writer;
  bool no_text = false;
  std::string reranker;
  std::optional<int64_t> rerank_depth;
};

// Puts the hits of each query, of which more were found than are wanted, in a reranker's order.
void Rerank(PairScorer& scorer, std::span<const TextRecord> queries, int64_t top_k,
            std::vector<std::vector<Hit>>* hits) {
  std::vector<TextPair> pairs;
  for (size_t i = 0; i < queries.size(); ++i) {
    for (const Hit& hit : (*hits)[i]) pairs.push_back({queries[i].text, hit.text});
  }
  const std::vector<float> scores = scorer.Score(pairs, {});
  auto score = scores.begin();
  for (std::vector<Hit>& of_query : *hits) {
    for (Hit& hit : of_query) hit.score = *score++;
    KeepBest(top_k, &of_query);
  }
}

std::unique_ptr<TextReader> OpenQueries(const SearchFlags& flags, const RunContext& context) {
  if (!flags.input.texts.empty() && !flags.input.input.empty()) {
    throw UsageError("both given: QUERY and --queries: give one of them");
  }
  if (flags.input.texts.empty() && flags.input.input.empty() && isatty(STDIN_FILENO) == 1) {
    throw UsageError("no query: QUERY or --queries: give one, or - to type them, a query a line");
  }
  return OpenTextInput(flags.input, false, context);
}

int Search(const SearchFlags& flags, const RunContext& context) {
  if (flags.reranker.empty() && flags.rerank_depth) {
    throw UsageError("option without effect: --rerank-depth: it goes with --rerank");
  }
  const auto reader = OpenQueries(flags, context);
  CheckNotTextInput(flags.output, flags.input);
  CheckNotWithin(flags.output, flags.dir);
  auto output = OpenOutput(flags.output);
  HitWriterOptions writer_options = flags.writer;
  const auto asked = ParseHitFormat(flags.output_format);
  writer_options.format = asked ? *asked : ChooseHitFormat(flags.output, *output);
  writer_options.with_text = !flags.no_text;
  writer_options.with_query = flags.input.texts.size() != 1 || flags.input.texts[0] == "-";
  if (output->is_terminal()) writer_options.line_width = TerminalWidth();
  const auto writer = MakeHitWriter(writer_options, std::move(output));

  const Index index = Index::Open(flags.dir);
  EmbeddingFlags embedding = flags.embedding;
  ApplySpace(index.info(), &embedding);
  embedding.query = !embedding.passage;
  EmbeddingFlags loading = embedding;
  loading.max_length.reset();  // it is for the queries
  const Embedder embedder =
      LoadSpaceEmbedder(index.info(), flags.dir, loading, !flags.embedding.model.empty(), context);
  CheckSpace(index.info(), flags.dir, embedding, embedder);
  Explain(embedder, embedding, flags.embedding, {.space = "the index", .normalize = "the index"});

  std::unique_ptr<PairScorer> reranker;
  if (!flags.reranker.empty()) {
    RerankerFlags reranking;
    reranking.model = flags.reranker;
    reranking.threads = embedding.threads;
    reranking.dtype = flags.embedding.dtype;
    reranking.packed_cache = embedding.packed_cache;
    reranking.batch_tokens = embedding.batch_tokens;
    reranker = LoadPairScorer(reranking, context);
  }
  const int64_t depth =
      reranker ? std::max(flags.rerank_depth.value_or(kRerankDepth), flags.top_k) : flags.top_k;

  EncodeOptions encode = ToEncodeOptions(embedding, context);
  encode.max_length = embedding.max_length;
  const auto dimension = static_cast<size_t>(index.info().dimension);
  const auto group =
      static_cast<size_t>(std::max<int64_t>(1, kMaxHitsHeld / std::max<int64_t>(1, depth)));
  int64_t number = 0;
  EncodeStream(*reader, embedder, encode, context,
               [&](std::span<const TextRecord> records, std::span<const float> vectors) {
                 for (size_t begin = 0; begin < records.size(); begin += group) {
                   const size_t n = std::min(group, records.size() - begin);
                   auto hits = index.Search(vectors.subspan(begin * dimension, n * dimension),
                                            depth, embedder.threads());
                   if (reranker) Rerank(*reranker, records.subspan(begin, n), flags.top_k, &hits);
                   for (size_t i = 0; i < n; ++i) {
                     const TextRecord& query = records[begin + i];
                     const std::string count = std::to_string(++number);
                     writer->Write(query.id.value_or(count), query.text, hits[i]);
                   }
                   if (context.stop.stop_requested()) {
                     Fail(ErrorCode::kCancelled, "interrupted", flags.dir, "run the command again");
                   }
                 }
                 writer->Flush();
               });
  writer->Finish();
  if (reranker) reranker->WarnOfCuts(" to rerank");
  return 0;
}

}  // namespace

void SetUpSearch(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<SearchFlags>();
  AddName(app, "DIR", &flags->dir, "Directory of the index")->required();
  AddStrings(app, "QUERY", &flags->input.texts,
             "Queries, each an argument (after -- where one begins with -)");
  AddName(app, "--queries", &flags->input.input, "File of queries; - is standard input")
      ->type_name("FILE");
  app.add_option(
         "--format", flags->input.format,
         "Format of the queries: lines, jsonl, csv, tsv (default: by the file's extension, else "
         "lines)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"lines", "jsonl", "csv", "tsv"}));
  AddString(app, "--field", &flags->input.field,
            "JSON field or column of the query (default: text); a number is a column of a table "
            "without a header line")
      ->type_name("NAME");
  AddOnErrorFlag(app, &flags->input);
  app.add_option("-k,--top-k", flags->top_k, "Texts found for each query (default: 10)")
      ->type_name("K")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 31));
  AddName(app, "-o,--output", &flags->output, "File to write; - is standard output (the default)")
      ->type_name("FILE");
  app.add_option("--output-format", flags->output_format,
                 "text, jsonl, trec (default: by the extension of --output: .txt, .jsonl, .run or "
                 ".trec; on standard output text for a terminal, else jsonl)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"text", "jsonl", "trec"}));
  app.add_flag("--no-text", flags->no_text, "Leave the texts out of JSONL objects");
  AddString(app, "--tag", &flags->writer.tag, "Name of the run in the TREC format (default: bge)")
      ->type_name("NAME")
      ->check([](const std::string& tag) {
        const bool fits = !tag.empty() && tag.find_first_of(" \t\r\n\v\f") == std::string::npos;
        return fits ? std::string() : std::string("it is empty or has white space in it");
      });
  AddName(app, "-m,--model", &flags->embedding.model,
          "Model directory or name (default: the one that the index was built with)")
      ->type_name("MODEL");
  AddName(
      app, "--rerank", &flags->reranker,
      "Order what was found by the scores of this reranker or ColBERT model: a directory or name")
      ->type_name("MODEL");
  app.add_option("--rerank-depth", flags->rerank_depth,
                 "Texts that the reranker gets for each query (default: 100, at least --top-k)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  AddRoleFlags(app, &flags->embedding);
  AddEngineFlags(app, &flags->embedding);
  AddExplainFlag(app, &flags->embedding);
  app.footer(
      "Queries get the model's instruction for queries (--query) unless --passage, --instruction "
      "or\n"
      "--prompt-name say otherwise. A query without an id is known by its number, from 1.\n"
      "\n"
      "Examples:\n"
      "  bge search ./index \"How do plants make sugar?\"\n"
      "  bge search ./index --queries queries.jsonl --top-k 1000 --output bge.run\n"
      "  bge search ./index \"chlorophyll\" --rerank BAAI/bge-reranker-base --top-k 5\n"
      "  bge search ./index \"chlorophyll\" --output-format jsonl | jq .hits");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return Search(*flags, context); };
  });
}

}  // namespace bge::cli
