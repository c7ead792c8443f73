#include "encoder/bert.h"

#include "base/error.h"
#include "encoder/bert_names.h"
#include "tests/memory_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace bge {
namespace {

BertConfig TinyConfig(BertFamily family) {
  BertConfig c;
  c.family = family;
  c.architecture = "Tiny";
  c.vocab_size = 50;
  c.hidden_size = 24;
  c.num_layers = 2;
  c.num_heads = 3;
  c.intermediate_size = 40;
  c.max_positions = 20;
  const bool typed = family == BertFamily::kBert || family == BertFamily::kRoberta;
  c.type_vocab_size = typed ? 2 : 0;
  c.padding_id = 1;
  c.relative_buckets = family == BertFamily::kMpnet ? 32 : 0;
  return c;
}

std::shared_ptr<MemoryWeights> TinyWeights(const BertConfig& c, const std::string& prefix) {
  auto w = std::make_shared<MemoryWeights>();
  const BertNames& names = c.family == BertFamily::kMpnet        ? kMpnetNames
                           : c.family == BertFamily::kDistilBert ? kDistilBertNames
                                                                 : kBertNames;
  const auto norm = [&](const std::string& name) {
    w->AddRandom(name + ".weight", Shape{c.hidden_size}, 0.3f, 1);
    w->AddRandom(name + ".bias", Shape{c.hidden_size}, 0.3f);
  };
  const auto linear = [&](const std::string& name, int64_t out, int64_t in) {
    w->AddRandom(name + ".weight", Shape{out, in}, 1.5f / std::sqrt(static_cast<float>(in)));
    w->AddRandom(name + ".bias", Shape{out}, 0.3f);
  };
  w->AddRandom(prefix + std::string(names.word_embeddings), Shape{c.vocab_size, c.hidden_size}, 1);
  w->AddRandom(prefix + std::string(names.position_embeddings),
               Shape{c.max_positions, c.hidden_size}, 0.3f);
  if (c.type_vocab_size > 0) {
    w->AddRandom(prefix + std::string(names.token_type_embeddings),
                 Shape{c.type_vocab_size, c.hidden_size}, 0.3f);
  }
  if (c.relative_buckets > 0) {
    w->AddRandom(prefix + std::string(names.relative_attention_bias),
                 Shape{c.relative_buckets, c.num_heads}, 1);
  }
  norm(prefix + std::string(names.embeddings_norm));
  for (int64_t i = 0; i < c.num_layers; ++i) {
    const std::string layer = prefix + std::string(names.layer_prefix) + std::to_string(i) + ".";
    for (const auto name :
         {names.layer.query, names.layer.key, names.layer.value, names.layer.attention_output}) {
      linear(layer + std::string(name), c.hidden_size, c.hidden_size);
    }
    linear(layer + std::string(names.layer.up), c.intermediate_size, c.hidden_size);
    linear(layer + std::string(names.layer.down), c.hidden_size, c.intermediate_size);
    norm(layer + std::string(names.layer.attention_norm));
    norm(layer + std::string(names.layer.output_norm));
  }
  return w;
}

// Last hidden states of one packed batch, row by row.
std::vector<float> Forward(const Encoder& encoder, ThreadPool& pool,
                           const std::vector<std::vector<int32_t>>& sequences,
                           const std::vector<int32_t>& types = {}) {
  std::vector<int32_t> ids;
  std::vector<int32_t> cu = {0};
  for (const auto& s : sequences) {
    ids.insert(ids.end(), s.begin(), s.end());
    cu.push_back(static_cast<int32_t>(ids.size()));
  }
  const std::vector<int32_t> type_ids = types.empty() ? std::vector<int32_t>(ids.size()) : types;
  Workspace workspace;
  const Matrix x = encoder.Forward({ids, type_ids, cu}, {pool, workspace});
  EXPECT_EQ(x.rows, static_cast<int64_t>(ids.size()));
  std::vector<float> values;
  for (int64_t r = 0; r < x.rows; ++r) values.insert(values.end(), x.row(r), x.row(r) + x.cols);
  return values;
}

// Of the first tokens alone, each row by itself.
std::vector<float> FirstTokens(const Encoder& encoder, ThreadPool& pool,
                               const std::vector<std::vector<int32_t>>& sequences) {
  std::vector<int32_t> ids;
  std::vector<int32_t> cu = {0};
  for (const auto& s : sequences) {
    ids.insert(ids.end(), s.begin(), s.end());
    cu.push_back(static_cast<int32_t>(ids.size()));
  }
  const std::vector<int32_t> types(ids.size());
  Workspace workspace;
  const Matrix x = encoder.ForwardFirstTokens({ids, types, cu}, {pool, workspace});
  std::vector<float> values;
  for (int64_t r = 0; r < x.rows; ++r) values.insert(values.end(), x.row(r), x.row(r) + x.cols);
  return values;
}

double SquaredDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i] - b[i]), 2);
  return sum;
}

