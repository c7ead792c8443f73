// bge tokenize, run as a user runs it.
#include "apps/run_program.h"
#include "apps/test_program_output.h"
#include "base/json.h"
#include "tests/model_copy.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bge::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Tokenize, ATokenEndsNoLineAndControlsNoTerminal) {
  const test::TempDir dir;
  dir.Write("tokenizer.json",
            R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[],
                "normalizer":null,"pre_tokenizer":null,"post_processor":null,"decoder":null,
                "model":{"type":"WordLevel","vocab":{"a\n\u001b[31mb":0,"[UNK]":1},
                         "unk_token":"[UNK]"}})");
  const std::string texts = dir.Write("texts.jsonl", R"({"text":"a\n\u001b[31mb"})"
                                                     "\n")
                                .string();
  const ProgramResult result =
      RunBge({"tokenize", "--model", dir.path().string(), "--tokens", "--input", texts});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(StartsWith("a"), EndsWith("[31mb\n")));
  EXPECT_EQ(Lines(result.out).size(), 1u);
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
}

TEST(Tokenize, PrintsEachForm) {
  const ProgramResult all = RunBge({"tokenize", "--json", "hello"});
  ASSERT_EQ(all.status, 0) << all.err;
  const auto document = json::Document::Parse(all.out, "line");
  const auto ids = document->root().At("ids").Elements();
  const auto tokens = document->root().At("tokens").Elements();
  const auto offsets = document->root().At("offsets").Elements();
  ASSERT_GE(ids.size(), 3u);
  ASSERT_EQ(document->root().At("type_ids").size(), ids.size());
  ASSERT_EQ(tokens.size(), ids.size());
  ASSERT_EQ(offsets.size(), ids.size());
  std::string id_line;
  std::string token_line;
  std::string offset_line;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string space = i == 0 ? "" : " ";
    id_line += space + std::to_string(ids[i].AsInt());
    token_line += space + std::string(tokens[i].AsString());
    const auto range = offsets[i].Elements();
    offset_line +=
        space + std::to_string(range[0].AsInt()) + ":" + std::to_string(range[1].AsInt());
  }
  EXPECT_EQ(RunBge({"tokenize", "--ids", "hello"}).out, id_line + "\n");
  EXPECT_EQ(RunBge({"tokenize", "--tokens", "hello"}).out, token_line + "\n");
  EXPECT_EQ(RunBge({"tokenize", "hello"}).out, token_line + "\n");
  EXPECT_EQ(RunBge({"tokenize", "--offsets", "hello"}).out, offset_line + "\n");
  EXPECT_THAT(token_line, AllOf(StartsWith("[CLS] "), EndsWith(" [SEP]")));
  EXPECT_THAT(RunBge({"tokenize", "--no-special", "hello"}).out, Not(HasSubstr("[CLS]")));
}

TEST(Tokenize, CountsOffsetsInCharacters) {
  // Two characters of two and four bytes in front.
  const ProgramResult result = RunBge({"tokenize", "--offsets", "--no-special", "\xC3\xA9 a"});
  EXPECT_THAT(result.out, EndsWith("2:3\n"));
}

TEST(Tokenize, TakesPairs) {
  const std::string expected = RunBge({"tokenize", "--json", "--pair", "a b", "c"}).out;
  const auto document = json::Document::Parse(expected, "line");
  EXPECT_EQ(document->root().At("type_ids").Elements().back().AsInt(), 1);
  EXPECT_EQ(RunBge({"tokenize", "--json", "--pair"}, {.input = "a b\tc\n"}).out, expected);
  EXPECT_EQ(RunBge({"tokenize", "--json", "--pair", "--format", "jsonl"},
                   {.input = "{\"text\": \"a b\", \"text_pair\": \"c\"}"})
                .out,
            expected);
  ExpectFailure(RunBge({"tokenize", "--pair"}, {.input = "no tab\n"}), "standard input: line 1");
}

