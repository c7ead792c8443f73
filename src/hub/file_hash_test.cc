#include "hub/file_hash.h"

#include "tests/scoped_environment.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>

#include <chrono>
#include <fstream>

namespace bge {
namespace {

namespace fs = std::filesystem;

class FileHashTest : public testing::Test {
 protected:
  FileHashTest() {
    environment_.Set("XDG_CACHE_HOME", (dir_.path() / "cache").string());
    environment_.Set("HF_HUB_CACHE", (dir_.path() / "hub").string());
  }

  // As if the file had been left alone for an hour.
  static std::string HashLater(const fs::path& file) {
    return FileHash(file, std::chrono::system_clock::now() + std::chrono::hours(1));
  }
  // A link `from` to `to`, both in the folder of the test.
  fs::path Link(const fs::path& from, const fs::path& to) const {
    fs::create_directories((dir_.path() / from).parent_path());
    fs::create_symlink(dir_.path() / to, dir_.path() / from);
    return dir_.path() / from;
  }

  size_t Kept() const {
    if (!fs::exists(HashCacheDir())) return 0;
    return static_cast<size_t>(std::distance(fs::directory_iterator(HashCacheDir()), {}));
  }

  test::ScopedEnvironment environment_{"XDG_CACHE_HOME", "HF_HUB_CACHE"};
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
  const std::string hash = HashLater(file);
  EXPECT_EQ(FindFileHash(file), hash);
  EXPECT_EQ(Kept(), 1u);
  fs::rename(file, dir_.path() / "moved");
  EXPECT_EQ(HashLater(dir_.path() / "moved"), hash);  // its time of change is another: hashed anew
  std::ofstream(dir_.path() / "moved", std::ios::app) << "b";
  EXPECT_EQ(FindFileHash(dir_.path() / "moved"), std::nullopt);
  EXPECT_NE(HashLater(dir_.path() / "moved"), hash);

  // What is no hash is not taken for one.
  for (const auto& entry : fs::directory_iterator(HashCacheDir())) {
    std::ofstream(entry.path(), std::ios::trunc) << "no hash";
  }
  EXPECT_EQ(FindFileHash(dir_.path() / "moved"), std::nullopt);
}

TEST_F(FileHashTest, AFileThatJustChangedIsNotKept) {
  // It could change again within one step of the file system's clock, and look the same.
  const fs::path file = dir_.Write("large", std::string(kMinCachedHashBytes, 'a'));
  const std::string hash = FileHash(file);
  EXPECT_EQ(FindFileHash(file), std::nullopt);
  EXPECT_EQ(Kept(), 0u);
  // An old time of writing is no proof: anybody can set it.
  fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(24));
  EXPECT_EQ(FileHash(file), hash);
  EXPECT_EQ(Kept(), 0u);
  EXPECT_EQ(HashLater(file), hash);
  EXPECT_EQ(FindFileHash(file), hash);
}

TEST_F(FileHashTest, LinksToTheHubsBlobsAreKnownByTheirNames) {
  const std::string name(64, 'd');
  const fs::path repo = "hub/models--a--b";
  dir_.Write(repo / "blobs" / name, std::string(kMinCachedHashBytes, 'a'));
  const fs::path large = Link(repo / "snapshots/c/model.safetensors", repo / "blobs" / name);
  EXPECT_EQ(FindFileHash(large), name);
  EXPECT_EQ(FileHash(large), name);
  EXPECT_EQ(FindFileHash(Link(repo / "snapshots/c/2_Dense/model.bin", repo / "blobs" / name)),
            name);
  EXPECT_EQ(FindFileHash(dir_.path() / repo / "blobs" / name), std::nullopt);  // no link
  // The snapshot, and the whole cache, by another name.
  EXPECT_EQ(FindFileHash(Link("model", repo / "snapshots/c") / "model.safetensors"), name);
  environment_.Set("HF_HUB_CACHE", Link("link", "hub").string());
  EXPECT_EQ(FindFileHash(large), name);
  environment_.Set("HF_HUB_CACHE", (dir_.path() / "other").string());
  EXPECT_EQ(FindFileHash(large), std::nullopt);
}

TEST_F(FileHashTest, ASmallBlobIsHashedWhateverItsName) {
  const fs::path repo = "hub/models--a--b";
  for (const size_t digits : {40u, 64u}) {
    const std::string name(digits, 'd');
    dir_.Write(repo / "blobs" / name, "abc");
    const fs::path link =
        Link(repo / "snapshots/c" / std::to_string(digits), repo / "blobs" / name);
    EXPECT_EQ(FindFileHash(link), std::nullopt);
    EXPECT_EQ(FileHash(link), kHashOfAbc);
  }
}

TEST_F(FileHashTest, AFolderCalledBlobsProvesNothing) {
  const std::string name(64, 'd');
  const std::string content(kMinCachedHashBytes, 'a');
  for (const char* folder :
       {"stranger", "hub", "hub/models--a--b", "hub/models--x--y/snapshots/c"}) {
    dir_.Write(fs::path(folder) / "blobs" / name, content);
  }
  const std::string hash = FileHash(dir_.path() / "stranger/blobs" / name);
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"stranger/model", "stranger"},                              // any directory
           {"stranger/snapshots/c/model", "stranger"},                  // like a snapshot
           {"models--a--b/snapshots/c/model", "stranger"},              // more like one
           {"stranger/model2", "hub/models--a--b"},                     // the cache's, from outside
           {"hub/models--x--y/snapshots/c/model", "hub/models--a--b"},  // of another model
           {"hub/models--x--y/snapshots/c/model2", "stranger"},
           {"hub/models--x--y/snapshots/c/model3", "hub"},
           {"hub/models--x--y/snapshots/c/model4", "hub/models--x--y/snapshots/c"},
           {"hub/models--a--b/model", "hub/models--a--b"},  // not in a snapshot
           {"hub/models--a--b/snapshots/model", "hub/models--a--b"},
       }) {
    const fs::path link = Link(from, fs::path(to) / "blobs" / name);
    EXPECT_EQ(FindFileHash(link), std::nullopt) << from;
    EXPECT_EQ(FileHash(link), hash) << from;
  }
}

}  // namespace
}  // namespace bge
