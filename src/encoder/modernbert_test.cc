#include "encoder/modernbert.h"

#include "base/error.h"
#include "encoder/modernbert_names.h"
#include "tests/memory_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace bge {
namespace {

struct Kind {
  const char* name;
  std::vector<bool> is_global;  // of the layers
  bool biases;
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

// Texts below reach far over the window.
ModernBertConfig TinyConfig(const Kind& kind) {
  ModernBertConfig c;
  c.architecture = "Tiny";
  c.vocab_size = 50;
  c.hidden_size = 24;
  c.num_layers = static_cast<int64_t>(kind.is_global.size());
  c.num_heads = 3;
  c.intermediate_size = 20;
  c.max_positions = 100;
  c.norm_bias = c.attention_bias = c.mlp_bias = kind.biases;
  c.is_global = kind.is_global;
  c.window = 4;
  return c;
}

std::shared_ptr<MemoryWeights> TinyWeights(const ModernBertConfig& c, const std::string& prefix) {
  auto w = std::make_shared<MemoryWeights>();
  const ModernBertNames& names = kModernBertNames;
  const auto norm = [&](const std::string& name) {
    w->AddRandom(name + ".weight", Shape{c.hidden_size}, 0.3f, 1);
    if (c.norm_bias) w->AddRandom(name + ".bias", Shape{c.hidden_size}, 0.3f);
  };
  const auto linear = [&](const std::string& name, int64_t out, int64_t in, bool bias) {
    w->AddRandom(name + ".weight", Shape{out, in}, 1.5f / std::sqrt(static_cast<float>(in)));
    if (bias) w->AddRandom(name + ".bias", Shape{out}, 0.3f);
  };
  const int64_t h = c.hidden_size;
  const int64_t f = c.intermediate_size;
  w->AddRandom(prefix + std::string(kModernBertWordEmbeddings), Shape{c.vocab_size, h}, 1);
  norm(prefix + std::string(names.embeddings_norm));
  norm(prefix + std::string(names.final_norm));
  for (int64_t i = 0; i < c.num_layers; ++i) {
    const std::string layer = prefix + "layers." + std::to_string(i) + ".";
    if (i > 0) norm(layer + std::string(names.attention_norm));
    norm(layer + std::string(names.feed_forward_norm));
    linear(layer + std::string(names.query_key_value), 3 * h, h, c.attention_bias);
    linear(layer + std::string(names.attention_output), h, h, c.attention_bias);
    linear(layer + std::string(names.up), 2 * f, h, c.mlp_bias);
    linear(layer + std::string(names.down), h, f, c.mlp_bias);
  }
  return w;
}

struct Batch {
  explicit Batch(const std::vector<std::vector<int32_t>>& sequences) {
    for (const auto& s : sequences) {
      ids.insert(ids.end(), s.begin(), s.end());
      cu_seqlens.push_back(static_cast<int32_t>(ids.size()));
    }
  }
  PackedBatch view() const { return {ids, {}, cu_seqlens}; }
  std::vector<int32_t> ids;
  std::vector<int32_t> cu_seqlens = {0};
};

std::vector<float> Values(Matrix x) {
  std::vector<float> values;
  for (int64_t r = 0; r < x.rows; ++r) values.insert(values.end(), x.row(r), x.row(r) + x.cols);
  return values;
}

std::vector<float> Forward(const Encoder& encoder, ThreadPool& pool, const Batch& batch) {
  Workspace workspace;
  return Values(encoder.Forward(batch.view(), {pool, workspace}));
}

float MaxDifference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  float worst = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    worst = std::max(worst, std::abs(a[i] - b[i]));
  }
  return worst;
}

std::vector<std::vector<int32_t>> Texts() {
  std::vector<std::vector<int32_t>> texts = {{2, 7, 9, 3}, {2, 3}, {5}, {2, 8, 8, 1, 30, 49, 3}};
  std::vector<int32_t> longest;
  for (int32_t i = 0; i < 40; ++i) longest.push_back(i * 7 % 50);
  texts.push_back(longest);
  return texts;
}