TEST(Tokenize, CutsAndReports) {
  const ProgramResult result = RunBge({"tokenize", "--ids", "--max-length", "3", "a b c d", "a"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "bge: warning: 1 of 2 texts were longer than 3 tokens and were cut\n");
  ExpectFailure(RunBge({"tokenize", "--max-length", "1", "a"}), "max_length");
}

TEST(Tokenize, NeedsNoWeights) {
  const test::TempDir dir;
  std::filesystem::copy_file(BGE_TEST_DATA_DIR "/models/tiny-bert/tokenizer.json",
                             dir.path() / "tokenizer.json");
  const ProgramResult result = RunBge({"tokenize", "--model", dir.path().string(), "hello"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, RunBge({"tokenize", "hello"}).out);
}

TEST(Tokenize, FollowsModulesIntoTheTransformersFolder) {
  const test::ModelCopy copy("tiny-roberta");
  copy.Write("sentence_bert_config.json", R"({"max_seq_length":21,"do_lower_case":true})");
  const std::string expected = RunBge({"tokenize", "--model", copy.name(), "The RIVER"}).out;
  EXPECT_EQ(expected, RunBge({"tokenize", "--model", copy.name(), "the river"}).out);
  copy.MoveTransformer("0_Transformer");
  const ProgramResult moved = RunBge({"tokenize", "--model", copy.name(), "The RIVER"});
  EXPECT_EQ(moved.status, 0) << moved.err;
  EXPECT_EQ(moved.out, expected);

  const test::ModelCopy router("tiny-doc-sparse");
  router.MoveTransformer("document_0_MLMTransformer");
  const ProgramResult documents = RunBge({"tokenize", "--model", router.name(), "a map"});
  EXPECT_EQ(documents.status, 0) << documents.err;
  EXPECT_EQ(documents.out, "[CLS] a map [SEP]\n");
}

TEST(Tokenize, SaysWhatTheModelIsFedForARole) {
  const std::string colbert = BGE_TEST_DATA_DIR "/models/tiny-colbert-stanford";
  EXPECT_EQ(RunBge({"tokenize", "--model", colbert, "--query", "--max-length", "8", "a map"}).out,
            "[CLS] [unused0] a map [SEP] [MASK] [MASK] [MASK] [MASK] [MASK] [MASK] [MASK] [MASK] "
            "[MASK] [MASK] [MASK]\n");
  EXPECT_EQ(RunBge({"tokenize", "--model", colbert, "--passage", "a map"}).out,
            "[CLS] [unused1] a map [SEP]\n");
  EXPECT_EQ(RunBge({"tokenize", "--query", "--offsets", "map"}).out, "0:0 0:5 5:6 7:10 0:0\n");
  const std::string sparse = BGE_TEST_DATA_DIR "/models/tiny-doc-sparse";
  EXPECT_EQ(RunBge({"tokenize", "--model", sparse, "--query", "a map"}).out, "a map\n");
  const ProgramResult cut =
      RunBge({"tokenize", "--model", sparse, "--query", "--max-length", "3", "a b c d", "a"});
  EXPECT_EQ(cut.out, "a b c\na\n");
  EXPECT_EQ(cut.err, "bge: warning: 1 of 2 texts were longer than 3 tokens and were cut\n");
}

TEST(Tokenize, ExplainsRolesThatItCannotHave) {
  for (const char* other : {"--pair", "--no-special", "--passage"}) {
    const ProgramResult result = RunBge({"tokenize", "--query", other, "a", "b"});
    EXPECT_EQ(result.status, 2) << other;
    EXPECT_THAT(result.err, HasSubstr(other));
  }
  const test::TempDir dir;
  std::filesystem::copy_file(BGE_TEST_DATA_DIR "/models/tiny-bert/tokenizer.json",
                             dir.path() / "tokenizer.json");
  ExpectFailure(RunBge({"tokenize", "--model", dir.path().string(), "--query", "hello"}),
                "config.json");
  ExpectFailure(RunBge({"tokenize", "--query", "--max-length", "65", "a"}), "max_length");
}

}  // namespace
}  // namespace bge::cli
