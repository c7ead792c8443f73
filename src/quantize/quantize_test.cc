// Whole directories: what loads from them, and what each type costs.
#include "bge/quantize.h"

#include "bge/embedder.h"
#include "bge/reranker.h"

#include "base/file.h"
#include "tests/expect_error.h"
#include "tests/temp_dir.h"
#include "tests/vector_comparison.h"
#include "weights/safetensors_writer.h"
#include "weights/weight_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <span>

namespace bge {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kModels[] = {"tiny-bert",       "tiny-bert-bf16",        "tiny-bert-f16",
                                   "tiny-distilbert", "tiny-roberta",          "tiny-mpnet",
                                   "tiny-modernbert", "tiny-modernbert-biases"};

class QuantizeTest : public testing::Test {
 protected:
  static std::string Model(const std::string& name) {
    return std::string(BGE_TEST_DATA_DIR) + "/models/" + name;
  }
  // The values of every float tensor, int8 with its scales, written as a float32 model beside the
  // other files of `model`.
  fs::path Dequantized(const fs::path& model) {
    const fs::path copy = dir_.path() / "dequantized";
    fs::remove_all(copy);
    fs::copy(model, copy, fs::copy_options::recursive);
    const auto source = OpenWeights(model);
    std::vector<TensorHeader> headers;
    std::map<std::string, std::vector<float>> values;
    for (const std::string& name : source->Names()) {
      const StoredTensor stored = *source->FindStored(name);
      if (stored.dtype != "I8" && stored.dtype != "F32" && stored.dtype != "F16" &&
          stored.dtype != "BF16") {
        continue;
      }
      // By its own name as the anchor, so that the prefix is what is before it.
      TensorView view = *source->Find(name);
      if (view.dtype == DType::kI8) view = PrefixedWeights(source, name).GetRank(name, 2);
      values[name] = ToFloat32(view);
      headers.push_back(
          {name, "F32", {stored.dims.begin(), stored.dims.end()}, 4 * values[name].size()});
    }
    SafetensorsWriter writer(copy / "model.safetensors", std::move(headers), {});
    for (const TensorHeader& tensor : writer.tensors()) {
      writer.Write(std::as_bytes(std::span(values.at(tensor.name))));
    }
    writer.Commit();
    return copy;
  }
  std::vector<float> Encode(const fs::path& model, ComputeChoice type) {
    embedder_.emplace(Embedder::Load(model.string(), {.threads = 1, .compute_type = type}));
    return embedder_->Encode(texts_).values;
  }
  int64_t dimension() const { return embedder_->dimension(); }

