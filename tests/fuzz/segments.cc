// The files of an index's segment, as an index reads them. The input is the number of rows, then
// vectors, ids, offsets, texts and deleted rows; the manifest is made for them, checksums and sizes
// included, or nothing but a checksum would ever be tried.
#include "bge/index.h"

#include "base/hash.h"
#include "index/deleted_rows.h"
#include "index/manifest.h"
#include "tests/fuzz/test_fuzz.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace {

constexpr int64_t kDimension = 2;
bge::index::FileRecord RecordOf(std::string_view bytes) {
  bge::Sha256 hash;
  hash.Update(std::as_bytes(std::span(bytes)));
  return {bytes.size(), hash.Hex()};
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bge::index;
  if (size < 2) return 0;
  static bge::fuzz::FuzzedFolder folder;
  // Few, or more than a word of the deleted rows' bits.
  const int64_t rows = data[0] < 128 ? data[0] % 17 : 62 + data[0] % 16;
  std::string_view rest(reinterpret_cast<const char*>(data + 2), size - 2);
  const auto take = [&rest](size_t bytes) {
    std::string part(rest.substr(0, bytes));
    rest.remove_prefix(part.size());
    part.resize(bytes);  // what the input lacks is zero
    return part;
  };
  Segment segment;
  segment.name = "segment-0123456789abcdef";
  segment.count = rows;
  const auto count = static_cast<size_t>(rows);
  const std::string vectors = take(count * kDimension * sizeof(float));
  const std::string id_offsets = take((count + 1) * sizeof(uint64_t));
  const std::string text_offsets = take((count + 1) * sizeof(uint64_t));
  const std::string deleted = take(static_cast<size_t>(DeletedRows::FileBytes(rows)));
  const std::string ids(rest.substr(0, rest.size() / 2));
  const std::string texts(rest.substr(rest.size() / 2));
  for (const auto& [part, bytes] :
       {std::pair(Part::kVectors, vectors), std::pair(Part::kIds, ids),
        std::pair(Part::kIdOffsets, id_offsets), std::pair(Part::kTexts, texts),
        std::pair(Part::kTextOffsets, text_offsets)}) {
    segment.files[static_cast<size_t>(part)] = RecordOf(bytes);
    folder.Put(segment.FileName(part), bytes);
  }
  // And what only a checksum, a size or a look finds.
  if ((data[1] & 8) != 0) ++segment.files[static_cast<size_t>(Part::kIds)].bytes;
  if ((data[1] & 16) != 0) segment.files[static_cast<size_t>(Part::kTexts)].sha256[0] = '0';
  if ((data[1] & 32) != 0) folder.Remove(segment.FileName(Part::kVectors));
  const int64_t num_deleted = std::min<int64_t>(data[1] % 8, rows);
  if (num_deleted > 0) {
    segment.deleted = DeletedRecord{"deleted-0123456789abcdef", num_deleted, RecordOf(deleted)};
    if ((data[1] & 64) != 0) ++segment.deleted->file.bytes;
    folder.Put(segment.DeletedFileName(), deleted);
  }
  Manifest manifest;
  manifest.generation = 1;
  manifest.rows_added = rows;
  manifest.dimension = kDimension;
  manifest.model = "m";
  manifest.segments.push_back(segment);
  folder.Put(std::string(kManifestName), FormatManifest(manifest));

  // What a writer does with deleted rows.
  bge::fuzz::Expect([&] {
    DeletedRows bits = DeletedRows::Parse(deleted, rows, num_deleted, "deleted");
    if (bits.Bytes() != deleted) std::abort();
    bits.Append();
    bits.Insert(rows);
    if (!bits.Contains(rows) || bits.count() != num_deleted + 1) std::abort();
    DeletedRows::Parse(bits.Bytes(), rows + 1, num_deleted + 1, "deleted");
  });
  bge::fuzz::Expect([&] {
    const bge::Index index = bge::Index::Open(folder.path());
    // Each up to the first that is damaged: exceptions take most of the time.
    const int64_t live = index.info().count;
    bge::fuzz::Expect([&] {
      for (int64_t row = 0; row < live; ++row) index.id(row);
    });
    bge::fuzz::Expect([&] {
      for (int64_t row = live; row-- > 0;) index.text(row);
    });
    bge::fuzz::Expect([&] {
      for (int64_t row = 0; row < live; ++row) index.vector(row);
    });
    bge::fuzz::Expect([&] { index.Search(std::vector<float>(kDimension, 1.0f), 8, 1); });
    bge::fuzz::Expect([&] { index.Verify(); });
  });
  return 0;
}
