// Index: maps the files that the manifest names and answers from them.
#include "bge/index.h"

#include "bge/embedder.h"

#include "base/cpu_limits.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "index/manifest.h"
#include "index/search.h"

#include <array>
#include <cmath>
#include <cstring>
#include <mutex>
#include <utility>

namespace bge {

namespace fs = std::filesystem;
using index::Manifest;
using index::Part;

namespace {

// How often a reader starts again because a writer replaced the index meanwhile.
constexpr int kMaxAttempts = 16;

[[noreturn]] void Damaged(const fs::path& file, const std::string& problem) {
  Fail(ErrorCode::kCorruptData, "damaged index", file.string() + ": " + problem,
       "build the index again");
}

std::string ReadManifest(const fs::path& dir) {
  try {
    return ReadFile(dir / index::kManifestName, index::kMaxManifestBytes);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kNotFound) throw;
    Fail(ErrorCode::kNotFound, "there is no index",
         dir.string() + ": found no file " + std::string(index::kManifestName),
         "check the path, or build an index there");
  }
}

using Files = std::array<std::shared_ptr<const MappedFile>, index::kNumParts>;

Files MapFiles(const fs::path& dir, const index::Segment& segment) {
  Files files;
  for (size_t i = 0; i < index::kNumParts; ++i) {
    const Part part = static_cast<Part>(i);
    files[i] = MappedFile::Open(dir / segment.FileName(part));
    const size_t found = files[i]->bytes().size();
    if (found != segment.files[i].bytes) {
      Damaged(files[i]->path(), "found " + std::to_string(found) + " bytes, expected " +
                                    std::to_string(segment.files[i].bytes));
    }
  }
  return files;
}

}  // namespace

class Index::Impl {
 public:
  Impl(Manifest manifest, uint64_t manifest_bytes, Files files)
      : manifest_(std::move(manifest)), files_(std::move(files)) {
    info_.count = manifest_.segment.count;
    info_.dimension = manifest_.dimension;
    info_.model = manifest_.model;
    info_.metadata = manifest_.metadata;
    info_.bytes = static_cast<int64_t>(manifest_bytes);
    for (const auto& file : files_) info_.bytes += static_cast<int64_t>(file->bytes().size());
  }

  const IndexInfo& info() const { return info_; }

  std::string_view Text(Part data, Part offsets, int64_t row) const {
    const uint64_t begin = Offset(offsets, row);
    const uint64_t end = Offset(offsets, row + 1);
    const std::span<const std::byte> bytes = File(data).bytes();
    if (begin > end || end > bytes.size()) {
      Damaged(File(offsets).path(), "row " + std::to_string(row) + ": found offsets " +
                                        std::to_string(begin) + " to " + std::to_string(end) +
                                        ", expected an ascending pair up to " +
                                        std::to_string(bytes.size()));
    }
    return {reinterpret_cast<const char*>(bytes.data()) + begin, end - begin};
  }

  std::string_view Id(int64_t row) const { return Text(Part::kIds, Part::kIdOffsets, row); }
  std::string_view RowText(int64_t row) const {
    return Text(Part::kTexts, Part::kTextOffsets, row);
  }

  // [count, dimension]
  ConstMatrix Vectors() const {
    return {reinterpret_cast<const float*>(File(Part::kVectors).bytes().data()), info_.count,
            info_.dimension};
  }

  void CheckRow(int64_t row) const {
    if (row >= 0 && row < info_.count) return;
    Fail(ErrorCode::kInvalidArgument, "there is no such row",
         "found " + std::to_string(row) + ", expected 0 to " + std::to_string(info_.count - 1),
         "see info().count");
  }

  std::shared_ptr<ThreadPool> Pool(int threads) const {
    const std::lock_guard lock(mu_);
    if (threads == 0) {
      if (default_threads_ == 0) default_threads_ = DefaultThreads();
      threads = default_threads_;
    }
    if (pool_ == nullptr || pool_->threads() != threads) {
      pool_ = std::make_shared<ThreadPool>(threads);
    }
    return pool_;
  }

  void Verify() const {
    for (size_t i = 0; i < index::kNumParts; ++i) {
      Sha256 hash;
      hash.Update(files_[i]->bytes());
      const std::string found = hash.Hex();
      const std::string& expected = manifest_.segment.files[i].sha256;
      if (found == expected) continue;
      std::string difference = "found SHA-256 ";
      difference.append(found).append(", expected ").append(expected);
      Damaged(files_[i]->path(), difference);
    }
    VerifyOffsets(Part::kIds, Part::kIdOffsets);
    VerifyOffsets(Part::kTexts, Part::kTextOffsets);
    VerifyVectors();
  }

 private:
  const MappedFile& File(Part part) const { return *files_[static_cast<size_t>(part)]; }

