// safetensors files: what is read, and that no file, however broken, does worse than an error.
#include "tests/expect_error.h"
#include "tests/safetensors_builder.h"
#include "tests/temp_dir.h"
#include "weights/weight_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace bge {
namespace {

using test::BytesOf;
using test::MemoryFile;
using test::RawSafetensors;
using test::SafetensorsBuilder;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// Reads every tensor that can be read, as an encoder would.
size_t ReadAll(const WeightSource& source) {
  size_t readable = 0;
  for (const std::string& name : source.Names()) {
    try {
      const auto view = source.Find(name);
      if (view) readable += ToFloat32(*view).size() + 1;
    } catch (const Error&) {
    }
  }
  return readable;
}

SafetensorsBuilder SmallFile() {
  SafetensorsBuilder builder;
  builder.Metadata(R"({"format":"pt"})")
      .AddFloats("a.weight", {2, 3}, {1, 2, 3, 4, 5, 6})
      .Add("b", "BF16", {2}, BytesOf<uint16_t>({0x3f80, 0xc000}))
      .Add("c", "F16", {}, BytesOf<uint16_t>({0x3c00}))
      .Add("position_ids", "I64", {1, 2}, BytesOf<int64_t>({0, 1}))
      .AddFloats("empty", {0, 4}, {});
  return builder;
}

TEST(Safetensors, ReadsNamesShapesAndValues) {
  const TempDir dir;
  const auto path = dir.Write("model.safetensors", SmallFile().File());
  const auto source = OpenSafetensors(path);
  EXPECT_THAT(source->Names(), ElementsAre("a.weight", "b", "c", "empty", "position_ids"));
  EXPECT_THAT(source->Metadata(), ElementsAre(testing::Pair("format", "pt")));
  EXPECT_THAT(source->Files(), ElementsAre("model.safetensors"));
  EXPECT_EQ(source->FileOf("b"), path.string());

  const auto a = source->Find("a.weight");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->shape, (Shape{2, 3}));
  EXPECT_EQ(a->dtype, DType::kF32);
  EXPECT_THAT(ToFloat32(*a), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(source->Find("b")->dtype, DType::kBF16);
  EXPECT_THAT(ToFloat32(*source->Find("b")), ElementsAre(1, -2));
  EXPECT_EQ(source->Find("c")->shape.rank(), 0);
  EXPECT_THAT(ToFloat32(*source->Find("c")), ElementsAre(1));
  EXPECT_EQ(source->Find("empty")->shape, (Shape{0, 4}));
  EXPECT_TRUE(ToFloat32(*source->Find("empty")).empty());
  EXPECT_EQ(source->Find("a"), std::nullopt);
  EXPECT_EQ(source->Find(""), std::nullopt);
  EXPECT_EQ(source->Find("__metadata__"), std::nullopt);
}

TEST(Safetensors, AnotherDTypeIsAnErrorOnlyWhenAskedFor) {
  const TempDir dir;
  const auto source = OpenSafetensors(dir.Write("m.safetensors", SmallFile().File()));
  EXPECT_THAT(test::Thrown([&] { return source->Find("position_ids"); }),
              AllOf(StartsWith("unsupported: "), HasSubstr("m.safetensors: tensor position_ids"),
                    HasSubstr("found I64, expected F32, F16, BF16 or I8")));
}

TEST(Safetensors, AnyTensorIsFoundAsItIsStored) {
  const TempDir dir;
  const auto source = OpenSafetensors(dir.Write("m.safetensors", SmallFile().File()));
  const auto ids = source->FindStored("position_ids");
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->dtype, "I64");
  EXPECT_THAT(ids->dims, ElementsAre(1, 2));
  ASSERT_EQ(ids->bytes.size(), 16u);
  EXPECT_EQ(ids->bytes[8], std::byte{1});
  EXPECT_FALSE(source->FindStored("position"));
}

TEST(Safetensors, FiveDimensionsAreAnErrorOnlyWhenAskedFor) {
  const TempDir dir;
  SafetensorsBuilder builder;
  builder.AddFloats("deep", {1, 1, 1, 1, 1}, {1}).AddFloats("flat", {1}, {2});
  const auto source = OpenSafetensors(dir.Write("m.safetensors", builder.File()));
  EXPECT_THAT(ToFloat32(*source->Find("flat")), ElementsAre(2));
  EXPECT_THAT(test::Thrown([&] { return source->Find("deep"); }), StartsWith("unsupported: "));
}

