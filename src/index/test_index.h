// What the tests of this folder share: a temporary folder, and small indexes in it.
#ifndef BGE_INDEX_TEST_INDEX_H_
#define BGE_INDEX_TEST_INDEX_H_

#include "bge/error.h"
#include "bge/index.h"

#include "base/file_operations.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace bge::index {

/// A new folder for each test, removed with everything in it.
class IndexTest : public testing::Test {
 protected:
  IndexTest() {
    std::string name = (std::filesystem::temp_directory_path() / "bge-index-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    folder_ = name;
  }
  ~IndexTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

/// While it lives nothing waits for the disk: for tests of many commits.
class WithoutSync : public FileOperations {
 public:
  WithoutSync() { Use(this); }
  ~WithoutSync() override { Use(nullptr); }
  int FSync(int) override { return 0; }
};

inline std::vector<float> RandomVectors(int64_t count, int64_t dimension, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count * dimension));
  for (float& v : values) v = normal(random);
  return values;
}

/// Rows "id-0", "id-1", ... with texts "text of 0", ...
inline void BuildIndex(const std::filesystem::path& dir, int64_t count, int64_t dimension,
                       uint32_t seed = 1) {
  const std::vector<float> vectors = RandomVectors(count, dimension, seed);
  IndexWriter writer(dir, dimension, "model");
  for (int64_t row = 0; row < count; ++row) {
    writer.Add("id-" + std::to_string(row), "text of " + std::to_string(row),
               std::span(vectors).subspan(static_cast<size_t>(row * dimension),
                                          static_cast<size_t>(dimension)));
  }
  writer.Finish();
}

inline std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void WriteAll(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// Runs `f` and returns the bge::Error it throws as "<code>: <message>"; "" where it throws
/// nothing. Any other exception fails the test by leaving it.
template <typename F>
std::string ErrorOf(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    const std::string message = e.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return std::string(ErrorCodeName(e.code())) + ": " + message;
  }
  return "";
}

}  // namespace bge::index

#endif  // BGE_INDEX_TEST_INDEX_H_
