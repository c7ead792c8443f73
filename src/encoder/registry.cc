// Which encoder a config.json asks for: one row an architecture.
#include "base/error.h"
#include "encoder/bert.h"
#include "encoder/encoder.h"
#include "encoder/modernbert.h"

#include <string>
#include <string_view>
#include <utility>

namespace bge {

namespace {

struct Architecture {
  bool (*is_named)(std::string_view model_type);
  std::unique_ptr<const Encoder> (*make)(json::Value config,
                                         std::shared_ptr<const WeightSource> weights,
                                         ComputeType type, const Backend& backend, ThreadPool& pool,
                                         const PackedCacheOptions& cache, bool first_tokens);
  int64_t (*max_tokens)(json::Value config);
};

std::unique_ptr<const Encoder> MakeBert(json::Value config,
                                        std::shared_ptr<const WeightSource> weights,
                                        ComputeType type, const Backend& backend, ThreadPool& pool,
                                        const PackedCacheOptions& cache, bool first_tokens) {
  return std::make_unique<BertEncoder>(BertConfig::FromJson(config), std::move(weights), type,
                                       backend, pool, cache, first_tokens);
}

// A layer of ModernBERT adds to a residual stream that no norm makes small again: the last one's
// rounding is as little of the whole error as any other's, and nothing is gained by a finer type.
std::unique_ptr<const Encoder> MakeModernBert(json::Value config,
                                              std::shared_ptr<const WeightSource> weights,
                                              ComputeType type, const Backend& backend,
                                              ThreadPool& pool, const PackedCacheOptions& cache,
                                              bool /*first_tokens*/) {
  return std::make_unique<ModernBertEncoder>(ModernBertConfig::FromJson(config), std::move(weights),
                                             type, backend, pool, cache);
}

constexpr Architecture kArchitectures[] = {
    {[](std::string_view model_type) { return BertFamilyOf(model_type).has_value(); }, MakeBert,
     [](json::Value config) { return BertConfig::FromJson(config).max_tokens(); }},
    {[](std::string_view model_type) { return model_type == kModernBertModelType; }, MakeModernBert,
     [](json::Value config) { return ModernBertConfig::FromJson(config).max_positions; }},
};

const Architecture& ArchitectureOf(json::Value config) {
  const json::Value model_type = config.At("model_type");
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.is_named(model_type.AsString())) return architecture;
  }
  Fail(ErrorCode::kUnsupported,
       "unknown architecture \"" + Printable(model_type.AsString(), 60) + "\"", model_type.Where(),
       "supported: bert, roberta, xlm-roberta, camembert, distilbert, mpnet, modernbert");
}

}  // namespace

std::unique_ptr<const Encoder> MakeEncoder(json::Value config,
                                           std::shared_ptr<const WeightSource> weights,
                                           ComputeType type, const Backend& backend,
                                           ThreadPool& pool, const PackedCacheOptions& cache,
                                           bool first_tokens) {
  return ArchitectureOf(config).make(config, std::move(weights), type, backend, pool, cache,
                                     first_tokens);
}

int64_t MaxTokens(json::Value config) { return ArchitectureOf(config).max_tokens(config); }

}  // namespace bge
