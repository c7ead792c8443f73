// bge bench as a user runs it, on a tiny model.
#include "apps/run_program.h"
#include "base/json.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <sstream>

namespace bge::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Of the tiny model that every test's BGE_MODEL is.
constexpr int64_t kLayers = 3;
constexpr int64_t kHidden = 32;
constexpr int64_t kInner = 64;

struct Stage {
  double thread_s;
  double percent;
  int64_t calls;
  int64_t bytes;
  int64_t flops;
};

std::map<std::string, Stage> StagesOf(const json::Value& report) {
  std::map<std::string, Stage> stages;
  for (const json::Value& stage : report.At("stages").Elements()) {
    stages[std::string(stage.At("stage").AsString())] = {
        .thread_s = stage.At("thread_s").AsDouble(),
        .percent = stage.At("percent").AsDouble(),
        .calls = stage.At("calls").AsInt(),
        .bytes = stage.At("bytes").AsInt(),
        .flops = stage.At("flops").AsInt()};
  }
  return stages;
}

// Tokens of each line of `texts`, as the model cuts them.
std::vector<int64_t> LengthsOf(const std::string& texts) {
  std::vector<int64_t> lengths;
  std::istringstream lines(RunBge({"tokenize", "--ids"}, {.input = texts}).out);
  for (std::string line; std::getline(lines, line);) {
    lengths.push_back(1 + std::count(line.begin(), line.end(), ' '));
  }
  return lengths;
}

