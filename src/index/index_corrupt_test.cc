// Damaged index directories: each is found with a one-line error, and none is dangerous to use.
#include "bge/index.h"

#include "base/hash.h"
#include "index/manifest.h"
#include "index/test_index.h"

#include <gmock/gmock.h>

#include <cstring>
#include <span>

namespace bge::index {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int64_t kRows = 5;
constexpr int64_t kDimension = 3;

class CorruptIndexTest : public IndexTest {
 protected:
  CorruptIndexTest() : dir_(folder_ / "i") {
    BuildIndex(dir_, kRows, kDimension);
    manifest_ = ParseManifest(ReadAll(dir_ / kManifestName), "m");
  }

  fs::path PathOf(Part part) const { return dir_ / manifest_.segments[0].FileName(part); }

  // Puts `bytes` in the place of a file, under a manifest that believes in them.
  void Forge(Part part, const std::string& bytes) {
    WriteAll(PathOf(part), bytes);
    Sha256 hash;
    hash.Update(std::as_bytes(std::span(bytes)));
    manifest_.segments[0].files[static_cast<size_t>(part)] = {bytes.size(), hash.Hex()};
    WriteAll(dir_ / kManifestName, FormatManifest(manifest_));
  }

  // Uses everything an index offers; what it throws must be a bge::Error.
  void UseEverything() {
    const Index index = Index::Open(dir_);
    for (int64_t row = 0; row < index.info().count; ++row) {
      ErrorOf([&] { index.id(row); });
      ErrorOf([&] { index.text(row); });
      ErrorOf([&] { index.vector(row); });
    }
    const std::vector<float> query(static_cast<size_t>(index.info().dimension), 1.0f);
    ErrorOf([&] { index.Search(query, 100, 1); });
  }

  fs::path dir_;
  Manifest manifest_;
};

TEST_F(CorruptIndexTest, EveryTruncationOfEveryFileIsFoundByOpen) {
  for (size_t i = 0; i < kNumParts; ++i) {
    const fs::path path = PathOf(static_cast<Part>(i));
    const std::string whole = ReadAll(path);
    for (size_t size = 0; size < whole.size(); ++size) {
      WriteAll(path, whole.substr(0, size));
      ASSERT_THAT(ErrorOf([&] { Index::Open(dir_); }),
                  AllOf(StartsWith("corrupt_data: damaged index: "), HasSubstr(path.string()),
                        HasSubstr("found " + std::to_string(size) + " bytes, expected " +
                                  std::to_string(whole.size()))));
    }
    WriteAll(path, whole + "x");
    EXPECT_THAT(ErrorOf([&] { Index::Open(dir_); }), StartsWith("corrupt_data: "));
    WriteAll(path, whole);
  }
  Index::Open(dir_).Verify();
}

TEST_F(CorruptIndexTest, EveryFlippedBitOfEveryFileIsFoundByVerifyAndHarmlessBefore) {
  for (size_t i = 0; i < kNumParts; ++i) {
    const fs::path path = PathOf(static_cast<Part>(i));
    const std::string whole = ReadAll(path);
    for (size_t byte = 0; byte < whole.size(); ++byte) {
      // Every bit of an offset matters in a way of its own; those of the rest are alike.
      const bool offsets = whole.size() == (kRows + 1) * 8;
      for (int bit = offsets ? 0 : static_cast<int>(byte % 8); bit < 8; bit += offsets ? 1 : 8) {
        std::string flipped = whole;
        flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << bit));
        WriteAll(path, flipped);
        UseEverything();
        ASSERT_THAT(ErrorOf([&] { Index::Open(dir_).Verify(); }),
                    AllOf(StartsWith("corrupt_data: damaged index: "), HasSubstr(path.string()),
                          HasSubstr("SHA-256")));
      }
    }
    WriteAll(path, whole);
  }
}

TEST_F(CorruptIndexTest, AMissingFileIsNamed) {
  for (size_t i = 0; i < kNumParts; ++i) {
    const fs::path path = PathOf(static_cast<Part>(i));
    fs::rename(path, folder_ / "aside");
    EXPECT_THAT(ErrorOf([&] { Index::Open(dir_); }),
                AllOf(StartsWith("corrupt_data: damaged index: a file that its manifest names is "
                                 "missing: "),
                      HasSubstr(path.filename().string())));
    fs::create_directory(path);
    EXPECT_THAT(ErrorOf([&] { Index::Open(dir_); }), HasSubstr("not a regular file"));
    fs::remove(path);
    fs::rename(folder_ / "aside", path);
  }
  fs::remove(dir_ / kManifestName);
  EXPECT_THAT(ErrorOf([&] { Index::Open(dir_); }), StartsWith("not_found: there is no index: "));
}

