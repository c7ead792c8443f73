#include "tokenizer/sentencepiece_bpe.h"

#include "base/error.h"
#include "tokenizer/utf8.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <unordered_map>

namespace bge::tokenizer {
namespace {

// All places of a piece are looked at, and what is in front of and behind each is looked up.
constexpr size_t kMostPieceBytes = 1024;

// Gemma's 256,000 pieces make 580,000.
constexpr size_t kMostMerges = size_t{1} << 23;

constexpr std::string_view kSpace = "▁";
constexpr char32_t kSpaceCharacter = U'▁';

struct RankedMerge {
  Bpe::Merge merge;
  double rank;  // the lower, the better
  size_t left_characters, right_characters;
};

}  // namespace

std::vector<Bpe::Merge> MergesOfPieces(std::span<const SentencePiecePiece> pieces, MergeOrder order,
                                       std::string_view where) {
  // Of equal pieces the last one's id and score count, and the place of the first one.
  std::unordered_map<std::string_view, size_t> last;
  std::vector<std::string_view> texts;
  last.reserve(pieces.size());
  for (size_t id = 0; id < pieces.size(); ++id) {
    const std::string_view text = pieces[id].text;
    if (text.size() > kMostPieceBytes) {
      Fail(ErrorCode::kUnsupported, "a piece of " + std::to_string(text.size()) + " bytes", where,
           "expected at most 1024 (SentencePiece's limit is 16 characters, if not told otherwise)");
    }
    if (last.insert_or_assign(text, id).second) texts.push_back(text);
  }
  std::vector<RankedMerge> merges;
  for (const std::string_view text : texts) {
    const size_t id = last[text];
    const float score = pieces[id].score;
    const double rank = order == MergeOrder::kById ? static_cast<double>(id)
                        : std::isnan(score)        ? std::numeric_limits<double>::infinity()
                                                   : -static_cast<double>(score);
    const size_t characters = CountCharacters(text);
    size_t left = 0;
    for (size_t at = 0; at < text.size(); ++left) {
      if (at > 0 && last.contains(text.substr(0, at)) && last.contains(text.substr(at))) {
        if (merges.size() == kMostMerges) {
          Fail(ErrorCode::kUnsupported, "more than 8388608 pairs of pieces make a piece", where,
               "expected a vocabulary of a few hundred thousand pieces");
        }
        merges.push_back({{text.substr(0, at), text.substr(at)}, rank, left, characters - left});
      }
      at += Utf8Length(text[at]);
    }
  }
  // Highest scores come first, and with them the longest left part; lowest ids and the shortest.
  const auto key = [order](const RankedMerge& m) {
    const auto sign = [order](size_t size) {
      return order == MergeOrder::kById ? static_cast<double>(size) : -static_cast<double>(size);
    };
    return std::tuple(m.rank, sign(m.left_characters), sign(m.right_characters));
  };
  std::stable_sort(merges.begin(), merges.end(),
                   [&](const RankedMerge& a, const RankedMerge& b) { return key(a) < key(b); });
  std::vector<Bpe::Merge> result;
  result.reserve(merges.size());
  for (const RankedMerge& m : merges) result.push_back(m.merge);
  return result;
}

Tokenizer::Impl::Stages StagesFromSentencePieceBpe(std::span<const SentencePiecePiece> pieces,
                                                   SentencePieceBpeOptions options,
                                                   const std::string& where) {
  Tokenizer::Impl::Stages stages;
  if (options.marks) {
    stages.pre_tokenizer = MakeMetaspace(MetaspaceOptions{
        .replacement = kSpaceCharacter, .prepend_scheme = *options.marks, .split = false});
  } else {
    std::vector<std::unique_ptr<const Normalizer>> normalizers;
    if (options.charsmap) normalizers.push_back(std::move(options.charsmap));
    normalizers.push_back(MakeReplace(" ", kSpace));
    stages.normalizer = MakeNormalizerSequence(std::move(normalizers));
  }

  std::vector<std::string_view> texts;
  texts.reserve(pieces.size());
  for (const SentencePiecePiece& piece : pieces) {
    texts.push_back(piece.text);
    if (piece.type != SentencePiecePiece::kControl &&
        piece.type != SentencePiecePiece::kUserDefined) {
      continue;
    }
    AddedToken token;
    token.content = piece.text;
    token.normalized = false;
    token.special = piece.type == SentencePiecePiece::kControl;
    stages.added_tokens.push_back(std::move(token));
  }
  if (!options.texts.empty()) texts = std::move(options.texts);
  stages.model = std::make_unique<Bpe>(Vocabulary::FromTokens(texts, where),
                                       MergesOfPieces(pieces, MergeOrder::kById, where),
                                       BpeOptions{.unk_token = options.unk_token,
                                                  .continuing_subword_prefix = {},
                                                  .end_of_word_suffix = {},
                                                  .fuse_unk = true,
                                                  .byte_fallback = options.byte_fallback,
                                                  .ignore_merges = false},
                                       where);
  stages.post_processor = MakeNoPostProcessor();

  std::vector<std::unique_ptr<const Decoder>> decoders;
  decoders.push_back(MakeReplaceDecoder(kSpace, " "));
  if (options.byte_fallback) decoders.push_back(MakeByteFallbackDecoder());
  decoders.push_back(MakeFuseDecoder());
  if (options.strip_decoded) decoders.push_back(MakeStripDecoder(U' ', 1, 0));
  stages.decoder = MakeDecoderSequence(std::move(decoders));
  return stages;
}

}  // namespace bge::tokenizer
