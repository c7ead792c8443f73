// What an index says of itself, from its manifest.
#ifndef BGE_INDEX_INDEX_INFO_H_
#define BGE_INDEX_INDEX_INFO_H_

#include "bge/index.h"

#include "index/manifest.h"

#include <cstdint>

namespace bge::index {

/// `manifest_bytes`: the size of its file.
IndexInfo InfoOf(const Manifest& manifest, uint64_t manifest_bytes);

}  // namespace bge::index

#endif  // BGE_INDEX_INDEX_INFO_H_