class ModernBertKinds : public testing::TestWithParam<Kind> {};

TEST_P(ModernBertKinds, BackendsAgreeAndNeighboursDoNotMatter) {
  const ModernBertConfig config = TinyConfig(GetParam());
  const auto weights = TinyWeights(config, "model.");
  ThreadPool one(1);
  ThreadPool three(3);
  const Batch batch(Texts());
  const ModernBertEncoder reference(config, weights, ComputeType::kFloat32, ReferenceBackend(),
                                    one);
  const std::vector<float> expected = Forward(reference, one, batch);
  for (const Backend* backend : AllBackends()) {
    const ModernBertEncoder encoder(config, weights, ComputeType::kFloat32, *backend, three);
    EXPECT_LT(MaxDifference(Forward(encoder, three, batch), expected), 1e-5f) << backend->name();
    std::vector<float> alone;
    for (const auto& text : Texts()) {
      const std::vector<float> v = Forward(encoder, one, Batch({text}));
      alone.insert(alone.end(), v.begin(), v.end());
    }
    EXPECT_LT(MaxDifference(alone, expected), 1e-5f) << backend->name();
  }
}

TEST_P(ModernBertKinds, FirstTokensAreThoseOfAllTokens) {
  const ModernBertConfig config = TinyConfig(GetParam());
  const auto weights = TinyWeights(config, "");
  ThreadPool pool(2);
  const Batch batch(Texts());
  for (const Backend* backend : AllBackends()) {
    for (const ComputeType type :
         {ComputeType::kFloat32, ComputeType::kBFloat16, ComputeType::kInt8}) {
      if (!backend->Supports(type)) continue;
      const ModernBertEncoder encoder(config, weights, type, *backend, pool);
      Workspace workspace;
      const Matrix all = encoder.Forward(batch.view(), {pool, workspace});
      const Matrix first = encoder.ForwardFirstTokens(batch.view(), {pool, workspace});
      ASSERT_EQ(first.rows, 5);
      // Its attention is float32 whatever the type; that of all tokens may be bfloat16.
      const float tolerance = type == ComputeType::kFloat32 ? 4e-6f : 0.1f;
      for (int64_t n = 0; n < first.rows; ++n) {
        for (int64_t c = 0; c < first.cols; ++c) {
          EXPECT_NEAR(first.row(n)[c], all.row(batch.cu_seqlens[static_cast<size_t>(n)])[c],
                      tolerance)
              << backend->name();
        }
      }
    }
  }
}

