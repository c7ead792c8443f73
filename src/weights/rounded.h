// Weights as a checkpoint of a 16-bit type would have them.
#ifndef BGE_WEIGHTS_ROUNDED_H_
#define BGE_WEIGHTS_ROUNDED_H_

#include "bge/types.h"

#include "base/parallel.h"
#include "weights/weight_source.h"

#include <memory>

namespace bge {

/// `source`, its floating-point tensors rounded to the nearest numbers of another type: what torch
/// makes of them where a model is loaded in that type. Stored tensors stay what they are, and so do
/// int8 ones. A rounded tensor is a copy, made where it is looked for and freed by Release(), which
/// ends its views. `source` itself where nothing is to be rounded. With a pool, which must outlive
/// every call of Find(), a tensor is rounded on its threads.
std::shared_ptr<const WeightSource> RoundWeights(std::shared_ptr<const WeightSource> source,
                                                 WeightRounding rounding,
                                                 ThreadPool* pool = nullptr);

}  // namespace bge

#endif  // BGE_WEIGHTS_ROUNDED_H_
