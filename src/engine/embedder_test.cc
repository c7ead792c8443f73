#include "bge/embedder.h"

#include "bge/error.h"

#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace bge {
namespace {

using testing::HasSubstr;

const std::string kModel = BGE_TEST_DATA_DIR "/models/tiny-bert";

float Norm(std::span<const float> v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x) * x;
  return static_cast<float>(std::sqrt(sum));
}

std::string ErrorOf(ErrorCode code, const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  return "no error";
}

class EmbedderTest : public testing::Test {
 protected:
  const Embedder model_ = Embedder::Load(kModel, {.threads = 2});
};

TEST_F(EmbedderTest, NoTextsGiveNoVectors) {
  const Embeddings none = model_.Encode(std::vector<std::string>());
  EXPECT_EQ(none.count, 0);
  EXPECT_EQ(none.dimension, model_.dimension());
  EXPECT_TRUE(none.values.empty());
}

TEST_F(EmbedderTest, AnEmptyTextAndOneOfNothingVisibleAreUnitVectors) {
  const std::vector<std::string> texts = {"", "   \t\n", "\xe2\x80\x8b", std::string("\0\x01", 2),
                                          "\xff\xfe"};
  const Embeddings v = model_.Encode(texts);
  for (int64_t i = 0; i < v.count; ++i) EXPECT_NEAR(Norm(v[i]), 1, 1e-6) << i;
  // Spaces and controls leave the special tokens alone, as an empty text does.
  for (int64_t i = 1; i < 4; ++i) {
    for (int64_t d = 0; d < v.dimension; ++d) {
      EXPECT_NEAR(v[i][static_cast<size_t>(d)], v[0][static_cast<size_t>(d)], 1e-6) << i;
    }
  }
}

TEST_F(EmbedderTest, TruncatesThenNormalises) {
  const std::vector<float> full = model_.Encode("a cat");
  const std::vector<float> cut = model_.Encode("a cat", {.truncate_dim = 5});
  ASSERT_EQ(cut.size(), 5u);
  EXPECT_NEAR(Norm(cut), 1, 1e-6);
  const float scale = Norm(std::span(full).first(5));
  for (size_t d = 0; d < 5; ++d) EXPECT_NEAR(cut[d], full[d] / scale, 1e-6);
  EXPECT_EQ(model_.OutputDimension({.truncate_dim = 5}), 5);
  EXPECT_THAT(ErrorOf(ErrorCode::kInvalidArgument,
                      [&] { model_.Encode("x", {.truncate_dim = model_.dimension() + 1}); }),
              HasSubstr("truncate_dim out of range"));
  EXPECT_THAT(
      ErrorOf(ErrorCode::kInvalidArgument, [&] { model_.Encode("x", {.truncate_dim = 0}); }),
      HasSubstr("expected 1 to"));
}

TEST_F(EmbedderTest, RefusesANegativeNumberOfTokens) {
  EXPECT_THAT(
      ErrorOf(ErrorCode::kInvalidArgument, [&] { model_.Encode("x", {.batch_tokens = -1}); }),
      HasSubstr("batch_tokens out of range: found -1, expected 0 or more"));
}

TEST_F(EmbedderTest, NormaliseOffKeepsTheLength) {
  const std::vector<float> raw = model_.Encode("a cat", {.normalize = false});
  const std::vector<float> unit = model_.Encode("a cat");
  EXPECT_GT(std::abs(Norm(raw) - 1), 0.1);
  for (size_t d = 0; d < unit.size(); ++d) EXPECT_NEAR(raw[d] / Norm(raw), unit[d], 1e-6);
}

