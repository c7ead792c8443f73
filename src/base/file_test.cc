#include "base/file.h"

#include "base/error.h"
#include "base/unfinished.h"
#include "tests/expect_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
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

TEST_F(FileTest, AReplacedFileKeepsItsPermissions) {
  const fs::path path = dir_ / "out";
  for (const auto mode : {fs::perms(0600), fs::perms(0640), fs::perms(0444), fs::perms(0666)}) {
    fs::remove(path);
    std::ofstream(path) << "old";
    fs::permissions(path, mode);
    AtomicFile file(path);
    file.Write("new");
    file.Commit();
    EXPECT_EQ(fs::status(path).permissions(), mode);
    EXPECT_EQ(ReadFile(path, 100), "new");
  }
}

TEST_F(FileTest, NamesMayBeAsLongAsTheFileSystemAllows) {
  for (const size_t size : {235u, 245u, 255u}) {
    const fs::path path = dir_ / std::string(size, 'n');
    AtomicFile file(path);
    file.Write("text");
    file.Commit();
    EXPECT_EQ(ReadFile(path, 100), "text");
    fs::remove(path);
    EXPECT_EQ(Entries(), 0);
  }
  try {
    AtomicFile file(dir_ / std::string(256, 'n'));
    FAIL() << "created";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kIo);
    EXPECT_NE(std::string(e.what()).find("cannot create file"), std::string::npos) << e.what();
  }
}

TEST_F(FileTest, ALinkIsRefusedWhereItMayLeadAnywhere) {
  const fs::path file = dir_ / "file";
  std::ofstream(file) << "text";
  fs::create_symlink(file, dir_ / "link");
  fs::create_directory_symlink(dir_, dir_ / "folder");
  EXPECT_EQ(ReadFile(dir_ / "link", 10), "text");
  EXPECT_EQ(ReadFile(dir_ / "folder" / "file", 10, Links::kRefused), "text");
  EXPECT_EQ(MappedFile::Open(dir_ / "folder" / "file", Links::kRefused)->bytes().size(), 4u);
  const std::string expected = "a link where a file is expected: " + (dir_ / "link").string();
  EXPECT_THAT(test::Thrown([&] { return ReadFile(dir_ / "link", 10, Links::kRefused); }),
              testing::StartsWith("invalid_argument: " + expected));
  EXPECT_THAT(test::Thrown([&] { return MappedFile::Open(dir_ / "link", Links::kRefused); }),
              testing::StartsWith("invalid_argument: " + expected));
}

TEST_F(FileTest, AFifoIsAnErrorAndNotAWait) {
  const fs::path path = dir_ / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto code = [&](auto f) {
    try {
      f();
    } catch (const Error& e) {
      return e.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code([&] { MappedFile::Open(path); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([&] { ReadFile(path, 100); }), ErrorCode::kInvalidArgument);
}

TEST_F(FileTest, RemoveUnfinishedFilesRemovesThem) {
  AtomicFile file(dir_ / "out");
  file.Write(std::string(2 << 20, 'z'));
  EXPECT_EQ(Entries(), 1);
  RemoveUnfinishedFiles();
  EXPECT_EQ(Entries(), 0);
}

TEST_F(FileTest, RemoveLeftoversRemovesOldOnesOfOurOwn) {
  const auto write = [this](const std::string& name, std::chrono::hours age) {
    std::ofstream(dir_ / name) << "x";
    fs::last_write_time(dir_ / name, fs::file_time_type::clock::now() - age);
  };
  write("out.npy.tmp-0123456789abcdef", std::chrono::hours(2));
  write("out.npy.tmp-fedcba9876543210", std::chrono::hours(0));  // of a process at work
  write("out.npy.tmp-backup", std::chrono::hours(2));
  write("out.npy.tmp-0123456789abcdef.old", std::chrono::hours(2));
  write("other.npy.tmp-0123456789abcdef", std::chrono::hours(2));
  fs::create_directory(dir_ / "out.npy.tmp-1123456789abcdef");
  fs::last_write_time(dir_ / "out.npy.tmp-1123456789abcdef",
                      fs::file_time_type::clock::now() - std::chrono::hours(2));
  RemoveLeftovers(dir_ / "out.npy");
  EXPECT_FALSE(fs::exists(dir_ / "out.npy.tmp-0123456789abcdef"));
  EXPECT_EQ(Entries(), 5);
  fs::current_path(dir_);
  RemoveLeftovers("other.npy");
  EXPECT_EQ(Entries(), 4);
  fs::current_path("/");
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
