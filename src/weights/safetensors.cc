// Reads .safetensors files: 8 bytes of header length, a JSON header, then the tensors' bytes.
//
// The format's rules are those of the safetensors crate: tensors cover the data from its first to
// its last byte without holes or overlaps. Everything is checked before the source is returned, so
// that Find() is a lookup and a view of it can be read without further checks.
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/numeric.h"
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

// Every dtype that the format knows. Those without `readable` may be in a file, but nobody reads
// them.
struct StoredDType {
  std::string_view name;
  uint64_t bits;
  std::optional<DType> readable;
};
constexpr StoredDType kDTypes[] = {
    {"F32", 32, DType::kF32},         {"F16", 16, DType::kF16},
    {"BF16", 16, DType::kBF16},       {"BOOL", 8, std::nullopt},
    {"U8", 8, std::nullopt},          {"I8", 8, DType::kI8},
    {"I16", 16, std::nullopt},        {"U16", 16, std::nullopt},
    {"I32", 32, std::nullopt},        {"U32", 32, std::nullopt},
    {"I64", 64, std::nullopt},        {"U64", 64, std::nullopt},
    {"F64", 64, std::nullopt},        {"C64", 64, std::nullopt},
    {"F8_E4M3", 8, std::nullopt},     {"F8_E5M2", 8, std::nullopt},
    {"F8_E8M0", 8, std::nullopt},     {"F8_E4M3FNUZ", 8, std::nullopt},
    {"F8_E5M2FNUZ", 8, std::nullopt}, {"F4", 4, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},     {"F6_E3M2", 6, std::nullopt},
};

const StoredDType* FindDType(std::string_view name) {
  for (const StoredDType& dtype : kDTypes) {
    if (dtype.name == name) return &dtype;
  }
  return nullptr;
}

struct Entry {
  std::string name;
  const StoredDType* dtype = nullptr;
  std::vector<int64_t> dims;
  uint64_t begin = 0;  // byte range in the data
  uint64_t end = 0;
};

std::string DimsToString(const std::vector<int64_t>& dims) {
  constexpr size_t kMostShown = 8;
  const auto shown = std::span(dims).first(std::min(dims.size(), kMostShown));
  return fmt::format("[{}{}]", fmt::join(shown, ", "), dims.size() > kMostShown ? ", ..." : "");
}

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

// Bytes that a tensor of these dims and dtype takes; nullopt where that is not a whole number that
// fits.
std::optional<uint64_t> TensorBytes(const std::vector<int64_t>& dims, const StoredDType& dtype) {
  std::optional<uint64_t> n = 1;
  for (const int64_t dim : dims) {
    n = CheckedMul(*n, static_cast<uint64_t>(dim));
    if (!n) return std::nullopt;
  }
  const auto bits = CheckedMul(*n, dtype.bits);
  if (!bits || *bits % 8 != 0) return std::nullopt;
  return *bits / 8;
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
  entry.dtype = FindDType(dtype_field->AsString());
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

class SafetensorsFile final : public WeightSource {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path) : file_(MappedFile::Open(path)) {
    const std::string_view header = HeaderOf(*file_);
    data_ = file_->bytes().subspan(kLengthBytes + header.size());
    const auto document = json::Document::Parse(header, path.string());
    entries_.reserve(document->root().size());
    document->root().ForEachMember([&](std::string_view name, json::Value value) {
      if (name == kMetadataKey) return ReadMetadata(value);
      entries_.push_back(ReadEntry(name, value, data_.size()));
    });
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return a.name < b.name; });
    const auto twice =
        std::adjacent_find(entries_.begin(), entries_.end(),
                           [](const Entry& a, const Entry& b) { return a.name == b.name; });
    if (twice != entries_.end()) {
      Fail(ErrorCode::kCorruptData, "tensor name occurs twice",
           path.string() + ": tensor " + Printable(twice->name), kFetchAgain);
    }
    CheckNoHoles(entries_, data_.size(), path.string());
  }

  std::optional<TensorView> Find(std::string_view name) const override {
    const Entry* it = FindEntry(name);
    if (it == nullptr) return std::nullopt;
    if (!it->dtype->readable) {
      Fail(ErrorCode::kUnsupported, "cannot read tensors of this dtype",
           fmt::format("{}: tensor {}: found {}, expected F32, F16, BF16 or I8", FileOf(name),
                       Printable(name), it->dtype->name),
           "save the weights as float32, float16 or bfloat16");
    }
    if (it->dims.size() > 4) {
      Fail(ErrorCode::kUnsupported, "tensor has too many dimensions",
           fmt::format("{}: tensor {}: found {}, expected at most 4", FileOf(name), Printable(name),
                       it->dims.size()),
           "give a model of a supported architecture");
    }
    TensorView view;
    view.data = data_.data() + it->begin;
    view.dtype = *it->dtype->readable;
    for (const int64_t dim : it->dims) view.shape.Append(dim);
    return view;
  }

  std::optional<StoredTensor> FindStored(std::string_view name) const override {
    const Entry* it = FindEntry(name);
    if (it == nullptr) return std::nullopt;
    return StoredTensor{it->dtype->name, it->dims, data_.subspan(it->begin, it->end - it->begin)};
  }

  std::vector<std::string> Names() const override {
    std::vector<std::string> names;
    names.reserve(entries_.size());
    for (const Entry& entry : entries_) names.push_back(entry.name);
    return names;
  }

  std::string FileOf(std::string_view) const override { return file_->path().string(); }
  const std::map<std::string, std::string>& Metadata() const override { return metadata_; }
  std::vector<std::string> Files() const override { return {file_->path().filename().string()}; }
  std::vector<std::string> FileStates() const override { return {file_->state()}; }

  void Release(const TensorView& view) const override {
    const auto* begin = static_cast<const std::byte*>(view.data);
    const auto bytes = file_->bytes();
    const std::less<const std::byte*> before;
    if (bytes.empty() || before(begin, bytes.data()) ||
        !before(begin, bytes.data() + bytes.size())) {
      return;  // not of this file
    }
    file_->Release(static_cast<size_t>(begin - bytes.data()), view.num_bytes());
  }

 private:
  const Entry* FindEntry(std::string_view name) const {
    const auto it =
        std::lower_bound(entries_.begin(), entries_.end(), name,
                         [](const Entry& entry, std::string_view key) { return entry.name < key; });
    return it == entries_.end() || it->name != name ? nullptr : &*it;
  }

  void ReadMetadata(json::Value metadata) {
    metadata.ForEachMember([&](std::string_view key, json::Value value) {
      metadata_[std::string(key)] = value.AsString();
    });
  }

  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> data_;  // of file_, after the header
  std::vector<Entry> entries_;       // sorted by name
  std::map<std::string, std::string> metadata_;
};

}  // namespace

std::shared_ptr<const WeightSource> OpenSafetensors(const std::filesystem::path& path) {
  return std::make_shared<const SafetensorsFile>(path);
}

}  // namespace bge
