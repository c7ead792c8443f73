// The parts of EmbedderImpl that only models of token vectors (ColBERT) have: their head, and how
// long the texts of each role may be.
#include "base/error.h"
#include "engine/embedder_impl.h"
#include "engine/model_files.h"
#include "engine/special_tokens.h"
#include "heads/token_vectors_head.h"

#include <algorithm>
#include <utility>

namespace bge {

namespace {

// Most tokens that a query is filled up to: ModernBERT states a length that no weight bears out.
constexpr int64_t kMostFilled = 32768;

// Parity: sentence-transformers pads with the tokenizer, and then it is the padding that counts.
void RequirePaddingOnTheRight(const std::filesystem::path& dir) {
  ModelFiles files(dir);
  const auto document = files.Find("tokenizer_config.json");
  const auto side = document ? document->root().FindNonNull("padding_side") : std::nullopt;
  if (!side || side->AsString() != "left") return;
  Fail(ErrorCode::kUnsupported, "queries would be filled up in front",
       side->Where() + ": found \"left\", expected \"right\"", "use another model");
}

}  // namespace

// The head of a model of token vectors alone, and the token that fills up its queries.
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
  colbert_head_ = std::make_unique<const TokenVectorsHead>(
      spec.modules, std::move(mask), model_.encoder().info().hidden_size, model_.backend());
  if (!spec.expansion) return;
  RequirePaddingOnTheRight(spec_.transformer_dir);

  const std::string& own = spec.expansion->token;
  const std::string token =
      own.empty() ? MaskToken(spec_.transformer_dir, tokenizer).value_or("") : own;
  const auto id = tokenizer.TokenToId(token);
  if (!id) {
    Fail(ErrorCode::kCorruptData, "no token to fill up queries with",
         spec_.dir.string() + ": query expansion: found " +
             (own.empty() ? "neither a mask token nor an eos token"
                          : "\"" + Printable(own, 60) + "\", which is no token"),
         "use the tokenizer that belongs to the model");
  }
  if (!spec.expansion->attended && !model_.encoder().info().takes_key_counts) {
    Fail(ErrorCode::kUnsupported, "queries are filled up with tokens that are not attended to",
         spec_.dir.string() + ": the " + model_.encoder().info().architecture +
             " of this version attends to all tokens",
         "use another model");
  }
  expansion_ = TextTokenizer::Filling{.token = *id, .length = spec.expansion->length};
  info_.query_expansion_token = token;
  info_.query_expansion_length = spec.expansion->length;
  info_.query_expansion_attended = spec.expansion->attended;
}

// Each role's own length, where the model states one and the caller does not.
void EmbedderImpl::SetRoleLengths(bool callers) {
  const int64_t longest = model_.encoder().info().max_tokens;
  const int64_t shortest = std::max<int64_t>(1, model_.tokenizer().num_special_tokens());
  const auto resolve = [&](const RoleLength& role, std::string* source) {
    *source = spec_.max_length_source;
    if (!role.tokens || callers) return max_length_;
    if (*role.tokens < shortest) {
      Fail(ErrorCode::kCorruptData, "maximum length does not hold the special tokens",
           spec_.dir.string() + ": " + role.source + ": found " + std::to_string(*role.tokens) +
               ", expected at least " + std::to_string(shortest),
           "repair the file or download it again");
    }
    *source = role.source;
    return std::min(*role.tokens, longest);
  };
  const MultiVectorSpec& spec = *spec_.multi_vector;
  query_length_ = resolve(spec.query, &info_.query_length_source);
  document_length_ = resolve(spec.document, &info_.document_length_source);
  if (spec.expansion) {
    const int64_t length = spec.expansion->length;
    const int64_t most = std::min(longest, kMostFilled);
    if (length < shortest || length > most) {
      Fail(ErrorCode::kCorruptData, "queries are filled up to an impossible length",
           spec_.dir.string() + ": query expansion: found " + std::to_string(length) +
               " tokens, expected " + std::to_string(shortest) + " to " + std::to_string(most),
           "repair the file or download it again");
    }
    if (spec.expansion->fixed) {
      query_length_ = length;
      info_.query_length_source = "query expansion";
    } else {
      query_length_ = std::max(query_length_, callers ? length : int64_t{0});
    }
  }
  info_.query_length = query_length_;
  info_.document_length = document_length_;
}

int64_t EmbedderImpl::RoleLengthFor(const EncodeOptions& options) const {
  if (options.role == Role::kQuery) {
    if (!options.max_length) return query_length_;
    // Parity: what queries are filled up to is no less, and of the fixed kind no other.
    const int64_t asked = CheckedLength(*options.max_length);
    const auto& expansion = spec_.multi_vector->expansion;
    if (!expansion) return asked;
    return expansion->fixed ? query_length_ : std::max(asked, expansion->length);
  }
  if (options.max_length) return CheckedLength(*options.max_length);
  return options.role == Role::kDocument ? document_length_ : max_length_;
}

}  // namespace bge
