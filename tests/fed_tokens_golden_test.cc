// ModelTokenizer gives the tokens that sentence-transformers feeds its models
// (tests/data/golden/fed-tokens.json, written by tools/oracle/make_fed_tokens.py), without weights.
#include "bge/embedder.h"
#include "bge/model_tokenizer.h"

#include "base/json.h"
#include "tests/expect_error.h"
#include "tests/model_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace bge {
namespace {

using test::ModelCopy;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::pair<const char*, Role> kRoles[] = {
    {"query", Role::kQuery}, {"document", Role::kDocument}, {"none", Role::kNone}};

ModelCopy Copy(json::Value of_case) {
  ModelCopy copy(std::string(of_case.At("model").AsString()));
  if (const auto files = of_case.Find("write")) copy.WriteAll(*files);
  if (const auto folder = of_case.Find("move")) {
    copy.MoveTransformer(std::string(folder->AsString()));
  }
  return copy;
}

std::vector<int32_t> Ids(json::Value list) {
  std::vector<int32_t> ids;
  list.ForEachElement([&](json::Value id) { ids.push_back(static_cast<int32_t>(id.AsInt())); });
  return ids;
}

std::shared_ptr<const json::Document> Golden() {
  return json::Document::Load(BGE_TEST_DATA_DIR "/golden/fed-tokens.json");
}

TEST(FedTokens, AreSentenceTransformers) {
  const auto golden = Golden();
  for (const json::Value& of_case : golden->root().At("cases").Elements()) {
    SCOPED_TRACE(of_case.At("model").AsString());
    const ModelCopy copy = Copy(of_case);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(copy.path())) {
      if (entry.path().extension() == ".safetensors") std::filesystem::remove(entry);
    }
    const ModelTokenizer tokenizer = ModelTokenizer::Load(copy.name());
    for (const json::Value& row : of_case.At("texts").Elements()) {
      const std::string text(row.At("text").AsString());
      for (const auto& [name, role] : kRoles) {
        const Encoding found = tokenizer.Encode(text, {.role = role}, /*want_offsets=*/true);
        EXPECT_EQ(found.ids, Ids(row.At(name))) << name << ": " << text;
        EXPECT_EQ(found.type_ids.size(), found.ids.size());
        EXPECT_EQ(found.offsets.size(), found.ids.size());
        EXPECT_EQ(found.special_tokens_mask.size(), found.ids.size());
        EXPECT_LE(std::ssize(found.ids), tokenizer.MaxLength({.role = role}));
      }
    }
  }
}

TEST(FedTokens, AreTheEmbedders) {
  const auto golden = Golden();
  for (const json::Value& of_case : golden->root().At("cases").Elements()) {
    SCOPED_TRACE(of_case.At("model").AsString());
    const ModelCopy copy = Copy(of_case);
    const Embedder embedder = Embedder::Load(copy.name(), {.threads = 1});
    for (const json::Value& row : of_case.At("texts").Elements()) {
      const std::vector<std::string> text = {std::string(row.At("text").AsString())};
      for (const auto& [name, role] : kRoles) {
        const EncodeStats stats =
            embedder.EncodeAll(text, embedder.info().heads, {.role = role}).stats;
        EXPECT_EQ(stats.tokens, std::ssize(Ids(row.At(name)))) << name << ": " << text[0];
      }
    }
  }
}

TEST(FedTokens, TheTokenizerAloneCutsAndAddsNothing) {
  const auto golden = Golden();
  for (const json::Value& of_case : golden->root().At("cases").Elements()) {
    SCOPED_TRACE(of_case.At("model").AsString());
    const ModelCopy copy = Copy(of_case);
    const Tokenizer tokenizer = LoadModelTokenizer(copy.name());
    // Short enough for every model; none of them has a prompt for texts of no role.
    for (const size_t i : {0, 4}) {
      const json::Value row = of_case.At("texts").Elements()[i];
      EXPECT_EQ(tokenizer.Encode(row.At("text").AsString()).ids, Ids(row.At("none")));
    }
    const json::Value long_text = of_case.At("texts").Elements()[5];
    EXPECT_GT(tokenizer.Encode(long_text.At("text").AsString()).ids.size(),
              long_text.At("none").size());
  }
}