TEST(Bench, CountsTheWorkOfAKnownBatch) {
  const std::string texts = "one text\na second text of more words\n\n";
  const std::vector<int64_t> lengths = LengthsOf(texts);
  ASSERT_EQ(lengths.size(), 3u);
  int64_t tokens = 0;
  int64_t pairs = 0;
  for (const int64_t length : lengths) {
    tokens += length;
    pairs += length * length;
  }
  const test::TempDir dir;
  const std::string file = dir.Write("texts.txt", texts).string();
  const ProgramResult result =
      RunBge({"bench", "--work", file, "--pooling", "mean", "--threads", "1", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, IsEmpty());
  const auto document = json::Document::Parse(result.out, "report");
  const json::Value report = document->root();
  EXPECT_EQ(report.At("work").AsString(), file);
  EXPECT_EQ(report.At("texts").AsInt(), 3);
  EXPECT_EQ(report.At("tokens").AsInt(), tokens);

  std::map<std::string, Stage> stages = StagesOf(report);
  EXPECT_EQ(stages["qkv"].flops, kLayers * 2 * tokens * kHidden * 3 * kHidden);
  EXPECT_EQ(stages["attention"].flops, kLayers * 4 * pairs * kHidden);
  EXPECT_EQ(stages["output"].flops, kLayers * 2 * tokens * kHidden * kHidden);
  EXPECT_EQ(stages["ffn_up"].flops, kLayers * 2 * tokens * kHidden * kInner);
  EXPECT_EQ(stages["ffn_down"].flops, kLayers * 2 * tokens * kInner * kHidden);
  EXPECT_EQ(stages["activation"].flops, 0);
  EXPECT_EQ(stages["activation"].bytes, kLayers * 2 * 4 * tokens * kInner);
  EXPECT_EQ(stages["norms"].calls, kLayers * 2);
  EXPECT_EQ(stages.size(), 12u);

  // Rates are those operations in the time of the fastest pass.
  const double seconds = 3 / report.At("docs_per_s").AsDouble();
  int64_t linear = 0;
  for (const char* name : {"qkv", "output", "ffn_up", "ffn_down"}) linear += stages[name].flops;
  const double gflops = 1e-9 * static_cast<double>(linear) / seconds;
  EXPECT_NEAR(report.At("gflops").AsDouble() / gflops, 1, 1e-4);
  const double both = 1e-9 * static_cast<double>(linear + stages["attention"].flops) / seconds;
  EXPECT_NEAR(report.At("gflops_with_attention").AsDouble() / both, 1, 1e-4);
  EXPECT_NEAR(report.At("roof_percent").AsDouble(),
              100 * report.At("gflops").AsDouble() / report.At("roof_gflops").AsDouble(), 0.01);
}

// What a model's encoder and head multiply for the texts of a file, and what the report calls them.
struct Known {
  std::vector<std::string> arguments;  // --model and what goes with it
  std::vector<std::string> makes;
  int64_t layers;
  int64_t hidden;
  int64_t inner;
  int64_t head_flops_per_token;
};

void ExpectWork(const Known& known) {
  const test::TempDir dir;
  const std::string texts = "one text\na second text of more words\na map\n";
  const std::string file = dir.Write("texts.txt", texts).string();
  std::vector<std::string> tokenize = {"tokenize", "--ids", "--passage"};
  std::vector<std::string> arguments = {"bench", "--work",    file, "--threads",
                                        "1",     "--queries", "3",  "--json"};
  tokenize.insert(tokenize.end(), known.arguments.begin(), known.arguments.begin() + 2);
  arguments.insert(arguments.end(), known.arguments.begin(), known.arguments.end());
  std::istringstream lines(RunBge(tokenize, {.input = texts}).out);
  int64_t tokens = 0;
  for (std::string line; std::getline(lines, line);) {
    tokens += 1 + std::count(line.begin(), line.end(), ' ');
  }
  const ProgramResult result = RunBge(arguments);
  ASSERT_EQ(result.status, 0) << result.err;
  const auto document = json::Document::Parse(result.out, "report");
  const json::Value report = document->root();
  EXPECT_EQ(report.At("kind").AsString(), "embedder");
  std::vector<std::string> makes;
  for (const json::Value& kind : report.At("makes").Elements()) makes.emplace_back(kind.AsString());
  EXPECT_EQ(makes, known.makes);
  EXPECT_EQ(report.At("texts").AsInt(), 3);
  EXPECT_EQ(report.At("tokens").AsInt(), tokens);
  EXPECT_GT(report.At("docs_per_s").AsDouble(), 0);
  EXPECT_GT(report.At("query_ms_p50").AsDouble(), 0);
  std::map<std::string, Stage> stages = StagesOf(report);
  EXPECT_EQ(stages["qkv"].flops, known.layers * 2 * tokens * known.hidden * 3 * known.hidden);
  EXPECT_EQ(stages["ffn_up"].flops, known.layers * 2 * tokens * known.hidden * known.inner);
  EXPECT_EQ(stages["pool"].flops, tokens * known.head_flops_per_token);
  EXPECT_EQ(stages["other"].flops, 0);
  double seconds = 0;
  for (const auto& [name, stage] : stages) seconds += stage.thread_s;
  EXPECT_NEAR(seconds / report.At("profile_s").AsDouble(), 1, 1e-3);
}

TEST(Bench, CountsTheWorkOfOtherHeads) {
  const std::string models = BGE_TEST_DATA_DIR "/models/";
  // A head's products: SPLADE's transform and vocabulary, the projection of ColBERT's tokens, and
  // BGE-M3's two heads.
  ExpectWork({.arguments = {"--model", models + "tiny-splade"},
              .makes = {"sparse"},
              .layers = 2,
              .hidden = 32,
              .inner = 64,
              .head_flops_per_token = 2 * 32 * (32 + 288)});
  ExpectWork({.arguments = {"--model", models + "tiny-colbert-stanford"},
              .makes = {"colbert"},
              .layers = 2,
              .hidden = 16,
              .inner = 32,
              .head_flops_per_token = 2 * 16 * 4});
  ExpectWork({.arguments = {"--model", models + "tiny-m3", "--return", "dense,sparse,colbert"},
              .makes = {"dense", "sparse", "colbert"},
              .layers = 2,
              .hidden = 24,
              .inner = 48,
              .head_flops_per_token = 2 * 24 * (1 + 16)});
}

TEST(Bench, MeasuresRerankersInPairs) {
  const std::string model = BGE_TEST_DATA_DIR "/models/tiny-reranker";
  const ProgramResult result =
      RunBge({"bench", "--model", model, "--work", "short", "--texts", "12", "--repeat", "2",
              "--queries", "5", "--threads", "1", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto document = json::Document::Parse(result.out, "report");
  const json::Value report = document->root();
  EXPECT_EQ(report.At("kind").AsString(), "reranker");
  EXPECT_EQ(report.At("makes").Elements()[0].AsString(), "score");
  EXPECT_EQ(report.At("pairs").AsInt(), 12);
  EXPECT_FALSE(report.Find("docs_per_s"));
  for (const char* name : {"tokens", "pairs_per_s", "pairs_per_s_median", "first_pass_pairs_per_s",
                           "tokens_per_s", "query_tokens", "query_ms_p50", "roof_percent"}) {
    EXPECT_GT(report.At(name).AsDouble(), 0) << name;
  }
  // The head scores a row of each pair.
  EXPECT_EQ(StagesOf(report)["pool"].flops, 12 * 2 * 24 * (24 + 1));
  const ProgramResult text = RunBge({"bench", "--model", model, "--texts", "8", "--queries", "2"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("8 pairs"), HasSubstr("pairs/s"), HasSubstr("; score"),
                              HasSubstr("ms to the first score")));
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--return", "dense"}, {"--pooling", "mean"}}) {
    std::vector<std::string> arguments = {"bench", "--model", model};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const ProgramResult refused = RunBge(arguments);
    EXPECT_EQ(refused.status, 2) << refused.err;
    EXPECT_THAT(refused.err, AllOf(HasSubstr(flags[0]), HasSubstr("reranker")));
  }
}

TEST(Bench, ItsStagesMakeUpThePass) {
  for (const std::string threads : {"1", "2"}) {
    const ProgramResult result = RunBge({"bench", "--texts", "40", "--threads", threads, "--json"});
    ASSERT_EQ(result.status, 0) << result.err;
    const auto document = json::Document::Parse(result.out, "report");
    const json::Value report = document->root();
    EXPECT_EQ(report.At("threads").AsInt(), std::stoi(threads));
    double seconds = 0;
    double percent = 0;
    for (const auto& [name, stage] : StagesOf(report)) {
      // "other" is what the stages leave: of that many threads, they cannot take more.
      EXPECT_GE(stage.thread_s, 0) << name;
      seconds += stage.thread_s;
      percent += stage.percent;
    }
    const double all = report.At("profile_s").AsDouble() * std::stod(threads);
    EXPECT_NEAR(seconds / all, 1, 1e-3);
    EXPECT_NEAR(percent, 100, 0.1);
  }
}

TEST(Bench, ReportsWhatOtherProgramsRead) {
  const ProgramResult result = RunBge({"bench", "--work", "short", "--texts", "20", "--repeat", "2",
                                       "--queries", "30", "--callers", "3", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1);
  const auto document = json::Document::Parse(result.out, "report");
  const json::Value report = document->root();
  EXPECT_EQ(report.At("engine").AsString(), "bge");
  EXPECT_EQ(report.At("dtype").AsString(), "float32");
  EXPECT_EQ(report.At("work").AsString(), "short");
  EXPECT_EQ(report.At("texts").AsInt(), 20);
  EXPECT_EQ(report.At("passes").AsInt(), 2);
  EXPECT_EQ(report.At("queries").AsInt(), 30);
  EXPECT_EQ(report.At("callers").AsInt(), 3);
  EXPECT_EQ(report.At("concurrent_queries").AsInt(), 30);
  for (const char* name : {"tokens",
                           "docs_per_s",
                           "docs_per_s_median",
                           "first_pass_docs_per_s",
                           "tokens_per_s",
                           "tokens_per_s_median",
                           "gflops",
                           "gflops_with_attention",
                           "roof_gflops",
                           "roof_percent",
                           "roof_percent_with_attention",
                           "query_tokens",
                           "query_ms_p50",
                           "query_ms_p95",
                           "query_ms_p99",
                           "concurrent_ms_p50",
                           "concurrent_ms_p95",
                           "concurrent_ms_p99",
                           "concurrent_queries_per_s",
                           "load_ms",
                           "first_vector_ms",
                           "peak_mb",
                           "profile_s"}) {
    EXPECT_GT(report.At(name).AsDouble(), 0) << name;
  }
  EXPECT_GE(report.At("docs_per_s").AsDouble(), report.At("docs_per_s_median").AsDouble());
  EXPECT_GE(report.At("first_vector_ms").AsDouble(), report.At("load_ms").AsDouble());
  EXPECT_LE(report.At("query_ms_p50").AsDouble(), report.At("query_ms_p99").AsDouble());
  EXPECT_GT(report.At("truncated").AsInt(), 0);  // the tiny model has 64 positions
  EXPECT_FALSE(report.At("machine").At("cpu").AsString().empty());
  EXPECT_GE(report.At("load").At("average_before").AsDouble(), 0);
  report.At("load").At("loaded").AsBool();
}

TEST(Bench, PrintsATableForPeople) {
  const ProgramResult result = RunBge({"bench", "--texts", "16"});
  ASSERT_EQ(result.status, 0) << result.err;
  for (const char* part :
       {"model  ", "machine  ", "load  ", "16 texts", "documents/s", "GFLOP/s", "p99",
        "ms to the first vector", "MB at most", "\n  ffn_down ", "\n  other "}) {
    EXPECT_THAT(result.out, HasSubstr(part));
  }
}

TEST(Bench, TakesTheFirstTextsOfAFile) {
  const ProgramResult result = RunBge(
      {"bench", "--work", "-", "--texts", "2", "--format", "jsonl", "--field", "body",
       "--max-length", "5", "--json"},
      {.input = "{\"body\": \"a\"}\n{\"body\": \"many words that are cut\"}\n{\"body\": 1}\n"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto document = json::Document::Parse(result.out, "report");
  EXPECT_EQ(document->root().At("texts").AsInt(), 2);
  EXPECT_EQ(document->root().At("truncated").AsInt(), 1);
  EXPECT_EQ(document->root().At("max_length").AsInt(), 5);
  EXPECT_THAT(result.err, Not(HasSubstr("takes them all")));
}

TEST(Bench, SaysThatAFileHasFewerTexts) {
  const ProgramResult result =
      RunBge({"bench", "--work", "-", "--texts", "3", "--queries", "1", "--json"},
             {.input = "one\ntwo\n"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("standard input has 2 texts: --texts 3 takes them all"));
}

TEST(Bench, ExplainsWrongUsage) {
  const auto usage_error = [](const std::vector<std::string>& arguments) {
    const ProgramResult result = RunBge(arguments);
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_THAT(result.out, IsEmpty());
    return result.err;
  };
  EXPECT_THAT(usage_error({"bench", "--nope"}), HasSubstr("--nope"));
  EXPECT_THAT(usage_error({"bench", "rof"}), HasSubstr("unknown command: bge bench rof"));
  EXPECT_THAT(usage_error({"bench", "--texts", "0"}), HasSubstr("--texts"));
  EXPECT_THAT(usage_error({"bench", "--repeat", "none"}), HasSubstr("--repeat"));
  EXPECT_THAT(usage_error({"bench", "--return", "sprase"}), HasSubstr("sprase"));
  EXPECT_THAT(usage_error({"bench", "--work", "mixed", "--format", "csv"}), HasSubstr("--format"));
  EXPECT_THAT(usage_error({"bench", "--work", "texts.parquet"}), HasSubstr("texts.parquet"));
  EXPECT_THAT(usage_error({"bench", "--work", ""}), HasSubstr("empty name: --work"));
  EXPECT_THAT(usage_error({"bench", "roof", "--texts", "3"}), HasSubstr("--texts"));
  EXPECT_THAT(usage_error({"bench", "--texts", "3", "roof"}), HasSubstr("--texts excludes roof"));
  EXPECT_THAT(usage_error({"bench", "roof", "--threads", "0"}), HasSubstr("--threads"));
}

TEST(Bench, FailsOnWhatIsNotThere) {
  const ProgramResult no_file = RunBge({"bench", "--work", "no/such/file.txt"});
  EXPECT_EQ(no_file.status, 1);
  EXPECT_THAT(no_file.err, HasSubstr("no/such/file.txt"));
  const ProgramResult no_texts = RunBge({"bench", "--work", "-"}, {.input = ""});
  EXPECT_EQ(no_texts.status, 1);
  EXPECT_THAT(no_texts.err, HasSubstr("no texts: standard input"));
  EXPECT_EQ(RunBge({"bench", "--model", "no/such/model"}).status, 1);
  const ProgramResult no_head = RunBge({"bench", "--return", "sparse"});
  EXPECT_EQ(no_head.status, 1);
  EXPECT_THAT(no_head.err, HasSubstr("no sparse head"));
}

TEST(Bench, EndsWhenInterrupted) {
  RunningBge program({"bench", "--work", "-", "--queries", "1000000"});
  // More than a pipe holds: when it is written the program is reading, and minds signals.
  program.Write(std::string(1 << 17, 'x') + "\n");
  program.CloseInput();
  program.Signal(SIGINT);
  EXPECT_EQ(program.Wait(), 128 + SIGINT);
}

TEST(BenchRoof, MeasuresTheMachine) {
  const ProgramResult result = RunBge({"bench", "roof", "--threads", "1", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, IsEmpty());
  const auto document = json::Document::Parse(result.out, "report");
  const json::Value report = document->root();
  EXPECT_EQ(report.At("threads").AsInt(), 1);
  EXPECT_FALSE(report.At("machine").At("kernel_target").AsString().empty());
  const json::Value float32 = report.At("peaks").Elements().at(0);
  EXPECT_EQ(float32.At("dtype").AsString(), "float32");
  EXPECT_GT(float32.At("gflops").AsDouble(), 0);
  // small, base and large, with 12, 64, 512 and 4,096 rows, in each type that the CPU multiplies.
  const auto gemm = report.At("gemm").Elements();
  ASSERT_GE(gemm.size(), 12u);
  EXPECT_EQ(gemm.size() % 12, 0u);
  EXPECT_EQ(gemm[0].At("dtype").AsString(), "float32");
  EXPECT_EQ(gemm[0].At("model").AsString(), "small");
  EXPECT_EQ(gemm[0].At("rows").AsInt(), 12);
  EXPECT_GT(gemm[0].At("ffn_down_gflops").AsDouble(), 0);
  EXPECT_EQ(gemm[11].At("hidden_size").AsInt(), 1024);
  // Two head sizes, four lengths.
  const auto attention = report.At("attention").Elements();
  ASSERT_EQ(attention.size(), 8u);
  EXPECT_GT(attention[7].At("gflops").AsDouble(), 0);
  const auto memory = report.At("memory").Elements();
  ASSERT_EQ(memory.size(), 2u);
  EXPECT_EQ(memory[0].At("bytes").AsInt(), 43'000'000);
  EXPECT_GT(memory[1].At("bytes").AsInt(), 43'000'000);
  EXPECT_GT(memory[1].At("gb_per_s").AsDouble(), 0);
}

}  // namespace
}  // namespace bge::cli