TEST(Safetensors, LongShapesDoNotHideTheRestOfAMessage) {
  const TempDir dir;
  SafetensorsBuilder builder;
  builder.AddFloats("deep", std::vector<int64_t>(5000, 1), {1});
  std::string file = builder.File();
  const size_t end = file.find("[0,4]");
  ASSERT_NE(end, std::string::npos);
  file[end + 3] = '8';
  file += "0000";
  const std::string message =
      test::Thrown([&] { return OpenSafetensors(dir.Write("m.safetensors", file)); });
  EXPECT_THAT(message, AllOf(StartsWith("corrupt_data: "),
                             HasSubstr("F32 [1, 1, 1, 1, 1, 1, 1, 1, ...]"), HasSubstr("deep")));
}

TEST(Safetensors, UnalignedDataIsRead) {
  for (size_t misalignment = 0; misalignment < 8; ++misalignment) {
    const TempDir dir;
    const auto source =
        OpenSafetensors(dir.Write("m.safetensors", SmallFile().Pad(misalignment).File()));
    EXPECT_THAT(ToFloat32(*source->Find("a.weight")), ElementsAre(1, 2, 3, 4, 5, 6));
    EXPECT_THAT(ToFloat32(*source->Find("b")), ElementsAre(1, -2));
  }
}

TEST(Safetensors, TensorsMayBeInAnyOrderInTheHeader) {
  const TempDir dir;
  const std::string header = R"({"z":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},)"
                             R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const auto source =
      OpenSafetensors(dir.Write("m.safetensors", RawSafetensors(header, BytesOf<float>({1, 2}))));
  EXPECT_THAT(ToFloat32(*source->Find("z")), ElementsAre(2));
  EXPECT_THAT(source->Names(), ElementsAre("a", "z"));
}

TEST(Safetensors, AFileWithoutTensorsIsRead) {
  const TempDir dir;
  EXPECT_TRUE(
      OpenSafetensors(dir.Write("m.safetensors", RawSafetensors("{}", "")))->Names().empty());
}

TEST(Safetensors, ReleasedPagesAreReadAgainWhenTouched) {
  const TempDir dir;
  const std::vector<float> values(10000, 1.5f);
  SafetensorsBuilder builder;
  builder.AddFloats("a", {10000}, values).AddFloats("b", {10000}, values);
  const auto source = OpenSafetensors(dir.Write("m.safetensors", builder.File()));
  const auto view = *source->Find("a");
  EXPECT_EQ(ToFloat32(view), values);
  source->Release(view);
  EXPECT_EQ(ToFloat32(view), values);
  // A view of something else is left alone.
  TensorView other = view;
  other.data = values.data();
  source->Release(other);
  EXPECT_EQ(values[9999], 1.5f);
}

struct BadHeader {
  const char* name;
  const char* header;
  size_t data_bytes;
  const char* message;  // a part of it
};

void PrintTo(const BadHeader& c, std::ostream* os) { *os << c.name; }

class SafetensorsBadHeader : public testing::TestWithParam<BadHeader> {};

TEST_P(SafetensorsBadHeader, IsAnErrorThatNamesFileAndField) {
  const TempDir dir;
  const auto path = dir.Write(
      "m.safetensors", RawSafetensors(GetParam().header, std::string(GetParam().data_bytes, '\0')));
  const std::string message = test::Thrown([&] { return OpenSafetensors(path); });
  EXPECT_THAT(message, HasSubstr(GetParam().message));
  EXPECT_THAT(message, HasSubstr(path.string()));
  EXPECT_TRUE(test::IsOneLine(message)) << message;
}

