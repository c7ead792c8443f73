// Attention over a packed batch: cut into items of a few heads of a sequence (or a part of its
// queries) that threads take one after another. attention_heads-inl.h has what is done with an
// item.
#include "kernels/cpu/attention.h"

#include "kernels/cpu/ops.h"

#include <algorithm>
#include <vector>

namespace bge::cpu {

namespace {

// Floats packed for the heads of one item: half of a 512 KB second-level cache.
constexpr int64_t kPackedFloats = 64 * 1024;

// Queries [begin, end) of heads [head, head + num_heads) of sequence n.
struct AttentionItem {
  size_t n;
  int64_t head;
  int64_t num_heads;
  int64_t begin;
  int64_t end;
};

// Of a sequence of so many tokens: some do not see each other.
bool HasWindow(const AttentionOptions& attention, int64_t seqlen) {
  return attention.window.value_or(seqlen) < seqlen;
}

}  // namespace

ComputeType AttentionInputType(ComputeType type) {
  return type != ComputeType::kFloat32 && Bf16Attention() != nullptr ? ComputeType::kBFloat16
                                                                     : ComputeType::kFloat32;
}

void VarlenAttention(const OpContext& context, const ConstOperand& q,
                     const ConstOperand& keys_values, std::span<const float> bias,
                     std::span<const int32_t> cu_seqlens, const AttentionOptions& attention,
                     ComputeType type, const Operand& out) {
  const int64_t hidden_size = out.cols;
  const int64_t num_heads = attention.num_heads;
  BGE_DCHECK(q.cols == hidden_size && hidden_size % num_heads == 0);
  BGE_DCHECK(keys_values.cols == 2 * hidden_size && keys_values.rows == q.rows);
  BGE_DCHECK(bias.empty() || static_cast<int64_t>(bias.size()) == 3 * hidden_size);
  if (cu_seqlens.size() < 2) return;
  BGE_DCHECK(attention.key_counts.empty() || attention.key_counts.size() + 1 == cu_seqlens.size());
  const int64_t head_dim = hidden_size / num_heads;
  const RelativeBias& relative_bias = attention.relative_bias;
  BGE_DCHECK(relative_bias.values.empty() || !attention.window);

  AttendHeadsFunction attend_heads = nullptr;
  if (type != ComputeType::kFloat32) attend_heads = Bf16Attention();
  // The kernel rounds to bfloat16 itself. A row of int8 is rounded once all of its heads are known.
  const bool rounds = out.type == ComputeType::kBFloat16 && attend_heads != nullptr;
  if (!rounds && out.type != ComputeType::kFloat32) {
    thread_local FloatScratch scratch;
    const Matrix floats = {scratch.Floats(static_cast<size_t>(out.rows * out.cols)), out.rows,
                           out.cols};
    VarlenAttention(context, q, keys_values, bias, cu_seqlens, attention, type, floats);
    ToOperand(context, floats, out);
    return;
  }
  const bool narrow_kv = keys_values.type == ComputeType::kBFloat16;
  const bool narrow_q = q.type == ComputeType::kBFloat16;
  BGE_CHECK(!(narrow_kv || narrow_q) || attend_heads != nullptr);
  if (attend_heads == nullptr) attend_heads = Float32Attention();
  const auto attend = [&](const AttentionItem& item) {
    thread_local FloatScratch scratch;
    const int64_t first = cu_seqlens[item.n];
    const int64_t seqlen = cu_seqlens[item.n + 1] - first;
    const int64_t column = item.head * head_dim;
    const std::byte* const queries = static_cast<const std::byte*>(q.data) +
                                     (first * q.stride + column) * OperandElementBytes(q.type);
    const int64_t bytes = OperandElementBytes(keys_values.type);
    const std::byte* const keys = static_cast<const std::byte*>(keys_values.data) +
                                  (first * keys_values.stride + column) * bytes;
    const HeadInputs in = {
        queries,
        q.stride,
        narrow_q,
        keys,
        keys + hidden_size * bytes,
        narrow_kv,
        keys_values.stride,
        bias.empty() || narrow_q ? nullptr : bias.data() + column,
        bias.empty() ? nullptr : bias.data() + 2 * hidden_size + column,
        item.num_heads,
        attention.NumKeys(item.n, seqlen),
        head_dim,
        HasWindow(attention, seqlen) ? *attention.window : kNoWindow,
        attention.scale,
        relative_bias.values.empty()
            ? nullptr
            : relative_bias.values.data() + item.head * (2 * relative_bias.farthest + 1),
        relative_bias.farthest,
        rounds ? nullptr : static_cast<float*>(out.data) + first * out.stride + column,
        rounds ? 0 : out.stride,
        rounds ? static_cast<uint16_t*>(out.data) + first * out.stride + column : nullptr,
        rounds ? out.stride : 0};
    attend_heads(in, item.begin, item.end, scratch);
  };

  int64_t pairs = 0;  // of query and key
  for (size_t n = 0; n + 1 < cu_seqlens.size(); ++n) {
    const int64_t seqlen = cu_seqlens[n + 1] - cu_seqlens[n];
    pairs += attention.NumPairs(n, seqlen);
  }
  // Below about 20 us of work another thread is not worth waking.
  constexpr int64_t kWorthSharing = 500'000;  // multiply-adds
  const int64_t work = 2 * pairs * hidden_size;
  const int64_t threads = work < kWorthSharing ? 1 : context.pool.available_threads();
  // An item is as many heads as can be packed at once, but with several threads at most an eighth
  // of a thread's share; long sequences are cut by queries where heads are too few for that. (Each
  // part packs all keys: 1 / part's queries of its time.) No result depends on these cuts.
  constexpr int64_t kMinPartQueries = 256;
  const int64_t fair_share = threads == 1 ? work : work / (8 * threads);
  const auto for_each_item = [&](const auto& f) {
    for (size_t n = 0; n + 1 < cu_seqlens.size(); ++n) {
      const int64_t seqlen = cu_seqlens[n + 1] - cu_seqlens[n];
      if (seqlen == 0) continue;
      const int64_t keys = attention.NumKeys(n, seqlen);
      const int64_t head_work = 2 * attention.NumPairs(n, seqlen) * head_dim;
      const int64_t packed = keys > kKeyBlock ? kPackedFloats : (2 * keys + seqlen) * head_dim;
      const int64_t heads = std::clamp<int64_t>(
          std::min(kPackedFloats / packed, fair_share / head_work), 1, num_heads);
      const int64_t parts = std::clamp<int64_t>(
          std::min(head_work / (fair_share + 1), seqlen / kMinPartQueries), 1, 64);
      const int64_t part_queries = HasWindow(attention, seqlen) ? WindowQueries(*attention.window)
                                                                : (seqlen + parts - 1) / parts;
      for (int64_t head = 0; head < num_heads; head += heads) {
        for (int64_t begin = 0; begin < seqlen; begin += part_queries) {
          f(AttentionItem{n, head, std::min(heads, num_heads - head), begin,
                          std::min(seqlen, begin + part_queries)});
        }
      }
    }
  };
  if (threads == 1) {
    for_each_item(attend);
    return;
  }
  std::vector<AttentionItem> items;
  for_each_item([&](const AttentionItem& item) { items.push_back(item); });
  context.pool.ParallelForEach(static_cast<int64_t>(items.size()),
                               [&](int64_t i) { attend(items[static_cast<size_t>(i)]); });
}

}  // namespace bge::cpu
