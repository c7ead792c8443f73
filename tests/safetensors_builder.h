// Builds .safetensors files in memory, right ones and wrong ones.
#ifndef BGE_TESTS_SAFETENSORS_BUILDER_H_
#define BGE_TESTS_SAFETENSORS_BUILDER_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace bge::test {

/// The file with this header text and data, whatever they say.
inline std::string RawSafetensors(std::string_view header, std::string_view data) {
  std::string file;
  const uint64_t length = header.size();
  for (int i = 0; i < 8; ++i) file.push_back(static_cast<char>(length >> (8 * i)));
  file.append(header);
  file.append(data);
  return file;
}

/// The bytes of `values`.
template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// Adds tensors one after another; File() is then a well formed file.
class SafetensorsBuilder {
 public:
  SafetensorsBuilder& Add(std::string_view name, std::string_view dtype,
                          const std::vector<int64_t>& shape, std::string_view data) {
    std::string dims;
    for (const int64_t dim : shape) dims += (dims.empty() ? "" : ",") + std::to_string(dim);
    Member(name, "{\"dtype\":\"" + std::string(dtype) + "\",\"shape\":[" + dims +
                     "],\"data_offsets\":[" + std::to_string(data_.size()) + "," +
                     std::to_string(data_.size() + data.size()) + "]}");
    data_.append(data);
    return *this;
  }
  SafetensorsBuilder& AddFloats(std::string_view name, const std::vector<int64_t>& shape,
                                const std::vector<float>& values) {
    return Add(name, "F32", shape, BytesOf(values));
  }
  /// `shape` filled with one value.
  SafetensorsBuilder& AddFilled(std::string_view name, const std::vector<int64_t>& shape,
                                float value) {
    int64_t n = 1;
    for (const int64_t dim : shape) n *= dim;
    return AddFloats(name, shape, std::vector<float>(static_cast<size_t>(n), value));
  }
  SafetensorsBuilder& Metadata(std::string_view json) {
    Member("__metadata__", std::string(json));
    return *this;
  }
  /// Spaces after the header, so that the data begins at a multiple of 8 plus `misalignment` bytes.
  SafetensorsBuilder& Pad(size_t misalignment) {
    misalignment_ = misalignment;
    return *this;
  }
  std::string File() const {
    std::string header = "{" + members_ + "}";
    while (header.size() % 8 != misalignment_ % 8) header.push_back(' ');
    return RawSafetensors(header, data_);
  }

 private:
  void Member(std::string_view name, const std::string& value) {
    members_ += (members_.empty() ? "\"" : ",\"") + std::string(name) + "\":" + value;
  }

  std::string members_;
  std::string data_;
  size_t misalignment_ = 0;
};

}  // namespace bge::test

#endif  // BGE_TESTS_SAFETENSORS_BUILDER_H_
