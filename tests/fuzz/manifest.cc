// manifest.json of an index: the input is what stands before the checksum, which is made right
// here, or nothing behind it would ever be reached. (The checksum's own checks: the input as it
// is.)
#include "index/manifest.h"

#include "base/hash.h"
#include "tests/fuzz/test_fuzz.h"

#include <cstdlib>
#include <span>
#include <string>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  bge::fuzz::Expect([&] { bge::index::ParseManifest(text, "manifest.json"); });
  // Of a segment, so of an index.
  if (bge::index::IsSegmentFileName(text) && !bge::index::IsIndexFileName(text)) std::abort();
  std::string whole = std::string(text) + "  \"checksum\": \"";
  bge::Sha256 hash;
  hash.Update(std::as_bytes(std::span(whole)));
  whole += hash.Hex() + "\"\n}\n";
  bge::fuzz::Expect([&] {
    const bge::index::Manifest manifest = bge::index::ParseManifest(whole, "manifest.json");
    // What is accepted is written so that it is read as the same.
    const std::string again = bge::index::FormatManifest(manifest);
    if (bge::index::FormatManifest(bge::index::ParseManifest(again, "manifest.json")) != again) {
      std::abort();
    }
    for (const bge::index::Segment& segment : manifest.segments) {
      if (!bge::index::IsSegmentFileName(segment.FileName(bge::index::Part::kIds)) ||
          (segment.deleted && !bge::index::IsSegmentFileName(segment.DeletedFileName()))) {
        std::abort();
      }
    }
  });
  return 0;
}