  const test::TempDir dir_;
  const fs::path out_ = dir_.path() / "out";
  const std::vector<std::string> texts_ = {"", "a", "The quick brown fox.",
                                           "unaffable words, and more of them"};
  std::optional<Embedder> embedder_;
};

double WorstCosine(const std::vector<float>& a, const std::vector<float>& b, int64_t dimension) {
  double worst = 1;
  for (size_t begin = 0; begin < a.size(); begin += static_cast<size_t>(dimension)) {
    double dot = 0;
    for (size_t i = begin; i < begin + static_cast<size_t>(dimension); ++i) {
      dot += double{a[i]} * double{b[i]};
    }
    worst = std::min(worst, dot);
  }
  return worst;
}

TEST_F(QuantizeTest, TheHeadOfAModernBertRerankerStaysAsItIs) {
  const std::vector<std::string> passages = {"a map of the city", "the quick brown fox"};
  const auto scores = [&](const std::string& model) {
    return Reranker::Load(model, {.threads = 1, .compute_type = ComputeChoice::kFloat32})
        .ComputeScore("what is a map", passages);
  };
  Quantize(Model("tiny-modernbert-reranker"), out_);
  const auto weights = OpenWeights(out_);
  EXPECT_EQ(weights->FindStored("head.dense.weight")->dtype, "F32");
  EXPECT_EQ(weights->FindStored("classifier.weight")->dtype, "F32");
  EXPECT_EQ(weights->FindStored("model.layers.0.mlp.Wi.weight")->dtype, "I8");
  const std::vector<float> expected = scores(Model("tiny-modernbert-reranker"));
  const std::vector<float> found = scores(out_.string());
  for (size_t i = 0; i < passages.size(); ++i) EXPECT_NEAR(found[i], expected[i], 0.1) << i;
}

// Between vectors before and after. Of tiny-modernbert, whose five random layers magnify what is
// rounded, torch has 0.99147 for the empty text with weights that are rounded so.
double LeastInt8Cosine(const std::string& model) {
  return model == "tiny-modernbert" ? 0.991 : 0.995;
}

TEST_F(QuantizeTest, ComputesWhatTheRoundedWeightsCompute) {
  for (const std::string name : kModels) {
    for (const WeightType type : {WeightType::kInt8, WeightType::kBFloat16, WeightType::kFloat16}) {
      SCOPED_TRACE(name + " " + std::to_string(static_cast<int>(type)));
      fs::remove_all(out_);
      Quantize(Model(name), out_, {.type = type});
      const std::vector<float> found = Encode(out_, ComputeChoice::kFloat32);
      const std::string expected_dtype = type == WeightType::kInt8       ? "int8"
                                         : type == WeightType::kBFloat16 ? "bfloat16"
                                                                         : "float16";
      EXPECT_EQ(embedder_->info().weights_dtype, expected_dtype);
      const std::vector<float> expected = Encode(Dequantized(out_), ComputeChoice::kFloat32);
      EXPECT_EQ(test::DescribeDifference(expected, found, dimension(), 1e-6), "");
      const std::vector<float> original = Encode(Model(name), ComputeChoice::kFloat32);
      EXPECT_GT(WorstCosine(original, found, dimension()),
                type == WeightType::kInt8 ? LeastInt8Cosine(name) : 0.9995);
    }
  }
}

TEST_F(QuantizeTest, Int8IsComputedInInt8) {
  Quantize(Model("tiny-bert"), out_);
  const std::vector<float> exact = Encode(Model("tiny-bert"), ComputeChoice::kFloat32);
  const std::vector<float> rounded = Encode(Model("tiny-bert"), ComputeChoice::kInt8);
  const ComputeType int8 = embedder_->info().compute_type;  // float32 where the CPU has no int8
  for (const ComputeChoice choice :
       {ComputeChoice::kDefault, ComputeChoice::kInt8, ComputeChoice::kAuto}) {
    const std::vector<float> found = Encode(out_, choice);
    const ComputeType type = embedder_->info().compute_type;
    EXPECT_EQ(type, int8);
    EXPECT_GT(WorstCosine(exact, found, dimension()), 0.99);
    EXPECT_GT(WorstCosine(rounded, found, dimension()), 0.99);
  }
  Encode(Model("tiny-bert"), ComputeChoice::kDefault);
  EXPECT_EQ(embedder_->info().compute_type, ComputeType::kFloat32);
  Encode(out_, ComputeChoice::kFloat32);
  EXPECT_EQ(embedder_->info().compute_type, ComputeType::kFloat32);
}

// Whether they are rounded here or when they are loaded, linear layers compute the same bits: each
// second one is the original's. (Of a model without integers more is known: exact columns, and what
// first tokens multiply.)
TEST_F(QuantizeTest, LinearLayersComputeTheSameBits) {
  const fs::path mixed = dir_.path() / "mixed";
  for (const std::string name : kModels) {
    fs::remove_all(out_);
    Quantize(Model(name), out_);
    const auto original = OpenWeights(Model(name));
    const auto quantized = OpenWeights(out_);
    for (const size_t half : {0, 1}) {
      std::vector<TensorHeader> headers;
      std::map<std::string, StoredTensor> tensors;
      const auto take = [&](const WeightSource& source, const std::string& tensor) {
        const StoredTensor stored = *source.FindStored(tensor);
        tensors.emplace(tensor, stored);
        headers.push_back({tensor,
                           std::string(stored.dtype),
                           {stored.dims.begin(), stored.dims.end()},
                           stored.bytes.size()});
      };
      size_t linears = 0;
      for (const std::string& tensor : original->Names()) {
        const std::string scale = tensor + std::string(kInt8ScaleSuffix);
        const bool embedding = tensor.find("_embeddings.weight") != std::string::npos;
        if (!quantized->FindStored(scale) || (!embedding && linears++ % 2 == half)) {
          take(*original, tensor);
        } else {
          take(*quantized, tensor);
          take(*quantized, scale);
        }
      }
      fs::remove_all(mixed);
      fs::copy(out_, mixed, fs::copy_options::recursive);
      SafetensorsWriter writer(mixed / "model.safetensors", std::move(headers), {});
      for (const TensorHeader& t : writer.tensors()) writer.Write(tensors.at(t.name).bytes);
      writer.Commit();
      const std::vector<float> expected = Encode(mixed, ComputeChoice::kInt8);
      const bool has_int8 = embedder_->info().compute_type == ComputeType::kInt8;
      const std::vector<float> found = Encode(out_, ComputeChoice::kDefault);
      EXPECT_TRUE(!has_int8 || found == expected) << name << ", half " << half;
    }
  }
}

TEST_F(QuantizeTest, KeepsTheModelsSettings) {
  for (const std::string name : kModels) {
    fs::remove_all(out_);
    const QuantizeStats stats = Quantize(Model(name), out_);
    const Embedder before = Embedder::Load(Model(name));
    const Embedder after = Embedder::Load(out_.string());
    EXPECT_EQ(after.info().modules, before.info().modules);
    EXPECT_EQ(after.info().poolings, before.info().poolings);
    EXPECT_EQ(after.info().prompts, before.info().prompts);
    EXPECT_EQ(after.info().max_length, before.info().max_length);
    EXPECT_EQ(after.info().num_parameters, before.info().num_parameters);
    EXPECT_EQ(after.info().similarity, before.info().similarity);
    int64_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(out_)) {
      files += entry.is_regular_file();
    }
    EXPECT_EQ(stats.files, files);
  }
}