float MaxDifference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  float worst = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    worst = std::max(worst, std::abs(a[i] - b[i]));
  }
  return worst;
}

class BertFamilies : public testing::TestWithParam<BertFamily> {};

TEST_P(BertFamilies, BackendsAgreeAndNeighboursDoNotMatter) {
  const BertConfig config = TinyConfig(GetParam());
  const auto weights = TinyWeights(config, "0.auto_model.");
  ThreadPool one(1);
  ThreadPool three(3);
  const std::vector<std::vector<int32_t>> texts = {
      {2, 7, 9, 3}, {2, 3}, {5}, {2, 8, 8, 1, 30, 49, 3}};
  const BertEncoder reference(config, weights, ComputeType::kFloat32, ReferenceBackend(), one);
  const std::vector<float> expected = Forward(reference, one, texts);
  for (const Backend* backend : AllBackends()) {
    const BertEncoder encoder(config, weights, ComputeType::kFloat32, *backend, three);
    EXPECT_LT(MaxDifference(Forward(encoder, three, texts), expected), 1e-5f) << backend->name();
    std::vector<float> alone;
    for (const auto& text : texts) {
      const std::vector<float> v = Forward(encoder, one, {text});
      alone.insert(alone.end(), v.begin(), v.end());
    }
    EXPECT_LT(MaxDifference(alone, expected), 1e-5f) << backend->name();
  }
}

