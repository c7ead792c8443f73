// Peak loops of the data types narrower than float32, whose instructions Highway does not have.
#ifndef BGE_KERNELS_CPU_ROOF_NARROW_H_
#define BGE_KERNELS_CPU_ROOF_NARROW_H_

#include "kernels/cpu/roof.h"

#include <vector>

namespace bge::cpu {

/// Those that this CPU has; none where it is not an x86.
std::vector<PeakLoop> NarrowPeakLoops();

}  // namespace bge::cpu

#endif  // BGE_KERNELS_CPU_ROOF_NARROW_H_
