// What the writers write, byte by byte, and that NumPy's format reads back.
#include "apps/vector_writer.h"

#include "apps/commands.h"
#include "apps/npy_reader.h"
#include "base/file.h"
#include "tests/expect_error.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

namespace bge::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Collects what is written.
class MemoryOutput : public OutputStream {
 public:
  MemoryOutput(std::string* content, bool seekable, bool terminal = false)
      : content_(content), seekable_(seekable), terminal_(terminal) {}
  void Write(std::string_view bytes) override { content_->append(bytes); }
  void WriteAt(uint64_t offset, std::string_view bytes) override {
    content_->replace(offset, bytes.size(), bytes);
  }
  bool seekable() const override { return seekable_; }
  bool is_terminal() const override { return terminal_; }
  void Flush() override {}
  void Commit() override { committed = true; }
  const std::string& name() const override { return name_; }

  bool committed = false;

 private:
  std::string* content_;
  bool seekable_;
  bool terminal_;
  std::string name_ = "memory";
};

std::vector<TextRecord> Records(size_t n) {
  std::vector<TextRecord> records(n);
  for (size_t i = 0; i < n; ++i) records[i].text = "text " + std::to_string(i);
  return records;
}

std::string Written(VectorFormat format, const std::vector<TextRecord>& records,
                    const std::vector<float>& vectors, bool with_text = false) {
  std::string content;
  const auto dimension = static_cast<int64_t>(vectors.size() / std::max<size_t>(1, records.size()));
  const auto writer = MakeVectorWriter(format, dimension, with_text,
                                       std::make_unique<MemoryOutput>(&content, true));
  writer->Write(records, vectors);
  writer->Finish();
  return content;
}

TEST(VectorWriter, WritesJsonLines) {
  auto records = Records(2);
  records[0].id = "d\"1";
  records[0].text = "caf\xC3\xA9 \xFF\n";
  EXPECT_EQ(Written(VectorFormat::kJsonl, records, {1, -0.5f, 1e-8f, 0.1f}),
            "{\"_id\":\"d\\\"1\",\"embedding\":[1,-0.5]}\n{\"embedding\":[1e-08,0.1]}\n");
  EXPECT_EQ(Written(VectorFormat::kJsonl, records, {1, 2, 3, 4}, true),
            "{\"_id\":\"d\\\"1\",\"text\":\"caf\xC3\xA9 \xEF\xBF\xBD\\n\",\"embedding\":[1,2]}\n"
            "{\"text\":\"text 1\",\"embedding\":[3,4]}\n");
}

TEST(VectorWriter, WritesNumbersThatAreNotFinite) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Written(VectorFormat::kJsonl, Records(1), {nan, inf, -inf}),
            "{\"embedding\":[null,null,null]}\n");
  EXPECT_EQ(Written(VectorFormat::kText, Records(1), {nan, inf, -inf}), "nan inf -inf\n");
}

TEST(VectorWriter, WritesRawFloats) {
  const std::string content = Written(VectorFormat::kF32, Records(2), {1, 2, 3, 4});
  ASSERT_EQ(content.size(), 16u);
  float values[4];
  std::memcpy(values, content.data(), 16);
  EXPECT_THAT(values, ::testing::ElementsAre(1, 2, 3, 4));
}

TEST(VectorWriter, WritesText) {
  EXPECT_EQ(Written(VectorFormat::kText, Records(2), {1, 0.25f, -3, 4e20f}), "1 0.25\n-3 4e+20\n");
}

