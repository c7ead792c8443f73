// The pipeline behind bge::Tokenizer, put together from its stages.
#ifndef BGE_TOKENIZER_TOKENIZER_IMPL_H_
#define BGE_TOKENIZER_TOKENIZER_IMPL_H_

#include "bge/tokenizer.h"

#include "tokenizer/added_vocabulary.h"
#include "tokenizer/bert_fast_path.h"
#include "tokenizer/decoder/decoder.h"
#include "tokenizer/model/model.h"
#include "tokenizer/normalizer/normalizer.h"
#include "tokenizer/post_processor/post_processor.h"
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"
#include "tokenizer/truncation.h"
#include "tokenizer/unigram_fast_path.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace bge {

/// Immutable and thread-safe.
class Tokenizer::Impl {
 public:
  /// The stages of a tokenizer, as the files say.
  struct Stages {
    std::unique_ptr<const tokenizer::Normalizer> normalizer;       // may be null
    std::unique_ptr<const tokenizer::PreTokenizer> pre_tokenizer;  // may be null
    std::unique_ptr<const tokenizer::Model> model;
    std::unique_ptr<const tokenizer::PostProcessor> post_processor;
    std::unique_ptr<const tokenizer::Decoder> decoder;
    std::vector<tokenizer::AddedToken> added_tokens;
    tokenizer::TruncationDirection truncation_direction = tokenizer::TruncationDirection::kRight;
    /// false: always the general path, which the fast one is tested against.
    bool allow_fast_path = true;
    /// Of a text at least twice as long that has a limit, so many bytes are tokenised first, and
    /// eight times as many as long as those do not reach the limit. Tests take less.
    size_t first_bytes = 64 << 10;
  };
  explicit Impl(Stages stages);

  void Encode(std::string_view a, const std::string_view* b, const TokenizeOptions& options,
              Encoding* encoding) const;
  /// As Encode of a pair with special tokens, of texts whose tokens are known. `more`: either lost
  /// tokens before.
  void JoinPair(std::span<const int32_t> a, std::span<const int32_t> b, bool more,
                const TokenizeOptions& options, Encoding* encoding) const;
  std::string Decode(const std::vector<int32_t>& ids, bool skip_special_tokens) const;
  std::optional<int32_t> TokenToId(std::string_view token) const;
  std::optional<std::string_view> IdToToken(int32_t id) const;
  int64_t vocab_size() const;
  bool truncates_left() const {
    return stages_.truncation_direction == tokenizer::TruncationDirection::kLeft;
  }
  int64_t num_special_tokens(bool pair) const { return stages_.post_processor->NumAdded(pair); }
  bool is_special(int32_t id) const;

  bool has_fast_path() const { return bert_fast_path_ || unigram_fast_path_; }
  const tokenizer::Normalizer* normalizer() const { return stages_.normalizer.get(); }
  /// For another Impl; this one is of no use any more.
  Stages ReleaseStages() && { return std::move(stages_); }

 private:
  size_t MostTokens(bool pair, const TokenizeOptions& options) const;
  struct Scratch;
  struct TextStart;
  struct TextTokens;
  static Scratch& ThreadScratch();

  // Tokens of one text, up to the word with which they reach `limit`.
  void Tokenize(std::string_view text, size_t limit, bool want_offsets, Scratch* scratch,
                TextTokens* tokens) const;
  // The same from the start of the text alone; false where that does not reach the limit.
  bool TokenizeStart(std::string_view start, bool is_whole, size_t limit, bool want_offsets,
                     Scratch* scratch, TextTokens* tokens) const;
  bool TokenizeFast(const TextStart& start, size_t limit, bool want_offsets, Scratch* scratch,
                    TextTokens* tokens) const;
  void TokenizeGeneral(const TextStart& start, size_t limit, bool want_offsets, Scratch* scratch,
                       TextTokens* tokens) const;
  void ChooseFastPath();
  void NormalizeAndCut(const TextStart& start, Scratch* scratch) const;
  void FindCuts(const TextStart& start, Scratch* scratch) const;

  Stages stages_;
  tokenizer::AddedVocabulary added_;
  // One of them at most.
  std::optional<tokenizer::BertFastPath> bert_fast_path_;
  std::optional<tokenizer::UnigramFastPath> unigram_fast_path_;
};

}  // namespace bge

#endif  // BGE_TOKENIZER_TOKENIZER_IMPL_H_
