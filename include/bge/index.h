// An on-disk collection of ids, texts and vectors, searched exactly by inner product.
//
// docs/formats/index.md has the bytes.
#ifndef BGE_INDEX_H_
#define BGE_INDEX_H_

#include "bge/export.h"
#include "bge/types.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// What an index says of itself.
struct IndexInfo {
  int64_t count = 0;
  int64_t dimension = 0;
  int64_t bytes = 0;                            ///< of all its files
  std::string model;                            ///< as given to IndexWriter
  std::map<std::string, std::string> metadata;  ///< as given to IndexWriter
};

/// One result. The views live as long as the Index.
struct Hit {
  int64_t position = 0;  ///< row in the index
  float score = 0;       ///< inner product with the query
  std::string_view id;
  std::string_view text;
};

/// Writes an index directory. Rows go to disk as they are added: memory grows by 21 to 64 bytes a
/// row, whatever their size. A reader of an index that is being replaced sees the old one until
/// Finish() has put the new one in its place; an unfinished writer leaves nothing behind. Single
/// thread.
class BGE_API IndexWriter {
 public:
  /// `dir` must be absent (it is then created), empty, or an index, which is replaced on Finish();
  /// anything else is kInvalidArgument, as is a second writer at the same time.
  /// dimension: 1 to 1,048,576. model and metadata (valid UTF-8) are kept for those who search.
  IndexWriter(const std::filesystem::path& dir, int64_t dimension, std::string model,
              std::map<std::string, std::string> metadata = {});
  IndexWriter(IndexWriter&&) noexcept;
  ~IndexWriter();

  /// ids and texts are any bytes; the id must be new. vector: [dimension], finite. Throws
  /// kInvalidArgument otherwise, and the row is then not added.
  void Add(std::string_view id, std::string_view text, std::span<const float> vector);
  /// Syncs everything and makes it the index at `dir`. Nothing can be added afterwards.
  void Finish();

  int64_t count() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// An opened index. Immutable, mapped from disk; thread-safe.
class BGE_API Index {
 public:
  /// Reads the manifest, maps the files and checks their sizes, in time that does not depend on
  /// their size; Verify() checks everything else. Throws kNotFound where there is no index,
  /// kCorruptData, or kUnsupported for one of a later version.
  static Index Open(const std::filesystem::path& dir);

  Index(Index&&) noexcept;
  Index& operator=(Index&&) noexcept;
  ~Index();

  const IndexInfo& info() const;

  /// The min(top_k, count) rows of highest inner product for each query, best first; equal scores
  /// in row order. A product that is not a number ranks last, as -infinity. The hits of a query do
  /// not depend on the other queries nor on the number of threads.
  /// queries: [n, dimension], finite. threads: as EmbedderOptions::threads; they are kept
  /// for the next call. Throws kInvalidArgument.
  std::vector<std::vector<Hit>> Search(std::span<const float> queries, int64_t top_k,
                                       int threads = 0) const;

  /// position: [0, count), else kInvalidArgument. kCorruptData where a row's stored offsets are
  /// wrong.
  std::string_view id(int64_t position) const;
  std::string_view text(int64_t position) const;
  std::span<const float> vector(int64_t position) const;

  /// Reads every byte and compares checksums, offsets and values; throws kCorruptData.
  void Verify() const;

 private:
  class Impl;
  explicit Index(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace bge

#endif  // BGE_INDEX_H_
