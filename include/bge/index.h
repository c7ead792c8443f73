// An on-disk collection of ids, texts and vectors, searched exactly by inner product.
#ifndef BGE_INDEX_H_
#define BGE_INDEX_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bge/export.h"
#include "bge/types.h"

namespace bge {

/// What an index says of itself.
struct IndexInfo {
  int64_t count = 0;
  int64_t dimension = 0;
  std::string model;  ///< as given to IndexWriter
};

/// One result. The views live as long as the Index.
struct Hit {
  int64_t position = 0;   ///< row in the index
  float score = 0;        ///< inner product with the query
  std::string_view id;
  std::string_view text;
};

/// Writes an index directory: everything goes to a temporary sibling, which replaces `dir` when
/// Finish() succeeds. An unfinished writer leaves nothing behind. Single thread.
class BGE_API IndexWriter {
 public:
  /// `dir` must not exist, or be an index (it is then replaced on Finish), else kInvalidArgument.
  IndexWriter(const std::filesystem::path& dir, int64_t dimension, std::string model);
  IndexWriter(IndexWriter&&) noexcept;
  ~IndexWriter();

  /// Throws kInvalidArgument for a repeated id, a vector of another dimension or one that is not finite.
  void Add(std::string_view id, std::string_view text, std::span<const float> vector);
  void Finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// An opened index. Immutable, mapped from disk; thread-safe.
class BGE_API Index {
 public:
  /// Checks sizes and the manifest's checksum; Verify() checks everything else. Throws kNotFound or
  /// kCorruptData.
  static Index Open(const std::filesystem::path& dir);

  Index(Index&&) noexcept;
  Index& operator=(Index&&) noexcept;
  ~Index();

  const IndexInfo& info() const;

  /// The top_k rows of highest inner product for each query, best first; equal scores in row order.
  /// queries: [n, dimension]. threads 0: one for each core.
  std::vector<std::vector<Hit>> Search(std::span<const float> queries, int64_t top_k,
                                       int threads = 0) const;

  std::string_view id(int64_t position) const;
  std::string_view text(int64_t position) const;
  std::span<const float> vector(int64_t position) const;

  /// Reads every byte and compares checksums; throws kCorruptData.
  void Verify() const;

 private:
  class Impl;
  explicit Index(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace bge

#endif  // BGE_INDEX_H_