// As sentence-transformers' encode(truncate_dim=5, normalize_embeddings=False): the model's
// Normalize module stands before the cut.
TEST_F(EmbedderTest, NormaliseOffTruncatesWhatTheModulesGive) {
  const std::vector<float> unit = model_.Encode("a cat");
  const std::vector<float> cut = model_.Encode("a cat", {.normalize = false, .truncate_dim = 5});
  ASSERT_EQ(cut.size(), 5u);
  for (size_t d = 0; d < 5; ++d) EXPECT_NEAR(cut[d], unit[d], 1e-6);
  const std::vector<float> whole =
      model_.Encode("a cat", {.normalize = false, .truncate_dim = model_.dimension()});
  EXPECT_NEAR(Norm(whole), 1, 1e-6);
}

TEST_F(EmbedderTest, MaxLengthIsCheckedAndCounted) {
  const std::vector<std::string_view> texts = {"a cat sat on the mat and sat and sat", "cat"};
  std::vector<float> out(2 * static_cast<size_t>(model_.dimension()));
  EXPECT_EQ(model_.EncodeInto(texts, {.max_length = 4}, out).truncated_texts, 1);
  const EncodeStats stats = model_.EncodeInto(texts, {}, out);
  EXPECT_EQ(stats.truncated_texts, 0);
  EXPECT_EQ(stats.texts, 2);
  EXPECT_GT(stats.tokens, 8);
  for (const int64_t bad : {int64_t{-1}, int64_t{0}, int64_t{1}, int64_t{65}, INT64_MAX}) {
    EXPECT_THAT(ErrorOf(ErrorCode::kInvalidArgument,
                        [&] { model_.EncodeInto(texts, {.max_length = bad}, out); }),
                HasSubstr("max_length out of range"));
  }
  EXPECT_THROW(Embedder::Load(kModel, {.max_length = 65}), Error);
  EXPECT_THAT(ErrorOf(ErrorCode::kInvalidArgument,
                      [] { Embedder::Load(kModel, {.threads = kMaxThreads + 1}); }),
              HasSubstr("found 1025, expected 0 to 1024"));
  EXPECT_EQ(Embedder::Load(kModel, {.max_length = 10}).info().max_length, 10);
}

TEST_F(EmbedderTest, PromptsFollowTheirPrecedence) {
  const auto near = [&](const std::vector<float>& a, const std::vector<float>& b) {
    float worst = 0;
    for (size_t d = 0; d < a.size(); ++d) worst = std::max(worst, std::abs(a[d] - b[d]));
    return worst < 1e-6;
  };
  const std::vector<float> plain = model_.Encode("cat");
  const std::vector<float> query = model_.Encode("query: cat");
  EXPECT_TRUE(near(model_.Encode("cat", {.role = Role::kQuery}), query));
  EXPECT_TRUE(near(model_.Encode("cat", {.prompt_name = "query"}), query));
  EXPECT_TRUE(near(model_.Encode("cat", {.role = Role::kQuery, .instruction = "a "}),
                   model_.Encode("a cat")));
  EXPECT_TRUE(near(model_.Encode("cat", {.role = Role::kQuery, .instruction = ""}), plain));
  EXPECT_FALSE(near(plain, query));
  EXPECT_THAT(
      ErrorOf(ErrorCode::kInvalidArgument, [&] { model_.Encode("x", {.prompt_name = "zzz"}); }),
      testing::AllOf(HasSubstr("unknown prompt name \"zzz\""), HasSubstr("query")));
  EXPECT_THAT(ErrorOf(ErrorCode::kInvalidArgument,
                      [&] { model_.Encode("x", {.instruction = "a", .prompt_name = "query"}); }),
              HasSubstr("both an instruction and a prompt name"));
}

TEST_F(EmbedderTest, WritesIntoTheCallersBufferOrRefusesIt) {
  const std::vector<std::string_view> texts = {"one", "two"};
  std::vector<float> out(2 * static_cast<size_t>(model_.dimension()));
  model_.EncodeInto(texts, {}, out);
  EXPECT_EQ(out, model_.Encode(texts).values);
  out.pop_back();
  EXPECT_THAT(ErrorOf(ErrorCode::kInvalidArgument, [&] { model_.EncodeInto(texts, {}, out); }),
              HasSubstr("output buffer of the wrong size"));
}

