#include "hub/file_hash.h"

#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <fstream>

namespace bge {
namespace {

namespace fs = std::filesystem;

class FileHashTest : public testing::Test {
 protected:
  FileHashTest() { ::setenv("XDG_CACHE_HOME", (dir_.path() / "cache").c_str(), 1); }
  ~FileHashTest() override { ::unsetenv("XDG_CACHE_HOME"); }

  size_t Kept() const {
    if (!fs::exists(HashCacheDir())) return 0;
    return static_cast<size_t>(std::distance(fs::directory_iterator(HashCacheDir()), {}));
  }

  test::TempDir dir_;
};

// Of sha256sum.
constexpr const char* kHashOfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST_F(FileHashTest, SmallFilesAreHashedAndLeaveNothingBehind) {
  const fs::path file = dir_.Write("f", "abc");
  EXPECT_EQ(FindFileHash(file), std::nullopt);
  EXPECT_EQ(FileHash(file), kHashOfAbc);
  EXPECT_EQ(FindFileHash(file), std::nullopt);
  EXPECT_EQ(Kept(), 0u);
  EXPECT_EQ(FileHash(dir_.Write("empty", "")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_F(FileHashTest, LargeFilesAreHashedOnceUntilTheyChange) {
  const fs::path file = dir_.Write("large", std::string(kMinCachedHashBytes + 1, 'a'));
  EXPECT_EQ(FindFileHash(file), std::nullopt);
  const std::string hash = FileHash(file);
  EXPECT_EQ(FindFileHash(file), hash);
  EXPECT_EQ(Kept(), 1u);
  fs::rename(file, dir_.path() / "moved");
  EXPECT_EQ(FileHash(dir_.path() / "moved"), hash);  // its time of change is another: hashed anew
  std::ofstream(dir_.path() / "moved", std::ios::app) << "b";
  EXPECT_EQ(FindFileHash(dir_.path() / "moved"), std::nullopt);
  EXPECT_NE(FileHash(dir_.path() / "moved"), hash);

  // What is no hash is not taken for one.
  for (const auto& entry : fs::directory_iterator(HashCacheDir())) {
    std::ofstream(entry.path(), std::ios::trunc) << "no hash";
  }
  EXPECT_EQ(FindFileHash(dir_.path() / "moved"), std::nullopt);
}

TEST_F(FileHashTest, LinksToTheHubsBlobsAreKnownByTheirNames) {
  const std::string name(64, 'd');
  dir_.Write("blobs/" + name, "abc");
  dir_.Write("blobs/" + std::string(40, 'd'), "abc");  // a small file's, of git
  fs::create_directories(dir_.path() / "snapshots" / "c");
  const fs::path large = dir_.path() / "snapshots" / "c" / "model.safetensors";
  const fs::path small = dir_.path() / "snapshots" / "c" / "config.json";
  fs::create_symlink(fs::path("../../blobs") / name, large);
  fs::create_symlink(fs::path("../../blobs") / std::string(40, 'd'), small);
  EXPECT_EQ(FindFileHash(large), name);
  EXPECT_EQ(FileHash(large), name);
  EXPECT_EQ(FileHash(small), kHashOfAbc);
  EXPECT_EQ(FileHash(dir_.path() / "blobs" / name), kHashOfAbc);  // no link
}

}  // namespace
}  // namespace bge
