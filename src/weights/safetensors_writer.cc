#include "weights/safetensors_writer.h"

#include "base/error.h"
#include "base/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bge {

namespace {

constexpr size_t kLengthBytes = 8;
constexpr size_t kAlignment = 64;

uint64_t ElementBytes(const TensorHeader& tensor) {
  uint64_t elements = 1;
  for (const int64_t dim : tensor.dims) elements *= static_cast<uint64_t>(dim);
  return elements == 0 ? 0 : tensor.bytes / elements;
}

// The length of the JSON, and the JSON with spaces behind it.
std::string FormatHeader(const std::vector<TensorHeader>& tensors,
                         const std::map<std::string, std::string>& metadata) {
  std::string json = "{\"__metadata__\":{";
  const char* separator = "";
  for (const auto& [key, value] : metadata) {
    json += separator;
    json::AppendString(key, &json);
    json += ':';
    json::AppendString(value, &json);
    separator = ",";
  }
  json += '}';
  uint64_t begin = 0;
  for (const TensorHeader& tensor : tensors) {
    json += ',';
    json::AppendString(tensor.name, &json);
    json += fmt::format(":{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                        tensor.dtype, fmt::join(tensor.dims, ","), begin, begin + tensor.bytes);
    begin += tensor.bytes;
  }
  json += '}';
  const size_t end = kLengthBytes + json.size();
  json.append((kAlignment - end % kAlignment) % kAlignment, ' ');

  std::string header;
  for (size_t i = 0; i < kLengthBytes; ++i) header += static_cast<char>(json.size() >> (8 * i));
  return header + json;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     std::vector<TensorHeader> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : tensors_(std::move(tensors)), file_(path) {
  std::sort(tensors_.begin(), tensors_.end(), [](const TensorHeader& a, const TensorHeader& b) {
    const uint64_t a_bytes = ElementBytes(a);
    const uint64_t b_bytes = ElementBytes(b);
    return a_bytes != b_bytes ? a_bytes > b_bytes : a.name < b.name;
  });
  for (const TensorHeader& tensor : tensors_) left_ += tensor.bytes;
  file_.Write(FormatHeader(tensors_, metadata));
}

void SafetensorsWriter::Write(std::span<const std::byte> bytes) {
  BGE_CHECK(bytes.size() <= left_);
  left_ -= bytes.size();
  file_.Write(bytes);
}

void SafetensorsWriter::Commit() {
  BGE_CHECK(left_ == 0);
  file_.Commit();
}

}  // namespace bge
