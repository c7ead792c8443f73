// Directories as transformers reads them. Expectations were measured with transformers 5.23.
#include "tokenizer/bert_directory.h"

#include "tests/expect_error.h"
#include "tests/temp_dir.h"
#include "tokenizer/test_tokenizers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <tuple>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nhello\n##s\nHello\né\ne\n中\n";

std::string DefinesLowercase(bool value) {
  return std::string(R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,)") +
         R"("strip_accents":null,"lowercase":)" + (value ? "true" : "false") + "}";
}

TEST(BertDirectory, VocabTxtAlone) {
  const test::TempDir dir;
  dir.Write("vocab.txt", kVocab);
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_THAT(tokenizer.Encode("Hellos é中 [MASK]").ids, ElementsAre(2, 4, 5, 8, 9, 10, 3));
  EXPECT_EQ(tokenizer.TokenToId("[MASK]"), 10);
  EXPECT_EQ(tokenizer.Decode({4, 5, 9}), "hellos 中");
}

TEST(BertDirectory, TokenizerConfigSetsNormalisation) {
  const test::TempDir dir;
  dir.Write("vocab.txt", kVocab);
  dir.Write("tokenizer_config.json",
            R"({"do_lower_case":false,"strip_accents":true,"tokenize_chinese_chars":false})");
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_THAT(tokenizer.Encode("Hello é e中").ids, ElementsAre(2, 6, 8, 1, 3));
}

TEST(BertDirectory, SpecialTokensAreThoseOfTheConfig) {
  const test::TempDir dir;
  dir.Write("vocab.txt", kVocab);
  dir.Write(
      "tokenizer_config.json",
      R"({"cls_token":{"__type":"AddedToken","content":"<c>","lstrip":true,"rstrip":false,)"
      R"("single_word":false,"normalized":true},"mask_token":{"content":"[MASK]","lstrip":true},)"
      R"("unk_token":"hello","additional_special_tokens":["[X]"]})");
  dir.Write("special_tokens_map.json", R"({"sep_token":"e"})");
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_EQ(tokenizer.TokenToId("<c>"), 10);
  EXPECT_EQ(tokenizer.TokenToId("[MASK]"), 11);
  EXPECT_EQ(tokenizer.TokenToId("[X]"), 12);
  EXPECT_THAT(tokenizer.Encode("nothing [MASK]").ids, ElementsAre(10, 4, 11, 8));
}

TEST(BertDirectory, AddedTokensDecoderComesFirst) {
  const test::TempDir dir;
  dir.Write("vocab.txt", kVocab);
  dir.Write("tokenizer_config.json",
            R"({"added_tokens_decoder":{"10":{"content":"zzz","lstrip":true,"normalized":true,)"
            R"("rstrip":false,"single_word":true,"special":false}}})");
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_EQ(tokenizer.TokenToId("zzz"), 10);
  EXPECT_EQ(tokenizer.TokenToId("[MASK]"), 11);
}

TEST(BertDirectory, LinesAreTrimmedAndTheLastOfEqualOnesCounts) {
  const test::TempDir dir;
  dir.Write("vocab.txt", "[PAD]\n[UNK]\nA \n\nb\r\n\nb\n[CLS]\n[SEP]\n[MASK]\n\tx\n");
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_EQ(tokenizer.TokenToId("A"), 2);
  EXPECT_EQ(tokenizer.TokenToId("b"), 6);
  EXPECT_EQ(tokenizer.TokenToId("\tx"), 10);
  EXPECT_EQ(tokenizer.vocab_size(), 9);
}

TEST(BertDirectory, TokenizerConfigOverridesTokenizerJson) {
  const test::TempDir dir;
  dir.Write("tokenizer.json", BertJson(DefinesLowercase(true)));
  dir.Write("tokenizer_config.json",
            R"({"tokenizer_class":"BertTokenizerFast","do_lower_case":false})");
  std::vector<std::string> warnings;
  LoadOptions options;
  options.on_warning = [&](std::string_view message) { warnings.emplace_back(message); };
  const Tokenizer tokenizer = LoadTokenizer(dir.path(), options);
  EXPECT_THAT(tokenizer.Encode("A").ids, ElementsAre(1, 31, 2));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("do_lower_case=false"));
}

