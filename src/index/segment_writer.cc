// See segment_writer.h.
#include "index/segment_writer.h"

#include "base/error.h"
#include "base/file_operations.h"

#include <bit>
#include <cstring>
#include <utility>

namespace bge::index {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "index files are little-endian");

namespace {

template <typename T>
std::string_view BytesOf(const T* data, size_t n) {
  return {reinterpret_cast<const char*>(data), n * sizeof(T)};
}

}  // namespace

PlacedFiles::~PlacedFiles() {
  if (!owner_.IsThisOne()) return;
  for (const fs::path& file : files_) FileOperations::Current().Unlink(file.c_str());
}

void SegmentWriter::HashedFile::Write(std::string_view bytes) {
  hash_.Update(std::as_bytes(std::span(bytes)));
  file_.Write(bytes);
}

FileRecord SegmentWriter::HashedFile::CommitName() {
  const uint64_t bytes = file_.size();
  file_.CommitName();
  return {bytes, hash_.Hex()};
}

SegmentWriter::SegmentWriter(fs::path dir, int64_t dimension)
    : dir_(std::move(dir)), dimension_(dimension) {
  record_.name = NewSegmentName();
  for (size_t i = 0; i < kNumParts; ++i) files_[i].emplace(PathOf(static_cast<Part>(i)));
  WriteOffsets();
}

void SegmentWriter::Add(std::string_view id, std::string_view text, std::span<const float> vector) {
  BGE_CHECK(static_cast<int64_t>(vector.size()) == dimension_);
  File(Part::kVectors).Write(BytesOf(vector.data(), vector.size()));
  File(Part::kIds).Write(id);
  File(Part::kTexts).Write(text);
  WriteOffsets();
  ++record_.count;
}

std::string SegmentWriter::ReadId(int64_t row) {
  const std::string bytes =
      File(Part::kIdOffsets).ReadAt(static_cast<uint64_t>(row) * 8, 2 * sizeof(uint64_t));
  std::array<uint64_t, 2> offsets;
  std::memcpy(offsets.data(), bytes.data(), sizeof(offsets));
  return File(Part::kIds).ReadAt(offsets[0], offsets[1] - offsets[0]);
}

void SegmentWriter::WriteOffsets() {
  const uint64_t id_end = File(Part::kIds).size();
  const uint64_t text_end = File(Part::kTexts).size();
  File(Part::kIdOffsets).Write(BytesOf(&id_end, 1));
  File(Part::kTextOffsets).Write(BytesOf(&text_end, 1));
}

Segment SegmentWriter::Place(PlacedFiles* placed) {
  for (size_t i = 0; i < kNumParts; ++i) {
    record_.files[i] = files_[i]->CommitName();
    placed->Add(PathOf(static_cast<Part>(i)));
  }
  return record_;
}

std::optional<DeletedRecord> PlaceDeletedRows(const fs::path& dir, const Segment& segment,
                                              const DeletedRows& deleted, PlacedFiles* placed) {
  if (deleted.count() == 0) return std::nullopt;
  Segment named;
  named.name = segment.name;
  named.deleted = DeletedRecord{NewDeletedName(), deleted.count(), {}};
  const std::string bytes = deleted.Bytes();
  Sha256 hash;
  hash.Update(std::as_bytes(std::span(bytes)));
  named.deleted->file = {bytes.size(), hash.Hex()};
  const fs::path path = dir / named.DeletedFileName();
  AtomicFile file(path);
  file.Write(bytes);
  file.CommitName();
  placed->Add(path);
  return named.deleted;
}

}  // namespace bge::index