TEST(FedTokens, ACallersOptionsHold) {
  const ModelTokenizer tokenizer =
      ModelTokenizer::Load(BGE_TEST_DATA_DIR "/models/tiny-bert", {.max_length = 6});
  EXPECT_EQ(tokenizer.MaxLength(), 6);
  EXPECT_EQ(tokenizer.Encode("a b c d e f g").ids.size(), 6u);
  EXPECT_TRUE(tokenizer.Encode("a b c d e f g").truncated);
  EXPECT_EQ(tokenizer.Encode("a b c d e f g", {.max_length = 4}).ids.size(), 4u);
  EXPECT_EQ(tokenizer.Encode("b", {.instruction = "a "}).ids, tokenizer.Encode("a b").ids);
  EXPECT_EQ(tokenizer.Encode("b", {.prompt_name = "passage"}).ids,
            tokenizer.Encode("passage: b").ids);
  EXPECT_THAT(test::Thrown([&] { return tokenizer.Encode("b", {.prompt_name = "other"}); }),
              AllOf(HasSubstr("unknown prompt name \"other\""), HasSubstr("passage, query")));
  EXPECT_THAT(test::Thrown([&] { return tokenizer.Encode("b", {.max_length = 65}); }),
              HasSubstr("found 65, expected 2 to 64"));
}

TEST(FedTokens, AListOfPromptNamesEnds) {
  const ModelCopy copy("tiny-bert");
  std::string prompts;
  for (int i = 100; i < 1100; ++i) {
    prompts += (prompts.empty() ? "\"" : ",\"") + std::to_string(i) + "\":\"\"";
  }
  copy.Write("config_sentence_transformers.json", "{\"prompts\":{" + prompts + "}}");
  const ModelTokenizer tokenizer = ModelTokenizer::Load(copy.name());
  const std::string error =
      test::Thrown([&] { return tokenizer.Encode("b", {.prompt_name = std::string(5000, 'x')}); });
  EXPECT_THAT(error, AllOf(HasSubstr("give one of: 100, 1000,"), HasSubstr("and 980 more")));
  EXPECT_LT(error.size(), 500u);
}

TEST(FedTokens, ModelsThatNobodyCanReadAreErrors) {
  const auto error_of = [](const ModelCopy& copy) {
    const std::string error = test::Thrown([&] { return ModelTokenizer::Load(copy.name()); });
    EXPECT_TRUE(test::IsOneLine(error)) << error;
    return error;
  };
  const ModelCopy no_config("tiny-bert");
  std::filesystem::remove(no_config.path() / "config.json");
  EXPECT_THAT(error_of(no_config), AllOf(HasSubstr("not_found"), HasSubstr("config.json")));
  EXPECT_THAT(test::Thrown([&] { return LoadModelTokenizer(no_config.name()); }),
              HasSubstr("config.json"));

  const ModelCopy other("tiny-bert");
  other.Write("config.json", R"({"model_type":"nosuch","hidden_size":32})");
  EXPECT_THAT(error_of(other), AllOf(HasSubstr("unsupported"), HasSubstr("nosuch")));
  // Its tokens can be known all the same.
  EXPECT_EQ(LoadModelTokenizer(other.name()).Encode("a").ids.size(), 3u);

  const ModelCopy modules("tiny-bert");
  for (const char* content : {"{}", "[]", "[1]", R"([{"type":"sentence_transformers.models.X"}])",
                              R"([{"type":"sentence_transformers.models.Transformer"}])",
                              R"([{"type":"sentence_transformers.models.Transformer","path":"../x"},
                                  {"type":"sentence_transformers.models.Pooling","path":"1"}])",
                              "[", ""}) {
    modules.Write("modules.json", content);
    EXPECT_THAT(error_of(modules), HasSubstr("modules.json")) << content;
    EXPECT_THAT(test::Thrown([&] { return LoadModelTokenizer(modules.name()); }),
                HasSubstr("modules.json"))
        << content;
  }

  const ModelCopy queries("tiny-doc-sparse");
  std::filesystem::remove(queries.path() / "query_0_SparseStaticEmbedding/tokenizer.json");
  EXPECT_THAT(error_of(queries),
              AllOf(HasSubstr("no tokenizer"), HasSubstr("query_0_SparseStaticEmbedding")));
}

TEST(FedTokens, ARoutersQueriesHaveATokenizerOfTheirOwn) {
  const ModelCopy copy("tiny-doc-sparse");
  const ModelTokenizer fed = ModelTokenizer::Load(copy.name());
  const Embedder embedder = Embedder::Load(copy.name());
  EXPECT_EQ(&embedder.tokenizer(Role::kDocument), &embedder.tokenizer());
  EXPECT_EQ(&embedder.tokenizer(Role::kNone), &embedder.tokenizer());
  EXPECT_NE(&embedder.tokenizer(Role::kQuery), &embedder.tokenizer());
  EXPECT_NE(&fed.tokenizer(Role::kQuery), &fed.tokenizer(Role::kDocument));
  EXPECT_EQ(&fed.tokenizer(Role::kNone), &fed.tokenizer(Role::kDocument));
}

}  // namespace
}  // namespace bge
