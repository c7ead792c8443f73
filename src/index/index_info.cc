#include "index/index_info.h"

#include <utility>

namespace bge::index {

IndexInfo InfoOf(const Manifest& manifest, uint64_t manifest_bytes) {
  IndexInfo info;
  info.dimension = manifest.dimension;
  info.generation = manifest.generation;
  info.model = manifest.model;
  info.metadata = manifest.metadata;
  info.bytes = static_cast<int64_t>(manifest_bytes);
  for (const Segment& segment : manifest.segments) {
    uint64_t bytes = segment.deleted ? segment.deleted->file.bytes : 0;
    for (const FileRecord& file : segment.files) bytes += file.bytes;
    IndexSegment described{segment.name, segment.count, segment.count - segment.live(),
                           static_cast<int64_t>(bytes)};
    info.count += segment.live();
    info.deleted += described.deleted;
    info.bytes += described.bytes;
    info.segments.push_back(std::move(described));
  }
  return info;
}

}  // namespace bge::index