TEST_F(CorruptIndexTest, ForgedOffsetsAreHarmlessAndFoundByVerify) {
  const uint64_t good_end = ReadAll(PathOf(Part::kTexts)).size();
  const std::vector<std::vector<uint64_t>> forgeries = {
      {0, 9, 8, 20, 30, good_end},               // not ascending
      {0, UINT64_MAX, 18, 27, 36, good_end},     // past the end
      {0, 9, 18, 27, 36, good_end + 1},          // the last one wrong
      {1, 9, 18, 27, 36, good_end},              // the first one wrong
      {UINT64_MAX, 0, UINT64_MAX - 1, 0, 0, 0},  // everything wrong
      {good_end, good_end, good_end, good_end, good_end, 0},
  };
  for (const Part part : {Part::kTextOffsets, Part::kIdOffsets}) {
    const std::string whole = ReadAll(PathOf(part));
    for (const std::vector<uint64_t>& offsets : forgeries) {
      Forge(part, {reinterpret_cast<const char*>(offsets.data()), offsets.size() * 8});
      UseEverything();
      EXPECT_THAT(ErrorOf([&] { Index::Open(dir_).Verify(); }),
                  AllOf(StartsWith("corrupt_data: damaged index: "),
                        HasSubstr(PathOf(part).string()), HasSubstr("found offsets ")));
    }
    Forge(part, whole);
    Index::Open(dir_).Verify();
  }
  const std::vector<uint64_t> bad = {0, 9, 8, 20, 30, good_end};
  Forge(Part::kTextOffsets, {reinterpret_cast<const char*>(bad.data()), bad.size() * 8});
  const Index index = Index::Open(dir_);
  EXPECT_THAT(ErrorOf([&] { index.text(1); }),
              HasSubstr("row 1: found offsets 9 to 8, expected an ascending pair"));
  EXPECT_EQ(index.text(2), ReadAll(PathOf(Part::kTexts)).substr(8, 12));
}

TEST_F(CorruptIndexTest, ForgedVectorsAreHarmlessAndFoundByVerify) {
  std::string bytes = ReadAll(PathOf(Part::kVectors));
  const float nan = std::nanf("");
  std::memcpy(bytes.data() + 4 * (kDimension + 1), &nan, 4);
  Forge(Part::kVectors, bytes);
  UseEverything();
  EXPECT_THAT(ErrorOf([&] { Index::Open(dir_).Verify(); }),
              HasSubstr("row 1, value 1: expected a finite number"));
}

TEST_F(CorruptIndexTest, AForgedManifestCannotLeaveTheFolder) {
  manifest_.segments[0].name = "../outside/abcdefghi";
  WriteAll(dir_ / kManifestName, FormatManifest(manifest_));
  EXPECT_THAT(ErrorOf([&] { Index::Open(dir_); }), HasSubstr("segments[0].name"));
}

// An index of two segments, with deleted rows in the first.
class CorruptDeletedRowsTest : public CorruptIndexTest {
 protected:
  CorruptDeletedRowsTest() {
    IndexEditor editor(dir_);
    editor.Delete("id-1");
    editor.Delete("id-3");
    editor.Add("later", "a later text", std::vector<float>{1, 2, 3});
    editor.Commit();
    manifest_ = ParseManifest(ReadAll(dir_ / kManifestName), "m");
    path_ = dir_ / manifest_.segments[0].DeletedFileName();
  }

  fs::path path_;
};

TEST_F(CorruptDeletedRowsTest, AChangedByteOrSizeIsFoundByOpen) {
  const std::string whole = ReadAll(path_);
  ASSERT_EQ(whole, "\x0a");
  for (int bit = 0; bit < 8; ++bit) {
    WriteAll(path_, std::string(1, static_cast<char>(whole[0] ^ (1 << bit))));
    EXPECT_THAT(ErrorOf([&] { Index::Open(dir_); }),
                AllOf(StartsWith("corrupt_data: damaged index: "), HasSubstr(path_.string()),
                      HasSubstr("SHA-256")));
    EXPECT_THAT(ErrorOf([&] { IndexEditor editor(dir_); }), StartsWith("corrupt_data: "));
  }
  for (const std::string& bytes : {std::string(), whole + whole}) {
    WriteAll(path_, bytes);
    EXPECT_THAT(ErrorOf([&] { Index::Open(dir_); }),
                AllOf(StartsWith("corrupt_data: damaged index: "), HasSubstr("bytes, expected 1")));
  }
  WriteAll(path_, whole);
  Index::Open(dir_).Verify();
}