TEST(VectorWriter, FixesTheNpyHeaderAtTheEnd) {
  const test::TempDir dir;
  const std::string path = (dir.path() / "v.npy").string();
  const auto writer = MakeVectorWriter(VectorFormat::kNpy, 3, false, OpenOutput(path));
  std::vector<float> expected;
  for (size_t chunk = 0; chunk < 5; ++chunk) {
    std::vector<float> rows;
    for (size_t i = 0; i < chunk * 3; ++i) rows.push_back(static_cast<float>(expected.size() + i));
    writer->Write(Records(chunk), rows);
    expected.insert(expected.end(), rows.begin(), rows.end());
  }
  EXPECT_FALSE(std::filesystem::exists(path)) << "it appears when it is complete";
  writer->Finish();

  const std::string content = ReadFile(path, 1 << 20);
  EXPECT_THAT(content,
              StartsWith(std::string("\x93NUMPY\x01\x00\x76\x00", 10) +
                         "{'descr': '<f4', 'fortran_order': False, 'shape': (10, 3), }  "));
  EXPECT_EQ(content[127], '\n');
  EXPECT_EQ(content.size(), 128 + expected.size() * 4);
  const NpyMatrix matrix = NpyMatrix::Open(path);
  ASSERT_EQ(matrix.rows(), 10);
  ASSERT_EQ(matrix.columns(), 3);
  for (int64_t row = 0; row < 10; ++row) {
    std::vector<float> values(3);
    matrix.ReadRow(row, values);
    EXPECT_EQ(values[2], static_cast<float>(row * 3 + 2));
  }
}

TEST(VectorWriter, LeavesNothingBehindWithoutFinish) {
  const test::TempDir dir;
  MakeVectorWriter(VectorFormat::kNpy, 3, false, OpenOutput((dir.path() / "v.npy").string()))
      ->Write(Records(1), std::vector<float>{1, 2, 3});
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(ChooseVectorFormat, GoesByNameAndPlace) {
  std::string content;
  const MemoryOutput pipe(&content, false);
  const MemoryOutput terminal(&content, false, true);
  EXPECT_EQ(ChooseVectorFormat("", terminal), VectorFormat::kText);
  EXPECT_EQ(ChooseVectorFormat("-", pipe), VectorFormat::kJsonl);
  EXPECT_EQ(ChooseVectorFormat("a/b.npy", pipe), VectorFormat::kNpy);
  EXPECT_EQ(ChooseVectorFormat("b.f32", pipe), VectorFormat::kF32);
  EXPECT_EQ(ChooseVectorFormat("b.jsonl", pipe), VectorFormat::kJsonl);
  EXPECT_EQ(ChooseVectorFormat("b.txt", pipe), VectorFormat::kText);
  EXPECT_THROW(ChooseVectorFormat("b.parquet", pipe), UsageError);
  EXPECT_THROW(ChooseVectorFormat("a.npy/b", pipe), UsageError);
  EXPECT_THROW(CheckVectorFormat(VectorFormat::kNpy, pipe), UsageError);
  EXPECT_NO_THROW(CheckVectorFormat(VectorFormat::kF32, pipe));
}

TEST(OpenOutput, FollowsLinksAndKeepsDevices) {
  const test::TempDir dir;
  dir.Write("real.txt", "old");
  std::filesystem::create_symlink("real.txt", dir.path() / "link.txt");
  const auto output = OpenOutput((dir.path() / "link.txt").string());
  output->Write("new");
  output->Commit();
  EXPECT_TRUE(std::filesystem::is_symlink(dir.path() / "link.txt"));
  EXPECT_EQ(ReadFile(dir.path() / "real.txt", 100), "new");

  const auto null = OpenOutput("/dev/null");
  null->Write("gone");
  null->Commit();
  EXPECT_FALSE(null->seekable());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  EXPECT_THAT(test::Thrown([&] { return OpenOutput(dir.path().string()); }),
              HasSubstr("directory"));
  EXPECT_THAT(test::Thrown([&] { return OpenOutput((dir.path() / "no" / "x").string()); }),
              AllOf(StartsWith("not_found: "), HasSubstr("no/x")));
}

// ---- reading .npy

std::string Npy(std::string_view dictionary, size_t data_bytes, int version = 1) {
  std::string header("\x93NUMPY", 6);
  header.push_back(static_cast<char>(version));
  header.push_back(0);
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    header.push_back(static_cast<char>(dictionary.size() >> (8 * i)));
  }
  return header + std::string(dictionary) + std::string(data_bytes, '\0');
}

std::string OpenFailure(const std::string& content) {
  const test::MemoryFile file;
  const std::string path = file.Write(content).string();
  return test::Thrown([&] { return NpyMatrix::Open(path); });
}

