// Tensors of one model inside a checkpoint, whatever name the checkpoint gave that model.
#include "base/error.h"
#include "base/numeric.h"
#include "weights/weight_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace bge {

namespace {

constexpr std::string_view kWrongModel =
    "check that config.json belongs to these weights, or download the model again";

// Prefixes that a checkpoint with several matches is searched for, the likeliest first: a model
// with a second tower or a teacher inside is read as what transformers would read.
constexpr std::string_view kUsualPrefixes[] = {
    "",       "bert.",         "roberta.",           "distilbert.", "mpnet.",
    "model.", "0.auto_model.", "0.auto_model.bert.", "0.model."};

// The prefix under which the anchor is found.
std::string FindPrefix(const WeightSource& source, std::string_view anchor) {
  std::vector<std::string> prefixes;
  for (const std::string& name : source.Names()) {
    if (!name.ends_with(anchor)) continue;
    const std::string prefix = name.substr(0, name.size() - anchor.size());
    if (prefix.empty() || prefix.ends_with('.')) prefixes.push_back(prefix);
  }
  for (const std::string_view usual : kUsualPrefixes) {
    if (std::find(prefixes.begin(), prefixes.end(), usual) != prefixes.end()) {
      return std::string(usual);
    }
  }
  if (prefixes.size() == 1) return prefixes[0];
  if (prefixes.empty()) {
    Fail(ErrorCode::kCorruptData, "tensor is absent",
         fmt::format("{}: found no tensor {}, with or without a prefix", source.FileOf(anchor),
                     anchor),
         kWrongModel);
  }
  Fail(ErrorCode::kCorruptData, "weights hold several models",
       fmt::format("{}: tensor {}: found it under \"{}\" and \"{}\", expected one",
                   source.FileOf(anchor), anchor, Printable(prefixes[0], 60),
                   Printable(prefixes[1], 60)),
       "save the encoder alone");
}

// Parity: checkpoints converted from TensorFlow (bert-base-uncased) say gamma and beta, and
// transformers renames them.
std::string OldLayerNormName(std::string_view name) {
  for (const auto& [now, then] :
       {std::pair<std::string_view, std::string_view>{"LayerNorm.weight", "LayerNorm.gamma"},
        {"LayerNorm.bias", "LayerNorm.beta"}}) {
    if (name.ends_with(now)) {
      return std::string(name.substr(0, name.size() - now.size())) + std::string(then);
    }
  }
  return "";
}

template <typename Bits, typename Convert>
void ConvertAll(const void* data, std::vector<float>* values, Convert convert) {
  const auto* bytes = static_cast<const std::byte*>(data);
  for (size_t i = 0; i < values->size(); ++i) {
    Bits bits;
    std::memcpy(&bits, bytes + i * sizeof(Bits), sizeof(Bits));  // may be unaligned
    (*values)[i] = convert(bits);
  }
}

void ScaleRows(const TensorView& view, std::vector<float>* values) {
  if (view.row_scales == nullptr) return;
  const auto cols = static_cast<size_t>(view.shape[1]);
  for (size_t i = 0; i < values->size(); ++i) {
    (*values)[i] *= view.ScaleOfRow(static_cast<int64_t>(i / cols));
  }
}

}  // namespace

std::vector<float> ToFloat32(const TensorView& view) {
  std::vector<float> values(static_cast<size_t>(view.shape.num_elements()));
  switch (view.dtype) {
    case DType::kF32:
      if (!values.empty()) std::memcpy(values.data(), view.data, view.num_bytes());
      break;
    case DType::kF16:
      ConvertAll<uint16_t>(view.data, &values, F16ToFloat);
      break;
    case DType::kBF16:
      ConvertAll<uint16_t>(view.data, &values, Bf16ToFloat);
      break;
    case DType::kI8:
      ConvertAll<int8_t>(view.data, &values, [](int8_t q) { return static_cast<float>(q); });
      ScaleRows(view, &values);
      break;
  }
  return values;
}

bool HoldsInt8(const WeightSource& source) {
  int64_t int8_matrices = 0;
  int64_t others = 0;
  for (const std::string& name : source.Names()) {
    const auto stored = source.FindStored(name);
    if (!stored || stored->dims.size() != 2 || name.ends_with(kInt8ScaleSuffix)) continue;
    const bool scaled = source.FindStored(name + std::string(kInt8ScaleSuffix)).has_value();
    ++(stored->dtype == "I8" && scaled ? int8_matrices : others);
  }
  return int8_matrices > 0 && int8_matrices >= others;
}

