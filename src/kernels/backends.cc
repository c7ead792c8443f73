// The table of backends in this build.
#include "kernels/backend.h"

#include <array>

namespace bge {

std::span<const Backend* const> AllBackends() {
  static const std::array<const Backend*, 2> backends = {&ReferenceBackend(), &CpuBackend()};
  return backends;
}

}  // namespace bge
