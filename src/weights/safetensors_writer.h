// Writes .safetensors files, one tensor after another.
#ifndef BGE_WEIGHTS_SAFETENSORS_WRITER_H_
#define BGE_WEIGHTS_SAFETENSORS_WRITER_H_

#include "base/file.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace bge {

/// What the header of a file says of a tensor; its place comes from the writer.
struct TensorHeader {
  std::string name;   ///< UTF-8
  std::string dtype;  ///< the format's name: "F32", "I8"
  std::vector<int64_t> dims;
  uint64_t bytes = 0;
};

/// A file that appears with Commit(). As the safetensors crate does, tensors of wide elements come
/// first, by name within a width, so that each begins at a multiple of its element's size; the
/// data begins at a multiple of 64 bytes. Not thread-safe.
class SafetensorsWriter {
 public:
  /// No two tensors have the same name. Error(kIo).
  SafetensorsWriter(const std::filesystem::path& path, std::vector<TensorHeader> tensors,
                    const std::map<std::string, std::string>& metadata);

  /// In the order in which Write() takes their bytes.
  const std::vector<TensorHeader>& tensors() const { return tensors_; }
  /// The next bytes of the tensors, in pieces of any size.
  void Write(std::span<const std::byte> bytes);
  /// Once the bytes of all tensors are written.
  void Commit();

 private:
  std::vector<TensorHeader> tensors_;
  uint64_t left_ = 0;  // bytes still to be written
  AtomicFile file_;
};

}  // namespace bge

#endif  // BGE_WEIGHTS_SAFETENSORS_WRITER_H_
