// Several named arrays in one file, each growing by rows until the end: NumPy's .npz and
// safetensors.
#ifndef BGE_APPS_ARRAY_FILE_H_
#define BGE_APPS_ARRAY_FILE_H_

#include "apps/output_stream.h"
#include "apps/spool_file.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace bge::cli {

enum class ArrayType { kFloat32, kFloat16, kInt32, kInt64 };

enum class ArrayFormat { kNpz, kSafetensors };

/// Memory does not grow with the arrays: they are spooled beside the output. Single thread.
class ArrayFile {
 public:
  /// `spool_folder`: where the output is going to be, or any with room. `metadata`: what the file
  /// says of itself; the members of __metadata__, or a JSON object as the comment of the ZIP file.
  ArrayFile(ArrayFormat format, std::string spool_folder, std::unique_ptr<OutputStream> output,
            std::map<std::string, std::string> metadata = {})
      : format_(format),
        spool_folder_(std::move(spool_folder)),
        output_(std::move(output)),
        metadata_(std::move(metadata)) {}

  /// An array of so far 0 rows; columns 0: it has one dimension. The result numbers it.
  size_t Add(std::string name, ArrayType type, int64_t columns);
  /// Rows of an array, little-endian.
  void Append(size_t array, std::string_view bytes) { arrays_[array].data->Append(bytes); }
  /// Writes all arrays and commits the output. Error(kCancelled) when `stop` asks.
  void Finish(const std::stop_token& stop);

 private:
  struct Array {
    std::string name;
    ArrayType type;
    int64_t columns;
    std::unique_ptr<SpoolFile> data;
  };
  static std::vector<int64_t> ShapeOf(const Array& array);
  void WriteNpz();
  void WriteSafetensors();
  void ForEachPiece(const Array& array, const std::function<void(std::string_view)>& f);
  void WriteData(const Array& array);

  ArrayFormat format_;
  std::string spool_folder_;
  std::unique_ptr<OutputStream> output_;
  std::map<std::string, std::string> metadata_;
  std::vector<Array> arrays_;
  std::stop_token stop_;
};

}  // namespace bge::cli

#endif  // BGE_APPS_ARRAY_FILE_H_
