// docs/formats/quantized.md says what is written.
//
// The file's order puts the scales of all matrices before the first integer, so a matrix is read
// twice: for its scales, and for its integers.
#include "quantize/weight_conversion.h"

#include "base/error.h"
#include "base/numeric.h"
#include "base/stop.h"
#include "tensor/int8_row.h"
#include "weights/safetensors_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge::quantize {

namespace {

constexpr int64_t kFloatsAtOnce = 1 << 18;  // 1 MB, unless a row has more

std::string_view StoredName(WeightType type) {
  switch (type) {
    case WeightType::kInt8:
      return "I8";
    case WeightType::kBFloat16:
      return "BF16";
    case WeightType::kFloat16:
      return "F16";
    case WeightType::kFloat32:
      return "F32";
  }
  return "";
}

bool IsFloat(std::string_view dtype) { return dtype == "F32" || dtype == "F16" || dtype == "BF16"; }

// Vectors stay as they are: they take no space, and norms and biases are added as float32. int8 is
// for what is multiplied or looked up by rows, which has this name.
bool IsConverted(std::string_view name, const StoredTensor& tensor, WeightType type) {
  if (!IsFloat(tensor.dtype) || tensor.dtype == StoredName(type) || tensor.bytes.empty()) {
    return false;
  }
  if (type == WeightType::kInt8) return tensor.dims.size() == 2 && name.ends_with(".weight");
  return tensor.dims.size() >= 2 && tensor.dims.size() <= 4;
}

std::span<const std::byte> BytesOf(const auto& values) { return std::as_bytes(std::span(values)); }

class Conversion {
 public:
  Conversion(const WeightSource& source, WeightType type, const std::stop_token& stop,
             const std::function<bool(std::string_view)>& keep)
      : source_(source), type_(type), stop_(stop), keep_(keep) {
    for (const std::string& name : source.Names()) Plan(name, *source.FindStored(name));
  }

  ConversionStats Run(const std::filesystem::path& path) {
    std::map<std::string, std::string> metadata = source_.Metadata();
    metadata.emplace("format", "pt");
    SafetensorsWriter writer(path, std::move(headers_), metadata);
    for (const TensorHeader& tensor : writer.tensors()) {
      pieces_.at(tensor.name)(&writer);
      stats_.bytes_after += tensor.bytes;
    }
    writer.Commit();
    return stats_;
  }

 private:
  using Piece = std::function<void(SafetensorsWriter*)>;

  void Plan(const std::string& name, const StoredTensor& tensor) {
    stats_.bytes_before += tensor.bytes.size();
    if ((keep_ && keep_(name)) || !IsConverted(name, tensor, type_)) {
      return Add({name, std::string(tensor.dtype), Dims(tensor), tensor.bytes.size()},
                 [this, tensor](SafetensorsWriter* writer) { Copy(tensor, writer); });
    }
    ++stats_.matrices;
    const TensorView view = *source_.Find(name);
    const auto elements = static_cast<uint64_t>(view.shape.num_elements());
    const std::string dtype(StoredName(type_));
    if (type_ == WeightType::kFloat32) {
      return Add({name, dtype, Dims(tensor), sizeof(float) * elements},
                 [this, name, view](SafetensorsWriter* writer) {
                   ForEachRows(name, view, [&](std::span<const float> values, int64_t) {
                     writer->Write(BytesOf(values));
                   });
                 });
    }
    if (type_ != WeightType::kInt8) {
      return Add(
          {name, dtype, Dims(tensor), 2 * elements},
          [this, name, view](SafetensorsWriter* writer) { WriteHalves(name, view, writer); });
    }
    const int64_t rows = view.shape[0];
    Add({name, dtype, Dims(tensor), elements},
        [this, name, view](SafetensorsWriter* writer) { WriteIntegers(name, view, writer); });
    Add({name + std::string(kInt8ScaleSuffix), "F32", {rows, 1}, 4 * static_cast<uint64_t>(rows)},
        [this, name, view](SafetensorsWriter* writer) { WriteScales(name, view, writer); });
  }

  void Add(TensorHeader header, Piece piece) {
    if (!pieces_.emplace(header.name, std::move(piece)).second) {
      Fail(ErrorCode::kInvalidArgument, "weights have scales already",
           fmt::format("{}: tensor {}", source_.FileOf(header.name), Printable(header.name)),
           "quantize the model that it was made from");
    }
    headers_.push_back(std::move(header));
  }

  static std::vector<int64_t> Dims(const StoredTensor& tensor) {
    return {tensor.dims.begin(), tensor.dims.end()};
  }