// The transformer in a folder of its own, as old versions of sentence-transformers have it.
TEST_F(QuantizeTest, FindsTheTransformerWhereItIs) {
  const fs::path model = dir_.path() / "model";
  const std::string from = Model("tiny-bert");
  fs::create_directories(model / "0_Transformer");
  for (const auto& entry : fs::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    const bool top = name == "modules.json" || name == "1_Pooling" ||
                     name == "config_sentence_transformers.json";
    fs::copy(entry.path(), top ? model / name : model / "0_Transformer" / name,
             fs::copy_options::recursive);
  }
  std::string modules = ReadFile(model / "modules.json", 1 << 20);
  const size_t at = modules.find("\"path\": \"\"");
  ASSERT_NE(at, std::string::npos);
  modules.replace(at, 10, "\"path\": \"0_Transformer\"");
  std::ofstream(model / "modules.json") << modules;
  Quantize(model.string(), out_);
  EXPECT_TRUE(fs::exists(out_ / "0_Transformer" / "model.safetensors"));
  EXPECT_FALSE(fs::exists(out_ / "model.safetensors"));
  const std::vector<float> expected = Encode(model, ComputeChoice::kFloat32);
  EXPECT_GT(WorstCosine(expected, Encode(out_, ComputeChoice::kFloat32), dimension()), 0.995);
}

TEST_F(QuantizeTest, RefusesWhatItCannotWrite) {
  const auto thrown = [&](const std::string& model, const fs::path& out) {
    return test::Thrown([&] { return Quantize(model, out); });
  };
  dir_.Write("full/file", "x");
  EXPECT_THAT(thrown(Model("tiny-bert"), dir_.path() / "full"),
              AllOf(StartsWith("invalid_argument: the output is there already: "),
                    HasSubstr("full: the directory is not empty: give another name, or remove")));
  EXPECT_THAT(thrown(Model("tiny-bert"), dir_.path() / "no" / "such"), StartsWith("not_found: "));
  EXPECT_THAT(thrown(Model("no-such-model"), out_), StartsWith("not_found: "));
  Quantize(Model("tiny-bert"), out_);
  EXPECT_THAT(thrown(out_.string(), dir_.path() / "again"),
              StartsWith("invalid_argument: the model's weights are int8 already: "));
  EXPECT_THAT(thrown(out_.string(), out_ / "inner"),
              StartsWith("invalid_argument: the output lies within the model: "));
  EXPECT_THAT(thrown(out_.string(), out_), HasSubstr("the output lies within the model"));
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), {}), 2);  // full, out
}

TEST_F(QuantizeTest, LeavesNothingWhenStopped) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(
      test::Thrown([&] { return Quantize(Model("tiny-bert"), out_, {.stop = stop.get_token()}); }),
      StartsWith("cancelled: "));
  EXPECT_TRUE(fs::is_empty(dir_.path()));
}

// A model of int8 weights that is cut or altered is an error or loads; nothing worse.
TEST_F(QuantizeTest, DamagedWeightsAreErrors) {
  Quantize(Model("tiny-bert"), out_);
  const fs::path weights = out_ / "model.safetensors";
  const std::string good = ReadFile(weights, 1 << 24);
  const auto thrown = [&](std::string_view content) {
    fs::remove(weights);
    std::ofstream(weights, std::ios::binary) << content;
    return test::Thrown([&] { return Embedder::Load(out_.string()).Encode("text").size(); });
  };
  EXPECT_EQ(thrown(good), "no error");
  for (const size_t size : {size_t{0}, size_t{7}, size_t{100}, good.size() / 2, good.size() - 1}) {
    EXPECT_THAT(thrown(std::string_view(good).substr(0, size)), StartsWith("corrupt_data: "));
  }
  const auto renamed = [&](const std::string& from, const std::string& to) {
    std::string bad = good;
    const size_t at = bad.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    EXPECT_EQ(from.size(), to.size());
    return bad.replace(at, from.size(), to);
  };
  EXPECT_THAT(thrown(renamed("query.weight_scale\"", "query.weight_scalX\"")),
              HasSubstr("int8 tensor without its scales: "));
  EXPECT_THAT(thrown(renamed("\"dtype\":\"I8\"", "\"dtype\":\"U8\"")), HasSubstr("found U8"));
  EXPECT_THAT(thrown(renamed("word_embeddings.weight_scale\":{\"dtype\":\"F32\"",
                             "word_embeddings.weight_scale\":{\"dtype\":\"I32\"")),
              HasSubstr("found I32"));
  const auto source = OpenSafetensors(dir_.Write("good.safetensors", good));
  const auto scales = source->FindStored("embeddings.word_embeddings.weight_scale");
  ASSERT_TRUE(scales);
  const size_t at = good.find(std::string(reinterpret_cast<const char*>(scales->bytes.data()), 16));
  ASSERT_NE(at, std::string::npos);
  std::string bad = good;
  const float negative = -1;
  std::memcpy(bad.data() + at, &negative, sizeof negative);
  EXPECT_THAT(thrown(bad), HasSubstr("scale is no magnitude: "));
}

}  // namespace
}  // namespace bge