TEST_F(CorruptDeletedRowsTest, ForgedRowsAreFoundByOpen) {
  const auto forge = [&](char bits, int64_t count) {
    const std::string bytes(1, bits);
    WriteAll(path_, bytes);
    Sha256 hash;
    hash.Update(std::as_bytes(std::span(bytes)));
    manifest_.segments[0].deleted->file = {1, hash.Hex()};
    manifest_.segments[0].deleted->count = count;
    WriteAll(dir_ / kManifestName, FormatManifest(manifest_));
    return ErrorOf([&] { UseEverything(); });
  };
  EXPECT_THAT(forge(0x0a, 1), HasSubstr("found 2 deleted rows, expected 1"));
  EXPECT_THAT(forge(0x00, 2), HasSubstr("found 0 deleted rows, expected 2"));
  EXPECT_THAT(forge(0x4a, 3), HasSubstr("found a bit after that of row 4"));
  EXPECT_EQ(forge(0x1f, 5), "");  // all of them
  Index::Open(dir_).Verify();
  EXPECT_EQ(Index::Open(dir_).info().count, 1);
  EXPECT_EQ(forge(0x0a, 2), "");
}

TEST_F(CorruptDeletedRowsTest, AMissingFileIsNamed) {
  fs::remove(path_);
  EXPECT_THAT(ErrorOf([&] { Index::Open(dir_); }),
              AllOf(StartsWith("corrupt_data: damaged index: a file that its manifest names is "
                               "missing: "),
                    HasSubstr(path_.filename().string())));
  EXPECT_THAT(ErrorOf([&] { IndexEditor editor(dir_); }), HasSubstr("missing"));
}

TEST_F(CorruptDeletedRowsTest, NoLinkIsFollowed) {
  std::vector<fs::path> files = {dir_ / kManifestName, path_};
  for (size_t i = 0; i < kNumParts; ++i) files.push_back(PathOf(static_cast<Part>(i)));
  for (const fs::path& file : files) {
    fs::rename(file, folder_ / "secret");  // of the right size, and even of the right content
    fs::create_symlink(folder_ / "secret", file);
    const auto expected =
        AllOf(StartsWith("invalid_argument: a link where a file is expected: " + file.string()));
    EXPECT_THAT(ErrorOf([&] { Index::Open(dir_); }), expected);
    EXPECT_THAT(ErrorOf([&] { IndexEditor editor(dir_); }), expected);
    if (file == dir_ / kManifestName) {
      EXPECT_THAT(ErrorOf([&] { IndexWriter(dir_, kDimension, "m"); }), expected);
    }
    fs::remove(file);
    fs::rename(folder_ / "secret", file);
  }
  // The directory is the user's own choice.
  fs::create_directory_symlink(dir_, folder_ / "link");
  Index::Open(folder_ / "link").Verify();
}

TEST_F(CorruptIndexTest, RowsThatNoFileHoldsTakeNoMemory) {
  Segment& segment = manifest_.segments[0];
  segment.count = int64_t{1} << 45;  // 4 TB of bits
  const auto rows = static_cast<uint64_t>(segment.count);
  segment.files[static_cast<size_t>(Part::kVectors)].bytes = rows * kDimension * 4;
  for (const Part part : {Part::kIdOffsets, Part::kTextOffsets}) {
    segment.files[static_cast<size_t>(part)].bytes = (rows + 1) * 8;
  }
  WriteAll(dir_ / kManifestName, FormatManifest(manifest_));
  EXPECT_THAT(ErrorOf([&] { Index::Open(dir_); }),
              AllOf(StartsWith("corrupt_data: damaged index: "), HasSubstr(".vectors: found 60")));
  EXPECT_THAT(ErrorOf([&] { IndexEditor editor(dir_); }), StartsWith("corrupt_data: "));
  fs::remove(PathOf(Part::kVectors));
  EXPECT_THAT(ErrorOf([&] { Index::Open(dir_); }), HasSubstr("missing"));
}

TEST_F(CorruptDeletedRowsTest, AnIdThatIsThereTwiceIsFoundByVerify) {
  // The id of a deleted row may come again; bring the row back.
  {
    IndexEditor editor(dir_);
    editor.Add("id-1", "again", std::vector<float>{1, 2, 3});
    editor.Commit();
  }
  manifest_ = ParseManifest(ReadAll(dir_ / kManifestName), "m");
  Index::Open(dir_).Verify();
  manifest_.segments[0].deleted.reset();
  WriteAll(dir_ / kManifestName, FormatManifest(manifest_));
  UseEverything();
  EXPECT_THAT(ErrorOf([&] { Index::Open(dir_).Verify(); }),
              AllOf(StartsWith("corrupt_data: damaged index: "),
                    HasSubstr("rows 1 and 6: found the id 'id-1' twice")));
  IndexEditor editor(dir_);
  EXPECT_THAT(ErrorOf([&] { editor.Delete("id-1"); }),
              AllOf(StartsWith("corrupt_data: damaged index: "),
                    HasSubstr("found the id 'id-1' of an earlier row")));
}

TEST_F(CorruptIndexTest, AHugeManifestIsRefusedBeforeItIsRead) {
  fs::resize_file(dir_ / kManifestName, kMaxManifestBytes + 1);
  EXPECT_THAT(ErrorOf([&] { Index::Open(dir_); }),
              AllOf(StartsWith("corrupt_data: "), HasSubstr("too large")));
}

}  // namespace
}  // namespace bge::index
