// The header of NumPy's .npy format, version 1.0:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#ifndef BGE_APPS_NPY_HEADER_H_
#define BGE_APPS_NPY_HEADER_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bge::cli {

/// Bytes of every header that NpyHeader makes: room for any shape of few dimensions.
inline constexpr size_t kNpyHeaderBytes = 128;

/// `dtype` is NumPy's name: "<f4". C order.
std::string NpyHeader(std::string_view dtype, std::span<const int64_t> shape);

}  // namespace bge::cli

#endif  // BGE_APPS_NPY_HEADER_H_