// cls_token and sep_token around a text, where transformers makes a BertTokenizer.
TEST(BertDirectory, TokensAroundATextAreThoseOfTheConfig) {
  struct Case {
    const char* config;
    const char* map;  // special_tokens_map.json
    std::vector<int32_t> ids;
  };
  const Case cases[] = {
      {R"({"tokenizer_class":"BertTokenizer"})", "{}", {1, 3, 2, 4, 2}},
      {R"({"tokenizer_class":"BertTokenizer","cls_token":"x"})", "{}", {10, 3, 2, 4, 2}},
      {R"({"tokenizer_class":"BertTokenizer","sep_token":"x"})", "{}", {1, 3, 10, 4, 10}},
      {R"({"tokenizer_class":"DistilBertTokenizerFast","cls_token":{"content":"x"}})",
       "{}",
       {10, 3, 2, 4, 2}},
      {R"({"tokenizer_class":"BertTokenizer","cls_token":"x"})",
       R"({"cls_token":"[CLS]"})",
       {1, 3, 2, 4, 2}},
      {R"({"tokenizer_class":"BertTokenizer"})", R"({"cls_token":"x"})", {10, 3, 2, 4, 2}},
      {R"({"tokenizer_class":"BertTokenizer","added_tokens_decoder":{}})",
       R"({"cls_token":"x"})",
       {1, 3, 2, 4, 2}},
      // Not in the vocabulary: the next free id.
      {R"({"tokenizer_class":"BertTokenizer","cls_token":"[NEW]"})", "{}", {46, 3, 2, 4, 2}},
      {R"({"tokenizer_class":"PreTrainedTokenizerFast","cls_token":"x"})",
       R"({"cls_token":"x"})",
       {1, 3, 2, 4, 2}}};
  for (const Case& c : cases) {
    const test::TempDir dir;
    dir.Write("tokenizer.json", BertJson(kUncased));
    dir.Write("tokenizer_config.json", c.config);
    dir.Write("special_tokens_map.json", c.map);
    std::vector<std::string> warnings;
    LoadOptions options;
    options.on_warning = [&](std::string_view message) { warnings.emplace_back(message); };
    const Tokenizer tokenizer = LoadTokenizer(dir.path(), options);
    const Encoding pair = tokenizer.EncodePair("a", "b");
    EXPECT_EQ(pair.ids, c.ids) << c.config;
    EXPECT_THAT(pair.type_ids, ElementsAre(0, 0, 0, 1, 1));
    EXPECT_EQ(warnings.size(), c.ids == cases[0].ids ? 0u : 1u) << c.config;
    for (const std::string& warning : warnings) EXPECT_THAT(warning, HasSubstr("cls_token="));
    EXPECT_TRUE(tokenizer.impl().has_fast_path());
  }
}

TEST(BertDirectory, TruncationSideIsTheConfigsBeforeTokenizerJsons) {
  const std::string right = BertJson(kUncased);
  std::string left = right;
  const std::string_view none = R"("truncation":null)";
  left.replace(left.find(none), none.size(), R"("truncation":{"direction":"Left"})");
  const std::vector<int32_t> start = {1, 3, 4, 2};
  const std::vector<int32_t> end = {1, 6, 7, 2};
  for (const char* name : {"BertTokenizer", "PreTrainedTokenizerFast"}) {
    for (const auto& [side, of_right, of_left] :
         {std::tuple("", start, end), std::tuple(R"(,"truncation_side":"left")", end, end),
          std::tuple(R"(,"truncation_side":"right")", start, start)}) {
      const test::TempDir dir;
      dir.Write("tokenizer_config.json",
                R"({"tokenizer_class":")" + std::string(name) + "\"" + side + "}");
      dir.Write("tokenizer.json", right);
      EXPECT_EQ(Tokenizer::Load(dir.path()).Encode("a b c d e", {.max_length = 4}).ids, of_right);
      dir.Write("tokenizer.json", left);
      EXPECT_EQ(Tokenizer::Load(dir.path()).Encode("a b c d e", {.max_length = 4}).ids, of_left);
    }
  }
  const test::TempDir dir;
  dir.Write("vocab.txt", kVocab);
  dir.Write("tokenizer_config.json", R"({"truncation_side":"left"})");
  EXPECT_THAT(Tokenizer::Load(dir.path()).Encode("hello e", {.max_length = 3}).ids,
              ElementsAre(2, 8, 3));
  dir.Write("tokenizer_config.json", R"({"truncation_side":"Left"})");
  EXPECT_THAT(test::Thrown([&] { return Tokenizer::Load(dir.path()); }),
              HasSubstr("tokenizer_config.json: field truncation_side"));
}