TEST_F(EmbedderTest, TakesTextsInBraces) {
  // Two string literals must not become one std::string_view(begin, end).
  const Embeddings two = model_.Encode({"a cat", "a dog"});
  ASSERT_EQ(two.count, 2);
  EXPECT_EQ(model_.EncodeQueries({"a cat", "a dog", "a mat"}).count, 3);
  EXPECT_EQ(model_.EncodeDocuments({"a cat"}).count, 1);
  EXPECT_NEAR(two[1][0], model_.Encode("a dog")[0], 1e-6);
}

TEST_F(EmbedderTest, ReportsProgressAndStops) {
  std::vector<std::string> texts;
  for (int i = 0; i < 500; ++i) texts.push_back("a cat sat on the mat " + std::to_string(i));
  int64_t last = 0;
  int calls = 0;
  model_.Encode(texts, {.batch_tokens = 100, .progress = [&](int64_t done, int64_t total) {
                          EXPECT_GT(done, last);
                          EXPECT_EQ(total, 500);
                          last = done;
                          ++calls;
                        }});
  EXPECT_EQ(last, 500);
  EXPECT_GT(calls, 10);

  std::stop_source stop;
  EXPECT_THAT(ErrorOf(ErrorCode::kCancelled,
                      [&] {
                        model_.Encode(texts,
                                      {.batch_tokens = 100,
                                       .progress = [&](int64_t, int64_t) { stop.request_stop(); },
                                       .stop = stop.get_token()});
                      }),
              HasSubstr("cancelled"));
  EXPECT_EQ(model_.Encode(texts).count, 500);  // and works on
}

TEST_F(EmbedderTest, ComputesEqualTextsOnce) {
  const std::vector<std::string_view> texts = {"a cat", "a dog", "A cat",  "a cat on a mat",
                                               "a dog", "a cat", " a  cat"};
  const auto width = static_cast<size_t>(model_.dimension());
  std::vector<float> out(texts.size() * width);
  std::vector<int64_t> steps;
  const auto progress = [&](int64_t done, int64_t) { steps.push_back(done); };
  const EncodeStats stats =
      model_.EncodeInto(texts, {.max_length = 4, .batch_tokens = 1, .progress = progress}, out);
  // Two batches of one text, then the copies. What is counted is what was asked for.
  EXPECT_THAT(steps, testing::ElementsAre(1, 2, 7));
  EXPECT_EQ(stats.texts, 7);
  EXPECT_EQ(stats.tokens, 7 * 4);
  EXPECT_EQ(stats.truncated_texts, 1);
  const auto row = [&](size_t i) { return std::vector(&out[i * width], &out[i * width] + width); };
  for (const size_t i : {2u, 3u, 5u, 6u}) EXPECT_EQ(row(i), row(0)) << i;
  EXPECT_EQ(row(4), row(1));
  EXPECT_NE(row(1), row(0));
}

TEST_F(EmbedderTest, ALargeCallGivesTheVectorsOfSmallOnes) {
  // Some 400,000 tokens: three windows on two threads. Every tenth text was there before.
  std::vector<std::string> texts;
  for (int i = 0; i < 8000; ++i) {
    std::string& text = texts.emplace_back("cat " + std::to_string(i - (i % 10 == 9 ? 9 : 0)));
    for (int word = 0; word < i % 60; ++word) text += " a mat";
  }
  const Embeddings large = model_.Encode(texts);
  for (size_t begin = 0; begin < texts.size(); begin += 500) {
    const Embeddings small = model_.Encode(std::span(texts).subspan(begin, 500));
    for (size_t i = 0; i < small.values.size(); ++i) {
      const size_t at = begin * static_cast<size_t>(small.dimension) + i;
      ASSERT_NEAR(large.values[at], small.values[i], 1e-6) << at;
    }
  }
}

