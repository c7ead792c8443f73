// See deleted_rows.h.
#include "index/deleted_rows.h"

#include "base/error.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace bge::index {
namespace {

constexpr int64_t kBlockWords = 8;  // a cache line of bits for each number in before_
constexpr int64_t kBlockRows = kBlockWords * 64;

[[noreturn]] void Damaged(const std::string& path, const std::string& problem) {
  Fail(ErrorCode::kCorruptData, "damaged index", path + ": " + problem, "build the index again");
}

size_t NumWords(int64_t rows) { return static_cast<size_t>(rows / 64 + (rows % 64 != 0)); }

}  // namespace

DeletedRows::DeletedRows(int64_t rows) : rows_(rows) {}

DeletedRows DeletedRows::Parse(std::string_view bytes, int64_t rows, int64_t count,
                               const std::string& path) {
  if (bytes.size() != FileBytes(rows)) {
    Damaged(path, "found " + std::to_string(bytes.size()) + " bytes, expected " +
                      std::to_string(FileBytes(rows)));
  }
  DeletedRows deleted(rows);
  deleted.words_.resize(NumWords(rows));
  if (!bytes.empty()) std::memcpy(deleted.words_.data(), bytes.data(), bytes.size());
  for (const uint64_t word : deleted.words_) deleted.count_ += std::popcount(word);
  if (rows % 64 != 0 && deleted.words_.back() >> (rows % 64) != 0) {
    Damaged(path, "found a bit after that of row " + std::to_string(rows - 1) + ", expected none");
  }
  if (deleted.count_ != count) {
    Damaged(path, "found " + std::to_string(deleted.count_) + " deleted rows, expected " +
                      std::to_string(count));
  }
  return deleted;
}

void DeletedRows::Insert(int64_t row) {
  BGE_CHECK(row >= 0 && row < rows_);
  if (Contains(row)) return;
  if (words_.empty()) words_.resize(NumWords(rows_));
  words_[static_cast<size_t>(row / 64)] |= uint64_t{1} << (row % 64);
  ++count_;
}

void DeletedRows::Append() {
  if (!words_.empty() && rows_ % 64 == 0) words_.push_back(0);
  ++rows_;
}

std::string DeletedRows::Bytes() const {
  std::string bytes(FileBytes(rows_), '\0');
  if (!words_.empty()) std::memcpy(bytes.data(), words_.data(), bytes.size());
  return bytes;
}

LiveRows::LiveRows(DeletedRows deleted) : deleted_(std::move(deleted)) {
  if (deleted_.count() == 0) return;
  int64_t live = 0;
  for (size_t word = 0; word < deleted_.words_.size(); ++word) {
    if (word % kBlockWords == 0) before_.push_back(live);
    live += 64 - std::popcount(deleted_.words_[word]);
  }
}

int64_t LiveRows::RowOf(int64_t number) const {
  BGE_DCHECK(number >= 0 && number < count());
  if (before_.empty()) return number;
  const auto block = std::upper_bound(before_.begin(), before_.end(), number) - 1;
  int64_t left = number - *block;
  size_t word = static_cast<size_t>(block - before_.begin()) * kBlockWords;
  for (;; ++word) {
    const int64_t live = 64 - std::popcount(deleted_.words_[word]);
    if (left < live) break;
    left -= live;
  }
  uint64_t bits = ~deleted_.words_[word];
  for (; left > 0; --left) bits &= bits - 1;  // forgets the lowest
  return static_cast<int64_t>(word) * 64 + std::countr_zero(bits);
}

int64_t LiveRows::NumberOf(int64_t row) const {
  BGE_DCHECK(row >= 0 && row <= deleted_.rows());
  if (before_.empty()) return row;
  if (row == deleted_.rows()) return count();
  const int64_t block = row / kBlockRows;
  int64_t number = before_[static_cast<size_t>(block)];
  int64_t word = block * kBlockWords;
  for (; word < row / 64; ++word) {
    number += 64 - std::popcount(deleted_.words_[static_cast<size_t>(word)]);
  }
  const uint64_t lower = (uint64_t{1} << (row % 64)) - 1;
  return number + std::popcount(~deleted_.words_[static_cast<size_t>(word)] & lower);
}

}  // namespace bge::index