TEST(BertDirectory, PaddingChangesNothing) {
  std::string json = BertJson(kUncased);
  const std::string_view none = R"("padding":null)";
  json.replace(json.find(none), none.size(),
               R"("padding":{"strategy":{"Fixed":9},"direction":"Left","pad_to_multiple_of":null,
                  "pad_id":0,"pad_type_id":0,"pad_token":"[PAD]"})");
  for (const char* name : {"BertTokenizer", "PreTrainedTokenizerFast"}) {
    const test::TempDir dir;
    dir.Write("tokenizer.json", json);
    dir.Write("tokenizer_config.json",
              R"({"padding_side":"left","tokenizer_class":")" + std::string(name) + "\"}");
    EXPECT_THAT(Tokenizer::Load(dir.path()).Encode("a b").ids, ElementsAre(1, 3, 4, 2));
  }
}

TEST(BertDirectory, WordsAreCutWithTheConfigsUnknownTokenAndBertsSettings) {
  std::string json = BertJson(kUncased);
  const std::string_view most = R"("max_input_chars_per_word":100)";
  json.replace(json.find(most), most.size(), R"("max_input_chars_per_word":2)");
  const test::TempDir dir;
  dir.Write("tokenizer.json", json);
  dir.Write("tokenizer_config.json", R"({"tokenizer_class":"BertTokenizer","unk_token":"x"})");
  std::vector<std::string> warnings;
  LoadOptions options;
  options.on_warning = [&](std::string_view message) { warnings.emplace_back(message); };
  EXPECT_THAT(LoadTokenizer(dir.path(), options).Encode("a zzz abab").ids,
              ElementsAre(1, 3, 10, 11, 20, 2));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("unk_token=x"));
  dir.Write("tokenizer_config.json", R"({"tokenizer_class":"PreTrainedTokenizerFast"})");
  EXPECT_THAT(Tokenizer::Load(dir.path()).Encode("a zzz abab").ids, ElementsAre(1, 3, 0, 0, 2));
}

// Tokens of the config that tokenizer.json does not list are added behind those that it does.
TEST(BertDirectory, TokensThatTokenizerJsonDoesNotListAreAdded) {
  const test::TempDir dir;
  dir.Write("tokenizer.json", BertJson(kUncased));
  EXPECT_THAT(Tokenizer::Load(dir.path()).Encode("a[SEP]b [MASK]").ids,
              ElementsAre(1, 3, 24, 0, 25, 4, 24, 0, 25, 2));  // no class: as it is
  dir.Write("config.json", R"({"model_type":"bert"})");
  dir.Write("tokenizer_config.json",
            R"({"additional_special_tokens":["<x>"],"extra_special_tokens":{}})");
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_THAT(tokenizer.Encode("a[SEP]b [MASK]").ids, ElementsAre(1, 3, 2, 4, 46, 2));
  EXPECT_EQ(tokenizer.TokenToId("[PAD]"), 45);
  EXPECT_EQ(tokenizer.TokenToId("<x>"), 47);
}

TEST(BertDirectory, OtherClassesTakeTokenizerJsonAsItIs) {
  const test::TempDir dir;
  dir.Write("tokenizer.json", BertJson(DefinesLowercase(true)));
  dir.Write("config.json", R"({"model_type":"bert"})");
  dir.Write("tokenizer_config.json",
            R"({"tokenizer_class":"PreTrainedTokenizerFast","do_lower_case":false})");
  EXPECT_THAT(Tokenizer::Load(dir.path()).Encode("A").ids, ElementsAre(1, 3, 2));
  dir.Write("tokenizer_config.json", R"({"do_lower_case":false})");
  EXPECT_THAT(Tokenizer::Load(dir.path()).Encode("A").ids, ElementsAre(1, 31, 2));
}

TEST(BertDirectory, ALinkThatLeadsNowhereIsAnError) {
  for (const char* target : {"absent", "tokenizer.json"}) {
    const test::TempDir dir;
    dir.Write("vocab.txt", kVocab);
    std::filesystem::create_symlink(target, dir.path() / "tokenizer.json");
    EXPECT_THAT(test::Thrown([&] { return Tokenizer::Load(dir.path()); }),
                HasSubstr((dir.path() / "tokenizer.json").string()))
        << target;
  }
  const test::TempDir dir;
  dir.Write("vocab.txt", kVocab);
  std::filesystem::create_symlink("absent", dir.path() / "tokenizer_config.json");
  EXPECT_THAT(test::Thrown([&] { return Tokenizer::Load(dir.path()); }),
              HasSubstr((dir.path() / "tokenizer_config.json").string()));
}

