// Which rows of a segment are deleted: a bit a row.
#ifndef BGE_INDEX_DELETED_ROWS_H_
#define BGE_INDEX_DELETED_ROWS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bge::index {

/// A set of rows. Changed by one thread only; reading is thread-safe.
class DeletedRows {
 public:
  /// None of `rows` rows, which takes no memory.
  explicit DeletedRows(int64_t rows = 0);
  /// The file's content as docs/formats/index.md has it: FileBytes(rows) bytes, of which those bits
  /// that are no row must be 0. Error(kCorruptData) naming `path`, also where it does not say
  /// `count` rows.
  static DeletedRows Parse(std::string_view bytes, int64_t rows, int64_t count,
                           const std::string& path);
  /// The size of the file for so many rows.
  static uint64_t FileBytes(int64_t rows) {
    return static_cast<uint64_t>(rows / 8 + (rows % 8 != 0));
  }

  /// Of the segment, deleted or not.
  int64_t rows() const { return rows_; }
  /// How many are deleted.
  int64_t count() const { return count_; }
  bool Contains(int64_t row) const {
    return !words_.empty() && (words_[static_cast<size_t>(row / 64)] >> (row % 64) & 1) != 0;
  }
  void Insert(int64_t row);
  /// One more row, which is not deleted.
  void Append();
  std::string Bytes() const;

 private:
  friend class LiveRows;
  int64_t rows_ = 0;
  int64_t count_ = 0;
  std::vector<uint64_t> words_;  // bits past the last row are 0; empty: none is set
};

/// The rows that are not deleted, numbered from 0. Immutable; thread-safe.
class LiveRows {
 public:
  explicit LiveRows(DeletedRows deleted);

  const DeletedRows& deleted() const { return deleted_; }
  int64_t count() const { return deleted_.rows() - deleted_.count(); }
  /// The row of the live row `number`: [0, count()).
  int64_t RowOf(int64_t number) const;
  /// How many live rows come before `row`: [0, rows()].
  int64_t NumberOf(int64_t row) const;

 private:
  DeletedRows deleted_;
  std::vector<int64_t> before_;  // live rows before each block of words; empty: none is deleted
};

}  // namespace bge::index

#endif  // BGE_INDEX_DELETED_ROWS_H_
