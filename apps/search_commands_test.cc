// bge index and bge search as a user runs them, on a tiny model.
#include "bge/identity.h"
#include "bge/index.h"
#include "bge/quantize.h"

#include "apps/commands.h"
#include "tests/expect_error.h"
#include "tests/safetensors_builder.h"
#include "tests/scoped_environment.h"
#include "tests/temp_dir.h"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace bge::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// In one file: what a model says of itself (dimension 32), and another model (20 after its Dense).
const std::string kModel = BGE_TEST_DATA_DIR "/models/tiny-bert";
const std::string kOtherModel = BGE_TEST_DATA_DIR "/models/tiny-distilbert";

class SearchCommandsTest : public testing::Test {
 protected:
  // Runs "bge <arguments>"; the error's code and message, or the exit status.
  std::string Run(std::vector<std::string> arguments) {
    const bool index = arguments[0] == "index";
    CLI::App app;
    Action action;
    (index ? SetUpIndex : SetUpSearch)(app, &action);
    try {
      app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend() - 1));
    } catch (const CLI::ParseError& error) {
      return std::string("usage: ") + error.what();
    }
    try {
      return "status " + std::to_string(action(RunContext{}));
    } catch (const UsageError& error) {
      return std::string("usage: ") + error.what();
    } catch (const Error& error) {
      EXPECT_TRUE(test::IsOneLine(error.what())) << error.what();
      return std::string(ErrorCodeName(error.code())) + ": " + error.what();
    }
  }

  std::string Build(const std::string& name, std::vector<std::string> more = {}) {
    const std::string corpus =
        dir_.Write("corpus.jsonl",
                   "{\"_id\": \"a\", \"title\": \"Cats\", \"text\": \"sleep all day\"}\n"
                   "{\"_id\": \"b\", \"text\": \"the train left the station\"}\n"
                   "{\"text\": \"no id of its own\"}\n");
    std::vector<std::string> arguments = {"index",   "build", Path(name),  "--model", kModel,
                                          "--input", corpus,  "--threads", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Run(arguments);
  }

  std::string Path(const std::string& name) const { return (dir_.path() / name).string(); }

  std::string Read(const std::string& name) const {
    std::ifstream in(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  test::TempDir dir_;
};

TEST_F(SearchCommandsTest, FindsATextByItself) {
  ASSERT_EQ(Build("i"), "status 0");
  const Index index = Index::Open(Path("i"));
  index.Verify();
  ASSERT_EQ(index.info().count, 3);
  EXPECT_EQ(index.text(0), "Cats sleep all day");
  EXPECT_EQ(index.id(2), "3");  // a text without an id is known by its number
  EXPECT_EQ(index.info().model, kModel);

  for (int64_t row = 0; row < 3; ++row) {
    ASSERT_EQ(Run({"search", Path("i"), std::string(index.text(row)), "--passage", "--top-k", "2",
                   "--output", Path("found.run")}),
              "status 0");
    EXPECT_THAT(Read("found.run"), StartsWith("1 Q0 " + std::string(index.id(row)) + " 1 "));
  }
}

TEST_F(SearchCommandsTest, WritesARunAndJsonLinesForAFileOfQueries) {
  ASSERT_EQ(Build("i"), "status 0");
  const std::string queries = dir_.Write(
      "queries.jsonl", "{\"_id\": \"q1\", \"text\": \"cats\"}\n{\"text\": \"trains\"}\n");
  ASSERT_EQ(Run({"search", Path("i"), "--queries", queries, "--top-k", "100", "--tag", "t",
                 "--output", Path("out.run")}),
            "status 0");
  const std::string run = Read("out.run");
  EXPECT_EQ(std::count(run.begin(), run.end(), '\n'), 6);
  EXPECT_THAT(run, AllOf(StartsWith("q1 Q0 "), HasSubstr("\n2 Q0 "), HasSubstr(" t\n")));

  ASSERT_EQ(Run({"search", Path("i"), "--queries", queries, "-k", "1", "--output",
                 Path("out.jsonl"), "--no-text"}),
            "status 0");
  EXPECT_THAT(Read("out.jsonl"), StartsWith("{\"query_id\":\"q1\",\"query\":\"cats\",\"hits\":[{"));
}

TEST_F(SearchCommandsTest, QueriesGetTheModelsInstructionUnlessAskedOtherwise) {
  // tiny-bert's prompts: "query: " and "passage: ".
  ASSERT_EQ(Build("i", {"--instruction", "query: "}), "status 0");
  for (const auto& [flag, exact] :
       std::vector<std::pair<std::string, bool>>{{"--query", true}, {"--passage", false}}) {
    ASSERT_EQ(Run({"search", Path("i"), "no id of its own", flag, "-k", "1", "--output",
                   Path("out.run")}),
              "status 0");
    const std::string run = Read("out.run");
    const float score = std::stof(run.substr(run.find(" 1 ") + 3));
    EXPECT_EQ(score > 0.99999f, exact) << flag << ": " << run;
  }
}

TEST_F(SearchCommandsTest, QueriesAreEmbeddedWithTheSettingsOfTheIndex) {
  ASSERT_EQ(Build("i", {"--pooling", "cls", "--truncate-dim", "16", "--no-normalize"}), "status 0");
  const Index index = Index::Open(Path("i"));
  EXPECT_EQ(index.info().dimension, 16);
  EXPECT_EQ(index.info().metadata.at("pooling"), "cls");
  ASSERT_EQ(Run({"search", Path("i"), std::string(index.text(1)), "--passage", "-k", "3",
                 "--output", Path("out.run")}),
            "status 0");
  double squared = 0;
  for (const float v : index.vector(1)) squared += static_cast<double>(v) * static_cast<double>(v);
  EXPECT_THAT(Read("out.run"), HasSubstr("1 Q0 b "));
  const std::string run = Read("out.run");
  const std::string line = run.substr(run.find("1 Q0 b ") + 7);
  EXPECT_NEAR(std::stod(line.substr(line.find(' '))), squared, 1e-4 * squared);
}

TEST_F(SearchCommandsTest, QueriesMayBeComputedInAnotherType) {
  ASSERT_EQ(Build("i"), "status 0");
  EXPECT_EQ(Index::Open(Path("i")).info().metadata.at("compute_type"), "float32");
  for (const char* type : {"bf16", "int8"}) {
    EXPECT_EQ(Run({"search", Path("i"), "q", "--dtype", type, "--output", Path("out.run")}),
              "status 0");
  }
}

TEST_F(SearchCommandsTest, RefusesAnotherModelOrOtherSettings) {
  ASSERT_EQ(Build("i"), "status 0");
  EXPECT_THAT(Run({"search", Path("i"), "q", "--model", kOtherModel}),
              AllOf(StartsWith("invalid_argument: this index was built with another model or other "
                               "settings: "),
                    HasSubstr(kOtherModel), HasSubstr("values a vector, expected 32")));
  EXPECT_THAT(Run({"search", Path("i"), "q", "--pooling", "max"}),
              HasSubstr("a test sentence has another vector"));
  // The same model in another place is the same model.
  fs::copy(kModel, Path("moved"));
  fs::copy(kModel + "/1_Pooling", Path("moved/1_Pooling"));
  EXPECT_EQ(Run({"search", Path("i"), "q", "--model", Path("moved"), "--output", Path("o.run")}),
            "status 0");
}

TEST_F(SearchCommandsTest, AModelMadeForTheInnerProductKeepsItsLengths) {
  fs::copy(kModel, Path("dot"));
  fs::copy(kModel + "/1_Pooling", Path("dot/1_Pooling"));
  dir_.Write("dot/config_sentence_transformers.json", "{\"similarity_fn_name\": \"dot\"}");
  dir_.Write(
      "dot/modules.json",
      R"([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                 {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])");
  const std::string corpus = dir_.Write("c.txt", "a\na ship left the harbour\n");
  ASSERT_EQ(Run({"index", "build", Path("i"), "--model", Path("dot"), "--input", corpus,
                 "--max-length", "20"}),
            "status 0");
  const Index index = Index::Open(Path("i"));
  EXPECT_EQ(index.info().metadata.at("similarity"), "dot");
  EXPECT_EQ(index.info().metadata.at("normalize"), "false");
  EXPECT_EQ(index.info().metadata.at("max_length"), "20");
  double squared = 0;
  for (const float v : index.vector(0)) squared += static_cast<double>(v) * static_cast<double>(v);
  EXPECT_GT(std::abs(squared - 1), 1e-3);
  ASSERT_EQ(Run({"search", Path("i"), "a", "--output", Path("out.run")}), "status 0");
  const std::string run = Read("out.run");
  std::istringstream line(run.substr(run.find("1 Q0 1 ")));
  std::string query, zero, id, rank;
  double score = 0;
  line >> query >> zero >> id >> rank >> score;
  EXPECT_NEAR(score, squared, 1e-4 * squared);

  // The same model that is then gone.
  fs::rename(Path("dot"), Path("elsewhere"));
  EXPECT_THAT(Run({"search", Path("i"), "a", "--output", Path("out.run")}),
              AllOf(StartsWith("not_found: the model that this index was built with is not there"),
                    HasSubstr("built with " + Path("dot")), HasSubstr("--model")));
  EXPECT_EQ(
      Run({"search", Path("i"), "a", "--model", Path("elsewhere"), "--output", Path("out.run")}),
      "status 0");
}

// The sentence that tells models apart is longer than many a query is cut to.
TEST_F(SearchCommandsTest, QueriesMayBeCutShorterThanTheIndexsTexts) {
  ASSERT_EQ(Build("own"), "status 0");
  ASSERT_EQ(Build("short", {"--max-length", "8"}), "status 0");
  const auto search = [&](const std::string& index, std::vector<std::string> more) {
    std::vector<std::string> arguments = {"search", Path(index), "the train left the station",
                                          "--output", Path("out.run")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const std::string result = Run(arguments);
    return result == "status 0" ? Read("out.run") : result;
  };
  for (const char* index : {"own", "short"}) {
    for (const char* length : {"3", "5", "14", "15", "64"}) {
      EXPECT_THAT(search(index, {"--max-length", length}), StartsWith("1 Q0 ")) << length;
      EXPECT_THAT(search(index, {"--max-length", length, "--model", kOtherModel}),
                  HasSubstr("built with another model"));
    }
    EXPECT_THAT(search(index, {"--max-length", "65"}), HasSubstr("max_length out of range"));
  }
  // The query is cut, and cut as the index's texts are where nothing else is said.
  EXPECT_NE(search("own", {"--max-length", "3"}), search("own", {}));
  EXPECT_EQ(search("own", {"--max-length", "64"}), search("own", {}));
  EXPECT_EQ(search("short", {"--max-length", "8"}), search("short", {}));
}

TEST_F(SearchCommandsTest, AnIdThatIsTheNumberOfAnotherTextIsExplained) {
  const std::string corpus =
      dir_.Write("c.jsonl", "{\"_id\": \"2\", \"text\": \"t\"}\n{\"text\": \"u\"}\n");
  EXPECT_THAT(Run({"index", "build", Path("i"), "--model", kModel, "--input", corpus}),
              HasSubstr("c.jsonl: line 2: this text has no id and is known by its number, 2"));
}

TEST_F(SearchCommandsTest, IdsWithWhiteSpaceAreRefusedInARun) {
  const std::string corpus = dir_.Write("c.jsonl", "{\"_id\": \"a b\", \"text\": \"t\"}\n");
  ASSERT_EQ(Run({"index", "build", Path("i"), "--model", kModel, "--input", corpus}), "status 0");
  EXPECT_THAT(Run({"search", Path("i"), "q", "--output", Path("out.run")}),
              HasSubstr("an id cannot stand in a TREC run: document id 'a b'"));
  EXPECT_FALSE(fs::exists(Path("out.run")));
  EXPECT_EQ(Run({"search", Path("i"), "q", "--output", Path("out.jsonl")}), "status 0");
}

TEST_F(SearchCommandsTest, ABrokenCorpusLeavesTheOldIndex) {
  ASSERT_EQ(Build("i"), "status 0");
  const std::string twice = dir_.Write(
      "twice.jsonl", "{\"_id\": \"x\", \"text\": \"t\"}\n{\"_id\": \"x\", \"text\": \"u\"}\n");
  EXPECT_THAT(Run({"index", "build", Path("i"), "--model", kModel, "--input", twice}),
              AllOf(HasSubstr("an id is there twice: "),
                    HasSubstr("twice.jsonl: line 2: an earlier text has the id 'x' too")));
  EXPECT_EQ(Index::Open(Path("i")).info().count, 3);
  const std::string broken = dir_.Write("broken.jsonl", "{\"_id\": \"x\"");
  EXPECT_THAT(Run({"index", "build", Path("new"), "--model", kModel, "--input", broken}),
              HasSubstr("broken.jsonl"));
  EXPECT_FALSE(fs::exists(Path("new")));
}

TEST_F(SearchCommandsTest, AnEmptyCorpusIsAnEmptyIndex) {
  const std::string empty = dir_.Write("empty.jsonl", "");
  ASSERT_EQ(Run({"index", "build", Path("i"), "--model", kModel, "--input", empty}), "status 0");
  EXPECT_EQ(Run({"index", "verify", Path("i")}), "status 0");
  ASSERT_EQ(Run({"search", Path("i"), "q", "--output", Path("out.jsonl")}), "status 0");
  EXPECT_EQ(Read("out.jsonl"), "{\"query_id\":\"1\",\"query\":\"q\",\"hits\":[]}\n");
}

TEST_F(SearchCommandsTest, AModelOfAnotherSpaceIsRefusedThoughItsVectorsAreNear) {
  ASSERT_EQ(Build("i"), "status 0");
  const auto metadata = Index::Open(Path("i")).info().metadata;
  EXPECT_EQ(metadata.at("fingerprint").size(), 64u);
  EXPECT_EQ(metadata.at("space").size(), 64u);
  const auto copy = [&](const std::string& name) {
    fs::copy(kModel, Path(name), fs::copy_options::recursive);
  };
  const auto search = [&](const std::string& model) {
    return Run({"search", Path("i"), "q", "--model", Path(model), "--output", Path("out.run")});
  };
  copy("same");
  EXPECT_EQ(search("same"), "status 0");

  // As if it had been trained a little further: the last bit of one weight.
  copy("trained");
  std::string weights = Read("trained/model.safetensors");
  weights[weights.size() - 4] = static_cast<char>(weights[weights.size() - 4] ^ 1);
  dir_.Write("trained/model.safetensors", weights);
  EXPECT_THAT(search("trained"),
              AllOf(StartsWith("invalid_argument: this index was built with another model or other "
                               "settings: "),
                    HasSubstr("expected " + metadata.at("space"))));
  const std::string more = dir_.Write("more.txt", "a text\n");
  EXPECT_THAT(Run({"index", "add", Path("i"), "--input", more, "--model", Path("trained")}),
              HasSubstr("expected " + metadata.at("space")));

  // Copies in other types, and copies of copies, keep the space.
  for (const auto& [type, name] :
       std::vector<std::pair<WeightType, std::string>>{{WeightType::kBFloat16, "bf16"},
                                                       {WeightType::kInt8, "int8"},
                                                       {WeightType::kFloat32, "f32"}}) {
    Quantize(kModel, Path(name), {.type = type});
    EXPECT_THAT(Read(name + "/config.json"), HasSubstr("\"quantized_from\": {"));
    EXPECT_EQ(search(name), "status 0");
    const ModelIdentity identity = *IdentifyModel(Embedder::Load(Path(name)).info());
    EXPECT_EQ(identity.space, metadata.at("space"));
    EXPECT_NE(identity.fingerprint, metadata.at("fingerprint"));
    EXPECT_TRUE(identity.quantized);
  }
  Quantize(Path("bf16"), Path("again"), {.type = WeightType::kInt8});
  EXPECT_EQ(search("again"), "status 0");
  Quantize(Path("trained"), Path("other"), {.type = WeightType::kBFloat16});
  EXPECT_THAT(search("other"), HasSubstr("found the space "));

  std::string config = Read("int8/config.json");
  const size_t at = config.find("\"weights\": \"", config.find("quantized_from"));
  config[at + 12] = 'X';
  dir_.Write("int8/config.json", config);
  EXPECT_THAT(search("int8"),
              AllOf(StartsWith("corrupt_data: "), HasSubstr("field quantized_from.weights")));
}

TEST_F(SearchCommandsTest, ALargeModelOfAnotherSpaceIsRefusedThoughItWasNeverSeen) {
  // Larger than what is hashed each time, and nothing known of it.
  test::ScopedEnvironment environment({"XDG_CACHE_HOME"});
  environment.Set("XDG_CACHE_HOME", Path("hashes"));
  fs::copy(kModel, Path("large"), fs::copy_options::recursive);
  std::string weights = Read("large/model.safetensors");
  uint64_t header = 0;
  std::memcpy(&header, weights.data(), sizeof(header));
  const std::string more = ",\"unused\":{\"dtype\":\"F32\",\"shape\":[1280000],\"data_offsets\":[" +
                           std::to_string(weights.size() - 8 - header) + "," +
                           std::to_string(weights.size() - 8 - header + 5120000) + "]}}";
  const size_t end = weights.rfind('}', 8 + header - 1);
  std::string text = weights.substr(8, end - 8) + more;
  while (text.size() % 8 != 0) text += ' ';
  weights = test::RawSafetensors(text, weights.substr(8 + header) + std::string(5120000, '\0'));
  dir_.Write("large/model.safetensors", weights);
  const std::string corpus = dir_.Write("corpus.txt", "the train left the station\n").string();
  ASSERT_EQ(Run({"index", "build", Path("i"), "--model", Path("large"), "--input", corpus}),
            "status 0");

  weights.back() = 1;
  fs::copy(Path("large"), Path("trained"), fs::copy_options::recursive);
  dir_.Write("trained/model.safetensors", weights);
  fs::remove_all(Path("hashes"));
  EXPECT_THAT(Run({"search", Path("i"), "q", "--model", Path("trained")}),
              HasSubstr("built with another model or other settings: "));
  EXPECT_EQ(Run({"search", Path("i"), "q", "--output", Path("out.run")}), "status 0");
}

TEST_F(SearchCommandsTest, BadQueriesMayBeSkipped) {
  ASSERT_EQ(Build("i"), "status 0");
  const std::string queries =
      dir_.Write("q.jsonl", "{\"_id\": \"x\", \"text\": \"cats\"}\n{\"text\": 5}\n").string();
  const std::vector<std::string> search = {"search",   Path("i"),       "--queries", queries,
                                           "--output", Path("out.run"), "--top-k",   "1"};
  EXPECT_THAT(Run(search), HasSubstr("line 2"));
  std::vector<std::string> skip = search;
  skip.insert(skip.end(), {"--on-error", "skip"});
  EXPECT_EQ(Run(skip), "status 0");
  EXPECT_THAT(Read("out.run"), StartsWith("x Q0 a 1 "));
}

TEST_F(SearchCommandsTest, AddsTextsWithTheSettingsOfTheIndex) {
  // Whatever was said at the start is not said again.
  ASSERT_EQ(Build("i", {"--pooling", "cls", "--truncate-dim", "16", "--max-length", "8",
                        "--instruction", "represent: "}),
            "status 0");
  const std::string more = dir_.Write(
      "more.jsonl",
      "{\"_id\": \"d\", \"text\": \"a text that comes later, and is too long for this index\"}\n"
      "{\"text\": \"and one without an id\"}\n");
  ASSERT_EQ(Run({"index", "add", Path("i"), "--input", more}), "status 0");
  const Index index = Index::Open(Path("i"));
  index.Verify();
  ASSERT_EQ(index.info().count, 5);
  EXPECT_EQ(index.id(3), "d");
  EXPECT_EQ(index.id(4), "5");
  // As if they had been there from the start.
  const std::string all = dir_.Write("all.jsonl", Read("corpus.jsonl") + Read("more.jsonl"));
  ASSERT_EQ(
      Run({"index", "build", Path("all"), "--model", kModel, "--input", all, "--pooling", "cls",
           "--truncate-dim", "16", "--max-length", "8", "--instruction", "represent: "}),
      "status 0");
  const Index expected = Index::Open(Path("all"));
  for (int64_t row = 0; row < 5; ++row) {
    EXPECT_EQ(index.text(row), expected.text(row));
    for (size_t d = 0; d < 16; ++d) {
      EXPECT_NEAR(index.vector(row)[d], expected.vector(row)[d], 1e-6) << row;
    }
  }
  EXPECT_THAT(Run({"index", "add", Path("i"), "--input", more, "--model", kOtherModel}),
              HasSubstr("built with another model"));
  EXPECT_THAT(Run({"index", "add", Path("absent"), "--input", more}),
              StartsWith("not_found: there is no index: "));
}

TEST_F(SearchCommandsTest, AddRefusesIdsThatAreThereUnlessTheyAreReplaced) {
  ASSERT_EQ(Build("i"), "status 0");
  const std::string more = dir_.Write("more.jsonl",
                                      "{\"_id\": \"new\", \"text\": \"one\"}\n"
                                      "{\"_id\": \"a\", \"text\": \"cats again\"}\n");
  EXPECT_THAT(Run({"index", "add", Path("i"), "--input", more}),
              AllOf(StartsWith("invalid_argument: an id is there twice: "),
                    HasSubstr("more.jsonl: line 2: an earlier text has the id 'a' too"),
                    HasSubstr("--replace")));
  EXPECT_EQ(Index::Open(Path("i")).info().count, 3);  // all or none
  ASSERT_EQ(Run({"index", "add", Path("i"), "--input", more, "--replace"}), "status 0");
  ASSERT_EQ(Run({"index", "add", Path("i"), "--input", more, "--replace"}), "status 0");
  const Index index = Index::Open(Path("i"));
  ASSERT_EQ(index.info().count, 4);
  EXPECT_EQ(index.id(0), "b");
  EXPECT_EQ(index.text(3), "cats again");

  // A number replaces nothing.
  dir_.Write("more.jsonl", "{\"_id\": \"9\", \"text\": \"x\"}\n{\"text\": \"y\"}\n");
  EXPECT_THAT(Run({"index", "add", Path("i"), "--input", more, "--replace"}),
              HasSubstr("line 2: this text has no id and is known by its number, 9"));
}

TEST_F(SearchCommandsTest, DeletesTextsByIdAndCompacts) {
  ASSERT_EQ(Build("i"), "status 0");
  EXPECT_EQ(Run({"index", "delete", Path("i")}),
            "usage: no id: ID or --ids-from: give one of them");
  ASSERT_EQ(Run({"index", "delete", Path("i"), "b", "absent"}), "status 0");
  ASSERT_EQ(Run({"search", Path("i"), "the train left the station", "--passage", "--output",
                 Path("out.run")}),
            "status 0");
  const std::string found = Read("out.run");
  EXPECT_EQ(std::count(found.begin(), found.end(), '\n'), 2);
  EXPECT_THAT(found, Not(HasSubstr(" b ")));
  IndexInfo info = Index::Open(Path("i")).info();
  EXPECT_EQ(info.count, 2);
  EXPECT_EQ(info.deleted, 1);

  ASSERT_EQ(Run({"index", "compact", Path("i")}), "status 0");
  EXPECT_EQ(Index::Open(Path("i")).info().deleted, 0);
  EXPECT_LT(Index::Open(Path("i")).info().bytes, info.bytes);
  ASSERT_EQ(Run({"search", Path("i"), "the train left the station", "--passage", "--output",
                 Path("again.run")}),
            "status 0");
  EXPECT_EQ(Read("again.run"), found);

  const std::string ids = dir_.Write("ids.txt", "a\r\n\n3\nb\n");
  ASSERT_EQ(Run({"index", "delete", Path("i"), "--ids-from", ids}), "status 0");
  EXPECT_EQ(Index::Open(Path("i")).info().count, 0);
  EXPECT_EQ(Run({"index", "verify", Path("i")}), "status 0");
  EXPECT_EQ(Run({"index", "info", Path("i")}), "status 0");
  // Numbers do not come back.
  const std::string text = dir_.Write("t.txt", "later\n");
  ASSERT_EQ(Run({"index", "add", Path("i"), "--input", text}), "status 0");
  EXPECT_EQ(Index::Open(Path("i")).id(0), "4");
}

TEST_F(SearchCommandsTest, VerifyFindsDamage) {
  ASSERT_EQ(Build("i"), "status 0");
  for (const auto& entry : fs::directory_iterator(Path("i"))) {
    if (entry.path().extension() != ".texts") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3);
    file.put('#');
  }
  EXPECT_THAT(
      Run({"index", "verify", Path("i")}),
      AllOf(StartsWith("corrupt_data: damaged index: "), HasSubstr(".texts: found SHA-256")));
}

TEST_F(SearchCommandsTest, UsageIsCheckedBeforeAnythingIsLoaded) {
  EXPECT_THAT(Run({"search", Path("absent"), "q"}), StartsWith("not_found: there is no index: "));
  EXPECT_THAT(Run({"search", Path("absent"), "q", "--queries", "f"}),
              StartsWith("usage: both given: QUERY and --queries"));
  EXPECT_THAT(Run({"search", Path("absent"), "q", "--top-k", "0"}), StartsWith("usage: "));
  EXPECT_THAT(Run({"search", Path("absent"), "q", "--tag", "a b"}), StartsWith("usage: "));
  EXPECT_THAT(Run({"search", Path("absent"), "q", "--output", Path("x.npy")}),
              StartsWith("usage: unknown kind of file"));
  EXPECT_THAT(Run({"index", "build", Path("i"), "--input", Path("absent.jsonl")}),
              StartsWith("not_found: "));
}

TEST_F(SearchCommandsTest, TheIndexIsNoPlaceForOutputs) {
  ASSERT_EQ(Build("i"), "status 0");
  const std::string manifest = Read("i/manifest.json");
  EXPECT_THAT(
      Run({"search", Path("i"), "x", "-o", Path("i/manifest.json"), "--output-format", "jsonl"}),
      StartsWith("usage: the output lies in what is read"));
  EXPECT_EQ(Read("i/manifest.json"), manifest);
}

TEST_F(SearchCommandsTest, IdsThatAreThereTwiceMayBeSkipped) {
  const std::string twice =
      dir_.Write("twice.jsonl",
                 "{\"_id\": \"a\", \"text\": \"first\"}\n{\"_id\": \"b\", \"text\": \"other\"}\n"
                 "{\"_id\": \"a\", \"text\": \"second\"}\n")
          .string();
  const std::vector<std::string> build = {"index",   "build", Path("i"),   "--model", kModel,
                                          "--input", twice,   "--threads", "1"};
  EXPECT_THAT(Run(build), HasSubstr("an id is there twice"));
  std::vector<std::string> skip = build;
  skip.insert(skip.end(), {"--on-error", "skip"});
  EXPECT_EQ(Run(skip), "status 0");
  const Index index = Index::Open(Path("i"));
  EXPECT_EQ(index.info().count, 2);
  EXPECT_EQ(index.text(0), "first");
}

TEST_F(SearchCommandsTest, ADamagedIndexCanBeBuiltAgain) {
  ASSERT_EQ(Build("i"), "status 0");
  dir_.Write("i/manifest.json", "{");
  EXPECT_THAT(Run({"search", Path("i"), "x"}), HasSubstr("build the index again"));
  EXPECT_EQ(Build("i"), "status 0");
  EXPECT_EQ(Index::Open(Path("i")).info().count, 3);
}

}  // namespace
}  // namespace bge::cli