  void Copy(const StoredTensor& tensor, SafetensorsWriter* writer) {
    constexpr size_t kBytesAtOnce = 1 << 20;
    for (auto left = tensor.bytes; !left.empty();) {
      ThrowIfStopped(&stop_);
      const auto part = left.first(std::min(left.size(), kBytesAtOnce));
      writer->Write(part);
      left = left.subspan(part.size());
    }
  }

  // f(values of some rows, the first row) for all rows of the tensor in turn.
  template <typename F>
  void ForEachRows(const std::string& name, const TensorView& view, const F& f) {
    const int64_t rows = view.shape[0];
    const int64_t cols = view.shape.num_elements() / std::max<int64_t>(rows, 1);
    const int64_t step = std::max<int64_t>(1, kFloatsAtOnce / std::max<int64_t>(cols, 1));
    for (int64_t row = 0; row < rows; row += step) {
      ThrowIfStopped(&stop_);
      TensorView part = view;
      part.shape = {std::min(step, rows - row), cols};
      part.data = static_cast<const std::byte*>(view.data) +
                  static_cast<size_t>(row * cols) * DTypeBytes(view.dtype);
      const std::vector<float> values = ToFloat32(part);
      const auto bad =
          std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
      if (bad != values.end()) {
        Fail(ErrorCode::kCorruptData, "weights are not finite",
             fmt::format("{}: tensor {}: found {}, expected a finite number", source_.FileOf(name),
                         Printable(name), *bad),
             "download the model again, or repair it");
      }
      f(std::span(values), cols);
      source_.Release(part);
    }
  }

  void WriteHalves(const std::string& name, const TensorView& view, SafetensorsWriter* writer) {
    const bool half = type_ == WeightType::kFloat16;
    std::vector<uint16_t> rounded;
    ForEachRows(name, view, [&](std::span<const float> values, int64_t) {
      rounded.resize(values.size());
      std::transform(values.begin(), values.end(), rounded.begin(),
                     [&](float v) { return half ? FloatToF16(v) : FloatToBf16(v); });
      const uint16_t infinity = half ? 0x7c00 : 0x7f80;
      const auto over = std::find_if(rounded.begin(), rounded.end(),
                                     [&](uint16_t bits) { return (bits & 0x7fff) == infinity; });
      if (over != rounded.end()) FailOverflow(name, values[over - rounded.begin()]);
      writer->Write(BytesOf(rounded));
    });
  }

  [[noreturn]] void FailOverflow(const std::string& name, float value) const {
    const bool half = type_ == WeightType::kFloat16;
    Fail(ErrorCode::kInvalidArgument,
         fmt::format("{} cannot hold these weights", half ? "float16" : "bfloat16"),
         fmt::format("{}: tensor {}: found {}, expected at most {} in magnitude",
                     source_.FileOf(name), Printable(name), value,
                     half ? F16ToFloat(0x7bff) : Bf16ToFloat(0x7f7f)),
         half ? "choose bf16 or int8" : "choose int8");
  }

  void WriteScales(const std::string& name, const TensorView& view, SafetensorsWriter* writer) {
    std::vector<float> scales;
    ForEachRows(name, view, [&](std::span<const float> values, int64_t cols) {
      scales.clear();
      for (; !values.empty(); values = values.subspan(static_cast<size_t>(cols))) {
        scales.push_back(Int8Row(values.first(static_cast<size_t>(cols))).scale());
      }
      writer->Write(BytesOf(scales));
    });
  }

  void WriteIntegers(const std::string& name, const TensorView& view, SafetensorsWriter* writer) {
    std::vector<int8_t> integers;
    ForEachRows(name, view, [&](std::span<const float> values, int64_t cols) {
      integers.clear();
      for (; !values.empty(); values = values.subspan(static_cast<size_t>(cols))) {
        const auto row = values.first(static_cast<size_t>(cols));
        const Int8Row rounded(row);
        for (const float v : row) integers.push_back(rounded.Round(v));
      }
      writer->Write(BytesOf(integers));
    });
  }

  const WeightSource& source_;
  const WeightType type_;
  const std::stop_token stop_;
  const std::function<bool(std::string_view)>& keep_;
  std::vector<TensorHeader> headers_;
  std::map<std::string, Piece> pieces_;  // by the name of what it writes
  ConversionStats stats_;
};

}  // namespace

ConversionStats ConvertWeights(const WeightSource& source, WeightType type,
                               const std::filesystem::path& path, const std::stop_token& stop,
                               const std::function<bool(std::string_view)>& keep) {
  if (HoldsInt8(source)) {
    Fail(ErrorCode::kInvalidArgument, "the model's weights are int8 already",
         fmt::format("{}: found int8 tensors with scales, expected floating-point weights",
                     source.FileOf("")),
         "quantize the model that it was made from");
  }
  return Conversion(source, type, stop, keep).Run(path);
}

}  // namespace bge::quantize
