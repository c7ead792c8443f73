// The encoder of models without a transformer, whose vectors come from weights of tokens alone.
#ifndef BGE_ENGINE_NO_ENCODER_H_
#define BGE_ENGINE_NO_ENCODER_H_

#include "base/error.h"
#include "encoder/encoder.h"
#include "engine/model_spec.h"

#include <cstdint>
#include <string>
#include <utility>

namespace bge {

/// Has no layers and no hidden states: Error(kUnsupported) where they are asked for.
class NoEncoder : public Encoder {
 public:
  /// `model`: what errors call it.
  NoEncoder(std::string model, int64_t vocab_size) : model_(std::move(model)) {
    info_.architecture = "none";
    info_.vocab_size = vocab_size;
    info_.max_tokens = kNoTokenLimit;
    info_.weights_dtype = "float32";
    info_.activation_bytes_per_token = sizeof(int32_t);
  }

  const EncoderInfo& info() const override { return info_; }
  Matrix Forward(const PackedBatch&, const OpContext&) const override { FailAsked(); }
  Matrix ForwardFirstTokens(const PackedBatch&, const OpContext&) const override { FailAsked(); }

 private:
  [[noreturn]] void FailAsked() const {
    Fail(ErrorCode::kUnsupported, "the model has no hidden states",
         model_ + ": found no transformer", "use a model that has one");
  }

  std::string model_;
  EncoderInfo info_;
};

}  // namespace bge

#endif  // BGE_ENGINE_NO_ENCODER_H_
