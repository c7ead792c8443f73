// The number types that linear layers can be computed in: one row each.
#ifndef BGE_BENCH_COMPUTE_TYPES_H_
#define BGE_BENCH_COMPUTE_TYPES_H_

#include "kernels/backend.h"

#include <memory>
#include <span>
#include <string_view>

namespace bge {

struct ComputeType {
  std::string_view name;
  /// The linear layer of these float32 weights, as Backend::PrepareLinear makes it for the type.
  std::unique_ptr<const PreparedLinear> (*prepare)(const Backend& backend,
                                                   std::span<const TensorView> parts);
};

inline constexpr ComputeType kComputeTypes[] = {
    {"float32", [](const Backend& backend, std::span<const TensorView> parts) {
       return backend.PrepareLinear(parts);
     }}};

}  // namespace bge

#endif  // BGE_BENCH_COMPUTE_TYPES_H_