PrefixedWeights::PrefixedWeights(std::shared_ptr<const WeightSource> source,
                                 std::string_view anchor)
    : source_(std::move(source)), prefix_(FindPrefix(*source_, anchor)) {}

std::optional<TensorView> PrefixedWeights::FindAny(std::string_view name) const {
  const std::string full = prefix_ + std::string(name);
  for (const std::string& known : {full, OldLayerNormName(full)}) {
    if (known.empty()) continue;
    auto view = source_->Find(known);
    if (!view) continue;
    if (view->dtype == DType::kI8) AttachScales(known, &*view);
    return view;
  }
  return std::nullopt;
}

// int8 means nothing without "<name>_scale": a float32 for each row.
void PrefixedWeights::AttachScales(const std::string& name, TensorView* view) const {
  const std::string scale_name = name + std::string(kInt8ScaleSuffix);
  const auto fail = [&](std::string_view what, const std::string& found,
                        const std::string& expected) {
    Fail(ErrorCode::kCorruptData, what,
         fmt::format("{}: tensor {}: found {}, expected {}", source_->FileOf(scale_name),
                     Printable(scale_name), found, expected),
         "quantize the model again");
  };
  if (view->shape.rank() != 2) {
    Fail(ErrorCode::kUnsupported, "int8 tensor is no matrix",
         fmt::format("{}: tensor {}: found shape {}, expected two dimensions",
                     source_->FileOf(name), Printable(name), view->shape.ToString()),
         "save the weights as float32, float16 or bfloat16");
  }
  const int64_t rows = view->shape[0];
  const std::string expected = fmt::format("float32 of shape {}", Shape{rows, 1}.ToString());
  const auto scales = source_->Find(scale_name);
  if (!scales) fail("int8 tensor without its scales", "nothing", expected);
  if (scales->dtype != DType::kF32 ||
      !(scales->shape == Shape{rows, 1} || scales->shape == Shape{rows})) {
    fail("scales do not fit their int8 tensor",
         fmt::format("{} of shape {}", DTypeName(scales->dtype), scales->shape.ToString()),
         expected);
  }
  view->row_scales = scales->data;
  for (int64_t r = 0; r < rows; ++r) {
    const float scale = view->ScaleOfRow(r);
    if (std::isfinite(scale) && scale >= 0.0f) continue;
    fail("scale is no magnitude", fmt::format("{} in row {}", scale, r), "a finite number from 0");
  }
}

TensorView PrefixedWeights::GetAny(std::string_view name, std::string_view expected) const {
  if (const auto view = FindAny(name)) return *view;
  const std::string full = prefix_ + std::string(name);
  Fail(ErrorCode::kCorruptData, "tensor is absent",
       fmt::format("{}: tensor {}: found nothing, expected shape {}", source_->FileOf(full), full,
                   expected),
       kWrongModel);
}

void PrefixedWeights::FailShape(std::string_view name, const TensorView& view,
                                std::string_view expected) const {
  const std::string full = prefix_ + std::string(name);
  Fail(ErrorCode::kCorruptData, "tensor has another shape",
       fmt::format("{}: tensor {}: found {}, expected {}", source_->FileOf(full), full,
                   view.shape.ToString(), expected),
       kWrongModel);
}

TensorView PrefixedWeights::Get(std::string_view name, const Shape& shape) const {
  const TensorView view = GetAny(name, shape.ToString());
  if (!(view.shape == shape)) FailShape(name, view, shape.ToString());
  return view;
}

std::optional<TensorView> PrefixedWeights::Find(std::string_view name, const Shape& shape) const {
  const auto view = FindAny(name);
  if (view && !(view->shape == shape)) FailShape(name, *view, shape.ToString());
  return view;
}

TensorView PrefixedWeights::GetRank(std::string_view name, int rank) const {
  const std::string expected = fmt::format("of {} dimensions", rank);
  const TensorView view = GetAny(name, expected);
  if (view.shape.rank() != rank) FailShape(name, view, expected);
  return view;
}

std::vector<float> PrefixedWeights::GetVector(std::string_view name, int64_t size) const {
  return GetValues(name, {size});
}

std::vector<float> PrefixedWeights::GetValues(std::string_view name, const Shape& shape) const {
  std::vector<float> values = ToFloat32(Get(name, shape));
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad != values.end()) {
    const std::string full = prefix_ + std::string(name);
    Fail(ErrorCode::kCorruptData, "weights are not finite",
         fmt::format("{}: tensor {}: element {}: found {}, expected a finite number",
                     source_->FileOf(full), full, bad - values.begin(), *bad),
         "download the model again, or repair it");
  }
  return values;
}

}  // namespace bge
