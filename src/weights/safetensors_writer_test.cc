// What the writer writes is what the reader reads, byte by byte where the format leaves a choice.
#include "weights/safetensors_writer.h"

#include "tests/safetensors_builder.h"
#include "tests/temp_dir.h"
#include "weights/weight_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge {
namespace {

using test::BytesOf;
using testing::ElementsAre;
using testing::Pair;

std::span<const std::byte> Bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

TEST(SafetensorsWriter, WideElementsComeFirstAndDataIsAligned) {
  const test::TempDir dir;
  const auto path = dir.path() / "m.safetensors";
  SafetensorsWriter writer(path,
                           {{"b.weight", "I8", {1, 3}, 3},
                            {"z", "F32", {1}, 4},
                            {"a \"quoted\" \\ name", "F16", {2}, 4},
                            {"a", "I8", {2}, 2},
                            {"ids", "I64", {}, 8},
                            {"none", "F32", {0, 4}, 0}},
                           {{"format", "pt"}});
  std::vector<std::string> names;
  for (const TensorHeader& tensor : writer.tensors()) names.push_back(tensor.name);
  EXPECT_THAT(names, ElementsAre("ids", "z", "a \"quoted\" \\ name", "a", "b.weight", "none"));
  EXPECT_FALSE(std::filesystem::exists(path));
  // In pieces that know nothing of tensors.
  const std::string data = BytesOf<int64_t>({7}) + BytesOf<float>({1.5f}) +
                           BytesOf<uint16_t>({0x3c00, 0xc000}) +
                           BytesOf<int8_t>({1, -1, 2, 3, -128});
  writer.Write(Bytes(data.substr(0, 5)));
  writer.Write(Bytes(data.substr(5)));
  writer.Commit();

  const auto source = OpenSafetensors(path);
  EXPECT_THAT(source->Metadata(), ElementsAre(Pair("format", "pt")));
  EXPECT_EQ(source->Names().size(), 6u);
  EXPECT_THAT(ToFloat32(*source->Find("z")), ElementsAre(1.5f));
  EXPECT_THAT(ToFloat32(*source->Find("a \"quoted\" \\ name")), ElementsAre(1, -2));
  EXPECT_THAT(ToFloat32(*source->Find("b.weight")), ElementsAre(2, 3, -128));
  EXPECT_EQ(source->Find("none")->shape, (Shape{0, 4}));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(source->FindStored("ids")->bytes.data()) % 64, 0u);
}

TEST(SafetensorsWriter, AFileOfNothingIsAFile) {
  const test::TempDir dir;
  SafetensorsWriter writer(dir.path() / "m.safetensors", {}, {});
  writer.Commit();
  EXPECT_TRUE(OpenSafetensors(dir.path() / "m.safetensors")->Names().empty());
}

TEST(SafetensorsWriter, LeavesNothingWithoutCommit) {
  const test::TempDir dir;
  { SafetensorsWriter writer(dir.path() / "m.safetensors", {{"z", "F32", {1}, 4}}, {}); }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

}  // namespace
}  // namespace bge
