// Which file of a model directory is taken.
#include "tests/expect_error.h"
#include "tests/safetensors_builder.h"
#include "tests/temp_dir.h"
#include "weights/weight_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge {
namespace {

using test::SafetensorsBuilder;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(OpenWeights, TakesTheSingleFileBeforeTheIndex) {
  const TempDir dir;
  SafetensorsBuilder builder;
  dir.Write("model.safetensors", builder.AddFloats("a", {1}, {1}).File());
  dir.Write("model.safetensors.index.json", "{}");
  dir.Write("pytorch_model.bin", "x");
  EXPECT_THAT(OpenWeights(dir.path())->Names(), ElementsAre("a"));
}

TEST(OpenWeights, NamesOtherFormatsAndSaysHowToConvert) {
  for (const char* file : {"tf_model.h5", "flax_model.msgpack"}) {
    const TempDir dir;
    dir.Write(file, "x");
    EXPECT_THAT(test::Thrown([&] { return OpenWeights(dir.path()); }),
                AllOf(StartsWith("unsupported: "), HasSubstr(file), HasSubstr("AutoModel"),
                      HasSubstr("expected model.safetensors")));
  }
}

TEST(OpenWeights, DoesNotProposeToConvertWhatTransformersCannotRead) {
  for (const char* file : {"model.onnx", "onnx/model.onnx", "openvino_model.xml"}) {
    const TempDir dir;
    dir.Write(file, "x");
    EXPECT_THAT(
        test::Thrown([&] { return OpenWeights(dir.path()); }),
        AllOf(StartsWith("unsupported: "), HasSubstr(file), HasSubstr("cannot be converted"),
              testing::Not(HasSubstr("from_pretrained"))));
  }
}

TEST(OpenWeights, ConvertsSentenceTransformersDirectoriesAsAWhole) {
  const TempDir dir;
  dir.Write("modules.json", "[]");
  dir.Write("tf_model.h5", "x");
  dir.Write("2_Dense/tf_model.h5", "x");
  for (const auto& path : {dir.path(), dir.path() / "2_Dense"}) {
    EXPECT_THAT(test::Thrown([&] { return OpenWeights(path); }),
                AllOf(StartsWith("unsupported: "),
                      HasSubstr("M('" + dir.path().string() + "').save_pretrained")));
  }
}

TEST(OpenWeights, ADirectoryWithoutWeightsSaysWhatWasLookedFor) {
  const TempDir dir;
  EXPECT_THAT(test::Thrown([&] { return OpenWeights(dir.path()); }),
              AllOf(StartsWith("not_found: "), HasSubstr(dir.path().string()),
                    HasSubstr("model.safetensors.index.json")));
}

}  // namespace
}  // namespace bge
