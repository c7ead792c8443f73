// The vector of a text does not depend on what it is computed with: alone, in any batch, in any
// order, on any number of threads, in one call or in several at once. Within 1e-6 (unit vectors).
//
// Runs on a committed tiny model, and on a random one with the widths of bge-small (so that every
// kernel meets full and ragged blocks), which is written here.
#include "bge/embedder.h"

#include "base/file.h"
#include "tests/safetensors_builder.h"
#include "tests/temp_dir.h"
#include "tests/vector_comparison.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <future>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace bge {
namespace {

constexpr double kTolerance = 1e-6;
constexpr int64_t kHidden = 384;
constexpr int64_t kIntermediate = 1536;
constexpr int64_t kPositions = 512;
constexpr int64_t kVocabulary = 300;  // at least the tokenizer's
constexpr int64_t kLayers = 2;

std::filesystem::path TinyModel(const std::string& name) {
  return std::filesystem::path(BGE_TEST_DATA_DIR) / "models" / name;
}

/// Draws tensors whose scale keeps texts apart: see tools/oracle/random_weights.py.
class RandomTensors {
 public:
  void AddLinear(const std::string& name, int64_t out, int64_t in) {
    Add(name + ".weight", {out, in}, 0, 1.5 / std::sqrt(static_cast<double>(in)));
    Add(name + ".bias", {out}, 0, 0.3);
  }
  void AddNorm(const std::string& name) {
    Add(name + ".weight", {kHidden}, 1, 0.3);
    Add(name + ".bias", {kHidden}, 0, 0.3);
  }
  void Add(const std::string& name, const std::vector<int64_t>& shape, double mean,
           double deviation) {
    int64_t count = 1;
    for (const int64_t dim : shape) count *= dim;
    std::normal_distribution<float> draw(static_cast<float>(mean), static_cast<float>(deviation));
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = draw(generator_);
    file_.AddFloats(name, shape, values);
  }
  std::string File() const { return file_.File(); }

 private:
  std::mt19937 generator_{20261121};
  test::SafetensorsBuilder file_;
};

/// A plain BERT directory with the widths of bge-small and the tokenizer of tiny-bert.
void WriteSmallBert(const test::TempDir& dir) {
  RandomTensors tensors;
  tensors.Add("embeddings.word_embeddings.weight", {kVocabulary, kHidden}, 0, 1);
  tensors.Add("embeddings.position_embeddings.weight", {kPositions, kHidden}, 0, 0.3);
  tensors.Add("embeddings.token_type_embeddings.weight", {2, kHidden}, 0, 0.3);
  tensors.AddNorm("embeddings.LayerNorm");
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    const std::string prefix = "encoder.layer." + std::to_string(layer) + ".";
    for (const std::string name : {"query", "key", "value"}) {
      tensors.AddLinear(prefix + "attention.self." + name, kHidden, kHidden);
    }
    tensors.AddLinear(prefix + "attention.output.dense", kHidden, kHidden);
    tensors.AddNorm(prefix + "attention.output.LayerNorm");
    tensors.AddLinear(prefix + "intermediate.dense", kIntermediate, kHidden);
    tensors.AddLinear(prefix + "output.dense", kHidden, kIntermediate);
    tensors.AddNorm(prefix + "output.LayerNorm");
  }
  dir.Write("model.safetensors", tensors.File());
  dir.Write("config.json",
            R"({"architectures": ["BertModel"], "model_type": "bert", "hidden_size": 384,
                "num_hidden_layers": 2, "num_attention_heads": 12, "intermediate_size": 1536,
                "hidden_act": "gelu", "layer_norm_eps": 1e-12, "max_position_embeddings": 512,
                "type_vocab_size": 2, "vocab_size": 300, "pad_token_id": 0})");
  dir.Write("tokenizer.json", ReadFile(TinyModel("tiny-bert") / "tokenizer.json", 1 << 20));
}

/// Texts of 0 to 600 words, short and long ones mixed.
std::vector<std::string> MixedTexts() {
  constexpr std::array<const char*, 8> kWords = {"the ",   "river ", "vitamin ", "中",
                                                 "query ", "runs ",  "naïve, ",  "42 "};
  constexpr std::array<int, 23> kLengths = {0, 1,  2,  3,  5,   7,   8,   9,   15,  16, 17, 31,
                                            1, 33, 60, 64, 100, 127, 128, 200, 255, 4,  600};
  std::mt19937 generator(7);
  std::vector<std::string> texts;
  for (const int length : kLengths) {
    std::string& text = texts.emplace_back();
    for (int i = 0; i < length; ++i) text += kWords[generator() % kWords.size()];
  }
  return texts;
}

std::string Difference(const Embeddings& expected, const Embeddings& found) {
  return test::DescribeDifference(expected.values, found.values, expected.dimension, kTolerance);
}

