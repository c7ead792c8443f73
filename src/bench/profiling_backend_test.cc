#include "bench/profiling_backend.h"

#include "engine/embedder_impl.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace bge {
namespace {

// 3 layers, hidden size 32, feed-forward 64, float32. Mean pooling: all tokens in all layers.
const std::string kModel = BGE_TEST_DATA_DIR "/models/tiny-bert";
constexpr int64_t kLayers = 3;
constexpr int64_t kHidden = 32;
constexpr int64_t kInner = 64;

class ProfiledModel : public testing::Test {
 protected:
  const std::vector<std::string_view> texts_ = {"one text", "another text, of more tokens", "a"};
  ProfilingBackend backend_{CpuBackend()};
  const EmbedderOptions options_ = {.threads = 1, .pooling = Pooling::kMean};
  const EmbedderImpl model_{kModel, options_, backend_};

  std::vector<float> Encode() const {
    std::vector<float> output(texts_.size() * static_cast<size_t>(model_.dimension()));
    model_.EncodeInto(texts_, {}, output);
    return output;
  }
};

TEST_F(ProfiledModel, ComputesTheSame) {
  EXPECT_EQ(Encode(), Embedder::Load(kModel, options_).Encode(texts_).values);
}

TEST_F(ProfiledModel, CountsTheWorkOfEachStage) {
  const EncodeOptions options;
  TokenizedTexts tokens(texts_, 0, static_cast<int64_t>(texts_.size()));
  for (int64_t b = 0; b < tokens.num_blocks(); ++b) {
    tokens.TokenizeBlock(model_.TokenizerFor(options), b);
  }
  const int64_t t = tokens.total_tokens();
  int64_t pairs = 0;
  for (int64_t i = 0; i < tokens.end(); ++i) pairs += tokens.length(i) * tokens.length(i);
  Encode();  // all in one batch

  const StageCost qkv = backend_.cost(Stage::kQkv);
  EXPECT_EQ(qkv.calls, 2 * kLayers);  // queries; keys and values
  EXPECT_EQ(qkv.flops, kLayers * 2 * t * kHidden * 3 * kHidden);
  // x twice, weights, and q, k and v.
  EXPECT_EQ(qkv.bytes, kLayers * 4 * (2 * t * kHidden + 3 * kHidden * kHidden + t * 3 * kHidden));
  EXPECT_GT(qkv.thread_seconds, 0);
  EXPECT_EQ(backend_.cost(Stage::kOutput).flops, kLayers * 2 * t * kHidden * kHidden);
  EXPECT_EQ(backend_.cost(Stage::kFfnUp).flops, kLayers * 2 * t * kHidden * kInner);
  EXPECT_EQ(backend_.cost(Stage::kFfnDown).flops, kLayers * 2 * t * kInner * kHidden);
  EXPECT_EQ(backend_.cost(Stage::kAttention).calls, kLayers);
  EXPECT_EQ(backend_.cost(Stage::kAttention).flops, kLayers * 4 * pairs * kHidden);
  EXPECT_EQ(backend_.cost(Stage::kActivation).bytes, kLayers * 2 * 4 * t * kInner);
  EXPECT_EQ(backend_.cost(Stage::kNorms).calls, kLayers * 2);
  EXPECT_EQ(backend_.cost(Stage::kNorms).bytes, kLayers * 2 * 3 * 4 * t * kHidden);
  EXPECT_EQ(backend_.cost(Stage::kEmbed).calls, 1);
  EXPECT_EQ(backend_.cost(Stage::kPool).calls, 2);  // and scaling to length 1
  EXPECT_EQ(backend_.cost(Stage::kUnlabelled).calls, 0);

  backend_.Reset();
  EXPECT_EQ(backend_.cost(Stage::kQkv).calls, 0);
  EXPECT_EQ(backend_.cost(Stage::kQkv).thread_seconds, 0);
}

// With the first token pooled, the last layer does for it alone what does not concern the others.
TEST(ProfilingBackend, CountsTheFirstTokensOfTheLastLayer) {
  ProfilingBackend backend(CpuBackend());
  const EmbedderImpl model(kModel, {.threads = 1}, backend);
  const std::vector<std::string_view> texts = {"one text", "another text, of more tokens"};
  std::vector<float> output(texts.size() * static_cast<size_t>(model.dimension()));
  const int64_t t = model.EncodeInto(texts, {}, output).tokens;
  EXPECT_EQ(backend.cost(Stage::kQkv).flops,
            2 * kHidden * kHidden * (3 * (kLayers - 1) * t + 2 * t + 2));
  EXPECT_EQ(backend.cost(Stage::kOutput).flops, 2 * kHidden * kHidden * ((kLayers - 1) * t + 2));
  EXPECT_EQ(backend.cost(Stage::kFfnUp).flops, 2 * kHidden * kInner * ((kLayers - 1) * t + 2));
}

// Modules after pooling are a part of it, not of the layers.
TEST(ProfilingBackend, CountsADenseModuleAsPooling) {
  ProfilingBackend backend(CpuBackend());
  const EmbedderImpl model(BGE_TEST_DATA_DIR "/models/tiny-distilbert", {.threads = 1}, backend);
  const std::vector<std::string_view> texts = {"a text"};
  std::vector<float> output(static_cast<size_t>(model.dimension()));
  model.EncodeInto(texts, {}, output);
  EXPECT_GT(backend.cost(Stage::kPool).flops, 0);
  EXPECT_EQ(backend.cost(Stage::kUnlabelled).calls, 0);
}

// Scales nothing, slowly, and says how long it took.
class SlowBackend : public ProfilingBackend {
 public:
  SlowBackend() : ProfilingBackend(CpuBackend()) {}
  void L2Normalize(const OpContext&, Matrix) const override {
    const auto start = std::chrono::steady_clock::now();
    do {
      seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    } while (seconds_ < 0.02);
  }
  double seconds() const { return seconds_; }

 private:
  mutable double seconds_ = 0;
};

// An op keeps all threads from other work that it could have used: outside of a loop all of the
// pool's, within one its own.
TEST(ProfilingBackend, CountsTheSecondsOfEveryThread) {
  const SlowBackend slow;
  for (const int threads : {1, 3}) {
    ProfilingBackend backend(static_cast<const Backend&>(slow));
    ThreadPool pool(threads);
    Workspace workspace;
    const OpContext context = {.pool = pool, .workspace = workspace};
    backend.L2Normalize(context, {});
    EXPECT_GE(backend.cost(Stage::kPool).thread_seconds, threads * slow.seconds());

    backend.Reset();
    pool.ParallelForEach(2, [&](int64_t i) {
      if (i == 0) backend.L2Normalize(context, {});
    });
    EXPECT_GE(backend.cost(Stage::kPool).thread_seconds, slow.seconds());
    EXPECT_LT(backend.cost(Stage::kPool).thread_seconds, 2 * slow.seconds());
  }
}

}  // namespace
}  // namespace bge
