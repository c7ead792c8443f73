#include "apps/encode_stream.h"

#include "apps/console.h"
#include "apps/text_batches.h"
#include "base/error.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

namespace bge::cli {

EncodeStats EncodeStream(TextReader& reader, const Embedder& embedder, const EncodeOptions& options,
                         const RunContext& context, const VectorSink& sink) {
  const auto dimension = static_cast<size_t>(embedder.OutputDimension(options));
  EncodeStats total;
  {
    Progress progress(reader.bytes_total());
    uint64_t bytes_before = 0;
    TextBatches batches(&reader, TextBatchLimits());
    std::vector<std::string_view> texts;
    std::vector<float> vectors;
    while (const auto batch = batches.Next()) {
      texts.clear();
      for (const TextRecord& record : batch->records) texts.push_back(record.text);
      vectors.resize(texts.size() * dimension);
      EncodeOptions call = options;
      call.stop = context.stop;
      call.progress = [&](int64_t done, int64_t of) {
        // The tokens of the running chunk are not known yet: taken to be like those before.
        const double share = of > 0 ? static_cast<double>(done) / static_cast<double>(of) : 0;
        const auto bytes = static_cast<double>(batch->bytes_read - bytes_before) * share;
        const double tokens_per_text =
            total.texts > 0 ? static_cast<double>(total.tokens) / static_cast<double>(total.texts)
                            : 0;
        progress.Update(
            total.texts + done,
            total.tokens + static_cast<int64_t>(tokens_per_text * static_cast<double>(done)),
            bytes_before + static_cast<uint64_t>(bytes));
      };
      const EncodeStats stats = embedder.EncodeInto(texts, call, vectors);
      total.texts += stats.texts;
      total.tokens += stats.tokens;
      total.truncated_texts += stats.truncated_texts;
      bytes_before = batch->bytes_read;
      progress.Update(total.texts, total.tokens, bytes_before);
      if (context.stop.stop_requested()) {
        Fail(ErrorCode::kCancelled, "interrupted", reader.name(), "run the command again");
      }
      sink(batch->records, vectors);
    }
  }
  if (total.truncated_texts > 0) {
    const int64_t limit = options.max_length.value_or(embedder.info().max_length);
    PrintWarning(fmt::format("{} of {} texts were longer than {} tokens and were cut",
                             WithSeparators(total.truncated_texts), WithSeparators(total.texts),
                             limit));
  }
  return total;
}

}  // namespace bge::cli
