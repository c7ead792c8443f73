// A SentencePiece model of type BPE: its pieces, as the merges and stages that BPE is made of here.
//
// Follows transformers 5.23 (generate_merges in tokenization_utils_base.py, LlamaConverter in
// convert_slow_tokenizer.py). The file itself is read elsewhere.
#ifndef BGE_TOKENIZER_SENTENCEPIECE_BPE_H_
#define BGE_TOKENIZER_SENTENCEPIECE_BPE_H_

#include "tokenizer/model/bpe.h"
#include "tokenizer/tokenizer_impl.h"

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

/// By what transformers ranks the pieces that merges make: the id in all that loads through
/// TokenizersBackend (Llama, Mistral); the score, the highest first, in converters (Gemma).
enum class MergeOrder { kById, kByScore };

/// The pairs of pieces that make a piece, best first. They view `pieces`. Error(kUnsupported) for
/// pieces of more than 1,024 bytes; `where` names their file.
std::vector<Bpe::Merge> MergesOfPieces(std::span<const SentencePiecePiece> pieces, MergeOrder order,
                                       std::string_view where);

struct SentencePieceBpeOptions {
  MergeOrder order = MergeOrder::kById;
  bool byte_fallback = true;
  bool add_dummy_prefix =
      true;  ///< a ▁ in front of the text, and no space in front of decoded text
  std::optional<std::string> unk_token = {};  ///< nullopt: LlamaTokenizer's model has none
};

/// Normalizer, model, decoder and added tokens (control and user-defined pieces) as LlamaConverter
/// makes them. What is put around a text is up to the caller: the post-processor adds nothing.
Tokenizer::Impl::Stages StagesFromSentencePieceBpe(std::span<const SentencePiecePiece> pieces,
                                                   const SentencePieceBpeOptions& options,
                                                   const std::string& where);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_SENTENCEPIECE_BPE_H_
