// BGE-M3's three kinds of vectors and rerankers, used from the command line.
#include "bge/identity.h"

#include "apps/run_program.h"
#include "apps/test_program_output.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/temp_dir.h"
#include "weights/weight_source.h"
#include "weights/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace bge::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::string kM3 = BGE_TEST_DATA_DIR "/models/tiny-m3";
const std::string kReranker = BGE_TEST_DATA_DIR "/models/tiny-reranker";
const std::string kTexts = "a fox\nbread and water of the city\n\n";

TEST(EmbedReturn, WritesAnObjectATextWithWhatWasAskedFor) {
  const auto lines = Lines(
      OutputOf({"embed", "--model", kM3, "--return", "dense,sparse,colbert"}, {.input = kTexts}));
  ASSERT_EQ(lines.size(), 3u);
  const auto first = Parse(lines[0]);
  EXPECT_EQ(first->root().At("dense").size(), 24u);
  EXPECT_EQ(first->root().At("sparse").size(), 1u);
  EXPECT_EQ(first->root().At("colbert").size(), 3u);  // a, fox, </s>
  EXPECT_EQ(first->root().At("colbert").Elements()[0].size(), 16u);
  const std::string sparse =
      OutputOf({"embed", "--model", kM3, "--return", "sparse", "--sparse-tokens", "a fox"});
  EXPECT_THAT(sparse, StartsWith(R"({"sparse":{"a":0.79)"));
}

TEST(EmbedReturn, WritesArrays) {
  const test::TempDir dir;
  const std::string input = dir.Write("texts.txt", kTexts).string();
  const auto write = [&](const char* name, std::vector<std::string> more = {}) {
    const std::string path = (dir.path() / name).string();
    std::vector<std::string> arguments = {
        "embed",   "--model", kM3,        "--return", "dense,sparse,colbert",
        "--input", input,     "--output", path};
    arguments.insert(arguments.end(), more.begin(), more.end());
    OutputOf(arguments);
    return path;
  };
  const auto tensors = OpenSafetensors(write("out.safetensors"));
  EXPECT_THAT(tensors->Names(),
              ElementsAre("colbert_offsets", "colbert_vecs", "dense_vecs", "sparse_offsets",
                          "sparse_token_ids", "sparse_weights"));
  EXPECT_EQ(tensors->Find("dense_vecs")->shape, (Shape{3, 24}));
  const ModelIdentity identity = *IdentifyModel(Embedder::Load(kM3).info());
  const std::string settings =
      R"({"dimension":"24","in front":"nothing","length 1":"yes","max length":"64 tokens",)"
      R"("pooling":"cls","texts are":"texts without a role"})";
  EXPECT_EQ(tensors->Metadata(),
            (std::map<std::string, std::string>{{"fingerprint", identity.fingerprint},
                                                {"model", "tiny-m3"},
                                                {"settings", settings},
                                                {"space", identity.space},
                                                {"type", "float32"}}));
  const auto stored = tensors->FindStored("colbert_offsets");
  ASSERT_EQ(stored->bytes.size(), 4 * sizeof(int64_t));
  std::vector<int64_t> offsets(4);
  std::memcpy(offsets.data(), stored->bytes.data(), stored->bytes.size());
  EXPECT_THAT(offsets, ElementsAre(0, 3, 10, 11));
  EXPECT_EQ(tensors->Find("colbert_vecs")->shape, (Shape{11, 16}));

  const auto halves = OpenSafetensors(write("half.safetensors", {"--colbert-f16"}));
  EXPECT_EQ(halves->Find("colbert_vecs")->dtype, DType::kF16);

  // A .npz holds the same bytes, each array behind a header.
  const std::string npz = ReadFile(write("out.npz"), 1 << 20);
  const ZipArchive archive(std::as_bytes(std::span(npz)), "out.npz");
  const auto member = archive.Find("colbert_vecs.npy");
  ASSERT_TRUE(member);
  const auto values = tensors->FindStored("colbert_vecs")->bytes;
  ASSERT_EQ(member->size(), 128 + values.size());
  EXPECT_EQ(std::memcmp(member->data() + 128, values.data(), values.size()), 0);
  const auto comment = Parse(npz.substr(npz.rfind("{\"fingerprint\"")));
  EXPECT_EQ(comment->root().At("space").AsString(), identity.space);
  EXPECT_EQ(comment->root().At("settings").AsString(), settings);
  // Nothing else is left in the folder.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 4);
}

