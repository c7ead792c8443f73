#include "base/file.h"

#include "base/error.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace bge {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  FileTest() {
    std::string name = (fs::temp_directory_path() / "bge-file-test-XXXXXX").string();
    dir_ = ::mkdtemp(name.data());
  }
  ~FileTest() override { fs::remove_all(dir_); }
  int64_t Entries() const {
    return std::distance(fs::directory_iterator(dir_), fs::directory_iterator());
  }
  fs::path dir_;
};

TEST_F(FileTest, AtomicFileAppearsAtCommitOnly) {
  const fs::path path = dir_ / "out";
  {
    AtomicFile file(path);
    file.Write("0123456789");
    file.WriteAt(2, "xy");
    EXPECT_FALSE(fs::exists(path));
    EXPECT_EQ(file.size(), 10u);
    file.Commit();
  }
  EXPECT_EQ(ReadFile(path, 100), "01xy456789");
  EXPECT_EQ(Entries(), 1);
}

TEST_F(FileTest, AbandonedAtomicFileLeavesNothingAndKeepsTheOld) {
  const fs::path path = dir_ / "out";
  std::ofstream(path) << "old";
  {
    AtomicFile file(path);
    file.Write(std::string(3 << 20, 'z'));
  }
  EXPECT_EQ(ReadFile(path, 100), "old");
  EXPECT_EQ(Entries(), 1);
}

TEST_F(FileTest, RemoveUnfinishedFilesRemovesThem) {
  AtomicFile file(dir_ / "out");
  file.Write(std::string(2 << 20, 'z'));
  EXPECT_EQ(Entries(), 1);
  RemoveUnfinishedFiles();
  EXPECT_EQ(Entries(), 0);
}

TEST_F(FileTest, MapsAndReadsAndSaysWhatIsWrong) {
  const fs::path path = dir_ / "in";
  std::ofstream(path) << "content";
  const auto mapped = MappedFile::Open(path);
  EXPECT_EQ(mapped->bytes().size(), 7u);
  mapped->Release(0, 7);
  EXPECT_EQ(static_cast<char>(mapped->bytes()[0]), 'c');
  std::ofstream(dir_ / "empty");
  EXPECT_TRUE(MappedFile::Open(dir_ / "empty")->bytes().empty());
  const auto code = [](auto f) {
    try {
      f();
    } catch (const Error& e) {
      return e.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code([&] { MappedFile::Open(dir_ / "absent"); }), ErrorCode::kNotFound);
  EXPECT_EQ(code([&] { MappedFile::Open(dir_); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([&] { ReadFile(path, 3); }), ErrorCode::kCorruptData);
  EXPECT_EQ(code([&] { AtomicFile file(dir_ / "no" / "such"); }), ErrorCode::kNotFound);
  EXPECT_EQ(code([&] { AtomicFile file(dir_.string()); }), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace bge
