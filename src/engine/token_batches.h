// Runs an encoder over tokens that the caller has made itself.
#ifndef BGE_ENGINE_TOKEN_BATCHES_H_
#define BGE_ENGINE_TOKEN_BATCHES_H_

#include "bge/token_sequences.h"

#include "engine/loaded_transformer.h"

#include <cstdint>
#include <functional>
#include <stop_token>

namespace bge {

/// Calls function(batch, first, context) for runs of the sequences, in order, one after another;
/// `first` is the number of the batch's first sequence. Throws the errors of
/// Embedder::HiddenStates before the first call, and kCancelled.
void ForEachTokenBatch(const LoadedTransformer& model, const TokenSequences& sequences,
                       const std::stop_token& stop,
                       const std::function<void(const PackedBatch& batch, int64_t first,
                                                const OpContext& context)>& function);

}  // namespace bge

#endif  // BGE_ENGINE_TOKEN_BATCHES_H_
