#include "heads/dense_head.h"

#include "base/error.h"
#include "weights/weight_source.h"

#include <algorithm>
#include <string>
#include <utility>

namespace bge {

namespace {

constexpr float kLayerNormEps = 1e-5f;  // torch.nn.LayerNorm's default, which the module keeps

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

void RequireDimension(std::string_view module, const std::string& where, int64_t found,
                      int64_t expected) {
  if (found == expected) return;
  Fail(ErrorCode::kCorruptData, std::string(module) + " module takes vectors of another size",
       where + ": found " + std::to_string(found) + ", expected " + std::to_string(expected),
       "use a directory whose modules belong together, or drop the pooling override");
}

}  // namespace

DenseHead::DenseHead(std::span<const ModuleSpec> modules, int64_t hidden_size,
                     const Backend& backend)
    : backend_(backend) {
  BGE_CHECK(!modules.empty() && std::holds_alternative<PoolingModule>(modules.front()));
  pooling_ = std::get<PoolingModule>(modules.front());
  dimension_ = hidden_size * static_cast<int64_t>(pooling_.modes.size());
  for (const ModuleSpec& module : modules.subspan(1)) {
    std::visit(Overloaded{[&](const PoolingModule& m) {
                            Fail(ErrorCode::kUnsupported, "a second Pooling module", m.source,
                                 "use a model with one Pooling module");
                          },
                          [&](const NormalizeModule&) { steps_.emplace_back(Normalize()); },
                          [&](const DenseModule& m) { steps_.emplace_back(LoadDense(m)); },
                          [&](const LayerNormModule& m) { steps_.emplace_back(LoadNorm(m)); },
                          [&](const DropoutModule&) {}},
               module);
  }
  while (!steps_.empty() && std::holds_alternative<Normalize>(steps_.back())) {
    ends_normalized_ = true;
    steps_.pop_back();
  }
}

DenseLayer DenseHead::LoadDense(const DenseModule& module) {
  RequireDimension("Dense", (module.dir / "config.json").string() + ": field in_features",
                   module.in_features, dimension_);
  DenseLayer dense(module, backend_);
  num_parameters_ += dense.num_parameters();
  files_.insert(files_.end(), dense.files().begin(), dense.files().end());
  dimension_ = dense.out_features();
  return dense;
}

DenseHead::Norm DenseHead::LoadNorm(const LayerNormModule& module) {
  RequireDimension("LayerNorm", (module.dir / "config.json").string() + ": field dimension",
                   module.dimension, dimension_);
  const PrefixedWeights weights(OpenWeights(module.dir), "norm.weight");
  num_parameters_ += 2 * dimension_;
  for (const std::string& file : weights.source().Files()) files_.push_back(module.dir / file);
  return {.gamma = weights.GetVector("norm.weight", dimension_),
          .beta = weights.GetVector("norm.bias", dimension_)};
}

Matrix DenseHead::Apply(const OpContext& context, const Step& step, Matrix x) const {
  return std::visit(Overloaded{[&](const DenseLayer& dense) { return dense.Run(context, x); },
                               [&](const Norm& norm) {
                                 backend_.AddBiasLayerNorm(context, x, {}, ConstMatrix(),
                                                           norm.gamma, norm.beta, kLayerNormEps, x,
                                                           {});
                                 return x;
                               },
                               [&](const Normalize&) {
                                 backend_.L2Normalize(context, x);
                                 return x;
                               }},
                    step);
}

void DenseHead::Run(const OpContext& caller, ConstMatrix hidden, std::span<const PoolRange> ranges,
                    Matrix out) const {
  const OpContext context = caller.At(Stage::kPool);
  const auto rows = static_cast<int64_t>(ranges.size());
  const auto modes = static_cast<int64_t>(pooling_.modes.size());
  Matrix x = steps_.empty() ? out : context.workspace.NewMatrix(rows, hidden.cols * modes);
  for (int64_t i = 0; i < modes; ++i) {
    const Matrix part(x.data + i * hidden.cols, rows, hidden.cols, x.stride);
    backend_.Pool(context, hidden, ranges, pooling_.modes[static_cast<size_t>(i)], part);
  }
  for (const Step& step : steps_) x = Apply(context, step, x);
  if (x.data == out.data) return;
  for (int64_t r = 0; r < rows; ++r) std::copy_n(x.row(r), x.cols, out.row(r));
}

}  // namespace bge