TEST(EmbedReturn, WrongUsage) {
  const auto usage = [](const std::vector<std::string>& arguments) {
    const ProgramResult result = RunBge(arguments);
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_THAT(result.out, IsEmpty());
    return result.err;
  };
  EXPECT_THAT(usage({"embed", "--return", "dense,foo", "a"}), HasSubstr("--return dense,foo"));
  EXPECT_THAT(usage({"embed", "--return", "", "a"}), HasSubstr("--return"));
  EXPECT_THAT(usage({"embed", "--return", "dense", "--output-format", "npy", "a"}),
              HasSubstr("npz, safetensors or jsonl"));
  EXPECT_THAT(usage({"embed", "--output-format", "npz", "a"}), HasSubstr("--return"));
  EXPECT_THAT(usage({"embed", "--sparse-tokens", "a"}), HasSubstr("--sparse-tokens"));
  EXPECT_THAT(usage({"embed", "--return", "dense", "-o", "x.npy", "a"}), HasSubstr("x.npy"));
  const ProgramResult absent = RunBge({"embed", "--return", "sparse", "a"});
  EXPECT_EQ(absent.status, 1);
  EXPECT_THAT(absent.err, HasSubstr("the model has no sparse head"));
}

TEST(Score, GivesAllFiveScores) {
  const auto scores = Parse(OutputOf({"score", "--model", kM3, "what is a map", "a map of the city",
                                      "--weights", "0.4,0.2,0.4", "--json"}));
  EXPECT_NEAR(scores->root().At("colbert").AsDouble(), 0.771709, 1e-5);
  EXPECT_NEAR(scores->root().At("sparse+dense").AsDouble(), 0.572743, 1e-5);
  EXPECT_NEAR(scores->root().At("colbert+sparse+dense").AsDouble(), 0.652330, 1e-5);
  for (const char* weights : {"1,1", "1,1,1,1", "a,b,c", "-1,1,1", "1,1,", "nan,1,1"}) {
    EXPECT_EQ(RunBge({"score", "--model", kM3, "a", "b", "--weights", weights}).status, 2)
        << weights;
  }
  EXPECT_EQ(RunBge({"score", "--model", kM3, "a", "b", "--weights", "0,0,0"}).status, 1);
  EXPECT_EQ(RunBge({"score", "--model", kM3, "a"}).status, 2);
}

TEST(Rerank, PutsPassagesInOrder) {
  const auto hits = Parse(OutputOf({"rerank", "--model", kReranker, "--query", "what is a map",
                                    "a fox", "the map", "bread", "--top-k", "2"}));
  const auto all = hits->root().At("hits").Elements();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].At("_id").AsString(), "3");
  EXPECT_EQ(all[0].At("text").AsString(), "bread");
  EXPECT_GT(all[0].At("score").AsDouble(), all[1].At("score").AsDouble());
  const test::TempDir dir;
  const std::string passages =
      dir.Write("p.jsonl",
                "{\"_id\":\"m\",\"text\":\"the map\"}\n{\"_id\":\"f\",\"text\":\"a fox\"}\n")
          .string();
  const std::string run = OutputOf({"rerank", "--model", kReranker, "-q", "what is a map",
                                    "--input", passages, "--output-format", "trec"});
  EXPECT_THAT(run, StartsWith("1 Q0 f 1 "));
}

TEST(Rerank, ScoresPairsInTheirOrder) {
  const std::string pairs =
      "{\"query\":\"a\",\"passage\":\"b\",\"_id\":\"x\"}\n"
      "{\"query\":\"what is a map\",\"passage\":\"the map\"}\n";
  const auto lines =
      Lines(OutputOf({"rerank", "--model", kReranker, "--pairs", "-"}, {.input = pairs}));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], StartsWith(R"({"_id":"x","score":)"));
  const double logit = Parse(lines[1])->root().At("score").AsDouble();
  const auto normalized =
      Lines(OutputOf({"rerank", "--model", kReranker, "--pairs", "-", "--normalize", "--with-text"},
                     {.input = pairs}));
  const auto second = Parse(normalized[1]);
  EXPECT_NEAR(second->root().At("score").AsDouble(), 1 / (1 + std::exp(-logit)), 1e-6);
  EXPECT_EQ(second->root().At("passage").AsString(), "the map");
  const ProgramResult bad =
      RunBge({"rerank", "--model", kReranker, "--pairs", "-"}, {.input = "{\"query\":\"a\"}\n"});
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.err, HasSubstr("field \"passage\" is missing: standard input: line 1"));
}

