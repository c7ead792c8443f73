// NumPy's .npy files: matrices of floating-point numbers, checked before a value is touched.
#ifndef BGE_APPS_NPY_READER_H_
#define BGE_APPS_NPY_READER_H_

#include "base/file.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace bge::cli {

/// A mapped array of shape [rows, columns], little-endian, C order, of float16, float32 or float64.
/// Immutable; thread-safe.
class NpyMatrix {
 public:
  /// Error(kNotFound / kIo), kCorruptData where the file is not what its format says, kUnsupported
  /// for other types, orders and numbers of dimensions. All name file, field, found and expected.
  static NpyMatrix Open(const std::string& path);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  /// Row `row` of [0, rows()) as float32 into `values`, which has columns() elements.
  void ReadRow(int64_t row, std::span<float> values) const;

 private:
  NpyMatrix() = default;

  std::shared_ptr<const MappedFile> file_;
  size_t data_offset_ = 0;
  size_t value_bytes_ = 4;  // 2, 4 or 8
  int64_t rows_ = 0;
  int64_t columns_ = 0;
};

}  // namespace bge::cli

#endif  // BGE_APPS_NPY_READER_H_
