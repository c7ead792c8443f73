// The tiny models of tests/data/models give sentence-transformers' vectors in every layout and
// setting of tests/data/golden (both written by tools/oracle/make_tiny_models.py).
//
// A case is a committed model, changes to a copy of its directory, and the options of the call; all
// three, the texts and the expected vectors are in the golden file.
#include "bge/embedder.h"
#include "bge/error.h"

#include "base/file.h"
#include "base/json.h"
#include "tests/temp_dir.h"
#include "tests/vector_comparison.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bge {
namespace {

namespace fs = std::filesystem;

fs::path DataDirectory() { return BGE_TEST_DATA_DIR; }

void WriteText(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << text;
  ASSERT_TRUE(file.good()) << path;
}

/// Members of an object-valued field of a case; none where the field is absent.
std::vector<json::Value::Member> Changes(json::Value golden_case, std::string_view field) {
  const std::optional<json::Value> value = golden_case.Find(field);
  return value ? value->Members() : std::vector<json::Value::Member>{};
}

/// The model directory of a case, in the order of layout_cases.py: move, remove, replace, write,
/// copy.
void BuildDirectory(const std::string& model, json::Value golden_case, const fs::path& where) {
  const fs::path models = DataDirectory() / "models";
  fs::remove_all(where);
  fs::copy(models / model, where, fs::copy_options::recursive);
  for (const auto& [from, to] : Changes(golden_case, "move")) {
    const fs::path target = where / to.AsString();
    fs::create_directories(target.parent_path());
    fs::rename(where / from, target);
  }
  if (const auto removed = golden_case.Find("remove")) {
    for (const json::Value& path : removed->Elements()) {
      ASSERT_GT(fs::remove_all(where / path.AsString()), 0u) << path.AsString();
    }
  }
  for (const auto& [path, pairs] : Changes(golden_case, "replace")) {
    std::string content = ReadFile(where / path, 1 << 20);
    for (const json::Value& pair : pairs.Elements()) {
      const std::string text(pair.Elements().at(0).AsString());
      const size_t at = content.find(text);
      ASSERT_NE(at, std::string::npos) << path << " does not contain " << text;
      content.replace(at, text.size(), pair.Elements().at(1).AsString());
    }
    WriteText(where / path, content);
  }
  for (const auto& [path, text] : Changes(golden_case, "write"))
    WriteText(where / path, text.AsString());
  for (const auto& [path, source] : Changes(golden_case, "copy")) {
    fs::create_directories((where / path).parent_path());
    fs::copy_file(models / source.AsString(), where / path, fs::copy_options::overwrite_existing);
  }
}

/// The options of a case: of the model and of the call.
std::pair<EmbedderOptions, EncodeOptions> ReadOptions(json::Value golden_case) {
  EmbedderOptions load;
  EncodeOptions call;
  for (const auto& [name, value] : Changes(golden_case, "options")) {
    if (name == "role") {
      call.role = value.AsString() == "query" ? Role::kQuery : Role::kDocument;
    } else if (name == "prompt_name") {
      call.prompt_name = std::string(value.AsString());
    } else if (name == "instruction") {
      call.instruction = std::string(value.AsString());
    } else if (name == "normalize") {
      call.normalize = value.AsBool();
    } else if (name == "truncate_dim") {
      call.truncate_dim = value.AsInt();
    } else if (name == "max_length") {
      call.max_length = value.AsInt();
    } else if (name == "pooling") {
      load.pooling = ParsePooling(value.AsString());
    } else {
      ADD_FAILURE() << "unknown option " << name << " in the golden file";
    }
  }
  return {load, call};
}

struct ExpectedVectors {
  int64_t dimension = 0;
  double largest = 0;  // absolute value
  std::vector<float> values;
};

ExpectedVectors ReadVectors(json::Value golden_case) {
  ExpectedVectors expected;
  golden_case.At("vectors").ForEachElement([&](json::Value row) {
    expected.dimension = static_cast<int64_t>(row.size());
    row.ForEachElement([&](json::Value value) {
      expected.values.push_back(static_cast<float>(value.AsDouble()));
      expected.largest = std::max(expected.largest, std::abs(value.AsDouble()));
    });
  });
  return expected;
}

void CheckCase(const std::string& model, json::Value golden, json::Value golden_case,
               const fs::path& scratch) {
  const fs::path directory = scratch / model;
  BuildDirectory(model, golden_case, directory);
  std::vector<std::string> texts;
  for (const json::Value& text :
       golden.At("texts").At(golden_case.At("texts").AsString()).Elements()) {
    texts.emplace_back(text.AsString());
  }
  const ExpectedVectors expected = ReadVectors(golden_case);
  const double tolerance = golden.At("tolerance").AsDouble() * std::max(1.0, expected.largest);
  auto [load, call] = ReadOptions(golden_case);
  for (const int threads : {1, 2}) {
    load.threads = threads;
    const Embedder embedder = Embedder::Load(directory.string(), load);
    EXPECT_EQ(embedder.OutputDimension(call), expected.dimension);
    const Embeddings found = embedder.Encode(texts, call);
    ASSERT_EQ(found.dimension, expected.dimension);
    ASSERT_EQ(found.count, static_cast<int64_t>(texts.size()));
    EXPECT_EQ(test::DescribeDifference(expected.values, found.values, found.dimension, tolerance),
              "")
        << threads << " threads";
  }
}

/// Runs every case of a model, so that one run names every difference.
void CheckModel(const std::string& model) {
  const auto document =
      json::Document::Load((DataDirectory() / "golden" / (model + ".json")).string());
  const json::Value golden = document->root();
  const test::TempDir scratch;
  size_t num_cases = 0;
  for (const json::Value& golden_case : golden.At("cases").Elements()) {
    SCOPED_TRACE("case " + std::string(golden_case.At("name").AsString()));
    try {
      CheckCase(model, golden, golden_case, scratch.path());
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
    ++num_cases;
  }
  EXPECT_GT(num_cases, 2u);
}

TEST(Golden, BertInEveryLayoutAndSettingMatchesSentenceTransformers) { CheckModel("tiny-bert"); }
TEST(Golden, BertInFloat16WithOddSizesAndVocabTxt) { CheckModel("tiny-bert-f16"); }
TEST(Golden, BertInBfloat16ShardsWithNewSpellings) { CheckModel("tiny-bert-bf16"); }
TEST(Golden, DistilBertWithDenseAndLayerNorm) { CheckModel("tiny-distilbert"); }
TEST(Golden, ModernBertWithGlobalAndLocalLayers) { CheckModel("tiny-modernbert"); }
TEST(Golden, ModernBertWithBiasesAndNewSpellings) { CheckModel("tiny-modernbert-biases"); }
TEST(Golden, MpnetWithItsBiasOfDistances) { CheckModel("tiny-mpnet"); }
TEST(Golden, RobertaPositions) { CheckModel("tiny-roberta"); }

}  // namespace
}  // namespace bge
