#include "engine/token_batches.h"

#include "base/error.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace bge {

namespace {

// Enough for both threads of a small machine to have rows of every layer.
constexpr int64_t kBatchTokens = 1024;

[[noreturn]] void Refuse(const std::string& what, const std::string& where,
                         const std::string& fix) {
  Fail(ErrorCode::kInvalidArgument, what, where, fix);
}

void Check(const EncoderInfo& encoder, const TokenSequences& sequences) {
  const std::span<const int32_t> offsets = sequences.cu_seqlens;
  const auto tokens = static_cast<int64_t>(sequences.ids.size());
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != tokens) {
    Refuse("cu_seqlens does not cover the tokens",
           "found " + std::to_string(offsets.size()) + " numbers for " + std::to_string(tokens) +
               " tokens",
           "begin with 0 and end with the number of tokens");
  }
  if (!sequences.type_ids.empty() && sequences.type_ids.size() != sequences.ids.size()) {
    Refuse("not as many token types as tokens",
           "found " + std::to_string(sequences.type_ids.size()) + ", expected " +
               std::to_string(tokens),
           "give one for each token, or none");
  }
  for (size_t n = 1; n < offsets.size(); ++n) {
    const int64_t length = static_cast<int64_t>(offsets[n]) - offsets[n - 1];
    if (length >= 1 && length <= encoder.max_tokens) continue;
    Refuse("sequence of a length that the model does not take",
           "sequence " + std::to_string(n - 1) + ": found " + std::to_string(length) +
               " tokens, expected 1 to " + std::to_string(encoder.max_tokens),
           "cut it");
  }
  for (size_t t = 0; t < sequences.ids.size(); ++t) {
    const int32_t id = sequences.ids[t];
    if (id >= 0 && id < encoder.vocab_size) continue;
    Refuse("token id is outside the model's vocabulary",
           "token " + std::to_string(t) + ": found " + std::to_string(id) +
               ", expected less than " + std::to_string(encoder.vocab_size),
           "use the tokenizer that belongs to the model");
  }
}

}  // namespace

void ForEachTokenBatch(const LoadedTransformer& model, const TokenSequences& sequences,
                       const std::stop_token& stop,
                       const std::function<void(const PackedBatch& batch, int64_t first,
                                                const OpContext& context)>& function) {
  Check(model.encoder().info(), sequences);
  const std::span<const int32_t> offsets = sequences.cu_seqlens;
  const int64_t most = std::min(kBatchTokens, model.MaxBatchTokens());
  std::vector<int32_t> zeros;
  std::vector<int32_t> own_offsets;
  for (size_t first = 0; first + 1 < offsets.size();) {
    if (stop.stop_requested()) {
      Fail(ErrorCode::kCancelled, "computing was cancelled", "the caller's stop token",
           "call again");
    }
    size_t last = first + 1;
    while (last + 1 < offsets.size() && offsets[last + 1] - offsets[first] <= most) ++last;
    const auto begin = static_cast<size_t>(offsets[first]);
    const size_t count = static_cast<size_t>(offsets[last]) - begin;
    own_offsets.clear();
    for (size_t n = first; n <= last; ++n) own_offsets.push_back(offsets[n] - offsets[first]);
    std::span<const int32_t> types = sequences.type_ids;
    if (types.empty()) {
      zeros.resize(std::max(zeros.size(), count));
      types = std::span<const int32_t>(zeros).first(count);
    } else {
      types = types.subspan(begin, count);
    }
    WorkspacePool::Lease workspace(&model.workspaces());
    function({.input_ids = sequences.ids.subspan(begin, count),
              .token_type_ids = types,
              .cu_seqlens = own_offsets},
             static_cast<int64_t>(first), {.pool = model.pool(), .workspace = *workspace});
    first = last;
  }
}

}  // namespace bge
