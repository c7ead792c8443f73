// The number formats of weight files, by their names in safetensors.
#ifndef BGE_WEIGHTS_STORED_DTYPE_H_
#define BGE_WEIGHTS_STORED_DTYPE_H_

#include "tensor/dtype.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace bge {

/// Those without `readable` may be in a file, but nobody reads them.
struct StoredDType {
  std::string_view name;
  uint64_t bits;
  std::optional<DType> readable;
};

/// Every dtype that safetensors knows.
inline constexpr StoredDType kStoredDTypes[] = {
    {"F32", 32, DType::kF32},         {"F16", 16, DType::kF16},
    {"BF16", 16, DType::kBF16},       {"BOOL", 8, std::nullopt},
    {"U8", 8, std::nullopt},          {"I8", 8, DType::kI8},
    {"I16", 16, std::nullopt},        {"U16", 16, std::nullopt},
    {"I32", 32, std::nullopt},        {"U32", 32, std::nullopt},
    {"I64", 64, std::nullopt},        {"U64", 64, std::nullopt},
    {"F64", 64, std::nullopt},        {"C64", 64, std::nullopt},
    {"F8_E4M3", 8, std::nullopt},     {"F8_E5M2", 8, std::nullopt},
    {"F8_E8M0", 8, std::nullopt},     {"F8_E4M3FNUZ", 8, std::nullopt},
    {"F8_E5M2FNUZ", 8, std::nullopt}, {"F4", 4, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},     {"F6_E3M2", 6, std::nullopt},
};

/// Null where the name is unknown.
constexpr const StoredDType* FindStoredDType(std::string_view name) {
  for (const StoredDType& dtype : kStoredDTypes) {
    if (dtype.name == name) return &dtype;
  }
  return nullptr;
}

}  // namespace bge

#endif  // BGE_WEIGHTS_STORED_DTYPE_H_
