// Folders that appear complete, or not at all.
#include "base/atomic_directory.h"

#include "base/file.h"
#include "tests/expect_error.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace bge {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class AtomicDirectoryTest : public testing::Test {
 protected:
  auto Entries() const { return std::distance(fs::directory_iterator(dir_.path()), {}); }
  // Files and folders, more than one page of entries.
  static void Fill(const fs::path& path) {
    fs::create_directories(path / "1_Pooling" / "deep");
    for (int i = 0; i < 500; ++i) {
      std::ofstream(path / "1_Pooling" / (std::string(40, 'x') + std::to_string(i))) << i;
    }
    std::ofstream(path / "1_Pooling" / "deep" / "file") << "content";
    std::ofstream(path / "config.json") << "{}";
  }
  const test::TempDir dir_;
  const fs::path out_ = dir_.path() / "out";
};

TEST_F(AtomicDirectoryTest, AppearsWithCommit) {
  {
    AtomicDirectory directory(out_);
    Fill(directory.path());
    EXPECT_FALSE(fs::exists(out_));
    directory.Commit();
  }
  EXPECT_EQ(Entries(), 1);
  EXPECT_EQ(ReadFile(out_ / "1_Pooling" / "deep" / "file", 100), "content");
}

TEST_F(AtomicDirectoryTest, LeavesNothingWithoutCommit) {
  {
    AtomicDirectory directory(out_);
    Fill(directory.path());
    // What a link leads to is not ours.
    fs::create_directory_symlink(dir_.path(), directory.path() / "link");
    dir_.Write("mine", "x");
  }
  EXPECT_EQ(Entries(), 1);
}

TEST_F(AtomicDirectoryTest, RemoveUnfinishedFilesRemovesIt) {
  AtomicDirectory directory(out_);
  Fill(directory.path());
  AtomicFile file(directory.path() / "unfinished");
  RemoveUnfinishedFiles();
  EXPECT_EQ(Entries(), 0);
}

TEST_F(AtomicDirectoryTest, ReplacesNothingButAnEmptyFolder) {
  fs::create_directory(out_);
  AtomicDirectory(out_ / "").Commit();
  EXPECT_TRUE(fs::is_empty(out_));
  dir_.Write("out/file", "x");
  EXPECT_THAT(test::Thrown([&] { AtomicDirectory directory(out_); }),
              AllOf(StartsWith("invalid_argument: the output is there already: "),
                    HasSubstr("out: the directory is not empty")));
  EXPECT_THAT(test::Thrown([&] { AtomicDirectory directory(out_ / "file"); }),
              HasSubstr("it is not a directory"));
  fs::create_symlink("nowhere", dir_.path() / "link");
  EXPECT_THAT(test::Thrown([&] { AtomicDirectory directory(dir_.path() / "link"); }),
              HasSubstr("it is not a directory"));
  EXPECT_THAT(test::Thrown([&] { AtomicDirectory directory(dir_.path() / "no" / "such"); }),
              StartsWith("not_found: cannot create directory: "));
}

TEST_F(AtomicDirectoryTest, WhatAppearedMeanwhileStays) {
  AtomicDirectory directory(out_);
  dir_.Write("out/file", "mine");
  EXPECT_THAT(test::Thrown([&] { directory.Commit(); }), StartsWith("invalid_argument: "));
  EXPECT_EQ(ReadFile(out_ / "file", 100), "mine");
}

TEST_F(AtomicDirectoryTest, AnEmptyFolderThatIsReplacedKeepsItsPermissions) {
  fs::create_directory(out_);
  fs::permissions(out_, fs::perms::owner_all);
  AtomicDirectory directory(out_);
  directory.Commit();
  EXPECT_EQ(fs::status(out_).permissions(), fs::perms::owner_all);
}

TEST_F(AtomicDirectoryTest, TheCurrentDirectoryCannotBeReplaced) {
  fs::create_directory(out_);
  EXPECT_THAT(test::Thrown([&] { return AtomicDirectory(out_ / ".").path(); }),
              HasSubstr("the output is there already"));
}

}  // namespace
}  // namespace bge