// What a CPU lacks becomes float32, with a warning. Whatever is in use, a text's vector does not
// depend on what is computed beside it.
TEST(EmbedderTypes, EveryTypeGivesAlmostFloat32sVectors) {
  std::vector<std::string> texts = {"", "a", "The quick brown fox."};
  for (int i = 0; i < 40; ++i) texts.push_back(std::string(static_cast<size_t>(i), 'x') + " mat");
  const Embeddings exact = Embedder::Load(kModel).Encode(texts);
  struct Case {
    ComputeChoice choice;
    ComputeType type;
    double cosine;
  };
  for (const auto& [choice, type, cosine] :
       {Case{ComputeChoice::kBFloat16, ComputeType::kBFloat16, 0.9995},
        Case{ComputeChoice::kInt8, ComputeType::kInt8, 0.99}}) {
    std::vector<std::string> warnings;
    const Embedder model =
        Embedder::Load(kModel, {.threads = 2, .compute_type = choice, .on_warning = [&](auto text) {
                                  warnings.emplace_back(text);
                                }});
    const bool fallback = model.info().compute_type == ComputeType::kFloat32;
    EXPECT_TRUE(fallback || model.info().compute_type == type);
    EXPECT_EQ(warnings.size(), fallback ? 1u : 0u);
    const Embeddings got = model.Encode(texts);
    for (int64_t i = 0; i < got.count; ++i) {
      double dot = 0;
      for (size_t k = 0; k < got[i].size(); ++k) dot += double{got[i][k]} * double{exact[i][k]};
      EXPECT_GT(dot, cosine) << "text " << i;
      const std::vector<float> alone = model.Encode(texts[static_cast<size_t>(i)]);
      EXPECT_THAT(got[i], testing::ElementsAreArray(alone)) << "text " << i;
    }
  }
}

TEST(EmbedderTypes, NamesAreUnderstood) {
  EXPECT_EQ(ParseComputeChoice(ComputeTypeName(ComputeType::kFloat32)), ComputeChoice::kFloat32);
  EXPECT_EQ(ParseComputeChoice(ComputeTypeName(ComputeType::kBFloat16)), ComputeChoice::kBFloat16);
  EXPECT_EQ(ParseComputeChoice(ComputeTypeName(ComputeType::kInt8)), ComputeChoice::kInt8);
  EXPECT_EQ(ParseComputeChoice("f32"), ComputeChoice::kFloat32);
  EXPECT_EQ(ParseComputeChoice("bf16"), ComputeChoice::kBFloat16);
  EXPECT_EQ(ParseComputeChoice("auto"), ComputeChoice::kAuto);
  EXPECT_EQ(ParseComputeChoice(""), std::nullopt);
}