TEST_P(BertFamilies, FirstTokensAreThoseOfAllTokens) {
  const BertConfig config = TinyConfig(GetParam());
  const auto weights = TinyWeights(config, "");
  ThreadPool pool(2);
  const std::vector<int32_t> ids = {2, 7, 9, 3, 2, 3, 5, 2, 8, 8, 1, 30, 49, 3};
  const std::vector<int32_t> types(ids.size());
  const std::vector<int32_t> cu = {0, 4, 6, 7, 14};
  for (const Backend* backend : AllBackends()) {
    const BertEncoder encoder(config, weights, ComputeType::kFloat32, *backend, pool);
    Workspace workspace;
    const Matrix all = encoder.Forward({ids, types, cu}, {pool, workspace});
    const Matrix first = encoder.ForwardFirstTokens({ids, types, cu}, {pool, workspace});
    ASSERT_EQ(first.rows, 4);
    for (int64_t n = 0; n < 4; ++n) {
      for (int64_t c = 0; c < first.cols; ++c) {
        EXPECT_NEAR(first.row(n)[c], all.row(cu[static_cast<size_t>(n)])[c], 2e-6f);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, BertFamilies,
                         testing::Values(BertFamily::kBert, BertFamily::kRoberta,
                                         BertFamily::kDistilBert, BertFamily::kMpnet));

TEST(BertEncoder, TokenTypesCount) {
  const BertConfig config = TinyConfig(BertFamily::kBert);
  ThreadPool pool(1);
  const BertEncoder encoder(config, TinyWeights(config, ""), ComputeType::kFloat32,
                            ReferenceBackend(), pool);
  const auto zeros = Forward(encoder, pool, {{2, 7, 3}}, {0, 0, 0});
  EXPECT_GT(MaxDifference(zeros, Forward(encoder, pool, {{2, 7, 3}}, {0, 1, 1})), 0.01f);
  EXPECT_THROW(Forward(encoder, pool, {{2, 7, 3}}, {0, 2, 1}), Error);
}

TEST(BertEncoder, RobertaPaddingInATextIsNotCounted) {
  // After a padding token the following positions go on as if it were not there: the states of
  // {2, 1, 7} then differ from those of {2, 7} only through attention to the extra token. With a
  // padding embedding like no other the positions show: compare against BERT, which counts it.
  BertConfig roberta = TinyConfig(BertFamily::kRoberta);
  roberta.num_layers = 0;  // embeddings alone
  const auto weights = TinyWeights(roberta, "roberta.");
  ThreadPool pool(1);
  const BertEncoder encoder(roberta, weights, ComputeType::kFloat32, ReferenceBackend(), pool);
  const auto with = Forward(encoder, pool, {{2, 1, 7}});
  const auto without = Forward(encoder, pool, {{2, 7}});
  const auto h = static_cast<size_t>(roberta.hidden_size);
  const std::vector<float> last_with(with.end() - static_cast<std::ptrdiff_t>(h), with.end());
  const std::vector<float> last_without(without.end() - static_cast<std::ptrdiff_t>(h),
                                        without.end());
  EXPECT_EQ(MaxDifference(last_with, last_without), 0);
  EXPECT_EQ(encoder.info().max_tokens, 18);
}

TEST(BertEncoder, MissingAndMisshapenTensorsAreNamed) {
  const BertConfig config = TinyConfig(BertFamily::kBert);
  ThreadPool pool(1);
  const auto error = [&](auto change) -> std::string {
    const auto weights = TinyWeights(config, "bert.");
    change(*weights);
    try {
      const BertEncoder encoder(config, weights, ComputeType::kFloat32, ReferenceBackend(), pool);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kCorruptData);
      return e.what();
    }
    return "no error";
  };
  const std::string query = "bert.encoder.layer.1.attention.self.query.weight";
  EXPECT_THAT(error([&](MemoryWeights& w) { w.Remove(query); }), testing::HasSubstr(query));
  EXPECT_THAT(error([&](MemoryWeights& w) {
                w.AddRandom(query, Shape{24, 25}, 1);
              }),
              testing::AllOf(testing::HasSubstr(query), testing::HasSubstr("[24, 25]"),
                             testing::HasSubstr("[24, 24]")));
  EXPECT_THAT(error([&](MemoryWeights& w) {
                w.Values("bert.embeddings.LayerNorm.bias")[3] = std::nanf("");
              }),
              testing::HasSubstr("bert.embeddings.LayerNorm.bias"));
  EXPECT_THAT(error([&](MemoryWeights& w) { w.Remove("bert.embeddings.word_embeddings.weight"); }),
              testing::HasSubstr("embeddings.word_embeddings.weight"));
}

// The table of biases is the only difference between two passes.
TEST(BertEncoder, MpnetsBiasOfDistancesCounts) {
  const BertConfig config = TinyConfig(BertFamily::kMpnet);
  ThreadPool pool(1);
  const auto weights = TinyWeights(config, "mpnet.");
  const std::string table = "mpnet.encoder.relative_attention_bias.weight";
  const auto states = [&] {
    const BertEncoder encoder(config, weights, ComputeType::kFloat32, CpuBackend(), pool);
    EXPECT_EQ(encoder.info().max_tokens, 18);
    EXPECT_TRUE(encoder.info().takes_key_counts);
    return Forward(encoder, pool, {{0, 7, 9, 2}});
  };
  const auto before = states();
  weights->Values(table)[20 * 3] += 1.0f;  // four tokens behind: no text of four has it
  EXPECT_EQ(states(), before);
  weights->Values(table)[19 * 3] += 1.0f;
  EXPECT_GT(MaxDifference(states(), before), 0.01f);
  weights->Values(table)[5] = std::nanf("");
  try {
    states();
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr(table));
  }
  weights->Remove(table);
  EXPECT_THROW(states(), Error);
}

// What rounding takes off W counts where an outlier meets it, in a column that the gains name.
TEST(BertEncoder, Int8KnowsTheColumnsOfOutliersBetter) {
  const BertConfig config = TinyConfig(BertFamily::kBert);
  const auto weights = TinyWeights(config, "");
  ThreadPool pool(1);
  constexpr size_t kOutlier = 7;
  constexpr size_t kOther = 11;
  weights->Values("embeddings.LayerNorm.weight")[kOutlier] = 20.0f;
  weights->Values("embeddings.LayerNorm.bias")[kOutlier] = 50.0f;
  const auto states_with = [&](size_t column, float value) {
    for (size_t row = 0; row < 24; ++row) {
      weights->Values("encoder.layer.0.attention.self.value.weight")[row * 24 + column] = value;
    }
    return Forward(BertEncoder(config, weights, ComputeType::kInt8, ReferenceBackend(), pool), pool,
                   {{2, 7, 9, 3}});
  };
  constexpr float kLessThanHalfAStep = 1e-3f;
  (void)states_with(kOther, 0.0f);
  const std::vector<float> before = states_with(kOutlier, 0.0f);
  EXPECT_EQ(states_with(kOther, kLessThanHalfAStep), before);
  EXPECT_GT(MaxDifference(states_with(kOutlier, kLessThanHalfAStep), before), 1e-3f);
}

// What follows the last attention is bfloat16 then, for first tokens alone.
TEST(BertEncoder, Int8FirstTokensAreFinerWhereTheyAreWanted) {
  const BertConfig config = TinyConfig(BertFamily::kBert);
  const auto weights = TinyWeights(config, "");
  ThreadPool pool(2);
  const std::vector<std::vector<int32_t>> texts = {
      {2, 7, 9, 3}, {2, 3}, {5}, {2, 8, 8, 1, 30, 49, 3}, {2, 17, 3}, {2, 21, 22, 3}, {2, 40, 3}};
  for (const Backend* backend : AllBackends()) {
    if (!backend->Supports(ComputeType::kInt8)) continue;
    SCOPED_TRACE(backend->name());
    const BertEncoder exact(config, weights, ComputeType::kFloat32, *backend, pool, {}, true);
    const BertEncoder plain(config, weights, ComputeType::kInt8, *backend, pool);
    const BertEncoder finer(config, weights, ComputeType::kInt8, *backend, pool, {}, true);
    EXPECT_EQ(Forward(finer, pool, texts), Forward(plain, pool, texts));
    const std::vector<float> all = FirstTokens(finer, pool, texts);
    if (!backend->Supports(ComputeType::kBFloat16)) {
      EXPECT_EQ(all, FirstTokens(plain, pool, texts));
      continue;
    }
    const std::vector<float> expected = FirstTokens(exact, pool, texts);
    EXPECT_LT(SquaredDifference(all, expected),
              0.8 * SquaredDifference(FirstTokens(plain, pool, texts), expected));
    EXPECT_GT(finer.info().packed_bytes, plain.info().packed_bytes);
    EXPECT_EQ(
        exact.info().packed_bytes,
        BertEncoder(config, weights, ComputeType::kFloat32, *backend, pool).info().packed_bytes);
    std::vector<float> alone;
    for (const auto& text : texts) {
      const std::vector<float> v = FirstTokens(finer, pool, {text});
      alone.insert(alone.end(), v.begin(), v.end());
    }
    EXPECT_EQ(alone, all);
  }
}

TEST(BertEncoder, ReadsTensorFlowNormNames) {
  BertConfig config = TinyConfig(BertFamily::kBert);
  const auto weights = TinyWeights(config, "");
  ThreadPool pool(1);
  const auto expected =
      Forward(BertEncoder(config, weights, ComputeType::kFloat32, ReferenceBackend(), pool), pool,
              {{2, 3}});
  weights->Add("embeddings.LayerNorm.gamma", Shape{24},
               weights->Values("embeddings.LayerNorm.weight"));
  weights->Add("embeddings.LayerNorm.beta", Shape{24},
               weights->Values("embeddings.LayerNorm.bias"));
  weights->Remove("embeddings.LayerNorm.weight");
  weights->Remove("embeddings.LayerNorm.bias");
  EXPECT_EQ(Forward(BertEncoder(config, weights, ComputeType::kFloat32, ReferenceBackend(), pool),
                    pool, {{2, 3}}),
            expected);
}

TEST(MakeEncoder, NamesAnUnknownArchitecture) {
  ThreadPool pool(1);
  const auto document = json::Document::Parse(R"({"model_type":"t5"})", "config.json");
  try {
    MakeEncoder(document->root(), nullptr, ComputeType::kFloat32, ReferenceBackend(), pool, {},
                false);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(e.what(),
                testing::HasSubstr("unknown architecture \"t5\": config.json: field model_type"));
  }
}

}  // namespace
}  // namespace bge
