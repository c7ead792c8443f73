// bge rerank: passages of a query in the order of a reranker or a ColBERT model, or scores of pairs
// in theirs.
#include "bge/index.h"

#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/hit_writer.h"
#include "apps/json_text.h"
#include "apps/output_stream.h"
#include "apps/pair_scorer.h"
#include "apps/reranker_flags.h"
#include "apps/text_batches.h"
#include "apps/text_input.h"
#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace bge::cli {
namespace {

struct RerankFlags {
  RerankerFlags reranker;
  std::string query;
  std::string pairs;
  TextInputFlags input;
  int64_t top_k = 0;
  std::string output;
  std::string output_format;
  bool with_text = false;
};

// Pairs go through in chunks: memory does not grow with the input.
int ScorePairs(const RerankFlags& flags, const RunContext& context) {
  if (!flags.query.empty() || !flags.input.texts.empty() || !flags.input.input.empty()) {
    throw UsageError("both given: --pairs and --query or passages: pairs hold their own queries");
  }
  if (flags.top_k > 0 || flags.input.field ||
      (!flags.output_format.empty() && flags.output_format != "jsonl")) {
    throw UsageError(
        "option without effect: --top-k, --field, --output-format: pairs are scored in their "
        "order, "
        "as JSONL");
  }
  TextReaderOptions reading;
  reading.format = ParseTextFormat(flags.input.format);
  if (!reading.format && flags.pairs == "-") reading.format = TextFormat::kJsonl;
  reading.pair = true;
  reading.field = "query";
  reading.pair_field = "passage";
  reading.on_note = PrintWarning;
  reading.stop = context.stop;
  const auto reader = OnError(flags.input, OpenTextReader(flags.pairs, reading, context.stop_fd));
  CheckNotInput(flags.output, flags.pairs);
  const auto output = OpenOutput(flags.output);
  const auto scorer = LoadPairScorer(flags.reranker, context);

  Progress progress(reader->bytes_total());
  TextBatches batches(reader.get(), {.max_texts = 2048, .max_bytes = 2 << 20});
  int64_t done = 0;
  while (const auto batch = batches.Next()) {
    std::vector<TextPair> pairs;
    for (const TextRecord& record : batch->records) {
      pairs.push_back({record.text, record.text_pair});
    }
    const std::vector<float> scores = scorer->Score(pairs, [&](int64_t of_batch, int64_t) {
      progress.Update(done + of_batch, 0, batch->bytes_read);
    });
    done += std::ssize(pairs);
    std::string lines;
    for (size_t i = 0; i < scores.size(); ++i) {
      const TextRecord& record = batch->records[i];
      lines += '{';
      if (record.id) {
        lines += "\"_id\":";
        AppendJsonString(*record.id, &lines);
        lines += ',';
      }
      if (flags.with_text) {
        lines += "\"query\":";
        AppendJsonString(record.text, &lines);
        lines += ",\"passage\":";
        AppendJsonString(record.text_pair, &lines);
        lines += ',';
      }
      lines += "\"score\":";
      AppendJsonFloat(scores[i], &lines);
      lines += "}\n";
    }
    output->Write(lines);
    output->Flush();
  }
  if (context.stop.stop_requested()) {
    Fail(ErrorCode::kCancelled, "interrupted", reader->name(), "run the command again");
  }
  progress.Clear();
  output->Commit();
  scorer->WarnOfCuts("");
  return 0;
}

int RankPassages(const RerankFlags& flags, const RunContext& context) {
  if (flags.query.empty()) {
    throw UsageError("no query: --query: give one, or pairs with --pairs");
  }
  if (flags.with_text) {
    throw UsageError("option without effect: --with-text: it goes with --pairs");
  }
  const auto reader = OpenTextInput(flags.input, false, context);
  CheckNotTextInput(flags.output, flags.input);
  auto output = OpenOutput(flags.output);
  HitWriterOptions writing;
  const auto asked = ParseHitFormat(flags.output_format);
  writing.format = asked ? *asked : ChooseHitFormat(flags.output, *output);
  if (output->is_terminal()) writing.line_width = TerminalWidth();
  const auto writer = MakeHitWriter(writing, std::move(output));

  std::vector<TextRecord> records;
  for (TextRecord record; reader->Next(&record);) records.push_back(std::move(record));
  const auto scorer = LoadPairScorer(flags.reranker, context);
  std::vector<TextPair> pairs;
  for (const TextRecord& record : records) pairs.push_back({flags.query, record.text});
  const std::vector<float> scores = scorer->Score(pairs, {});

  // A passage without an id is known by its number, from 1.
  std::vector<std::string> ids;
  for (size_t i = 0; i < records.size(); ++i) {
    ids.push_back(records[i].id.value_or(std::to_string(i + 1)));
  }
  std::vector<Hit> hits;
  for (size_t i = 0; i < records.size(); ++i) {
    hits.push_back({static_cast<int64_t>(i), scores[i], ids[i], records[i].text});
  }
  KeepBest(flags.top_k, &hits);
  writer->Write("1", flags.query, hits);
  writer->Finish();
  scorer->WarnOfCuts("");
  return 0;
}

}  // namespace

void SetUpRerank(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<RerankFlags>();
  AddString(app, "-q,--query", &flags->query, "What the passages are scored for")
      ->type_name("TEXT");
  AddStrings(app, "PASSAGE", &flags->input.texts,
             "Passages, each an argument (after -- where one begins with -)");
  AddName(app, "-i,--input", &flags->input.input, "File of passages; - is standard input")
      ->type_name("FILE");
  AddTextFormatFlags(app, &flags->input);
  AddOnErrorFlag(app, &flags->input);
  AddName(app, "--pairs", &flags->pairs,
          "Instead: file of pairs, with the fields query and passage; - is standard input")
      ->type_name("FILE");
  app.add_option("-k,--top-k", flags->top_k, "The best so many passages alone (default: all)")
      ->type_name("K")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 31));
  AddName(app, "-o,--output", &flags->output, "File to write; - is standard output (the default)")
      ->type_name("FILE");
  app.add_option("--output-format", flags->output_format,
                 "text, jsonl, trec (default: by the extension of --output; on standard output "
                 "text for a terminal, else jsonl). Pairs: always jsonl")
      ->type_name("NAME")
      ->check(CLI::IsMember({"text", "jsonl", "trec"}));
  app.add_flag("--with-text", flags->with_text, "Pairs: write the texts into each object too");
  AddRerankerFlags(app, &flags->reranker);
  app.footer(
      "Examples:\n"
      "  bge rerank --query \"who wrote Faust?\" \"Goethe wrote it.\" \"Bread is baked.\"\n"
      "  bge rerank --query \"who wrote Faust?\" --input passages.jsonl --top-k 5\n"
      "  bge rerank --model BAAI/bge-reranker-v2-m3 --pairs pairs.jsonl --output scores.jsonl\n"
      "  bge rerank --model colbert-ir/colbertv2.0 --query \"who wrote Faust?\" --input p.jsonl");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) {
      return flags->pairs.empty() ? RankPassages(*flags, context) : ScorePairs(*flags, context);
    };
  });
}

}  // namespace bge::cli
