#include "weights/rounded.h"

#include "base/numeric.h"

#include <cstring>
#include <mutex>
#include <utility>

namespace bge {

namespace {

class RoundedWeights final : public WeightSource {
 public:
  RoundedWeights(std::shared_ptr<const WeightSource> source, DType type)
      : source_(std::move(source)), type_(type) {}

  std::optional<TensorView> Find(std::string_view name) const override {
    std::optional<TensorView> view = source_->Find(name);
    if (!view || view->dtype == type_ || view->dtype == DType::kI8) return view;
    {
      const std::lock_guard lock(mu_);
      if (const auto copy = copies_.find(name); copy != copies_.end()) {
        return Rounded(*view, copy->second.get());
      }
    }
    auto copy = Round(*view);
    source_->Release(*view);
    const std::lock_guard lock(mu_);  // the first of two that made it
    const auto [at, _] = copies_.emplace(name, std::move(copy));
    return Rounded(*view, at->second.get());
  }
  std::optional<StoredTensor> FindStored(std::string_view name) const override {
    return source_->FindStored(name);
  }
  std::vector<std::string> Names() const override { return source_->Names(); }
  std::string FileOf(std::string_view name) const override { return source_->FileOf(name); }
  const std::map<std::string, std::string>& Metadata() const override {
    return source_->Metadata();
  }
  std::vector<std::string> Files() const override { return source_->Files(); }
  std::vector<std::string> FileStates() const override { return source_->FileStates(); }
  std::string Variant() const override {
    return type_ == DType::kF16 ? "rounded to float16" : "rounded to bfloat16";
  }
  void Release(const TensorView& view) const override {
    const std::lock_guard lock(mu_);
    std::erase_if(copies_, [&](const auto& copy) { return copy.second.get() == view.data; });
  }

 private:
  TensorView Rounded(TensorView view, const uint16_t* values) const {
    view.data = values;
    view.dtype = type_;
    return view;
  }

  std::unique_ptr<uint16_t[]> Round(const TensorView& view) const {
    const auto count = static_cast<size_t>(view.shape.num_elements());
    auto values = std::make_unique_for_overwrite<uint16_t[]>(count);
    const auto* from = static_cast<const std::byte*>(view.data);
    for (size_t i = 0; i < count; ++i) {
      const float value = At(view.dtype, from, i);
      values[i] = type_ == DType::kF16 ? FloatToF16(value) : FloatToBf16(value);
    }
    return values;
  }

  static float At(DType type, const std::byte* from, size_t i) {
    if (type == DType::kF32) {
      float value;
      std::memcpy(&value, from + i * sizeof(value), sizeof(value));
      return value;
    }
    uint16_t bits;
    std::memcpy(&bits, from + i * sizeof(bits), sizeof(bits));
    return type == DType::kF16 ? F16ToFloat(bits) : Bf16ToFloat(bits);
  }

  std::shared_ptr<const WeightSource> source_;
  DType type_;
  mutable std::mutex mu_;
  mutable std::map<std::string, std::unique_ptr<uint16_t[]>, std::less<>>
      copies_;  // guarded by mu_
};

}  // namespace

std::shared_ptr<const WeightSource> RoundWeights(std::shared_ptr<const WeightSource> source,
                                                 WeightRounding rounding) {
  if (rounding == WeightRounding::kNone) return source;
  return std::make_shared<RoundedWeights>(
      std::move(source), rounding == WeightRounding::kFloat16 ? DType::kF16 : DType::kBF16);
}

}  // namespace bge
