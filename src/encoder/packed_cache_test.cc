#include "encoder/packed_cache.h"

#include "bge/embedder.h"

#include "base/file.h"
#include "kernels/backend.h"
#include "tests/temp_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bge {
namespace {

namespace fs = std::filesystem;

// A copy of a model, and a folder for its packed weights.
class PackedCacheTest : public testing::Test {
 protected:
  PackedCacheTest() {
    fs::copy(BGE_TEST_DATA_DIR "/models/tiny-bert", model_, fs::copy_options::recursive);
  }

  std::vector<float> Vector(const std::string& cache,
                            ComputeChoice type = ComputeChoice::kFloat32) {
    warnings_.clear();
    EmbedderOptions options = {.threads = 2, .compute_type = type, .packed_cache = cache};
    options.on_warning = [this](std::string_view text) { warnings_.emplace_back(text); };
    return Embedder::Load(model_.string(), options).Encode("Texts are known by their vectors.");
  }
  std::vector<float> Cached(ComputeChoice type = ComputeChoice::kFloat32) {
    return Vector(cache_.string(), type);
  }

  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(cache_)) files.push_back(entry.path());
    return files;
  }
  fs::path File() const { return Files().at(0); }
  std::map<fs::path, fs::file_time_type> Times() const {
    std::map<fs::path, fs::file_time_type> times;
    for (const fs::path& file : Files()) times[file] = fs::last_write_time(file);
    return times;
  }
  // Another number in the middle of the file, where weights are.
  void Tamper() const {
    const std::string bytes = ReadFile(File(), 1 << 30);
    std::fstream file(File(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(bytes.size() / 2));
    file.write(std::string(4096, '\x3c').data(), 4096);
  }

  test::TempDir temp_;
  const fs::path model_ = temp_.path() / "model";
  const fs::path cache_ = temp_.path() / "cache" / "of weights";
  std::vector<std::string> warnings_;
};

TEST_F(PackedCacheTest, ALoadFromTheFileGivesTheSameBits) {
  for (const ComputeChoice type :
       {ComputeChoice::kFloat32, ComputeChoice::kBFloat16, ComputeChoice::kInt8}) {
    const std::vector<float> expected = Vector("", type);
    const std::vector<float> first = Cached(type);
    const auto written = Times();
    const std::vector<float> second = Cached(type);
    EXPECT_EQ(first, expected);
    EXPECT_EQ(second, expected);
    EXPECT_EQ(Times(), written);
    fs::remove_all(cache_);
  }
}

TEST_F(PackedCacheTest, TheFileIsWhatIsComputedWith) {
  const std::vector<float> honest = Cached();
  Tamper();
  EXPECT_NE(Cached(), honest);
}

// The model pools the first token: the end of its last layer is bfloat16 then, in a file of its
// own.
TEST_F(PackedCacheTest, EachTypeHasAFile) {
  (void)Cached(ComputeChoice::kFloat32);
  EXPECT_EQ(Files().size(), 1u);
  (void)Cached(ComputeChoice::kInt8);
  EXPECT_EQ(Files().size(), CpuBackend().Supports(ComputeType::kBFloat16) ? 3u : 2u);
}

TEST_F(PackedCacheTest, EachFileOfAModelIsMadeAgainByItself) {
  const std::vector<float> honest = Cached(ComputeChoice::kInt8);
  for (const fs::path& file : Files()) {
    const std::string whole = ReadFile(file, 1 << 30);
    fs::resize_file(file, whole.size() / 2);
    EXPECT_EQ(Cached(ComputeChoice::kInt8), honest) << file;
    EXPECT_EQ(ReadFile(file, 1 << 30), whole) << file;
  }
}

TEST_F(PackedCacheTest, ChangedWeightsAreNotServedFromTheFile) {
  const std::vector<float> honest = Cached();
  Tamper();
  // The same bytes in a new file: nothing in the cache can know that they are the same.
  fs::copy(model_ / "model.safetensors", model_ / "new");
  fs::rename(model_ / "new", model_ / "model.safetensors");
  EXPECT_EQ(Cached(), honest);
  EXPECT_EQ(Cached(), honest);
  EXPECT_EQ(Files().size(), 1u);
}

