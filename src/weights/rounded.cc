#include "weights/rounded.h"

#include "base/numeric.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <mutex>
#include <utility>

namespace bge {

namespace {

constexpr int64_t kNumbersAtOnce = 1 << 16;  // some 20 us, well above the cost of a fork-join

// FloatToF16 without branches: compilers make vectors of a loop over it.
inline uint16_t NearestF16(float value) {
  const auto bits = std::bit_cast<int32_t>(value);
  const int32_t magnitude = bits & 0x7fffffff;
  const int32_t subnormal =
      std::bit_cast<int32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000;
  const int32_t rounded = (magnitude - (112 << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  const int32_t normal = std::min(rounded, 0x7c00);
  const int32_t is_small = -static_cast<int32_t>(magnitude < 0x38800000);  // all bits, or none
  const int32_t is_nan = -static_cast<int32_t>(magnitude > 0x7f800000);
  const int32_t half = normal ^ ((normal ^ subnormal) & is_small);
  return static_cast<uint16_t>(half | (is_nan & 0x0200) | ((bits >> 16) & 0x8000));
}

// F16ToFloat likewise.
inline float WidenedF16(uint16_t bits) {
  const int32_t magnitude = bits & 0x7fff;
  const int32_t subnormal = std::bit_cast<int32_t>(static_cast<float>(magnitude) * 0x1p-24f);
  const int32_t is_small = -static_cast<int32_t>(magnitude < 0x0400);
  const int32_t is_special = -static_cast<int32_t>(magnitude >= 0x7c00);  // infinite, or NaN
  const int32_t normal = (magnitude << 13) + (112 << 23) + (is_special & (112 << 23));
  const auto sign = static_cast<int32_t>((bits & 0x8000u) << 16);
  return std::bit_cast<float>((normal ^ ((normal ^ subnormal) & is_small)) | sign);
}

// to[i] = narrow(widen(number i)) of numbers at any alignment.
template <typename Stored, typename Widen, typename Narrow>
void Convert(const std::byte* from, int64_t count, Widen widen, Narrow narrow, uint16_t* to) {
  for (int64_t i = 0; i < count; ++i) {
    Stored stored;
    std::memcpy(&stored, from + static_cast<size_t>(i) * sizeof(stored), sizeof(stored));
    to[i] = narrow(widen(stored));
  }
}

// The `count` numbers of one floating-point type as those of another one of 16 bits.
void RoundNumbers(DType from_type, const std::byte* from, int64_t count, DType to_type,
                  uint16_t* to) {
  const auto to_f16 = [](float value) { return NearestF16(value); };
  const auto to_bf16 = [](float value) { return FloatToBf16(value); };
  if (from_type == DType::kF32) {
    const auto same = [](float value) { return value; };
    if (to_type == DType::kF16) return Convert<float>(from, count, same, to_f16, to);
    return Convert<float>(from, count, same, to_bf16, to);
  }
  if (from_type == DType::kF16) {
    return Convert<uint16_t>(
        from, count, [](uint16_t bits) { return WidenedF16(bits); }, to_bf16, to);
  }
  Convert<uint16_t>(
      from, count, [](uint16_t bits) { return Bf16ToFloat(bits); }, to_f16, to);
}

class RoundedWeights final : public WeightSource {
 public:
  RoundedWeights(std::shared_ptr<const WeightSource> source, DType type, ThreadPool* pool)
      : source_(std::move(source)), type_(type), pool_(pool) {}

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
    const int64_t count = view.shape.num_elements();
    auto values = std::make_unique_for_overwrite<uint16_t[]>(static_cast<size_t>(count));
    const auto* const from = static_cast<const std::byte*>(view.data);
    const auto round = [&](int64_t begin, int64_t end) {
      RoundNumbers(view.dtype, from + static_cast<size_t>(begin) * DTypeBytes(view.dtype),
                   end - begin, type_, values.get() + begin);
    };
    if (pool_ != nullptr) {
      pool_->ParallelFor(count, kNumbersAtOnce, round);
    } else {
      round(0, count);
    }
    return values;
  }

  std::shared_ptr<const WeightSource> source_;
  DType type_;
  ThreadPool* pool_;
  mutable std::mutex mu_;
  mutable std::map<std::string, std::unique_ptr<uint16_t[]>, std::less<>>
      copies_;  // guarded by mu_
};

}  // namespace

std::shared_ptr<const WeightSource> RoundWeights(std::shared_ptr<const WeightSource> source,
                                                 WeightRounding rounding, ThreadPool* pool) {
  if (rounding == WeightRounding::kNone) return source;
  return std::make_shared<RoundedWeights>(
      std::move(source), rounding == WeightRounding::kFloat16 ? DType::kF16 : DType::kBF16, pool);
}

}  // namespace bge
