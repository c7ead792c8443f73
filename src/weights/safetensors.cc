// Reads .safetensors files: 8 bytes of header length, a JSON header, then the tensors' bytes.
//
// The format's rules are those of the safetensors crate: tensors cover the data from its first to
// its last byte without holes or overlaps. Everything is checked before the source is returned, so
// that Find() is a lookup and a view of it can be read without further checks.
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "weights/mapped_tensors.h"
#include "weights/weight_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <limits>

namespace bge {

namespace {

// The safetensors crate's own limit.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kLengthBytes = 8;
constexpr std::string_view kMetadataKey = "__metadata__";
constexpr std::string_view kFetchAgain = "download the file again";

struct Entry {
  std::string name;
  const StoredDType* dtype = nullptr;
  std::vector<int64_t> dims;
  uint64_t begin = 0;  // byte range in the data
  uint64_t end = 0;
};

// The header's bytes, their length checked.
std::string_view HeaderOf(const MappedFile& file) {
  const std::string path = file.path().string();
  const auto bytes = file.bytes();
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  if (std::string_view(text, bytes.size()).starts_with("version https://git-lfs")) {
    Fail(ErrorCode::kCorruptData, "weights are absent",
         path + ": found a Git LFS pointer, expected a safetensors file",
         "run `git lfs pull`, or download the file itself");
  }
  if (bytes.size() < kLengthBytes) {
    Fail(ErrorCode::kCorruptData, "safetensors file is truncated",
         fmt::format("{}: found {} bytes, expected at least {}", path, bytes.size(), kLengthBytes),
         kFetchAgain);
  }
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) length = length << 8 | static_cast<uint8_t>(text[i]);
  if (length > kMaxHeaderBytes) {
    Fail(ErrorCode::kCorruptData, "safetensors header is too long",
         fmt::format("{}: bytes 0 to 7: found a header length of {}, expected at most {}", path,
                     length, kMaxHeaderBytes),
         kFetchAgain);
  }
  if (length > bytes.size() - kLengthBytes) {
    Fail(ErrorCode::kCorruptData, "safetensors file is truncated",
         fmt::format("{}: found {} bytes after the header length, expected a header of {}", path,
                     bytes.size() - kLengthBytes, length),
         kFetchAgain);
  }
  const std::string_view header(text + kLengthBytes, length);
  if (!header.starts_with('{')) {
    Fail(ErrorCode::kCorruptData, "not a safetensors file",
         path + ": byte 8: the header does not begin with '{'",
         "check that it is the right file, or download it again");
  }
  return header;
}

// One member of the header. `data_bytes`: size of everything after the header.
Entry ReadEntry(std::string_view name, json::Value info, uint64_t data_bytes) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  std::optional<json::Value> dtype_field;
  std::optional<json::Value> shape_field;
  std::optional<json::Value> offsets_field;
  info.ForEachMember([&](std::string_view key, json::Value value) {
    auto* field = key == "dtype"          ? &dtype_field
                  : key == "shape"        ? &shape_field
                  : key == "data_offsets" ? &offsets_field
                                          : nullptr;
    if (field == nullptr) return;
    if (*field) value.Fail("field occurs twice", kFetchAgain);
    *field = value;
  });
  if (!dtype_field || !shape_field || !offsets_field) {
    info.Fail(fmt::format("tensor without \"{}\"", !dtype_field   ? "dtype"
                                                   : !shape_field ? "shape"
                                                                  : "data_offsets"),
              kFetchAgain);
  }

  Entry entry;
  entry.name = name;
  entry.dtype = FindStoredDType(dtype_field->AsString());
  if (entry.dtype == nullptr) {
    Fail(ErrorCode::kUnsupported, "unknown dtype",
         fmt::format("{}: found \"{}\", expected F32, F16, BF16 or another of the format",
                     dtype_field->Where(), Printable(dtype_field->AsString(), 40)),
         "save the weights as float32, float16 or bfloat16");
  }
  entry.dims.reserve(shape_field->size());
  shape_field->ForEachElement([&](json::Value dim) { entry.dims.push_back(dim.AsIntIn(0, kMax)); });
  if (!offsets_field->is_array() || offsets_field->size() != 2) {
    offsets_field->Fail("expected [begin, end]", kFetchAgain);
  }
  const auto offsets = offsets_field->Elements();
  entry.begin = static_cast<uint64_t>(offsets[0].AsIntIn(0, kMax));
  entry.end = static_cast<uint64_t>(offsets[1].AsIntIn(0, kMax));
  if (entry.begin > entry.end || entry.end > data_bytes) {
    offsets_field->Fail(
        fmt::format(
            "tensor lies outside of the file: found bytes {} to {}, expected a range within "
            "{} bytes of data",
            entry.begin, entry.end, data_bytes),
        kFetchAgain);
  }
  const auto expected = TensorBytes(entry.dims, *entry.dtype);
  if (!expected || *expected != entry.end - entry.begin) {
    const std::string size = expected ? std::to_string(*expected) : "no whole number of";
    info.Fail(
        fmt::format("size does not fit the shape: found {} bytes, expected {} for {} {}",
                    entry.end - entry.begin, size, entry.dtype->name, DimsToString(entry.dims)),
        kFetchAgain);
  }
  return entry;
}

// Tensors must follow each other from the first byte of the data to the last.
void CheckNoHoles(const std::vector<Entry>& entries, uint64_t data_bytes, const std::string& path) {
  std::vector<const Entry*> by_offset;
  by_offset.reserve(entries.size());
  for (const Entry& entry : entries) by_offset.push_back(&entry);
  std::sort(by_offset.begin(), by_offset.end(), [](const Entry* a, const Entry* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  uint64_t next = 0;
  for (const Entry* entry : by_offset) {
    if (entry->begin != next) {
      Fail(ErrorCode::kCorruptData,
           entry->begin < next ? "tensors overlap" : "hole between tensors",
           fmt::format("{}: tensor {}: found it at data byte {}, expected {}", path,
                       Printable(entry->name), entry->begin, next),
           kFetchAgain);
    }
    next = entry->end;
  }
  if (next != data_bytes) {
    Fail(ErrorCode::kCorruptData, "bytes after the last tensor",
         fmt::format("{}: found {} bytes of data, expected {}", path, data_bytes, next),
         kFetchAgain);
  }
}

std::map<std::string, std::string> ReadMetadata(json::Value metadata) {
  std::map<std::string, std::string> result;
  metadata.ForEachMember([&](std::string_view key, json::Value value) {
    result[std::string(key)] = value.AsString();
  });
  return result;
}

}  // namespace

std::shared_ptr<const WeightSource> OpenSafetensors(const std::filesystem::path& path) {
  auto file = MappedFile::Open(path);
  const std::string_view header = HeaderOf(*file);
  const auto data = file->bytes().subspan(kLengthBytes + header.size());
  const auto document = json::Document::Parse(header, path.string());
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
  entries.reserve(document->root().size());
  document->root().ForEachMember([&](std::string_view name, json::Value value) {
    if (name == kMetadataKey) {
      metadata = ReadMetadata(value);
    } else {
      entries.push_back(ReadEntry(name, value, data.size()));
    }
  });
  CheckNoHoles(entries, data.size(), path.string());
  std::vector<MappedTensor> tensors;
  tensors.reserve(entries.size());
  for (Entry& entry : entries) {
    tensors.push_back({std::move(entry.name), entry.dtype, std::move(entry.dims),
                       data.subspan(entry.begin, entry.end - entry.begin)});
  }
  return MakeMappedTensors(std::move(file), std::move(tensors), std::move(metadata));
}

}  // namespace bge