// bfloat16 and int8 are what float32 is, but for their rounding.
TEST_P(ModernBertKinds, NarrowTypesAreNear) {
  const ModernBertConfig config = TinyConfig(GetParam());
  const auto weights = TinyWeights(config, "");
  ThreadPool pool(1);
  const Batch batch(Texts());
  const std::vector<float> expected =
      Forward(ModernBertEncoder(config, weights, ComputeType::kFloat32, ReferenceBackend(), pool),
              pool, batch);
  for (const Backend* backend : AllBackends()) {
    for (const ComputeType type : {ComputeType::kBFloat16, ComputeType::kInt8}) {
      if (!backend->Supports(type)) continue;
      const ModernBertEncoder encoder(config, weights, type, *backend, pool);
      const std::vector<float> actual = Forward(encoder, pool, batch);
      double dot = 0;
      double a2 = 0;
      double b2 = 0;
      for (size_t i = 0; i < actual.size(); ++i) {
        dot += static_cast<double>(actual[i]) * static_cast<double>(expected[i]);
        a2 += static_cast<double>(actual[i]) * static_cast<double>(actual[i]);
        b2 += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
      }
      EXPECT_GT(dot / std::sqrt(a2 * b2), type == ComputeType::kInt8 ? 0.995 : 0.999)
          << backend->name() << " " << static_cast<int>(type);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ModernBertKinds,
                         testing::Values(Kind{"LastLocal", {true, false, false}, false},
                                         Kind{"LastGlobal", {true, false, true}, true},
                                         Kind{"OneLocal", {false}, true},
                                         Kind{"OneGlobal", {true}, false}, Kind{"None", {}, true}),
                         [](const auto& kind) { return kind.param.name; });

// A token that no other sees, through all layers, changes nothing but its neighbourhood.
TEST(ModernBertEncoder, LocalLayersSeeTheWindowAlone) {
  const ModernBertConfig config = TinyConfig({"", {false, false}, false});
  ThreadPool pool(1);
  const ModernBertEncoder encoder(config, TinyWeights(config, ""), ComputeType::kFloat32,
                                  CpuBackend(), pool);
  std::vector<int32_t> text = Texts().back();
  const std::vector<float> before = Forward(encoder, pool, Batch({text}));
  text[20] = 33;
  const std::vector<float> after = Forward(encoder, pool, Batch({text}));
  const auto h = static_cast<size_t>(config.hidden_size);
  for (size_t t = 0; t < text.size(); ++t) {
    const bool reached = t >= 20 - 8 && t <= 20 + 8;  // two layers of four tokens each way
    const bool same = std::equal(before.begin() + static_cast<std::ptrdiff_t>(t * h),
                                 before.begin() + static_cast<std::ptrdiff_t>((t + 1) * h),
                                 after.begin() + static_cast<std::ptrdiff_t>(t * h));
    EXPECT_EQ(same, !reached) << t;
  }
}

TEST(ModernBertEncoder, MissingAndMisshapenTensorsAreNamed) {
  const ModernBertConfig config = TinyConfig({"", {true, false}, true});
  ThreadPool pool(1);
  const auto error = [&](auto change) -> std::string {
    const auto weights = TinyWeights(config, "model.");
    change(*weights);
    try {
      const ModernBertEncoder encoder(config, weights, ComputeType::kFloat32, ReferenceBackend(),
                                      pool);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kCorruptData);
      return e.what();
    }
    return "no error";
  };
  const std::string up = "model.layers.1.mlp.Wi.weight";
  EXPECT_THAT(error([&](MemoryWeights& w) { w.Remove(up); }), testing::HasSubstr(up));
  EXPECT_THAT(error([&](MemoryWeights& w) {
                w.AddRandom(up, Shape{20, 24}, 1);
              }),
              testing::AllOf(testing::HasSubstr(up), testing::HasSubstr("[20, 24]"),
                             testing::HasSubstr("[40, 24]")));
  for (const std::string name :
       {"model.layers.1.attn_norm.weight", "model.layers.0.attn.Wqkv.bias",
        "model.layers.0.attn.Wo.weight", "model.layers.1.mlp.Wo.bias", "model.final_norm.bias",
        "model.embeddings.norm.weight", "model.embeddings.tok_embeddings.weight"}) {
    EXPECT_THAT(error([&](MemoryWeights& w) { w.Remove(name); }),
                testing::HasSubstr(name.substr(6)));
  }
  EXPECT_THAT(error([&](MemoryWeights& w) {
                w.Values("model.layers.0.mlp_norm.weight")[3] = std::nanf("");
              }),
              testing::HasSubstr("model.layers.0.mlp_norm.weight"));
}

TEST(ModernBertEncoder, CountsItsParameters) {
  const ModernBertConfig config = TinyConfig({"", {true, false}, true});
  ThreadPool pool(1);
  const auto weights = TinyWeights(config, "");
  int64_t numbers = 0;
  for (const std::string& name : weights->Names()) {
    numbers += weights->Find(name)->shape.num_elements();
  }
  const ModernBertEncoder encoder(config, weights, ComputeType::kFloat32, CpuBackend(), pool);
  EXPECT_EQ(encoder.info().num_parameters, numbers);
  EXPECT_EQ(encoder.info().max_tokens, 100);
}

}  // namespace
}  // namespace bge
