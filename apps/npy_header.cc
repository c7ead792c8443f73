#include "apps/npy_header.h"

#include "base/error.h"

#include <fmt/format.h>

namespace bge::cli {

std::string NpyHeader(std::string_view dtype, std::span<const int64_t> shape) {
  std::string dims;
  for (const int64_t dim : shape) dims += fmt::format("{}, ", dim);
  if (shape.size() > 1) dims.resize(dims.size() - 2);  // "(3,)", but "(3, 4)"
  const std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", dtype, dims);
  std::string header("\x93NUMPY\x01\x00", 8);
  constexpr size_t kPrefixBytes = 10;
  constexpr size_t kTextBytes = kNpyHeaderBytes - kPrefixBytes;
  header.push_back(static_cast<char>(kTextBytes & 0xFF));
  header.push_back(static_cast<char>(kTextBytes >> 8));
  header += text;
  BGE_CHECK(header.size() < kNpyHeaderBytes);
  header.append(kNpyHeaderBytes - header.size() - 1, ' ');
  header.push_back('\n');
  return header;
}

}  // namespace bge::cli
