// modules.json as a list, whatever kind of model it is of; and the prompts beside it.
#include "engine/module_list.h"

#include "engine/prompts.h"
#include "tests/expect_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace bge {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string ListError(const std::string& text) {
  const auto document = json::Document::Parse(text, "modules.json");
  return test::Thrown([&] { return ReadModuleList(document->root()).size(); });
}

TEST(ModuleList, SaysWhatEachModuleIs) {
  const auto document = json::Document::Parse(
      R"([{"name":"0","path":"","type":"sentence_transformers.models.Transformer"},
          {"idx":7,"path":"1_Dense","type":"pylate.models.Dense.Dense"},
          {"name":"2","path":"a/b","type":"custom.Dense"},
          {"name":"3","path":"","type":"Pooling"}])",
      "modules.json");
  const auto modules = ReadModuleList(document->root());
  ASSERT_EQ(modules.size(), 4u);
  EXPECT_TRUE(modules[0].Is("Transformer"));
  EXPECT_FALSE(modules[0].Is("Pooling"));
  EXPECT_EQ(modules[0].path, "");
  EXPECT_EQ(modules[1].code, ModuleCode::kPyLate);
  EXPECT_EQ(modules[1].name, "Dense");
  EXPECT_EQ(modules[1].path, "1_Dense");
  EXPECT_EQ(modules[2].code, ModuleCode::kOther);
  EXPECT_FALSE(modules[2].Is("Dense"));
  EXPECT_EQ(modules[2].path, "a/b");
  EXPECT_EQ(modules[3].code, ModuleCode::kOther);
  EXPECT_EQ(modules[3].name, "Pooling");
  EXPECT_THAT(modules[2].Found(),
              AllOf(HasSubstr("modules.json"), HasSubstr("[2].type: found \"custom.Dense\"")));
}

TEST(ModuleList, DamagedOnesAreErrors) {
  const std::string transformer = R"({"path":"","type":"sentence_transformers.models.X"})";
  std::string many = "[" + transformer;
  for (int i = 0; i < 64; ++i) many += "," + transformer;
  const std::pair<std::string, const char*> cases[] = {
      {"{}", "expected a list of 1 to 64 modules"},
      {"[]", "found 0 modules"},
      {many + "]", "found 65 modules"},
      {"[1]", "modules.json"},
      {R"([{"path":""}])", "\"type\" is missing"},
      {R"([{"type":"sentence_transformers.models.X"}])", "\"path\" is missing"},
      {R"([{"path":1,"type":"sentence_transformers.models.X"}])", "path"},
      {R"([{"path":"","type":null}])", "type"},
      {R"([{"path":"../x","type":"sentence_transformers.models.X"}])", "leads out of the model"},
      {R"([{"path":"/x","type":"sentence_transformers.models.X"}])", "leads out of the model"},
      {R"([{"path":"a\\b","type":"sentence_transformers.models.X"}])", "leads out of the model"},
      {R"([{"name":"0","path":"","type":"a.X"},{"name":"0","path":"b","type":"a.Y"}])",
       "two modules have the same name"},
      {R"([{"name":0,"path":"","type":"a.X"}])", "name"}};
  for (const auto& [text, message] : cases) {
    const std::string error = ListError(text);
    EXPECT_THAT(error, AllOf(StartsWith("corrupt_data: "), HasSubstr(message))) << text;
    EXPECT_TRUE(test::IsOneLine(error));
  }
}

TEST(Prompts, AreReadWithTheirDefault) {
  const auto read = [](const std::string& text, std::span<const std::string_view> implied) {
    const auto document = json::Document::Parse(text, "config_sentence_transformers.json");
    return ReadPrompts(document->root(), implied);
  };
  EXPECT_TRUE(read("{}", kEmbedderPrompts).texts.empty());
  const Prompts named = read(R"({"prompts":{"a":"x: ","b":null},"default_prompt_name":"b"})", {});
  EXPECT_EQ(named.texts.at("a"), "x: ");
  EXPECT_EQ(named.texts.at("b"), "");
  EXPECT_EQ(named.default_name, "b");
  EXPECT_EQ(read(R"({"default_prompt_name":"query"})", kEmbedderPrompts).texts.at("query"), "");
  for (const char* text : {R"({"default_prompt_name":"query"})",
                           R"({"prompts":{"a":""},"default_prompt_name":"b"})"}) {
    EXPECT_THAT(test::Thrown([&] { return read(text, {}).texts.size(); }),
                AllOf(StartsWith("corrupt_data: "), HasSubstr("default_prompt_name"),
                      HasSubstr("expected a key of prompts")));
  }
  for (const char* text : {R"({"prompts":[]})", R"({"prompts":{"a":1}})", R"({"prompts":"x"})",
                           R"({"default_prompt_name":3})"}) {
    EXPECT_THAT(test::Thrown([&] { return read(text, kEmbedderPrompts).texts.size(); }),
                StartsWith("corrupt_data: "))
        << text;
  }
}

}  // namespace
}  // namespace bge