INSTANTIATE_TEST_SUITE_P(
    All, SafetensorsBadHeader,
    testing::Values(
        BadHeader{"NotAnObject", "[1, 2]", 0, "does not begin with '{'"},
        BadHeader{"EmptyHeader", "", 0, "does not begin with '{'"},
        BadHeader{"NotJson", "{nonsense}", 0, "not valid JSON"},
        BadHeader{"TwoValues", "{}{}", 0, "not valid JSON"},
        BadHeader{"EntryNotAnObject", R"({"a":3})", 0,
                  "field a: found an integer, expected an obj"},
        BadHeader{"NoDType", R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, "without \"dtype\""},
        BadHeader{"NoShape", R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4,
                  "without \"shape\""},
        BadHeader{"NoOffsets", R"({"a":{"dtype":"F32","shape":[1]}})", 4,
                  "without \"data_offsets\""},
        BadHeader{"DTypeNotAString", R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}})", 4,
                  "field a.dtype"},
        BadHeader{"UnknownDType", R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4,
                  "found \"F31\""},
        BadHeader{"ShapeNotAnArray", R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4,
                  "field a.shape"},
        BadHeader{"NegativeDim", R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4,
                  "found -1"},
        BadHeader{"FractionalDim", R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4,
                  "field a.shape[0]"},
        BadHeader{"HugeDim",
                  R"({"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}})", 4,
                  "field a.shape[0]"},
        BadHeader{"ProductOverflows",
                  R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
                  0, "no whole number of"},
        BadHeader{"BitsOverflow",
                  R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}})", 0,
                  "no whole number of"},
        BadHeader{"HalfAByte", R"({"a":{"dtype":"F4","shape":[1],"data_offsets":[0,0]}})", 0,
                  "no whole number of"},
        BadHeader{"OneOffset", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4,
                  "expected [begin, end]"},
        BadHeader{"ThreeOffsets", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", 4,
                  "expected [begin, end]"},
        BadHeader{"OffsetsAreAnObject",
                  R"({"a":{"dtype":"F32","shape":[1],"data_offsets":{"x":0,"y":4}}})", 4,
                  "expected [begin, end]"},
        BadHeader{"NegativeOffset", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", 4,
                  "found -4"},
        BadHeader{"Backwards", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4,
                  "lies outside of the file"},
        BadHeader{"PastTheEnd", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4,
                  "lies outside of the file"},
        BadHeader{
            "FarPastTheEnd",
            R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[9223372036854775800,9223372036854775804]}})",
            4, "lies outside of the file"},
        BadHeader{"SizeNotTheShape", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
                  "found 4 bytes, expected 8 for F32 [2]"},
        BadHeader{"Overlap",
                  R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                  R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                  12, "tensors overlap"},
        BadHeader{"SameBytes",
                  R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                  R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                  4, "tensors overlap"},
        BadHeader{"Hole",
                  R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                  R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
                  12, "hole between tensors"},
        BadHeader{"HoleAtTheBegin", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8,
                  "hole between tensors"},
        BadHeader{"BytesAfterTheEnd", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                  5, "bytes after the last tensor"},
        BadHeader{"NameTwice",
                  R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                  R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                  8, "tensor name occurs twice"},
        BadHeader{"NameTwiceEscaped",
                  R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                  R"("\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                  8, "tensor name occurs twice"},
        BadHeader{"FieldTwice",
                  R"({"a":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}})", 4,
                  "field occurs twice"},
        BadHeader{"MetadataNotAnObject", R"({"__metadata__":7})", 0, "field __metadata__"},
        BadHeader{"MetadataNotStrings", R"({"__metadata__":{"a":1}})", 0, "field __metadata__.a"},
        BadHeader{"ControlCharacterInName",
                  R"({"a\nb":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
                  "size does not fit the shape"}),
    testing::PrintToStringParamName());

TEST(SafetensorsCorrupt, HeaderLengthIsChecked) {
  const MemoryFile memory;
  const std::string good = SmallFile().File();
  for (const uint64_t length : {uint64_t{0}, uint64_t{1}, uint64_t{good.size() - 7},
                                uint64_t{100'000'000}, uint64_t{100'000'001}, uint64_t{1} << 32,
                                uint64_t{1} << 63, ~uint64_t{0}, ~uint64_t{0} - 7}) {
    std::string file = good;
    for (size_t i = 0; i < 8; ++i) file[i] = static_cast<char>(length >> (8 * i));
    const auto error = test::ErrorOf([&] { return OpenSafetensors(memory.Write(file)); });
    ASSERT_TRUE(error) << length;
    EXPECT_EQ(error->code(), ErrorCode::kCorruptData) << length;
  }
}