TEST(Rerank, BadRecordsMayBeSkipped) {
  const std::string pairs =
      "{\"query\":\"a\"}\n{\"query\":\"a\",\"passage\":\"b\",\"_id\":\"x\"}\n";
  const ProgramResult scored = RunBge(
      {"rerank", "--model", kReranker, "--pairs", "-", "--on-error", "skip"}, {.input = pairs});
  EXPECT_EQ(scored.status, 0) << scored.err;
  EXPECT_EQ(Lines(scored.out).size(), 1u);
  EXPECT_THAT(scored.err, HasSubstr("line 1"));
  const ProgramResult ranked =
      RunBge({"rerank", "--model", kReranker, "-q", "a", "--input", "-", "--format", "jsonl",
              "--on-error", "skip"},
             {.input = "{\"text\": 1}\n{\"_id\":\"m\",\"text\":\"the map\"}\n"});
  EXPECT_EQ(ranked.status, 0) << ranked.err;
  EXPECT_EQ(Parse(ranked.out)->root().At("hits").Elements().size(), 1u);
  EXPECT_THAT(ranked.err, HasSubstr("line 1"));
}

TEST(Rerank, WrongUsage) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"rerank", "a"},
           {"rerank", "--pairs", "x", "--query", "q"},
           {"rerank", "--query", "q", "--normalize", "--raw", "a"},
           {"rerank", "--query", "q", "--pairs-as", "other", "a"}}) {
    EXPECT_EQ(RunBge(arguments).status, 2) << arguments[1];
  }
  const ProgramResult embedder = RunBge({"rerank", "--model", kM3, "--query", "q", "a"});
  EXPECT_EQ(embedder.status, 1);
  EXPECT_THAT(embedder.err, HasSubstr("not a reranker"));
}

TEST(Search, RerankPutsHitsInTheOrderOfTheReranker) {
  const test::TempDir dir;
  const std::string index = (dir.path() / "index").string();
  const std::string corpus = dir.Write("c.txt", "the map\na fox\nbread\nriver city\n").string();
  OutputOf({"index", "build", index, "--model", kM3, "--input", corpus});
  const auto reranked =
      Parse(OutputOf({"search", index, "what is a map", "--rerank", kReranker, "--top-k", "2"}));
  const auto ranked = Parse(OutputOf({"rerank", "--model", kReranker, "--query", "what is a map",
                                      "--input", corpus, "--top-k", "2"}));
  for (size_t i = 0; i < 2; ++i) {
    const auto a = reranked->root().At("hits").Elements()[i];
    const auto b = ranked->root().At("hits").Elements()[i];
    EXPECT_EQ(a.At("text").AsString(), b.At("text").AsString());
    EXPECT_NEAR(a.At("score").AsDouble(), b.At("score").AsDouble(), 1e-6);
  }
  // A depth below top-k would lose hits.
  const auto deep = Parse(OutputOf({"search", index, "what is a map", "--rerank", kReranker,
                                    "--top-k", "4", "--rerank-depth", "1"}));
  EXPECT_EQ(deep->root().At("hits").size(), 4u);
}

TEST(Quantize, KeepsHeadsAndRerankersUseful) {
  const test::TempDir dir;
  const std::string m3 = (dir.path() / "m3").string();
  const std::string reranker = (dir.path() / "reranker").string();
  OutputOf({"quantize", kM3, m3});
  OutputOf({"quantize", kReranker, reranker});
  const std::vector<std::string> texts = {"what is a map", "a map of the city", "--json"};
  const auto scores = [&](const std::string& model) {
    std::vector<std::string> arguments = {"score", "--model", model};
    arguments.insert(arguments.end(), texts.begin(), texts.end());
    return Parse(OutputOf(arguments));
  };
  EXPECT_NEAR(scores(m3)->root().At("colbert").AsDouble(),
              scores(kM3)->root().At("colbert").AsDouble(), 0.02);
  const std::vector<std::string> rerank = {"--query", "what is a map", "the map", "a fox"};
  const auto best = [&](const std::string& model) {
    std::vector<std::string> arguments = {"rerank", "--model", model};
    arguments.insert(arguments.end(), rerank.begin(), rerank.end());
    return Parse(OutputOf(arguments))->root().At("hits").Elements()[0].At("score").AsDouble();
  };
  EXPECT_NEAR(best(reranker), best(kReranker), 0.05);
  EXPECT_THAT(OutputOf({"info", reranker}), HasSubstr("(int8)"));
}

TEST(Info, NamesHeadsAndRerankers) {
  EXPECT_THAT(OutputOf({"info", kM3}), HasSubstr("dense, sparse, colbert (16 values a token)"));
  EXPECT_THAT(OutputOf({"info", kM3, "--json"}),
              HasSubstr(R"("heads":["dense","sparse","colbert"])"));
  EXPECT_THAT(OutputOf({"info", kReranker}), HasSubstr("kind          reranker"));
  EXPECT_THAT(OutputOf({"info", kReranker, "--json"}),
              HasSubstr(R"("pair_style":"flagembedding")"));
}

}  // namespace
}  // namespace bge::cli
