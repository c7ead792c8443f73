// NumPy's .npy files.
#include "apps/npy_reader.h"
#include "tests/fuzz/test_fuzz.h"

#include <algorithm>
#include <vector>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bge::test::MemoryFile file;
  bge::fuzz::Expect([&] {
    const auto matrix = bge::cli::NpyMatrix::Open(
        file.Write(std::string_view(reinterpret_cast<const char*>(data), size)));
    if (matrix.columns() > 1 << 20) return;
    std::vector<float> row(static_cast<size_t>(matrix.columns()));
    for (int64_t r = 0; r < std::min<int64_t>(matrix.rows(), 16); ++r) matrix.ReadRow(r, row);
  });
  return 0;
}
