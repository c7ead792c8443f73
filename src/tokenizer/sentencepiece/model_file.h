// A SentencePiece model file: what of its protocol buffer makes a tokenizer.
#ifndef BGE_TOKENIZER_SENTENCEPIECE_MODEL_FILE_H_
#define BGE_TOKENIZER_SENTENCEPIECE_MODEL_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

/// sentencepiece_model.proto, the members that are used; the names and numbers are its own.
struct SentencePieceModel {
  enum class PieceType { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };
  struct Piece {
    std::string_view text;  ///< valid UTF-8, in the bytes that were parsed
    float score = 0;
    PieceType type = PieceType::kNormal;
  };
  enum class ModelType { kUnigram = 1, kBpe, kWord, kChar };

  std::vector<Piece> pieces;
  ModelType model_type = ModelType::kUnigram;  // trainer_spec, as all but the last
  bool byte_fallback = false;
  int32_t unk_id = 0;
  int32_t bos_id = 1;  // below zero: there is none, as of eos_id
  int32_t eos_id = 2;
  std::string_view unk_piece = "<unk>";
  std::string_view bos_piece = "<s>";
  std::string_view eos_piece = "</s>";
  std::string_view precompiled_charsmap;  // normalizer_spec
  bool add_dummy_prefix = true;           // normalizer_spec
  bool remove_extra_whitespaces = true;   // normalizer_spec
};

/// Parses `bytes`, which must outlive the result. Members that are not used are skipped.
/// Error(kCorruptData) naming `where`, the file, and the field.
SentencePieceModel ParseSentencePieceModel(std::string_view bytes, std::string_view where);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_SENTENCEPIECE_MODEL_FILE_H_
