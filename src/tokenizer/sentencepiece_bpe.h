// A SentencePiece model of type BPE: its pieces, as the merges and stages that BPE is made of here.
//
// Follows transformers 5.23 (generate_merges in tokenization_utils_base.py, LlamaTokenizer). The
// file itself is read in sentencepiece/, which knows the other classes.
#ifndef BGE_TOKENIZER_SENTENCEPIECE_BPE_H_
#define BGE_TOKENIZER_SENTENCEPIECE_BPE_H_

#include "tokenizer/model/bpe.h"
#include "tokenizer/tokenizer_impl.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

/// One piece; its place in the list is its id. The types are sentencepiece_model.proto's.
struct SentencePiecePiece {
  enum Type { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
  std::string_view text;  // valid UTF-8
  float score = 0;
  int type = kNormal;
};

/// By what transformers ranks the pieces that merges make: the id in all that loads a file; the
/// score, the highest first, where slow tokenizers are converted.
enum class MergeOrder { kById, kByScore };

/// The pairs of pieces that make a piece, best first. They view `pieces`. Error(kUnsupported) for
/// pieces of more than 1,024 bytes and for more than 2^23 pairs; `where` names their file.
std::vector<Bpe::Merge> MergesOfPieces(std::span<const SentencePiecePiece> pieces, MergeOrder order,
                                       std::string_view where);

/// As it is, LlamaTokenizer's.
struct SentencePieceBpeOptions {
  std::optional<std::string> unk_token = {};  ///< nullopt: unknown characters are left out
  bool byte_fallback = true;
  /// Where a text gets a ▁ in front of it; nullopt: nowhere, and spaces become ▁ before added
  /// tokens are looked for in the normalised text.
  std::optional<PrependScheme> marks = PrependScheme::kFirst;
  std::unique_ptr<const Normalizer> charsmap = {};  ///< before all that; only without `marks`
  bool strip_decoded = true;                        ///< no space in front of decoded text
  /// The vocabulary, where it is not the pieces' texts, of which merges are made in any case.
  std::vector<std::string_view> texts = {};
};

/// Normalizer, model, decoder and added tokens (control and user-defined pieces). What is put
/// around a text is up to the caller: the post-processor adds nothing.
Tokenizer::Impl::Stages StagesFromSentencePieceBpe(std::span<const SentencePiecePiece> pieces,
                                                   SentencePieceBpeOptions options,
                                                   const std::string& where);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_SENTENCEPIECE_BPE_H_