  // row: [0, count]
  uint64_t Offset(Part offsets, int64_t row) const {
    uint64_t value;
    std::memcpy(&value, File(offsets).bytes().data() + row * 8, sizeof(value));
    return value;
  }

  void VerifyOffsets(Part data, Part offsets) const {
    const size_t size = File(data).bytes().size();
    if (Offset(offsets, 0) != 0 || Offset(offsets, info_.count) != size) {
      Damaged(File(offsets).path(), "found offsets from " + std::to_string(Offset(offsets, 0)) +
                                        " to " + std::to_string(Offset(offsets, info_.count)) +
                                        ", expected 0 to " + std::to_string(size));
    }
    for (int64_t row = 0; row < info_.count; ++row) Text(data, offsets, row);
  }

  void VerifyVectors() const {
    const ConstMatrix vectors = Vectors();
    for (int64_t row = 0; row < vectors.rows; ++row) {
      for (int64_t d = 0; d < vectors.cols; ++d) {
        if (std::isfinite(vectors.row(row)[d])) continue;
        Damaged(File(Part::kVectors).path(), "row " + std::to_string(row) + ", value " +
                                                 std::to_string(d) + ": expected a finite number");
      }
    }
  }

  Manifest manifest_;
  Files files_;
  IndexInfo info_;
  mutable std::mutex mu_;                     // guards what follows
  mutable int default_threads_ = 0;           // 0: not asked for yet
  mutable std::shared_ptr<ThreadPool> pool_;  // of the last Search
};

Index::Index(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Index::Index(Index&&) noexcept = default;
Index& Index::operator=(Index&&) noexcept = default;
Index::~Index() = default;

Index Index::Open(const fs::path& dir) {
  for (int attempt = 1;; ++attempt) {
    const std::string text = ReadManifest(dir);
    Manifest manifest = index::ParseManifest(text, (dir / index::kManifestName).string());
    try {
      Files files = MapFiles(dir, manifest.segment);
      return Index(std::make_unique<Impl>(std::move(manifest), text.size(), std::move(files)));
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kNotFound) throw;
      // A writer that replaced the index has removed the files of this manifest; or they are lost.
      if (attempt < kMaxAttempts && ReadManifest(dir) != text) continue;
      Fail(ErrorCode::kCorruptData, "damaged index: a file that its manifest names is missing",
           e.what(), "build the index again");
    }
  }
}

const IndexInfo& Index::info() const { return impl_->info(); }

std::vector<std::vector<Hit>> Index::Search(std::span<const float> queries, int64_t top_k,
                                            int threads) const {
  const int64_t dimension = info().dimension;
  const auto size = static_cast<int64_t>(queries.size());
  if (size % dimension != 0) {
    Fail(ErrorCode::kInvalidArgument, "queries have the wrong length",
         "found " + std::to_string(size) + " values, expected a multiple of " +
             std::to_string(dimension),
         "give vectors of the index's dimension");
  }
  if (top_k < 0 || threads < 0 || threads > kMaxThreads) {
    Fail(ErrorCode::kInvalidArgument, "a search cannot be done like that",
         top_k < 0 ? "top_k: found " + std::to_string(top_k) + ", expected 0 or more"
                   : "threads: found " + std::to_string(threads) + ", expected 0 to " +
                         std::to_string(kMaxThreads),
         "correct the argument");
  }
  for (int64_t i = 0; i < size; ++i) {
    if (std::isfinite(queries[static_cast<size_t>(i)])) continue;
    Fail(ErrorCode::kInvalidArgument, "a query is not finite",
         "query " + std::to_string(i / dimension) + ", value " + std::to_string(i % dimension),
         "check the model's weights");
  }

  const ConstMatrix query_rows(queries.data(), size / dimension, dimension);
  const std::shared_ptr<ThreadPool> pool = impl_->Pool(threads);
  const auto found = index::SearchRows(CpuBackend(), *pool, impl_->Vectors(), query_rows, top_k);
  std::vector<std::vector<Hit>> results(found.size());
  for (size_t q = 0; q < found.size(); ++q) {
    results[q].reserve(found[q].size());
    for (const index::Candidate& c : found[q]) {
      results[q].push_back({c.row, c.score, impl_->Id(c.row), impl_->RowText(c.row)});
    }
  }
  return results;
}

std::string_view Index::id(int64_t position) const {
  impl_->CheckRow(position);
  return impl_->Id(position);
}
std::string_view Index::text(int64_t position) const {
  impl_->CheckRow(position);
  return impl_->RowText(position);
}
std::span<const float> Index::vector(int64_t position) const {
  impl_->CheckRow(position);
  return {impl_->Vectors().row(position), static_cast<size_t>(info().dimension)};
}

void Index::Verify() const { impl_->Verify(); }

}  // namespace bge
