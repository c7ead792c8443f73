#include "base/links.h"

#include "tests/expect_error.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

namespace bge {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class LinksTest : public ::testing::Test {
 protected:
  LinksTest() {
    temp_.Write("model/config.json", "{}");
    temp_.Write("outside/file", "x");
  }
  void Link(const fs::path& target, const fs::path& name) const {
    fs::create_directories((temp_.path() / name).parent_path());
    fs::create_symlink(target, temp_.path() / name);
  }
  std::string Said(const fs::path& dir = "model") const {
    return test::Thrown([&] {
      RefuseLinksOutside(temp_.path() / dir);
      return 0;
    });
  }

  test::TempDir temp_;
};

TEST_F(LinksTest, InsideTheyMayLeadAnywhere) {
  EXPECT_EQ(Said(), "no error");
  Link("config.json", "model/other.json");
  Link("../config.json", "model/1_Pooling/config.json");
  Link("1_Pooling", "model/folder");
  Link("nowhere", "model/dangling");
  Link("loop", "model/loop");
  EXPECT_EQ(Said(), "no error");
}

TEST_F(LinksTest, OutOfItTheyAreRefused) {
  for (const char* name : {"model/a", "model/1_Pooling/config.json", "model/a/b/c/d"}) {
    SCOPED_TRACE(name);
    Link(temp_.path() / "outside/file", name);
    EXPECT_THAT(Said(), HasSubstr("invalid_argument: a link leads out of the model directory: " +
                                  (temp_.path() / name).string()));
    fs::remove(temp_.path() / name);
    Link(fs::relative(temp_.path() / "outside", (temp_.path() / name).parent_path()), name);
    EXPECT_THAT(Said(), HasSubstr("a link leads out"));
    fs::remove(temp_.path() / name);
  }
  Link("/dev/zero", "model/tokenizer.json");
  EXPECT_THAT(Said(), HasSubstr("a link leads out"));
  // A folder whose name begins with the model's is not inside of it.
  fs::remove(temp_.path() / "model/tokenizer.json");
  temp_.Write("model2/file", "x");
  Link("../model2/file", "model/file");
  EXPECT_THAT(Said(), HasSubstr("a link leads out"));
}

TEST_F(LinksTest, TheDirectoryMayBeALink) {
  Link("model", "name");
  EXPECT_EQ(Said("name"), "no error");
  Link("../outside/file", "model/file");
  EXPECT_THAT(Said("name"), HasSubstr((temp_.path() / "name/file").string()));
}

TEST_F(LinksTest, ASnapshotHasItsBlobs) {
  const fs::path model = "hub/models--org--name";
  temp_.Write(model / "blobs/abc", "x");
  Link("../../blobs/abc", model / "snapshots/123/model.safetensors");
  EXPECT_EQ(Said(model / "snapshots/123"), "no error");
  temp_.Write("hub/models--org--other/blobs/abc", "x");
  Link("../../../models--org--other/blobs/abc", model / "snapshots/123/config.json");
  EXPECT_THAT(Said(model / "snapshots/123"), HasSubstr("a link leads out"));
}

TEST_F(LinksTest, AFolderOfEverythingIsNoModel) {
  fs::path deep = "model";
  for (int i = 0; i < 10; ++i) deep /= "d";
  temp_.Write(deep / "file", "x");
  EXPECT_THAT(Said(), HasSubstr("more files and folders than a model has"));
}

TEST_F(LinksTest, AFolderThatCannotBeListedIsNotTrusted) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may list everything";
  Link(temp_.path() / "outside/file", "model/1_Pooling/config.json");
  fs::permissions(temp_.path() / "model/1_Pooling", fs::perms::owner_exec);
  EXPECT_THAT(Said(), HasSubstr("io: cannot list the model directory"));
  fs::permissions(temp_.path() / "model/1_Pooling", fs::perms::owner_all);
}

TEST_F(LinksTest, AFileWithoutANameIsOutsideToo) {
  const test::MemoryFile file;
  Link(file.Write("{}"), "model/tokenizer.json");
  EXPECT_THAT(Said(), HasSubstr("a link leads out"));
}

TEST_F(LinksTest, WhoTrustsTheDirectoryMaySaySo) {
  Link(temp_.path() / "outside/file", "model/a");
  ASSERT_EQ(::setenv("BGE_FOLLOW_LINKS", "1", 1), 0);
  EXPECT_EQ(Said(), "no error");
  ASSERT_EQ(::setenv("BGE_FOLLOW_LINKS", "0", 1), 0);
  EXPECT_THAT(Said(), HasSubstr("a link leads out"));
  ::unsetenv("BGE_FOLLOW_LINKS");
}

TEST_F(LinksTest, WhatIsNoDirectoryIsLeftToOthers) {
  EXPECT_EQ(Said("absent"), "no error");
  EXPECT_EQ(Said("model/config.json"), "no error");
}

}  // namespace
}  // namespace bge
