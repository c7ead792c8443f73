// Which encoder a config.json asks for: one row an architecture.
#include "base/error.h"
#include "encoder/bert.h"
#include "encoder/encoder.h"
#include "encoder/modernbert.h"

#include <string>

namespace bge {

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
  Fail(ErrorCode::kUnsupported,
       "unknown architecture \"" + Printable(model_type.AsString(), 60) + "\"", model_type.Where(),
       "supported: bert, roberta, xlm-roberta, camembert, distilbert, modernbert");
}

}  // namespace bge