TEST_F(EmbedderTest, ServesSeveralThreadsAtOnce) {
  std::vector<std::string> texts;
  for (int i = 0; i < 60; ++i) texts.push_back(std::string(static_cast<size_t>(i), 'a') + " cat");
  const Embeddings expected = model_.Encode(texts);
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        const Embeddings got = model_.Encode(texts);
        for (size_t i = 0; i < got.values.size(); ++i)
          wrong += std::abs(got.values[i] - expected.values[i]) > 1e-6f;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST_F(EmbedderTest, OverridesPooling) {
  const Embedder mean = Embedder::Load(kModel, {.pooling = Pooling::kMean});
  EXPECT_EQ(mean.info().pooling_source, "the caller's option");
  EXPECT_THAT(mean.info().poolings, testing::ElementsAre(Pooling::kMean));
  EXPECT_NE(mean.Encode("a cat"), model_.Encode("a cat"));
}

TEST_F(EmbedderTest, SaysWhatItIs) {
  const ModelInfo& info = model_.info();
  EXPECT_EQ(info.path, kModel);
  EXPECT_EQ(info.hidden_size, model_.dimension());
  EXPECT_EQ(info.weights_dtype, "float32");
  EXPECT_TRUE(info.normalizes);
  EXPECT_THAT(info.files, testing::IsSupersetOf({"config.json", "modules.json", "model.safetensors",
                                                 "tokenizer.json"}));
  // Embeddings and layers of the checkpoint, less its pooler.
  EXPECT_GT(info.num_parameters, 30000);
  EXPECT_LT(info.num_parameters, 40000);
}

TEST(Embedder, ListsTheFilesThatItReadOnce) {
  const auto files_of = [](const std::string& name) {
    std::vector<std::string> files =
        Embedder::Load(BGE_TEST_DATA_DIR "/models/" + name).info().files;
    std::sort(files.begin(), files.end());
    EXPECT_EQ(std::adjacent_find(files.begin(), files.end()), files.end()) << name;
    for (const std::string& file : files) {
      EXPECT_TRUE(std::filesystem::exists(BGE_TEST_DATA_DIR "/models/" + name + "/" + file))
          << file;
    }
    return files;
  };
  EXPECT_THAT(files_of("tiny-distilbert"),
              testing::IsSupersetOf({"2_Dense/config.json", "2_Dense/model.safetensors",
                                     "3_LayerNorm/model.safetensors", "model.safetensors"}));
  EXPECT_THAT(files_of("tiny-colbert"),
              testing::IsSupersetOf(
                  {"1_Dense/model.safetensors", "2_Dense/model.safetensors", "tokenizer.json"}));
  EXPECT_THAT(files_of("tiny-colbert-stanford"), testing::Contains("model.safetensors"));
  EXPECT_THAT(files_of("tiny-m3"), testing::Contains("colbert_linear.pt"));
  EXPECT_THAT(
      files_of("tiny-doc-sparse"),
      testing::IsSupersetOf({"query_0_SparseStaticEmbedding/tokenizer.json",
                             "query_0_SparseStaticEmbedding/model.safetensors", "tokenizer.json"}));
}

TEST(Embedder, PoolingNamesRoundTrip) {
  for (const Pooling p : {Pooling::kCls, Pooling::kMax, Pooling::kMean, Pooling::kMeanSqrtLen,
                          Pooling::kWeightedMean, Pooling::kLastToken}) {
    EXPECT_EQ(ParsePooling(PoolingName(p)), p);
  }
  EXPECT_FALSE(ParsePooling("median").has_value());
}

// A copy of the tiny model whose files a test may damage.
class DamagedModel : public testing::Test {
 protected:
  DamagedModel() { std::filesystem::copy(kModel, dir_, std::filesystem::copy_options::recursive); }
  void Overwrite(const std::string& file, std::streamoff offset, std::string_view bytes) const {
    std::fstream stream(dir_ / file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(offset);
    stream << bytes;
  }
  test::TempDir temp_;
  const std::filesystem::path dir_ = temp_.path() / "model";
};

TEST_F(DamagedModel, NotFiniteWeightsAreAnErrorNotAVector) {
  // Everything behind the header becomes NaN, biases included: found at load. Then linear weights
  // alone, which are not read at load: found when a vector is computed.
  const auto size =
      static_cast<std::streamoff>(std::filesystem::file_size(dir_ / "model.safetensors"));
  uint64_t header = 0;
  std::ifstream(dir_ / "model.safetensors", std::ios::binary)
      .read(reinterpret_cast<char*>(&header), 8);
  const auto data = static_cast<std::streamoff>(header) + 8;
  Overwrite("model.safetensors", data, std::string(static_cast<size_t>(size - data), '\xff'));
  EXPECT_THAT(
      ErrorOf(ErrorCode::kCorruptData, [&] { Embedder::Load(dir_.string()).Encode("a cat"); }),
      testing::AllOf(HasSubstr("not finite"), HasSubstr("model.safetensors")));
}

TEST_F(DamagedModel, NotFiniteEmbeddingsAreAnError) {
  std::string json;
  {
    uint64_t header = 0;
    std::ifstream in(dir_ / "model.safetensors", std::ios::binary);
    in.read(reinterpret_cast<char*>(&header), 8);
    json.resize(header);
    in.read(json.data(), static_cast<std::streamsize>(header));
  }
  // The word embeddings' byte range, from the header.
  const size_t name = json.find("word_embeddings.weight");
  ASSERT_NE(name, std::string::npos);
  const size_t offsets = json.find("data_offsets", name);
  const size_t bracket = json.find('[', offsets);
  char* comma = nullptr;
  const auto begin = std::strtoll(json.c_str() + bracket + 1, &comma, 10);
  const auto end = std::strtoll(comma + 1, nullptr, 10);
  Overwrite("model.safetensors", static_cast<std::streamoff>(8 + json.size()) + begin,
            std::string(static_cast<size_t>(end - begin), '\xff'));
  const Embedder model = Embedder::Load(dir_.string());
  EXPECT_THAT(ErrorOf(ErrorCode::kCorruptData, [&] { model.Encode("a cat"); }),
              HasSubstr("the model computes values that are not finite"));
}

TEST_F(DamagedModel, ATokenizerOfAnotherModelIsFound) {
  std::filesystem::remove(dir_ / "tokenizer.json");
  std::ofstream vocab(dir_ / "vocab.txt");
  vocab << "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (int i = 0; i < 5000; ++i) vocab << "word" << i << "\n";
  vocab.close();
  const Embedder model = Embedder::Load(dir_.string());
  EXPECT_THAT(ErrorOf(ErrorCode::kCorruptData, [&] { model.Encode("word4999"); }),
              testing::AllOf(HasSubstr("outside the model's vocabulary"), HasSubstr("5004")));
}

// tokenizer.json with one string in it exchanged for another.
class TamperedTokenizer : public DamagedModel {
 protected:
  void Exchange(const std::string& from, const std::string& to) const {
    std::ifstream in(dir_ / "tokenizer.json");
    std::string json((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const size_t at = json.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    std::ofstream(dir_ / "tokenizer.json") << json.replace(at, from.size(), to);
  }
  std::string EncodeError() const {
    return ErrorOf(ErrorCode::kCorruptData, [&] { Embedder::Load(dir_.string()).Encode("a cat"); });
  }
};

TEST_F(TamperedTokenizer, AnIdBeyondTheTableIsFoundInAVocabularyWithHoles) {
  Exchange("\"a\":", "\"a\": 2000000000, \"unused\":");
  EXPECT_THAT(EncodeError(),
              testing::AllOf(HasSubstr("outside the model's vocabulary"), HasSubstr("2000000000")));
}

TEST_F(TamperedTokenizer, AnIdBeyondTheTableIsFoundInThePostProcessor) {
  // "ids": [n] of the template's special tokens.
  std::ifstream in(dir_ / "tokenizer.json");
  const std::string json((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const size_t begin = json.find("\"ids\"", json.find("\"post_processor\""));
  ASSERT_NE(begin, std::string::npos);
  const size_t end = json.find(']', begin);
  Exchange(json.substr(begin, end - begin + 1), "\"ids\": [2000000000]");
  // For a BertTokenizer the configuration's tokens would count.
  std::ofstream(dir_ / "tokenizer_config.json")
      << R"({"tokenizer_class": "PreTrainedTokenizerFast"})";
  EXPECT_THAT(EncodeError(), HasSubstr("outside the model's vocabulary"));
}

TEST_F(DamagedModel, ALengthBelowTheSpecialTokensIsFoundAtLoad) {
  std::ofstream(dir_ / "sentence_bert_config.json") << R"({"max_seq_length": 1})";
  EXPECT_THAT(ErrorOf(ErrorCode::kCorruptData, [&] { Embedder::Load(dir_.string()); }),
              testing::AllOf(HasSubstr("sentence_bert_config.json"), HasSubstr("found 1"),
                             HasSubstr("expected at least 2")));
}

}  // namespace
}  // namespace bge