TEST(NpyMatrix, ReadsAllVersionsAndFloatTypes) {
  for (const int version : {1, 2, 3}) {
    EXPECT_EQ(
        OpenFailure(Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 24, version)),
        "no error");
  }
  // 1.5 and -2 as float16, and as float64.
  const test::MemoryFile file;
  std::vector<float> row(2);
  std::string half = Npy("{\"shape\":(1,2,),\"descr\":\"<f2\",\"fortran_order\":False,}\n", 0);
  half += std::string("\x00\x3E\x00\xC0", 4);
  NpyMatrix::Open(file.Write(half).string()).ReadRow(0, row);
  EXPECT_THAT(row, ::testing::ElementsAre(1.5f, -2));
  const double wide[] = {1.5, -2};
  std::string doubles = Npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2)}", 0);
  doubles.append(reinterpret_cast<const char*>(wide), sizeof wide);
  NpyMatrix::Open(file.Write(doubles).string()).ReadRow(0, row);
  EXPECT_THAT(row, ::testing::ElementsAre(1.5f, -2));
}

TEST(NpyMatrix, AcceptsNoRows) {
  const test::MemoryFile file;
  const auto path =
      file.Write(Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 384)}", 0));
  EXPECT_EQ(NpyMatrix::Open(path.string()).rows(), 0);
}

// Found by fuzzing: what has no numbers has no place for them either.
TEST(NpyMatrix, ReadsRowsWithoutColumns) {
  const test::MemoryFile file;
  const auto path = file.Write(Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 0)}", 0));
  const NpyMatrix matrix = NpyMatrix::Open(path.string());
  EXPECT_EQ(matrix.rows(), 1);
  EXPECT_EQ(matrix.columns(), 0);
  matrix.ReadRow(0, {});
}

TEST(NpyMatrix, NamesWhatIsWrong) {
  EXPECT_THAT(OpenFailure("PK\x03\x04"), HasSubstr("not a .npy file"));
  EXPECT_THAT(OpenFailure(Npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1, 1)}", 8)),
              AllOf(StartsWith("unsupported: "), HasSubstr("found '<i8'")));
  EXPECT_THAT(OpenFailure(Npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1)}", 4)),
              HasSubstr("fortran_order"));
  EXPECT_THAT(OpenFailure(Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 12)),
              HasSubstr("found (3)"));
  EXPECT_THAT(OpenFailure(Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 20)),
              AllOf(HasSubstr("(2, 3)"), HasSubstr("20 bytes")));
  EXPECT_THAT(OpenFailure(Npy("{'descr': '<f4', 'shape': (2, 3)}", 24)), HasSubstr("lacks"));
  EXPECT_THAT(OpenFailure(Npy("{'descr': '<f4', 'descr': '<f4'}", 0)), HasSubstr("unexpected key"));
  EXPECT_THAT(OpenFailure(Npy("{'x\n': 1}", 0)), HasSubstr("unexpected key"));
}

TEST(NpyMatrix, SurvivesSizesThatOverflow) {
  for (const std::string_view shape :
       {"(4611686018427387905, 4)", "(18446744073709551615, 18446744073709551615)",
        "(99999999999999999999, 1)", "(0, 18446744073709551615)", "(-1, 3)", "(1e3, 3)", "()"}) {
    const std::string dictionary =
        "{'descr': '<f4', 'fortran_order': False, 'shape': " + std::string(shape) + "}";
    const std::string failure = OpenFailure(Npy(dictionary, 16));
    EXPECT_NE(failure, "no error") << shape;
    EXPECT_TRUE(test::IsOneLine(failure)) << failure;
  }
  // A header that claims four gigabytes.
  std::string huge = Npy("{}", 0, 2);
  huge.replace(8, 4, "\xFF\xFF\xFF\xFF");
  EXPECT_THAT(OpenFailure(huge), HasSubstr("4294967295"));
}

TEST(NpyMatrix, RefusesEveryTruncationAndSurvivesEveryFlippedByte) {
  const std::string good = Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24);
  ASSERT_EQ(OpenFailure(good), "no error");
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_NE(OpenFailure(good.substr(0, size)), "no error") << size;
  }
  for (size_t at = 0; at < good.size() - 24; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      const std::string outcome = OpenFailure(bad);
      EXPECT_TRUE(test::IsOneLine(outcome)) << outcome;
    }
  }
}

}  // namespace
}  // namespace bge::cli