void CheckModel(const std::string& model) {
  const std::vector<std::string> texts = MixedTexts();
  const Embedder one = Embedder::Load(model, {.threads = 1});
  const Embedder two = Embedder::Load(model, {.threads = 2});
  const Embedder three = Embedder::Load(model, {.threads = 3});

  // The reference: each text in a call of its own, on one thread.
  Embeddings expected = {
      .count = static_cast<int64_t>(texts.size()), .dimension = one.dimension(), .values = {}};
  for (const std::string& text : texts) {
    const std::vector<float> vector = one.Encode(text);
    expected.values.insert(expected.values.end(), vector.begin(), vector.end());
  }

  for (const Embedder* embedder : {&one, &two, &three}) {
    SCOPED_TRACE(std::to_string(embedder->threads()) + " threads");
    for (const int64_t batch_tokens : {0, 1, 300, 100000}) {
      SCOPED_TRACE("batch_tokens " + std::to_string(batch_tokens));
      EXPECT_EQ(Difference(expected, embedder->Encode(texts, {.batch_tokens = batch_tokens})), "");
    }
    Embeddings alone = {.count = expected.count, .dimension = expected.dimension, .values = {}};
    for (const std::string& text : texts) {
      const std::vector<float> vector = embedder->Encode(text);
      alone.values.insert(alone.values.end(), vector.begin(), vector.end());
    }
    EXPECT_EQ(Difference(expected, alone), "") << "alone";

    std::vector<size_t> order(texts.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), std::mt19937(3));
    std::vector<std::string> shuffled;
    for (const size_t i : order) shuffled.push_back(texts[i]);
    const Embeddings found = embedder->Encode(shuffled);
    Embeddings restored = expected;
    for (size_t i = 0; i < order.size(); ++i) {
      const std::span<const float> row = found[static_cast<int64_t>(i)];
      std::copy(row.begin(), row.end(),
                restored.values.begin() + static_cast<std::ptrdiff_t>(order[i] * row.size()));
    }
    EXPECT_EQ(Difference(expected, restored), "") << "shuffled";
  }

  std::array<std::future<Embeddings>, 3> at_once;
  for (std::future<Embeddings>& result : at_once) {
    result = std::async(std::launch::async, [&] { return two.Encode(texts); });
  }
  for (std::future<Embeddings>& result : at_once) {
    EXPECT_EQ(Difference(expected, result.get()), "") << "several calls at once";
  }
}

/// All that was made of a text, one after another: dense values, token ids with their weights,
/// colbert values.
std::vector<float> ValuesOf(const TextRepresentations& made, size_t text) {
  std::vector<float> values;
  if (made.dense_vecs.count > 0) {
    const std::span<const float> row = made.dense_vecs[static_cast<int64_t>(text)];
    values.assign(row.begin(), row.end());
  }
  if (!made.lexical_weights.empty()) {
    const SparseVector& vector = made.lexical_weights[text];
    values.insert(values.end(), vector.token_ids.begin(), vector.token_ids.end());
    values.insert(values.end(), vector.weights.begin(), vector.weights.end());
  }
  if (!made.colbert_vecs.empty()) {
    const std::vector<float>& all = made.colbert_vecs[text].values;
    values.insert(values.end(), all.begin(), all.end());
  }
  return values;
}

void CheckHeads(const std::string& model, const EncodeOptions& options) {
  const std::vector<std::string> texts = MixedTexts();
  const Embedder one = Embedder::Load(model, {.threads = 1});
  const Embedder three = Embedder::Load(model, {.threads = 3});
  const Representations which = one.info().heads;
  std::vector<std::vector<float>> expected;
  for (const std::string& text : texts) {
    expected.push_back(ValuesOf(one.EncodeAll(std::span(&text, 1), which, options), 0));
  }
  std::vector<std::string> reversed(texts.rbegin(), texts.rend());
  for (const Embedder* embedder : {&one, &three}) {
    for (const int64_t batch_tokens : {0, 1, 300, 100000}) {
      EncodeOptions call = options;
      call.batch_tokens = batch_tokens;
      const TextRepresentations found = embedder->EncodeAll(reversed, which, call);
      for (size_t i = 0; i < texts.size(); ++i) {
        SCOPED_TRACE(std::to_string(embedder->threads()) + " threads, batch_tokens " +
                     std::to_string(batch_tokens) + ", text " + std::to_string(i));
        const std::vector<float> values = ValuesOf(found, texts.size() - 1 - i);
        ASSERT_EQ(values.size(), expected[i].size());
        for (size_t v = 0; v < values.size(); ++v) {
          ASSERT_NEAR(values[v], expected[i][v], kTolerance) << v;
        }
      }
    }
  }
}

TEST(BatchInvariance, AllKindsOfBgeM3) { CheckHeads(TinyModel("tiny-m3").string(), {}); }
TEST(BatchInvariance, SparseEncoders) {
  CheckHeads(TinyModel("tiny-splade").string(), {});
  CheckHeads(TinyModel("tiny-splade").string(), {.max_active_dims = 5});
  CheckHeads(TinyModel("tiny-splade-sum").string(), {});
  for (const Role role : {Role::kQuery, Role::kDocument}) {
    CheckHeads(TinyModel("tiny-doc-sparse").string(), {.role = role});
  }
}
TEST(BatchInvariance, TokenVectorsOfQueriesAndDocuments) {
  for (const char* model : {"tiny-colbert", "tiny-colbert-pylate", "tiny-colbert-stanford"}) {
    for (const Role role : {Role::kNone, Role::kQuery, Role::kDocument}) {
      CheckHeads(TinyModel(model).string(), {.role = role});
    }
  }
}
TEST(BatchInvariance, TinyModernBert) { CheckModel(TinyModel("tiny-modernbert").string()); }
TEST(BatchInvariance, TinyMpnet) { CheckModel(TinyModel("tiny-mpnet").string()); }
TEST(BatchInvariance, TinyBert) { CheckModel(TinyModel("tiny-bert").string()); }
TEST(BatchInvariance, TinyDistilBertWithDenseHead) {
  CheckModel(TinyModel("tiny-distilbert").string());
}
TEST(BatchInvariance, WidthsOfBgeSmall) {
  const test::TempDir dir;
  WriteSmallBert(dir);
  CheckModel(dir.path().string());
}

}  // namespace
}  // namespace bge
