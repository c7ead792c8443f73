// model.safetensors.index.json and its shards.
#include "weights/sharded.h"

#include "tests/expect_error.h"
#include "tests/safetensors_builder.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge {
namespace {

using test::BytesOf;
using test::SafetensorsBuilder;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kIndex =
    R"({"metadata":{"total_size":16},"weight_map":{"a":"s-1.safetensors","b":"s-2.safetensors",)"
    R"("c":"s-1.safetensors"}})";

class Sharded : public testing::Test {
 protected:
  Sharded() {
    SafetensorsBuilder first;
    first.Metadata(R"({"format":"pt"})").AddFloats("a", {1}, {1}).AddFloats("c", {1}, {3});
    dir_.Write("s-1.safetensors", first.File());
    SafetensorsBuilder second;
    second.AddFloats("b", {2}, {2, 2}).AddFloats("unlisted", {1}, {9});
    dir_.Write("s-2.safetensors", second.File());
  }
  std::string Thrown(std::string_view index) {
    const auto path = dir_.Write("model.safetensors.index.json", index);
    return test::Thrown([&] { return OpenSharded(path); });
  }
  const TempDir dir_;
};

TEST_F(Sharded, FindsEachTensorInItsShard) {
  dir_.Write("model.safetensors.index.json", kIndex);
  const auto source = OpenWeights(dir_.path());
  EXPECT_THAT(source->Names(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(ToFloat32(*source->Find("a")), ElementsAre(1));
  EXPECT_THAT(ToFloat32(*source->Find("b")), ElementsAre(2, 2));
  EXPECT_EQ(source->Find("unlisted"), std::nullopt);
  EXPECT_EQ(source->Find("zzz"), std::nullopt);
  EXPECT_THAT(source->FileOf("b"), HasSubstr("s-2.safetensors"));
  EXPECT_THAT(source->Metadata(), ElementsAre(testing::Pair("format", "pt")));
  EXPECT_THAT(source->Files(),
              ElementsAre("model.safetensors.index.json", "s-1.safetensors", "s-2.safetensors"));
  for (const std::string& name : source->Names()) source->Release(*source->Find(name));
  EXPECT_THAT(ToFloat32(*source->Find("c")), ElementsAre(3));
}

TEST_F(Sharded, ScalesMayBeInAnotherShard) {
  SafetensorsBuilder first;
  first.Add("a.weight", "I8", {2, 2}, BytesOf<int8_t>({1, -2, 127, -128}));
  dir_.Write("s-1.safetensors", first.File());
  SafetensorsBuilder second;
  second.AddFloats("a.weight_scale", {2, 1}, {0.5f, 2});
  dir_.Write("s-2.safetensors", second.File());
  dir_.Write("model.safetensors.index.json",
             R"({"weight_map":{"a.weight":"s-1.safetensors","a.weight_scale":"s-2.safetensors"}})");
  const auto source = OpenWeights(dir_.path());
  EXPECT_TRUE(HoldsInt8(*source));
  EXPECT_THAT(ToFloat32(PrefixedWeights(source, "a.weight").Get("a.weight", {2, 2})),
              ElementsAre(0.5f, -1, 254, -256));
}

TEST_F(Sharded, AbsentShardIsNamed) {
  EXPECT_THAT(
      Thrown(R"({"weight_map":{"a":"s-3.safetensors"}})"),
      AllOf(StartsWith("not_found: "), HasSubstr("s-3.safetensors"), HasSubstr("weight_map.a")));
}

TEST_F(Sharded, AShardWhoseNameNoFileCanHaveIsNamed) {
  EXPECT_THAT(Thrown(R"({"weight_map":{"a":")" + std::string(300, 's') + "\"}}"),
              AllOf(StartsWith("not_found: a shard"), HasSubstr("weight_map.a")));
}

TEST_F(Sharded, ShardsOutsideOfTheDirectoryAreRefused) {
  for (const char* name : {"../s-1.safetensors", "/etc/passwd", "sub/s-1.safetensors", "..", ".",
                           "", "a\\\\b", "s-1.safetensors\\u0000"}) {
    EXPECT_THAT(Thrown(R"({"weight_map":{"a":")" + std::string(name) + "\"}}"),
                AllOf(StartsWith("corrupt_data: "), HasSubstr("not a plain file name")))
        << name;
  }
}

TEST_F(Sharded, ATensorThatItsShardLacksIsAnError) {
  EXPECT_THAT(Thrown(R"({"weight_map":{"a":"s-2.safetensors"}})"),
              AllOf(StartsWith("corrupt_data: "), HasSubstr("does not hold this tensor"),
                    HasSubstr("weight_map.a")));
}

TEST_F(Sharded, WrongTypesAreErrors) {
  for (const char* index :
       {"[]", "{}", "3", "", R"({"weight_map":[]})", R"({"weight_map":{}})",
        R"({"weight_map":null})", R"({"weight_map":{"a":1}})", R"({"weight_map":{"a":null}})",
        R"({"weight_map":{"a":["s-1.safetensors"]}})",
        R"({"weight_map":{"a":"s-1.safetensors","a":"s-1.safetensors"}})"}) {
    EXPECT_THAT(Thrown(index),
                AllOf(StartsWith("corrupt_data: "), HasSubstr("model.safetensors.index.json")))
        << index;
  }
}

TEST_F(Sharded, EveryTruncationIsAnError) {
  const std::string good = kIndex;
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THAT(Thrown(good.substr(0, size)), StartsWith("corrupt_data: ")) << size;
  }
}

TEST_F(Sharded, ABrokenShardIsNamed) {
  dir_.Write("s-1.safetensors", "short");
  EXPECT_THAT(Thrown(kIndex), AllOf(StartsWith("corrupt_data: "), HasSubstr("s-1.safetensors")));
}

}  // namespace
}  // namespace bge
