#include "weights/mapped_tensors.h"

#include "base/error.h"
#include "base/numeric.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace bge {

namespace {

class MappedTensors final : public WeightSource {
 public:
  MappedTensors(std::shared_ptr<const MappedFile> file, std::vector<MappedTensor> tensors,
                std::map<std::string, std::string> metadata)
      : file_(std::move(file)), tensors_(std::move(tensors)), metadata_(std::move(metadata)) {
    std::sort(tensors_.begin(), tensors_.end(),
              [](const MappedTensor& a, const MappedTensor& b) { return a.name < b.name; });
    const auto twice = std::adjacent_find(
        tensors_.begin(), tensors_.end(),
        [](const MappedTensor& a, const MappedTensor& b) { return a.name == b.name; });
    if (twice != tensors_.end()) {
      Fail(ErrorCode::kCorruptData, "tensor name occurs twice",
           file_->path().string() + ": tensor " + Printable(twice->name),
           "download the file again");
    }
  }

  std::optional<TensorView> Find(std::string_view name) const override {
    const MappedTensor* it = FindTensor(name);
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
    view.data = it->bytes.data();
    view.dtype = *it->dtype->readable;
    for (const int64_t dim : it->dims) view.shape.Append(dim);
    return view;
  }

  std::optional<StoredTensor> FindStored(std::string_view name) const override {
    const MappedTensor* it = FindTensor(name);
    if (it == nullptr) return std::nullopt;
    return StoredTensor{it->dtype->name, it->dims, it->bytes};
  }

  std::vector<std::string> Names() const override {
    std::vector<std::string> names;
    names.reserve(tensors_.size());
    for (const MappedTensor& tensor : tensors_) names.push_back(tensor.name);
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
  const MappedTensor* FindTensor(std::string_view name) const {
    const auto it = std::lower_bound(
        tensors_.begin(), tensors_.end(), name,
        [](const MappedTensor& tensor, std::string_view key) { return tensor.name < key; });
    return it == tensors_.end() || it->name != name ? nullptr : &*it;
  }

  std::shared_ptr<const MappedFile> file_;
  std::vector<MappedTensor> tensors_;  // sorted by name
  std::map<std::string, std::string> metadata_;
};

}  // namespace

std::optional<uint64_t> TensorBytes(std::span<const int64_t> dims, const StoredDType& dtype) {
  std::optional<uint64_t> n = 1;
  for (const int64_t dim : dims) {
    if (dim < 0) return std::nullopt;
    n = CheckedMul(*n, static_cast<uint64_t>(dim));
    if (!n) return std::nullopt;
  }
  const auto bits = CheckedMul(*n, dtype.bits);
  if (!bits || *bits % 8 != 0) return std::nullopt;
  return *bits / 8;
}

std::string DimsToString(std::span<const int64_t> dims) {
  constexpr size_t kMostShown = 8;
  const auto shown = dims.first(std::min(dims.size(), kMostShown));
  return fmt::format("[{}{}]", fmt::join(shown, ", "), dims.size() > kMostShown ? ", ..." : "");
}

std::shared_ptr<const WeightSource> MakeMappedTensors(std::shared_ptr<const MappedFile> file,
                                                      std::vector<MappedTensor> tensors,
                                                      std::map<std::string, std::string> metadata) {
  return std::make_shared<const MappedTensors>(std::move(file), std::move(tensors),
                                               std::move(metadata));
}

}  // namespace bge