// Sparse: it takes no place.
TEST(BertDirectory, AHugeTokenizerJsonIsNotRead) {
  const test::TempDir dir;
  dir.Write("tokenizer.json", "{");
  std::filesystem::resize_file(dir.path() / "tokenizer.json", (128u << 20) + 1);
  const auto error = test::ErrorOf([&] { return Tokenizer::Load(dir.path()); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), HasSubstr("134217728"));
}

TEST(BertDirectory, OtherClassesCannotReadAVocabTxt) {
  const test::TempDir dir;
  const auto load = [&] { return Tokenizer::Load(dir.path()); };
  dir.Write("vocab.txt", kVocab);
  for (const char* known : {"BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer",
                            "ElectraTokenizerFast", "PreTrainedTokenizerFast", "MPNetTokenizer"}) {
    dir.Write("tokenizer_config.json", R"({"tokenizer_class":")" + std::string(known) + "\"}");
    EXPECT_EQ(test::Thrown(load), "no error") << known;
  }
  dir.Write("tokenizer_config.json",
            R"({"tokenizer_class":"BertJapaneseTokenizer","word_tokenizer_type":"mecab"})");
  const std::string message = test::Thrown(load);
  EXPECT_THAT(message, HasSubstr("unsupported: unknown tokenizer class 'BertJapaneseTokenizer'"));
  EXPECT_THAT(message, HasSubstr("tokenizer_config.json: field tokenizer_class: this build knows "
                                 "BertTokenizer, "));
  dir.Write("tokenizer_config.json", R"({"tokenizer_class":null})");
  EXPECT_EQ(test::Thrown(load), "no error");
  dir.Write("config.json", R"({"tokenizer_class":"FunnelTokenizer"})");
  EXPECT_THAT(test::Thrown(load), HasSubstr("config.json: field tokenizer_class"));
}

TEST(BertDirectory, ErrorsNameTheFile) {
  const test::TempDir dir;
  const auto load = [&] { return Tokenizer::Load(dir.path()); };
  EXPECT_THAT(test::Thrown(load), HasSubstr("not_found: no tokenizer in the model directory"));
  dir.Write("vocab.txt", "");
  EXPECT_THAT(test::Thrown(load), HasSubstr("the vocabulary is empty"));
  dir.Write("vocab.txt", "a\nb\xFF\n");
  EXPECT_THAT(test::Thrown(load), HasSubstr("vocab.txt: byte 3"));
  dir.Write("vocab.txt", kVocab);
  for (const char* config :
       {"[]", "{", R"({"do_lower_case":"no"})", R"({"cls_token":5})",
        R"({"added_tokens_decoder":{"x":{"content":"a"}}})", R"({"added_tokens_decoder":[]})",
        R"({"additional_special_tokens":"a"})"}) {
    dir.Write("tokenizer_config.json", config);
    const std::string message = test::Thrown(load);
    EXPECT_THAT(message, HasSubstr("tokenizer_config.json")) << config;
    EXPECT_TRUE(test::IsOneLine(message));
  }
}

