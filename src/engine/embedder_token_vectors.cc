// The parts of EmbedderImpl that only models of token vectors (ColBERT) have: their head, and what
// is said of how they read each role.
#include "base/error.h"
#include "engine/embedder_impl.h"
#include "heads/token_vectors_head.h"

#include <utility>

namespace bge {

void EmbedderImpl::LoadTokenVectors(const WarningSink& on_warning) {
  const MultiVectorSpec& spec = *spec_.multi_vector;
  const Tokenizer& tokenizer = model_.tokenizer();
  TokenMask mask = spec.mask;
  std::string unknown;
  for (const std::string& word : spec.skiplist_words) {
    if (const auto id = tokenizer.TokenToId(word)) {
      mask.skipped.push_back(*id);
    } else {
      unknown += (unknown.empty() ? "" : " ") + word;
    }
  }
  if (!unknown.empty() && on_warning) {
    on_warning(spec_.dir.string() +
               ": words to skip that are no tokens are left out: " + Printable(unknown, 100));
  }
  auto head = std::make_unique<const TokenVectorsHead>(
      spec.modules, std::move(mask), model_.encoder().info().hidden_size, model_.backend());
  AddFiles(head->files());
  colbert_head_ = std::move(head);
  if (!spec.expansion) return;
  if (!spec.expansion->attended && !model_.encoder().info().takes_key_counts) {
    Fail(ErrorCode::kUnsupported, "queries are filled up with tokens that are not attended to",
         spec_.dir.string() + ": the " + model_.encoder().info().architecture +
             " of this version attends to all tokens",
         "use another model");
  }
}

void EmbedderImpl::FillRoleInfo() {
  info_.query_length = input_->query_length();
  info_.query_length_source = input_->query_length_source();
  info_.document_length = input_->document_length();
  info_.document_length_source = input_->document_length_source();
  if (!input_->expansion()) return;
  info_.query_expansion_token = input_->expansion_token();
  info_.query_expansion_length = input_->expansion()->length;
  info_.query_expansion_attended = spec_.multi_vector->expansion->attended;
}

}  // namespace bge
