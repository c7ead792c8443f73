#include "heads/token_vectors_head.h"

#include "base/error.h"

#include <algorithm>
#include <utility>

namespace bge {

namespace {

bool Holds(const std::vector<int32_t>& sorted, int32_t id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

}  // namespace

TokenVectorsHead::TokenVectorsHead(std::span<const TokenModule> modules, TokenMask mask,
                                   int64_t hidden_size, const Backend& backend)
    : backend_(backend),
      mask_(std::move(mask)),
      dimension_(hidden_size),
      values_per_token_(hidden_size) {
  std::sort(mask_.skipped.begin(), mask_.skipped.end());
  std::sort(mask_.kept.begin(), mask_.kept.end());
  for (const TokenModule& module : modules) {
    const auto* const dense = std::get_if<DenseModule>(&module);
    if (dense == nullptr) {
      steps_.emplace_back(Normalize());
      continue;
    }
    if (dense->in_features != dimension_) {
      Fail(ErrorCode::kCorruptData, "Dense module takes vectors of another size",
           (dense->dir / "config.json").string() + ": field in_features: found " +
               std::to_string(dense->in_features) + ", expected " + std::to_string(dimension_),
           "use a directory whose modules belong together");
    }
    const auto& layer = std::get<DenseLayer>(steps_.emplace_back(DenseLayer(*dense, backend)));
    dimension_ = layer.out_features();
    num_parameters_ += layer.num_parameters();
    files_.insert(files_.end(), layer.files().begin(), layer.files().end());
    values_per_token_ += 2 * dimension_;  // a residual projection has its own
  }
  while (!steps_.empty() && std::holds_alternative<Normalize>(steps_.back())) {
    steps_.pop_back();
    ends_normalized_ = true;
  }
}

bool TokenVectorsHead::Counts(int32_t id, Role role) const {
  const bool query = role == Role::kQuery;
  if ((query ? mask_.skips_in_queries : mask_.skips_in_documents) && Holds(mask_.skipped, id)) {
    return false;
  }
  return query || mask_.kept.empty() || Holds(mask_.kept, id);
}

void TokenVectorsHead::Run(const OpContext& caller, const TokenBatch& batch, ConstMatrix hidden,
                           int64_t dimension, bool normalize,
                           std::span<MultiVector> vectors) const {
  const OpContext context = caller.At(Stage::kPool);
  std::vector<int64_t> rows;  // of the tokens that count
  std::vector<size_t> ends;   // in rows, of each text
  rows.reserve(batch.ids.size());
  ends.reserve(vectors.size());
  for (size_t n = 0; n < vectors.size(); ++n) {
    const int64_t begin = batch.cu_seqlens[n];
    const bool own_alone = !batch.key_counts.empty() && !mask_.expansion;
    const int64_t end = own_alone ? begin + batch.key_counts[n] : batch.cu_seqlens[n + 1];
    for (int64_t t = begin; t < end; ++t) {
      if (Counts(batch.ids[static_cast<size_t>(t)], batch.role)) rows.push_back(t);
    }
    ends.push_back(rows.size());
  }

  Matrix x = context.workspace.NewMatrix(static_cast<int64_t>(rows.size()), hidden.cols);
  for (int64_t r = 0; r < x.rows; ++r) {
    std::copy_n(hidden.row(rows[static_cast<size_t>(r)]), x.cols, x.row(r));
  }
  for (const Step& step : steps_) {
    if (const auto* const dense = std::get_if<DenseLayer>(&step)) {
      x = dense->Run(context, x);
    } else {
      backend_.L2Normalize(context, x);
    }
  }
  // As dense vectors: a Normalize module at the end counts where vectors are cut behind it.
  if (ends_normalized_ && !normalize && dimension < x.cols) backend_.L2Normalize(context, x);
  const Matrix cut(x.data, x.rows, dimension, x.stride);
  if (normalize) backend_.L2Normalize(context, cut);
  for (size_t n = 0; n < vectors.size(); ++n) {
    MultiVector& vector = vectors[n];
    vector.dimension = dimension;
    vector.values.clear();
    const size_t first = n == 0 ? 0 : ends[n - 1];
    vector.values.reserve((ends[n] - first) * static_cast<size_t>(dimension));
    for (size_t r = first; r < ends[n]; ++r) {
      const float* const row = cut.row(static_cast<int64_t>(r));
      vector.values.insert(vector.values.end(), row, row + dimension);
    }
  }
}

}  // namespace bge