// MPNetTokenizer: other special tokens, RoBERTa's tokens around texts, a mask that takes the space
// in front of it. The same of a vocab.txt and of a tokenizer.json that states BERT's.
TEST(BertDirectory, MpnetsClassHasRulesOfItsOwn) {
  constexpr std::string_view kMpnetVocab =
      "<s>\n<pad>\n</s>\n<unk>\n[UNK]\nhello\n##s\nHello\né\ne\n中\n<mask>\n";
  struct Case {
    const char* config;  // tokenizer_config.json
    const char* map;     // special_tokens_map.json
    std::vector<int32_t> ids;
    std::vector<int32_t> pair;
    std::optional<int32_t> bos;  // of "[B]"
  };
  const Case cases[] = {
      {R"({"tokenizer_class":"MPNetTokenizer"})",
       "{}",
       {0, 5, 6, 9, 10, 11, 4, 2},
       {0, 9, 2, 2, 5, 2},
       std::nullopt},
      {R"({"tokenizer_class":"MPNetTokenizerFast","do_lower_case":false})",
       "{}",
       {0, 7, 6, 8, 10, 11, 4, 2},
       {0, 9, 2, 2, 7, 2},
       std::nullopt},
      {R"({"tokenizer_class":"MPNetTokenizer","cls_token":"hello","sep_token":"e"})",
       "{}",
       {5, 4, 9, 4, 9, 10, 11, 4, 9},
       {5, 9, 9, 9, 4, 9, 4, 9},
       std::nullopt},
      {R"({"tokenizer_class":"MPNetTokenizer","bos_token":"[B]","mask_token":{"content":"<mask>",
          "lstrip":false,"rstrip":false,"single_word":false,"normalized":false}})",
       "{}",
       {0, 5, 6, 9, 10, 11, 4, 2},
       {0, 9, 2, 2, 5, 2},
       12},
      {R"({"tokenizer_class":"MPNetTokenizer","unk_token":"<unk>"})",
       R"({"cls_token":"e"})",
       {9, 3, 9, 3, 9, 10, 11, 3, 2},
       {9, 9, 2, 2, 3, 9, 3, 2},
       std::nullopt},
      {"{}", "{}", {0, 5, 6, 9, 10, 11, 4, 2}, {0, 9, 2, 2, 5, 2}, std::nullopt}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.config);
    const test::TempDir dir;
    dir.Write("vocab.txt", kMpnetVocab);
    dir.Write("config.json", R"({"model_type":"mpnet"})");
    dir.Write("tokenizer_config.json", c.config);
    dir.Write("special_tokens_map.json", c.map);
    const Tokenizer tokenizer = Tokenizer::Load(dir.path());
    const std::string_view text = "Hellos é中  <mask> ?";
    EXPECT_EQ(tokenizer.Encode(text).ids, c.ids);
    EXPECT_EQ(tokenizer.Encode(text, {.want_offsets = true}).ids, c.ids);
    const Encoding pair = tokenizer.EncodePair("e", "Hello");
    EXPECT_EQ(pair.ids, c.pair);
    EXPECT_EQ(pair.type_ids, std::vector<int32_t>(c.pair.size(), 0));
    EXPECT_EQ(tokenizer.TokenToId("[B]"), c.bos);
    EXPECT_TRUE(tokenizer.impl().has_fast_path());
  }
  const test::TempDir dir;
  dir.Write("vocab.txt", kMpnetVocab);
  dir.Write("tokenizer_config.json", R"({"tokenizer_class":"MPNetTokenizer"})");
  // The space in front of <mask> belongs to it, and is taken off its offsets.
  const Encoding encoding =
      Tokenizer::Load(dir.path()).Encode("Hellos é中  <mask> ?", {.want_offsets = true});
  const std::vector<Offset> offsets = {{0, 0}, {0, 5},   {5, 6},   {7, 8},
                                       {8, 9}, {11, 17}, {18, 19}, {0, 0}};
  EXPECT_EQ(encoding.offsets, offsets);

  // A long text costs what is kept of it, with offsets and without.
  std::string words;
  for (int i = 0; i < 20000; ++i) words += "Hellos é中  <mask> ? ";
  for (const bool want_offsets : {false, true}) {
    const Encoding cut =
        Tokenizer::Load(dir.path()).Encode(words, {.max_length = 9, .want_offsets = want_offsets});
    EXPECT_THAT(cut.ids, ElementsAre(0, 5, 6, 9, 10, 11, 4, 5, 2));
    EXPECT_TRUE(cut.truncated);
  }
}

TEST(BertDirectory, MpnetsRulesOverrideTokenizerJson) {
  const test::TempDir dir;
  dir.Write("tokenizer.json", BertJson(kUncased));
  dir.Write("tokenizer_config.json",
            R"({"tokenizer_class":"MPNetTokenizer","cls_token":"[CLS]","sep_token":"[SEP]",
                "unk_token":"[UNK]"})");
  std::vector<std::string> warnings;
  LoadOptions options;
  options.on_warning = [&](std::string_view message) { warnings.emplace_back(message); };
  const Encoding pair = LoadTokenizer(dir.path(), options).EncodePair("a", "b");
  EXPECT_THAT(pair.ids, ElementsAre(1, 3, 2, 2, 4, 2));
  EXPECT_THAT(pair.type_ids, ElementsAre(0, 0, 0, 0, 0, 0));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("the tokens around a text"));
}

}  // namespace
}  // namespace bge::tokenizer
