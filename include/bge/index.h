// An on-disk collection of ids, texts and vectors, searched exactly by inner product.
//
// docs/formats/index.md has the bytes.
#ifndef BGE_INDEX_H_
#define BGE_INDEX_H_

#include "bge/export.h"
#include "bge/types.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// Rows of an index that were written together.
struct IndexSegment {
  std::string name;
  int64_t rows = 0;     ///< those that are deleted included
  int64_t deleted = 0;  ///< rows that are still on disk
  int64_t bytes = 0;    ///< of its files
};

/// What an index says of itself.
struct IndexInfo {
  int64_t count = 0;  ///< rows, without those that are deleted
  int64_t dimension = 0;
  int64_t bytes = 0;                            ///< of all its files
  int64_t deleted = 0;                          ///< rows that are still on disk
  int64_t generation = 0;                       ///< commits since it was built, that one included
  std::vector<IndexSegment> segments;           ///< in the order of their rows
  std::string model;                            ///< as given to IndexWriter
  std::map<std::string, std::string> metadata;  ///< as given to IndexWriter
};

/// One result. The views live as long as the Index.
struct Hit {
  int64_t position = 0;  ///< of the row; see Index
  float score = 0;       ///< inner product with the query
  std::string_view id;
  std::string_view text;
};

/// Writes a new index directory. Rows go to disk as they are added: memory grows by 21 to 64 bytes
/// a row, whatever their size. A reader of an index that is being replaced sees the old one until
/// Finish() has put the new one in its place; an unfinished writer leaves nothing behind. Single
/// thread. A copy in a forked child refuses all, kInvalidArgument, and leaves its parent's files
/// and lock alone.
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
  /// kInvalidArgument otherwise, and the row is then not added. After kIo, from here or from
  /// Finish(), nothing can be added and nothing is written: there is no new index.
  void Add(std::string_view id, std::string_view text, std::span<const float> vector);
  /// Syncs everything and makes it the index at `dir`. Nothing can be added afterwards.
  void Finish();

  int64_t count() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

struct IndexEditorOptions {
  /// Called with one line where segments could not be merged, which does not stop the work. (One
  /// that is damaged stays as it is; the others are merged without it.)
  std::function<void(const std::string&)> on_warning = {};
};

/// Adds rows to an index and deletes others. What is done between two commits happens together or
/// not at all, whenever the process or the machine stops: readers, also those that open the index
/// meanwhile, see the last commit until the next one has ended. Holds the index's lock: there is
/// one writer at a time. Rows go to disk as they are added; memory: a bit a row, and, from the
/// first call that names an id on, 21 to 64 bytes a row. Single thread. A copy in a forked child
/// refuses all, kInvalidArgument, and leaves its parent's files and lock alone.
class BGE_API IndexEditor {
 public:
  /// Error(kNotFound) where there is no index, kInvalidArgument where another writer is at work,
  /// kCorruptData. Removes what writers that died have left.
  explicit IndexEditor(const std::filesystem::path& dir, IndexEditorOptions options = {});
  IndexEditor(IndexEditor&&) noexcept;
  ~IndexEditor();  ///< what is not committed is dropped

  /// As IndexWriter::Add. The id must be one that no row has. The first call of this and the next
  /// three reads all ids: kCorruptData where those of a segment are damaged.
  void Add(std::string_view id, std::string_view text, std::span<const float> vector);
  /// The same; a row that has the id is deleted first. The new row comes last.
  void Replace(std::string_view id, std::string_view text, std::span<const float> vector);
  /// Whether there was a row with that id.
  bool Delete(std::string_view id);
  bool Contains(std::string_view id);

  /// Makes it so: synced to disk when this returns. Where it throws, the index is the old one or
  /// the new one, and this object can no longer be used. Small segments, and those that are mostly
  /// deleted, are then merged (docs/formats/index.md says which); should that fail, the commit has
  /// happened all the same. A commit of nothing does nothing. Error(kInvalidArgument) where the
  /// index would be over a limit of the format. Syncs some ten files, and as many again where it
  /// merges: for many rows, commit seldom.
  void Commit();
  /// Commits, and makes one segment of all, without the deleted rows. Every byte is checked on the
  /// way: Error(kCorruptData). The order of rows stays, so searches give what they gave.
  void Compact();

  int64_t count() const;  ///< rows, with what is not committed
  /// All that were ever added since the index was built, with what is not committed: a number that
  /// never comes back, for names of rows.
  int64_t rows_added() const;
  IndexInfo info() const;  ///< of the last commit

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// An opened index: one commit of it, whatever writers do. Immutable, mapped from disk;
/// thread-safe. A row's position is its place among those that are not deleted, in the order in
/// which they were added.
class BGE_API Index {
 public:
  /// Reads the manifest, maps the files and checks their sizes, in time that does not depend on
  /// their size (but for a bit a row, where rows are deleted); Verify() checks everything else.
  /// Throws kNotFound where there is no index, kCorruptData, or kUnsupported for one of a later
  /// version.
  static Index Open(const std::filesystem::path& dir);

  Index(Index&&) noexcept;
  Index& operator=(Index&&) noexcept;
  ~Index();

  const IndexInfo& info() const;

  /// The index as it is now, where it has changed since this one was opened; else nullopt. Costs a
  /// look at the manifest where nothing has changed. Segments that both have are mapped once; this
  /// object, and the views that it gave, stay as they are. Throws as Open.
  std::optional<Index> Refresh() const;

  /// The min(top_k, count) rows of highest inner product for each query, best first; equal scores
  /// by position. A product that is not a number ranks last, as -infinity. The hits of a query do
  /// not depend on the other queries nor on the number of threads.
  /// queries: [n, dimension], finite. threads: as EmbedderOptions::threads; they are kept
  /// for the next calls. Throws kInvalidArgument, and kCorruptData where a hit's stored offsets are
  /// wrong.
  std::vector<std::vector<Hit>> Search(std::span<const float> queries, int64_t top_k,
                                       int threads = 0) const;

  /// position: [0, count), else kInvalidArgument. kCorruptData where a row's stored offsets are
  /// wrong.
  std::string_view id(int64_t position) const;
  std::string_view text(int64_t position) const;
  std::span<const float> vector(int64_t position) const;

  /// Reads every byte and compares checksums, offsets and values, and that no two rows have the
  /// same id; throws kCorruptData. Takes memory as an IndexEditor does.
  void Verify() const;

 private:
  class Impl;
  explicit Index(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace bge

#endif  // BGE_INDEX_H_
