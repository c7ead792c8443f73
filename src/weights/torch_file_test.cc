// Files of torch.save: real ones (tools/oracle/make_torch_files.py), damaged ones and hostile ones.
#include "weights/torch_file.h"

#include "base/file.h"
#include "tests/expect_error.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

namespace bge {
namespace {

using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::filesystem::path File(std::string_view name) {
  return std::filesystem::path(BGE_TEST_DATA_DIR) / "torch" / name;
}

std::string OpeningThrows(std::string_view name) {
  return test::Thrown([&] { return OpenTorchFile(File(name)); });
}

TEST(TorchFile, HoldsWhatWasSaved) {
  const auto source = OpenTorchFile(File("tensors.pt"));
  EXPECT_THAT(source->Names(),
              ElementsAre("bias", "brain", "first", "half", "ids", "rest", "scalar", "weight"));
  const auto values = [&](std::string_view name) { return ToFloat32(*source->Find(name)); };
  EXPECT_THAT(values("weight"), ElementsAre(1.5f, -2.0f, 3.25f, 0.0f, 5.0f, -6.5f));
  EXPECT_EQ(source->Find("weight")->shape, (Shape{2, 3}));
  EXPECT_THAT(values("half"), ElementsAre(1.0f, -0.5f));
  EXPECT_THAT(values("brain"), ElementsAre(2.0f, -3.0f));
  EXPECT_THAT(values("first"), ElementsAre(0.0f, 1.0f));
  EXPECT_THAT(values("rest"), ElementsAre(2.0f, 3.0f, 4.0f, 5.0f));
  EXPECT_EQ(source->Find("rest")->shape, (Shape{2, 2}));
  EXPECT_THAT(values("scalar"), ElementsAre(7.0f));
  EXPECT_THAT(values("bias"), ElementsAre(0.25f, 0.5f));
  EXPECT_EQ(source->FindStored("ids")->dtype, "I64");
  EXPECT_THAT(test::Thrown([&] { return source->Find("ids"); }),
              HasSubstr("cannot read tensors of this dtype"));
  EXPECT_FALSE(source->Find("absent"));
  EXPECT_THAT(source->Files(), ElementsAre("tensors.pt"));
}

TEST(TorchFile, ExecutesNothing) {
  EXPECT_THAT(OpeningThrows("evil.pt"),
              AllOf(StartsWith("unsupported: "), HasSubstr("posix.system"),
                    HasSubstr("nothing was executed")));
  EXPECT_FALSE(std::filesystem::exists("/tmp/bge-torch-file-was-executed"));
}

TEST(TorchFile, SaysWhatItDoesNotRead) {
  EXPECT_THAT(OpeningThrows("legacy.pt"),
              AllOf(StartsWith("unsupported: "), HasSubstr("before torch 1.6"),
                    HasSubstr("torch.save(torch.load(p, weights_only=True), p)")));
  EXPECT_THAT(OpeningThrows("strided.pt"),
              AllOf(StartsWith("unsupported: "), HasSubstr("tensor weight: found [3, 2] with "
                                                           "strides [1, 3]")));
  EXPECT_THAT(OpeningThrows("list.pt"), HasSubstr("the file holds no dict of tensors"));
  EXPECT_THAT(OpeningThrows("absent.pt"), StartsWith("not_found: "));
  const TempDir dir;
  dir.Write("pointer.pt", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_THAT(test::Thrown([&] { return OpenTorchFile(dir.path() / "pointer.pt"); }),
              HasSubstr("found a Git LFS pointer"));
}

// Reads all that the source says it has.
void ReadAll(const WeightSource& source) {
  for (const std::string& name : source.Names()) {
    const auto tensor = source.FindStored(name);
    uint8_t sum = 0;
    for (const std::byte b : tensor->bytes) sum = static_cast<uint8_t>(sum + uint8_t(b));
    static_cast<void>(sum);
  }
}

TEST(TorchFile, DamageIsAnErrorOrOtherTensors) {
  const std::string whole = ReadFile(File("tensors.pt"), 1 << 20);
  const TempDir dir;
  const auto path = dir.path() / "damaged.pt";
  const auto open = [&](const std::string& bytes) {
    dir.Write("damaged.pt", bytes);
    std::filesystem::remove(dir.path() / "damaged.pt.tmp");
    const auto error = test::ErrorOf([&] {
      ReadAll(*OpenTorchFile(path));
      return 0;
    });
    EXPECT_TRUE(!error || test::IsOneLine(error->what()));
    return error.has_value();
  };
  for (size_t size = 0; size < whole.size(); size += 13) {
    EXPECT_TRUE(open(whole.substr(0, size))) << size;
  }
  std::mt19937 random(20261128);
  for (size_t at = 0; at < whole.size(); at += 1 + random() % 7) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(random());
    open(damaged);
  }
}

TEST(TorchFile, StandsInForSafetensors) {
  const TempDir dir;
  const std::string whole = ReadFile(File("tensors.pt"), 1 << 20);
  dir.Write("pytorch_model.bin", whole);
  EXPECT_EQ(OpenWeights(dir.path())->Names().size(), 8u);
  const TempDir sharded;
  sharded.Write("pytorch_model-00001-of-00001.bin", whole);
  sharded.Write("pytorch_model.bin.index.json",
                R"({"weight_map": {"weight": "pytorch_model-00001-of-00001.bin"}})");
  EXPECT_THAT(OpenWeights(sharded.path())->Names(), ElementsAre("weight"));
}

}  // namespace
}  // namespace bge
