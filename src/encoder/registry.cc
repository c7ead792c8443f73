// Which encoder a config.json asks for: one row an architecture.
#include "base/error.h"
#include "encoder/bert.h"
#include "encoder/encoder.h"
#include "encoder/modernbert.h"

#include <string>

namespace bge {

namespace {

[[noreturn]] void FailArchitecture(json::Value model_type) {
  Fail(ErrorCode::kUnsupported,
       "unknown architecture \"" + Printable(model_type.AsString(), 60) + "\"", model_type.Where(),
       "supported: bert, roberta, xlm-roberta, camembert, distilbert, modernbert");
}

}  // namespace

std::unique_ptr<const Encoder> MakeEncoder(json::Value config,
                                           std::shared_ptr<const WeightSource> weights,
                                           ComputeType type, const Backend& backend,
                                           ThreadPool& pool, const PackedCacheOptions& cache) {
  const json::Value model_type = config.At("model_type");
  if (BertFamilyOf(model_type.AsString())) {
    return std::make_unique<BertEncoder>(BertConfig::FromJson(config), std::move(weights), type,
                                         backend, pool, cache);
  }
  if (model_type.AsString() == kModernBertModelType) {
    return std::make_unique<ModernBertEncoder>(ModernBertConfig::FromJson(config),
                                               std::move(weights), type, backend, pool, cache);
  }
  FailArchitecture(model_type);
}

int64_t MaxTokens(json::Value config) {
  const json::Value model_type = config.At("model_type");
  if (BertFamilyOf(model_type.AsString())) return BertConfig::FromJson(config).max_tokens();
  if (model_type.AsString() == kModernBertModelType) {
    return ModernBertConfig::FromJson(config).max_positions;
  }
  FailArchitecture(model_type);
}

}  // namespace bge