TEST(SafetensorsCorrupt, EveryTruncationIsAnError) {
  const MemoryFile memory;
  const std::string good = SmallFile().File();
  for (size_t size = 0; size < good.size(); ++size) {
    const auto path = memory.Write(std::string_view(good).substr(0, size));
    const auto error = test::ErrorOf([&] { return OpenSafetensors(path); });
    ASSERT_TRUE(error) << "cut to " << size << " of " << good.size() << " bytes";
    EXPECT_EQ(error->code(), ErrorCode::kCorruptData) << error->what();
    EXPECT_THAT(error->what(), HasSubstr(path.string()));
    EXPECT_TRUE(test::IsOneLine(error->what())) << error->what();
  }
}

// Every byte of length and header, with each bit flipped and replaced by what JSON is made of: an
// error, or a file that reads well.
TEST(SafetensorsCorrupt, EveryHeaderByteDamaged) {
  const MemoryFile memory;
  const std::string good = SmallFile().File();
  const size_t header_end = good.find('}', good.rfind("data_offsets")) + 2;
  constexpr char kReplacements[] = "{}[]\",:-.019eFIB \\\n\0\xff";  // and the NUL at its end
  size_t errors = 0;
  for (size_t at = 0; at < header_end; ++at) {
    for (size_t i = 0; i < 8 + sizeof(kReplacements); ++i) {
      std::string file = good;
      file[at] = i < 8 ? static_cast<char>(file[at] ^ (1 << i)) : kReplacements[i - 8];
      const auto error =
          test::ErrorOf([&] { return ReadAll(*OpenSafetensors(memory.Write(file))); });
      if (!error) continue;
      ++errors;
      ASSERT_TRUE(test::IsOneLine(error->what())) << error->what();
      ASSERT_TRUE(error->code() == ErrorCode::kCorruptData ||
                  error->code() == ErrorCode::kUnsupported)
          << error->what();
    }
  }
  EXPECT_GT(errors, header_end * 8);
}

TEST(SafetensorsCorrupt, RandomDamageNeverDoesWorseThanAnError) {
  const MemoryFile memory;
  const std::string good = SmallFile().File();
  constexpr unsigned kSeed = 20240601;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 3000; ++round) {
    std::string file = good;
    const size_t edits = 1 + random() % 6;
    for (size_t i = 0; i < edits; ++i) {
      const size_t at = random() % file.size();
      switch (random() % 4) {
        case 0:
          file[at] = static_cast<char>(file[at] ^ (1 << (random() % 8)));
          break;
        case 1:
          file.erase(at, 1 + random() % 8);
          break;
        case 2:
          file.insert(at, file.substr(random() % file.size(), random() % 32));
          break;
        default:
          file[at] = "0123456789[]{},:\"-"[random() % 18];
      }
      if (file.empty()) file = "x";
    }
    const auto error = test::ErrorOf([&] { return ReadAll(*OpenSafetensors(memory.Write(file))); });
    if (!error) continue;
    ASSERT_TRUE(test::IsOneLine(error->what())) << "seed " << kSeed << ", round " << round;
  }
}

TEST(SafetensorsCorrupt, GitLfsPointerSaysWhatToDo) {
  const TempDir dir;
  const auto path = dir.Write("m.safetensors",
                              "version https://git-lfs.github.com/spec/v1\n"
                              "oid sha256:0000000000000000000000000000000000000000\nsize 1\n");
  EXPECT_THAT(test::Thrown([&] { return OpenSafetensors(path); }),
              AllOf(StartsWith("corrupt_data: "), HasSubstr("git lfs pull")));
}

TEST(SafetensorsCorrupt, AbsentFilesAndDirectoriesAreNamed) {
  const TempDir dir;
  EXPECT_THAT(test::Thrown([&] { return OpenSafetensors(dir.path() / "none.safetensors"); }),
              AllOf(StartsWith("not_found: "), HasSubstr("none.safetensors")));
  EXPECT_THAT(test::Thrown([&] { return OpenSafetensors(dir.path()); }),
              StartsWith("invalid_argument: "));
}

}  // namespace
}  // namespace bge
