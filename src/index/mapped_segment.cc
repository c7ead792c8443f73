// See mapped_segment.h.
#include "index/mapped_segment.h"

#include "base/error.h"
#include "base/hash.h"

#include <cmath>
#include <cstring>
#include <span>
#include <utility>

namespace bge::index {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<const MappedFile> MapFile(const fs::path& path, uint64_t bytes) {
  // A link could lead to any file of the user, whose text a search would then show.
  auto file = MappedFile::Open(path, Links::kRefused);
  const size_t found = file->bytes().size();
  if (found != bytes) {
    FailDamaged(path,
                "found " + std::to_string(found) + " bytes, expected " + std::to_string(bytes));
  }
  return file;
}

void CheckHash(const MappedFile& file, const std::string& expected) {
  Sha256 hash;
  hash.Update(file.bytes());
  const std::string found = hash.Hex();
  if (found == expected) return;
  std::string difference = "found SHA-256 ";
  difference.append(found).append(", expected ").append(expected);
  FailDamaged(file.path(), difference);
}

// Small, and a wrong bit would bring a row back or hide one: its checksum is compared at once.
LiveRows ReadDeleted(const fs::path& dir, const Segment& record) {
  if (!record.deleted) return LiveRows(DeletedRows(record.count));
  const auto file = MapFile(dir / record.DeletedFileName(), record.deleted->file.bytes);
  CheckHash(*file, record.deleted->file.sha256);
  const std::span<const std::byte> bytes = file->bytes();
  return LiveRows(DeletedRows::Parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                     record.count, record.deleted->count, file->path().string()));
}

bool HasSameFiles(const Segment& a, const Segment& b) {
  for (size_t i = 0; i < kNumParts; ++i) {
    if (a.files[i].sha256 != b.files[i].sha256 || a.files[i].bytes != b.files[i].bytes)
      return false;
  }
  return a.name == b.name && a.count == b.count;
}

}  // namespace

void FailDamaged(const fs::path& file, const std::string& problem) {
  Fail(ErrorCode::kCorruptData, "damaged index", file.string() + ": " + problem,
       "build the index again");
}

void FailMissing(const Error& not_found) {
  Fail(ErrorCode::kCorruptData, "damaged index: a file that its manifest names is missing",
       not_found.what(), "build the index again");
}

MappedSegment::MappedSegment(fs::path dir, Segment record, int64_t dimension)
    : dir_(std::move(dir)), record_(std::move(record)), dimension_(dimension) {}

std::shared_ptr<const MappedSegment> MappedSegment::Open(const fs::path& dir, const Segment& record,
                                                         int64_t dimension,
                                                         const MappedSegment* known) {
  if (known != nullptr &&
      (dimension != known->dimension_ || !HasSameFiles(record, known->record_))) {
    known = nullptr;
  }
  std::shared_ptr<MappedSegment> segment(new MappedSegment(dir, record, dimension));
  for (size_t i = 0; i < kNumParts; ++i) {
    segment->files_[i] = known != nullptr ? known->files_[i]
                                          : MapFile(dir / record.FileName(static_cast<Part>(i)),
                                                    record.files[i].bytes);
  }
  segment->live_ = ReadDeleted(dir, record);  // now that there are files of so many rows
  return segment;
}

uint64_t MappedSegment::Offset(Part offsets, int64_t row) const {
  uint64_t value;
  std::memcpy(&value, File(offsets).bytes().data() + row * 8, sizeof(value));
  return value;
}

std::string_view MappedSegment::Text(Part data, Part offsets, int64_t row) const {
  const uint64_t begin = Offset(offsets, row);
  const uint64_t end = Offset(offsets, row + 1);
  const std::span<const std::byte> bytes = File(data).bytes();
  if (begin > end || end > bytes.size()) {
    FailDamaged(File(offsets).path(), "row " + std::to_string(row) + ": found offsets " +
                                          std::to_string(begin) + " to " + std::to_string(end) +
                                          ", expected an ascending pair up to " +
                                          std::to_string(bytes.size()));
  }
  return {reinterpret_cast<const char*>(bytes.data()) + begin, end - begin};
}

ConstMatrix MappedSegment::Vectors() const {
  return {reinterpret_cast<const float*>(File(Part::kVectors).bytes().data()), record_.count,
          dimension_};
}

void MappedSegment::Verify() const {
  for (size_t i = 0; i < kNumParts; ++i) CheckHash(*files_[i], record_.files[i].sha256);
  VerifyOffsets(Part::kIds, Part::kIdOffsets);
  VerifyOffsets(Part::kTexts, Part::kTextOffsets);
  VerifyVectors();
}

void MappedSegment::VerifyOffsets(Part data, Part offsets) const {
  const size_t size = File(data).bytes().size();
  if (Offset(offsets, 0) != 0 || Offset(offsets, record_.count) != size) {
    FailDamaged(File(offsets).path(), "found offsets from " + std::to_string(Offset(offsets, 0)) +
                                          " to " + std::to_string(Offset(offsets, record_.count)) +
                                          ", expected 0 to " + std::to_string(size));
  }
  for (int64_t row = 0; row < record_.count; ++row) Text(data, offsets, row);
}

void MappedSegment::VerifyVectors() const {
  const ConstMatrix vectors = Vectors();
  for (int64_t row = 0; row < vectors.rows; ++row) {
    for (int64_t d = 0; d < vectors.cols; ++d) {
      if (std::isfinite(vectors.row(row)[d])) continue;
      FailDamaged(File(Part::kVectors).path(), "row " + std::to_string(row) + ", value " +
                                                   std::to_string(d) +
                                                   ": expected a finite number");
    }
  }
}

}  // namespace bge::index
