// bge bench: how fast a model is on this machine, and bge bench roof: how fast it could be.
#include "apps/arguments.h"
#include "apps/bench_report.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/embedding_flags.h"
#include "apps/output_stream.h"
#include "apps/representation_writer.h"
#include "apps/text_input.h"
#include "apps/text_reader.h"
#include "base/error.h"
#include "bench/model_speed.h"
#include "bench/roof.h"
#include "bench/work_texts.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

namespace bge::cli {
namespace {

constexpr int64_t kMostTexts = 10'000'000;

struct BenchFlags {
  EmbeddingFlags embedding;
  std::string work = "mixed";
  TextInputFlags input;
  std::optional<int64_t> texts;
  std::optional<std::string> representations;
  int64_t repeat = 3;
  int64_t queries = 200;
  int callers = 4;
  bool json = false;
};

struct RoofFlags {
  int threads = 0;
  bool json = false;
};

std::vector<std::string> ReadTexts(const BenchFlags& flags, const RunContext& context) {
  TextInputFlags input = flags.input;
  input.input = flags.work;
  const auto reader = OpenTextInput(input, false, context);
  std::vector<std::string> texts;
  TextRecord record;
  while ((!flags.texts || static_cast<int64_t>(texts.size()) < *flags.texts) &&
         reader->Next(&record)) {
    texts.push_back(std::move(record.text));
  }
  if (texts.empty()) {
    Fail(ErrorCode::kInvalidArgument, "no texts", reader->name(), "give a file with some");
  }
  if (flags.texts && static_cast<int64_t>(texts.size()) < *flags.texts) {
    PrintNote(fmt::format("{} has {} texts: --texts {} takes them all", reader->name(),
                          WithSeparators(std::ssize(texts)), *flags.texts));
  }
  return texts;
}

std::vector<std::string> TextsOf(const BenchFlags& flags, const RunContext& context) {
  if (flags.work.empty()) {
    throw UsageError("empty name: --work: give short, mixed, long, or a file of texts");
  }
  const auto work = ParseWork(flags.work);
  if (!work) return ReadTexts(flags, context);
  if (!flags.input.format.empty() || flags.input.field) {
    throw UsageError(
        "no input file: --format and --field: they say how the FILE of --work is read");
  }
  return MakeTexts(*work, flags.texts.value_or(DefaultTexts(*work)));
}

MeasuredModelOptions ModelToMeasure(const BenchFlags& flags, const RunContext& context) {
  MeasuredModelOptions options;
  options.model = ModelOf(flags.embedding);
  options.embedder = ToEmbedderOptions(flags.embedding);
  options.encode = ToEncodeOptions(flags.embedding, context);
  if (flags.representations) {
    options.kinds = ParseRepresentations(*flags.representations);
    if (!options.kinds) {
      throw UsageError("unknown kind of vector: --return " + Printable(*flags.representations, 60) +
                       ": give any of dense,sparse,colbert");
    }
  }
  if (!IsReranker(options.model)) return options;
  if (options.kinds || options.embedder.pooling || options.embedder.splade) {
    throw UsageError(
        "option without effect: --return, --pooling, --splade: the model is a reranker, which "
        "scores pairs");
  }
  options.reranker.threads = options.embedder.threads;
  options.reranker.max_length = options.embedder.max_length;
  options.reranker.compute_type = options.embedder.compute_type;
  options.reranker.packed_cache = options.embedder.packed_cache;
  options.reranker.on_warning = options.embedder.on_warning;
  return options;
}

int Bench(const BenchFlags& flags, const RunContext& context) {
  const auto output = OpenOutput("-");
  const std::vector<std::string> texts = TextsOf(flags, context);
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  ModelSpeedOptions options;
  options.model = ModelToMeasure(flags, context);
  options.repeat = flags.repeat;
  options.queries = flags.queries;
  options.callers = flags.callers;
  const ModelSpeed speed = MeasureModel(views, options);
  output->Write(flags.json ? SpeedJson(speed, flags.work) : SpeedText(speed, flags.work));
  output->Commit();
  return 0;
}

int Roof(const RoofFlags& flags, const RunContext& context) {
  const auto output = OpenOutput("-");
  RoofOptions options;
  options.threads = flags.threads;
  options.stop = context.stop;
  const RoofReport report = MeasureRoof(options);
  output->Write(flags.json ? RoofJson(report) : RoofText(report));
  output->Commit();
  return 0;
}

void SetUpRoof(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<RoofFlags>();
  AddThreadsFlag(app, &flags->threads);
  app.add_flag("--json", flags->json, "Print one JSON object");
  app.footer(
      "Measures, on one thread and on all: multiply-adds on registers alone for each data type;\n"
      "linear layers at the shapes of BGE's small, base and large models; attention; and reading\n"
      "memory.\n"
      "\n"
      "Examples:\n"
      "  bge bench roof\n"
      "  bge bench roof --threads 8 --json");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return Roof(*flags, context); };
  });
}

CLI::Option* AddNumber(CLI::App& app, const std::string& name, int64_t* value, int64_t most,
                       const std::string& description) {
  return app.add_option(name, *value, description)
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, most));
}

}  // namespace

void SetUpBench(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<BenchFlags>();
  SetUpRoof(*app.add_subcommand("roof", "Measure the limits of this machine"), action);

  AddString(app, "--work", &flags->work,
            "short, mixed or long: texts that are made for it (default: mixed); or a FILE of texts")
      ->type_name("NAME|FILE");
  app.add_option("--texts", flags->texts,
                 "How many texts (default: 1024 short, 512 mixed, 128 long; of a file all)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, kMostTexts));
  AddTextFormatFlags(app, &flags->input);
  AddNumber(app, "--repeat", &flags->repeat, 1000, "Passes over the texts (default: 3)");
  AddNumber(app, "--queries", &flags->queries, 1'000'000,
            "Queries whose latency is measured (default: 200)");
  app.add_option("--callers", flags->callers, "Callers that ask at once (default: 4)")
      ->type_name("N")
      ->check(CLI::Range(1, 256));
  AddModelFlag(app, &flags->embedding.model);
  AddString(app, "--return", &flags->representations,
            "Kinds of vectors, from one pass: any of dense,sparse,colbert (default: dense; of a "
            "model without dense vectors all that it makes)")
      ->type_name("KINDS");
  AddSpladeFlag(app, &flags->embedding);
  AddEngineFlags(app, &flags->embedding);
  app.add_flag("--json", flags->json, "Print one JSON object");
  app.footer(
      "Examples:\n"
      "  bge bench --model BAAI/bge-small-en-v1.5\n"
      "  bge bench --work corpus.jsonl --texts 1000 --threads 2 --json\n"
      "  bge bench --model BAAI/bge-m3 --return dense,sparse,colbert --work long\n"
      "  bge bench --model BAAI/bge-reranker-base\n"
      "  bge bench roof");
  app.callback([flags, action, &app] {
    if (!app.get_subcommands().empty()) {
      for (const CLI::Option* option : app.get_options()) {
        if (option->count() > 0) throw CLI::ExcludesError(option->get_name(), "roof");
      }
      return;
    }
    *action = [flags](const RunContext& context) { return Bench(*flags, context); };
  });
}

}  // namespace bge::cli