TEST_F(PackedCacheTest, DamagedFilesAreReplaced) {
  const std::vector<float> honest = Cached();
  const fs::path file = File();
  const std::string whole = ReadFile(file, 1 << 30);
  const auto expect_honest = [&](const std::string& bytes, const std::string& what) {
    {
      std::ofstream out(file, std::ios::binary | std::ios::trunc);
      out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
    EXPECT_EQ(Cached(), honest) << what;
    EXPECT_EQ(ReadFile(file, 1 << 30), whole) << what;
  };
  for (const size_t size : {size_t{0}, size_t{1}, size_t{79}, size_t{80}, size_t{200}, size_t{4096},
                            whole.size() / 2, whole.size() - 1}) {
    expect_honest(whole.substr(0, size), "cut to " + std::to_string(size));
  }
  for (size_t at = 0; at < 80 + 32 * 2; ++at) {
    for (const char mask : {'\x01', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ mask);
      // An offset may still be that of a page: wrong numbers are then what the owner has written.
      const size_t in_entry = (at - 80) % 32;
      if (at >= 80 && in_entry >= 17 && in_entry < 24) continue;
      expect_honest(bytes, "byte " + std::to_string(at));
    }
  }
}

TEST_F(PackedCacheTest, TheFileIsForItsOwnerAlone) {
  const mode_t before = ::umask(0);
  (void)Cached();
  EXPECT_EQ(fs::status(File()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  // Another one in its place, which everybody could write, does not make it so again.
  std::ofstream(File(), std::ios::trunc) << "no packed weights";
  fs::permissions(File(), fs::perms::all);
  (void)Cached();
  ::umask(before);
  EXPECT_EQ(fs::status(File()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(PackedCacheTest, ALinkIsNotFollowed) {
  const std::vector<float> honest = Cached();
  Tamper();
  fs::rename(File(), temp_.path() / "elsewhere");
  fs::create_symlink(temp_.path() / "elsewhere", cache_ / (temp_.path() / "elsewhere").filename());
  const fs::path link = File();
  (void)Vector("");
  EXPECT_EQ(Cached(), honest);
  EXPECT_TRUE(fs::is_symlink(fs::symlink_status(link)));
}

TEST_F(PackedCacheTest, WeightsChangedInPlaceWithTheirOldTimeAreNotServedFromTheFile) {
  (void)Cached();
  const fs::path weights = model_ / "model.safetensors";
  const fs::file_time_type time = fs::last_write_time(weights);
  const std::string bytes = ReadFile(weights, 1 << 30);
  {  // the last tensor's last numbers, which are in no sample
    std::fstream file(weights, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(bytes.size() - 16));
    file.write(std::string(16, '\0').data(), 16);
  }
  fs::last_write_time(weights, time);
  EXPECT_EQ(Cached(), Vector(""));
}

TEST_F(PackedCacheTest, AFileThatOthersMayWriteIsNotUsed) {
  const std::vector<float> honest = Cached();
  Tamper();
  fs::permissions(File(), fs::perms::group_write, fs::perm_options::add);
  EXPECT_EQ(Cached(), honest);
  ASSERT_FALSE(warnings_.empty());
  EXPECT_NE(warnings_[0].find("others may write the file"), std::string::npos);
}

// As a process that was killed left them; a young one may belong to one that is at work.
TEST_F(PackedCacheTest, OldLeftoversOfTheFileGo) {
  (void)Cached();
  const std::string name = File().string();
  const auto leave = [](const std::string& path, std::chrono::hours age) {
    std::ofstream(path) << "part";
    fs::last_write_time(path, fs::file_time_type::clock::now() - age);
  };
  leave(name + ".tmp-0123456789abcdef", std::chrono::hours(2));
  leave(name + ".tmp-0123456789abcdee", std::chrono::hours(0));
  leave(name + ".of-somebody", std::chrono::hours(2));
  leave(cache_ / "another.bgepack.tmp-0123456789abcdef", std::chrono::hours(2));
  ASSERT_EQ(Files().size(), 5u);
  (void)Cached();
  EXPECT_EQ(Files().size(), 4u);
  EXPECT_FALSE(fs::exists(name + ".tmp-0123456789abcdef"));
}

// A SPLADE model has a file for its encoder and one for its head.
class PackedHead : public testing::TestWithParam<const char*> {
 protected:
  PackedHead() {
    fs::copy(BGE_TEST_DATA_DIR "/models/" + std::string(GetParam()), model_,
             fs::copy_options::recursive);
  }
  // Ids and weights of a document.
  std::pair<std::vector<int32_t>, std::vector<float>> Weights(const std::string& cache,
                                                              ComputeChoice type) const {
    const Embedder embedder = Embedder::Load(
        model_.string(), {.threads = 2, .compute_type = type, .packed_cache = cache});
    const std::vector<std::string> text = {"Texts are known by their words."};
    auto made =
        embedder.EncodeAll(text, {.dense = false, .sparse = true}, {.role = Role::kDocument});
    return {made.lexical_weights[0].token_ids, made.lexical_weights[0].weights};
  }
  auto Cached(ComputeChoice type = ComputeChoice::kFloat32) const {
    return Weights(cache_.string(), type);
  }
  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(cache_)) files.push_back(entry.path());
    return files;
  }

  test::TempDir temp_;
  const fs::path model_ = temp_.path() / "model";
  const fs::path cache_ = temp_.path() / "cache";
};

TEST_P(PackedHead, ALoadFromItsFileGivesTheSameBits) {
  for (const ComputeChoice type :
       {ComputeChoice::kFloat32, ComputeChoice::kBFloat16, ComputeChoice::kInt8}) {
    const auto expected = Weights("", type);
    EXPECT_EQ(Cached(type), expected);
    EXPECT_EQ(Files().size(), 2u);
    EXPECT_EQ(Cached(type), expected);
    EXPECT_EQ(Files().size(), 2u);
    fs::remove_all(cache_);
  }
}

TEST_P(PackedHead, ItsFileIsWhatIsComputedWith) {
  const auto honest = Cached();
  for (const fs::path& file : Files()) {
    const std::string whole = ReadFile(file, 1 << 30);
    std::string bytes = whole;
    bytes.replace(bytes.size() - 2048, 2048, std::string(2048, '\x3c'));
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    EXPECT_NE(Cached(), honest);
    // Cut short, it is made again.
    std::ofstream(file, std::ios::binary | std::ios::trunc) << whole.substr(0, whole.size() / 2);
    EXPECT_EQ(Cached(), honest);
    EXPECT_EQ(ReadFile(file, 1 << 30), whole);
  }
}

INSTANTIATE_TEST_SUITE_P(All, PackedHead, testing::Values("tiny-splade", "tiny-doc-sparse"),
                         [](const auto& model) {
                           std::string name = model.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(PackedCacheTest, AFolderThatCannotBeWrittenIsAWarning) {
  const std::vector<float> expected = Vector("");
  const fs::path file = temp_.Write("file", "no folder");
  EXPECT_EQ(Vector((file / "cache").string()), expected);
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_NE(warnings_[0].find("packed weights are not kept"), std::string::npos);
}

}  // namespace
}  // namespace bge
