// bge::Tokenizer: text through the stages, truncation, special tokens; and the public class around
// it.
//
// Follows TokenizerImpl in tokenizers/src/tokenizer/mod.rs of Hugging Face tokenizers 0.23.
#include "bge/tokenizer.h"

#include "base/error.h"
#include "base/links.h"
#include "base/per_thread.h"
#include "base/stop.h"
#include "tokenizer/load.h"
#include "tokenizer/regex.h"
#include "tokenizer/tokenizer_impl.h"
#include "tokenizer/utf8.h"

#include <algorithm>
#include <array>
#include <limits>

namespace bge {

using tokenizer::AddedVocabulary;
using tokenizer::BertFastPath;
using tokenizer::EndSpaceCounter;
using tokenizer::EndSpaces;
using tokenizer::FastPathInput;
using tokenizer::FastPathStatus;
using tokenizer::kReplacementCharacter;
using tokenizer::ModelToken;
using tokenizer::NormalizedString;
using tokenizer::PretokenizedString;
using tokenizer::TokenSequence;
using tokenizer::TruncationDirection;
using tokenizer::UnigramFastPath;

namespace {

// Numbers the characters at byte positions of a text. Cuts can overlap, so it is asked for earlier
// positions too; a second place in the text follows those, and all of it takes linear time.
class CharacterCounter {
 public:
  explicit CharacterCounter(std::string_view text) : text_(text) {}

  uint32_t At(size_t byte) { return Move(byte < furthest_.byte ? &behind_ : &furthest_, byte); }

 private:
  struct Place {
    size_t byte = 0;
    uint32_t character = 0;
  };

  uint32_t Move(Place* place, size_t byte) const {
    const size_t low = std::min(byte, place->byte);
    const size_t between =
        tokenizer::CountCharacters(text_.substr(low, std::max(byte, place->byte) - low));
    place->character = static_cast<uint32_t>(byte < place->byte ? place->character - between
                                                                : place->character + between);
    place->byte = byte;
    return place->character;
  }

  std::string_view text_;
  Place furthest_, behind_;
};

void Clear(Encoding* encoding) {
  encoding->ids.clear();
  encoding->type_ids.clear();
  encoding->offsets.clear();
  encoding->special_tokens_mask.clear();
  encoding->truncated = false;
}

// Parity: BPE's tokens can count more bytes than their word has (a prefix's or suffix's). Upstream
// then takes the bytes to be those of the text; and where they are behind its end, leaves them.
Offset OffsetBehindPiece(std::string_view text, const ModelToken& token) {
  const auto character_at = [&](size_t byte) {
    while (byte > 0 && tokenizer::IsUtf8Continuation(text[byte])) --byte;
    return static_cast<uint32_t>(tokenizer::CountCharacters(text.substr(0, byte)));
  };
  if (token.begin >= text.size()) return {token.begin, token.end};
  const uint32_t begin = character_at(token.begin);
  if (token.end < text.size()) return {begin, character_at(token.end)};
  return {begin, (token.end - 1 < text.size() ? character_at(token.end - 1) : begin + 1) + 1};
}

}  // namespace

// A text, or the start of a longer one, as valid UTF-8.
struct Tokenizer::Impl::TextStart {
  std::string_view text;
  size_t decided;  // what may follow changes nothing about the bytes in front of this one

  bool is_whole() const { return decided == text.size(); }
};

struct Tokenizer::Impl::TextTokens {
  std::vector<int32_t> ids;
  std::vector<Offset> offsets;
  std::vector<EndSpaces> spaces;  // where the post-processor trims offsets
  bool more = false;              // tokens beyond the limit were not made

  void Clear() {
    ids.clear();
    offsets.clear();
    spaces.clear();
    more = false;
  }
  // Keeps `count` tokens; the view is what stays.
  TokenSequence Keep(size_t count, TruncationDirection direction) {
    const size_t begin = direction == TruncationDirection::kLeft ? ids.size() - count : 0;
    TokenSequence kept{std::span(ids).subspan(begin, count), {}};
    if (!offsets.empty()) kept.offsets = std::span(offsets).subspan(begin, count);
    if (!spaces.empty()) kept.spaces = std::span(spaces).subspan(begin, count);
    return kept;
  }
};

// Buffers of one thread, reused from call to call.
struct Tokenizer::Impl::Scratch {
  std::string valid_text;
  std::vector<AddedVocabulary::Cut> cuts, inner_cuts;
  NormalizedString normalized;
  PretokenizedString pretokenized;
  std::vector<ModelToken> model_tokens;
  BertFastPath::Scratch bert;
  UnigramFastPath::Scratch unigram;
  std::array<TextTokens, 2> texts;

  const std::stop_token* stop = nullptr;  // of the call
  size_t bytes_seen = 0;
};

Tokenizer::Impl::Scratch& Tokenizer::Impl::ThreadScratch() {
  static PerThread<Scratch> scratches;
  Scratch& scratch = scratches.Get();
  // One huge text must not hold its memory for ever.
  constexpr size_t kMostBytesKept = 1 << 20;
  if (scratch.bytes_seen > kMostBytesKept) scratch = Scratch();
  scratch.bytes_seen = 0;
  return scratch;
}

Tokenizer::Impl::Impl(Stages stages) : stages_(std::move(stages)) {
  added_.Add(stages_.added_tokens, *stages_.model, stages_.normalizer.get());
  if (stages_.allow_fast_path) ChooseFastPath();
}

void Tokenizer::Impl::ChooseFastPath() {
  if (const tokenizer::WordPiece* model = stages_.model->AsWordPiece()) {
    const auto bert = stages_.normalizer ? stages_.normalizer->AsBert() : std::nullopt;
    if (bert && stages_.pre_tokenizer && stages_.pre_tokenizer->IsBert() &&
        !added_.any_normalized()) {
      bert_fast_path_.emplace(*bert, *model);
    }
  } else if (const tokenizer::Unigram* unigram = stages_.model->AsUnigram()) {
    const auto normalization = tokenizer::AsSentencePiece(stages_.normalizer.get());
    const auto words = tokenizer::AsSentencePieceWords(stages_.pre_tokenizer.get());
    const std::string starts = added_.NormalizedStarts();
    if (normalization && words && UnigramFastPath::Supports(*normalization, *words, starts)) {
      unigram_fast_path_.emplace(*normalization, *words, starts, *unigram);
    }
  }
}

// Tokens of the texts that the options leave room for.
size_t Tokenizer::Impl::MostTokens(bool pair, const TokenizeOptions& options) const {
  if (!options.max_length) return std::numeric_limits<size_t>::max();
  const int64_t added = options.add_special_tokens ? num_special_tokens(pair) : 0;
  if (*options.max_length < added) {
    Fail(ErrorCode::kInvalidArgument,
         "max_length " + std::to_string(*options.max_length) + " cannot hold the special tokens",
         pair ? "a pair" : "a text",
         "expected at least " + std::to_string(added) +
             ", or no special tokens (add_special_tokens off; bge tokenize --no-special)");
  }
  return static_cast<size_t>(*options.max_length - added);
}

void Tokenizer::Impl::JoinPair(std::span<const int32_t> a, std::span<const int32_t> b, bool more,
                               const TokenizeOptions& options, Encoding* encoding) const {
  Clear(encoding);
  const auto kept =
      tokenizer::Truncate(a.size(), b.size(), MostTokens(true, options), options.strategy);
  const auto keep = [&](std::span<const int32_t> ids, size_t count) {
    const bool left = stages_.truncation_direction == TruncationDirection::kLeft;
    return TokenSequence{ids.subspan(left ? ids.size() - count : 0, count), {}};
  };
  const TokenSequence second = keep(b, kept.second);
  encoding->truncated = more || kept.first < a.size() || kept.second < b.size();
  stages_.post_processor->Process(keep(a, kept.first), &second, options.add_special_tokens, false,
                                  encoding);
}

void Tokenizer::Impl::Encode(std::string_view a, const std::string_view* b,
                             const TokenizeOptions& options, Encoding* encoding) const {
  Clear(encoding);
  tokenizer::Regex::StartText();
  const size_t most = MostTokens(b != nullptr, options);
  Scratch& scratch = ThreadScratch();
  scratch.stop = &options.stop;
  scratch.bytes_seen = a.size() + (b != nullptr ? b->size() : 0);
  // Work beyond what stays can be left out for one text. For pairs the full lengths count.
  const bool stop_early = b == nullptr &&
                          stages_.truncation_direction == TruncationDirection::kRight &&
                          options.strategy != TruncationStrategy::kOnlySecond;
  const size_t limit = stop_early ? most : std::numeric_limits<size_t>::max();
  Tokenize(a, limit, options.want_offsets, &scratch, &scratch.texts[0]);
  if (b != nullptr) Tokenize(*b, limit, options.want_offsets, &scratch, &scratch.texts[1]);

  TextTokens& first = scratch.texts[0];
  TextTokens& second = scratch.texts[1];
  const auto kept = tokenizer::Truncate(
      first.ids.size(), b != nullptr ? std::optional(second.ids.size()) : std::nullopt, most,
      options.strategy);
  const TruncationDirection direction = stages_.truncation_direction;
  const TokenSequence first_kept = first.Keep(kept.first, direction);
  encoding->truncated = first.more || kept.first < first.ids.size();
  if (b == nullptr) {
    stages_.post_processor->Process(first_kept, nullptr, options.add_special_tokens,
                                    options.want_offsets, encoding);
    return;
  }
  const TokenSequence second_kept = second.Keep(kept.second, direction);
  encoding->truncated = encoding->truncated || kept.second < second.ids.size();
  stages_.post_processor->Process(first_kept, &second_kept, options.add_special_tokens,
                                  options.want_offsets, encoding);
}

void Tokenizer::Impl::Tokenize(std::string_view text, size_t limit, bool want_offsets,
                               Scratch* scratch, TextTokens* tokens) const {
  if (text.size() >= std::numeric_limits<uint32_t>::max()) {
    Fail(ErrorCode::kInvalidArgument, "the text is too long",
         std::to_string(text.size()) + " bytes", "texts are limited to 4 GiB");
  }
  // A huge text costs what the tokens that the limit keeps cost. The stages of the fast paths allow
  // it: a word is what it is whatever comes behind what ends it.
  const bool may_stop = has_fast_path() && limit < std::numeric_limits<size_t>::max();
  for (size_t bytes = may_stop ? stages_.first_bytes : text.size();; bytes *= 8) {
    const bool is_whole = bytes >= text.size() / 2;
    const std::string_view start = is_whole ? text : text.substr(0, bytes);
    if (TokenizeStart(start, is_whole, limit, want_offsets, scratch, tokens)) return;
  }
}

bool Tokenizer::Impl::TokenizeStart(std::string_view start, bool is_whole, size_t limit,
                                    bool want_offsets, Scratch* scratch, TextTokens* tokens) const {
  if (tokenizer::ValidUtf8Prefix(start, scratch->stop) < start.size()) {
    tokenizer::ReplaceInvalidUtf8(start, &scratch->valid_text, scratch->stop);
    start = scratch->valid_text;
  }
  size_t decided = start.size();
  if (!is_whole) {
    // The last character may be the replacement of one that was cut in two.
    const size_t undecided = added_.lookahead() + tokenizer::Utf8Length(kReplacementCharacter);
    decided -= std::min(decided, undecided);
    while (decided > 0 && tokenizer::IsUtf8Continuation(start[decided])) --decided;
  }
  tokens->Clear();
  // The fast paths do not say what white space the tokens have.
  const bool is_fast = has_fast_path() && !(want_offsets && stages_.post_processor->TrimsOffsets());
  if (!is_fast || !TokenizeFast({start, decided}, limit, want_offsets, scratch, tokens)) {
    tokens->Clear();
    // Only in BERT's stages does what follows change nothing but the last word of a start.
    if (!is_whole && !bert_fast_path_) return false;
    TokenizeGeneral({start, decided}, limit, want_offsets, scratch, tokens);
  }
  return is_whole || tokens->more;
}

void Tokenizer::Impl::FindCuts(const TextStart& start, Scratch* scratch) const {
  if (start.is_whole()) {
    added_.FindInOriginal(start.text, scratch->stop, &scratch->cuts);
  } else {
    added_.FindInStart(start.text, start.decided, scratch->stop, &scratch->cuts);
  }
}

bool Tokenizer::Impl::TokenizeFast(const TextStart& start, size_t limit, bool want_offsets,
                                   Scratch* scratch, TextTokens* tokens) const {
  FindCuts(start, scratch);
  CharacterCounter counter(start.text);
  for (const AddedVocabulary::Cut& cut : scratch->cuts) {
    ThrowIfStopped(scratch->stop);
    if (cut.id) {
      if (tokens->ids.size() >= limit) {
        tokens->more = true;
        return true;
      }
      tokens->ids.push_back(*cut.id);
      if (want_offsets) {
        const uint32_t begin = counter.At(cut.range.begin);
        tokens->offsets.push_back({begin, counter.At(cut.range.end)});
      }
      continue;
    }
    const FastPathInput part = {
        .text = start.text.substr(cut.range.begin, cut.range.end - cut.range.begin),
        .complete = start.is_whole() || &cut != &scratch->cuts.back(),
        .first_character = want_offsets ? counter.At(cut.range.begin) : 0,
        .starts_text = cut.range.begin == 0};
    std::vector<Offset>* const offsets = want_offsets ? &tokens->offsets : nullptr;
    const FastPathStatus status =
        bert_fast_path_ ? bert_fast_path_->Tokenize(part, limit, scratch->stop, &tokens->ids,
                                                    offsets, &scratch->bert)
                        : unigram_fast_path_->Tokenize(part, limit, scratch->stop, &tokens->ids,
                                                       offsets, &scratch->unigram);
    switch (status) {
      case FastPathStatus::kDone:
        break;
      case FastPathStatus::kMore:
        tokens->more = true;
        return true;
      case FastPathStatus::kRefused:
        return false;
    }
  }
  return true;
}

void Tokenizer::Impl::NormalizeAndCut(const TextStart& start, Scratch* scratch) const {
  scratch->pretokenized.Clear(scratch->stop);
  FindCuts(start, scratch);
  CharacterCounter counter(start.text);
  EndSpaceCounter spaces(start.text);
  for (const AddedVocabulary::Cut& cut : scratch->cuts) {
    ThrowIfStopped(scratch->stop);
    const std::string_view part =
        start.text.substr(cut.range.begin, cut.range.end - cut.range.begin);
    NormalizedString& normalized = scratch->normalized;
    const uint32_t first = counter.At(cut.range.begin);
    if (cut.id) {
      scratch->pretokenized.AppendToken(*cut.id, {first, counter.At(cut.range.end)},
                                        spaces.Count(cut.range.begin, cut.range.end));
      continue;
    }
    normalized.Assign(part, first, scratch->stop);
    if (stages_.normalizer) stages_.normalizer->Normalize(&normalized);
    added_.FindInNormalized(normalized.text(), scratch->stop, &scratch->inner_cuts);
    EndSpaceCounter inner_spaces(normalized.text());
    for (const AddedVocabulary::Cut& inner : scratch->inner_cuts) {
      ThrowIfStopped(scratch->stop);
      if (inner.id) {
        const auto& origins = normalized.origins();
        scratch->pretokenized.AppendToken(
            *inner.id, {origins[inner.range.begin].begin, origins[inner.range.end - 1].end},
            inner_spaces.Count(inner.range.begin, inner.range.end));
      } else {
        scratch->pretokenized.Append(normalized, inner.range);
      }
    }
  }
}

void Tokenizer::Impl::TokenizeGeneral(const TextStart& start, size_t limit, bool want_offsets,
                                      Scratch* scratch, TextTokens* tokens) const {
  NormalizeAndCut(start, scratch);
  PretokenizedString& pretokenized = scratch->pretokenized;
  if (stages_.pre_tokenizer) stages_.pre_tokenizer->PreTokenize(&pretokenized);
  std::span<const PretokenizedString::Piece> pieces = pretokenized.pieces();
  // The last word of a start may go on behind it.
  if (!start.is_whole() && !pieces.empty()) pieces = pieces.first(pieces.size() - 1);

  const bool want_spaces = want_offsets && stages_.post_processor->TrimsOffsets();
  size_t token_pieces = 0;
  auto& model_tokens = scratch->model_tokens;
  for (const PretokenizedString::Piece& piece : pieces) {
    ThrowIfStopped(scratch->stop);
    if (tokens->ids.size() >= limit) {
      tokens->more = true;
      return;
    }
    if (piece.token_id) {
      tokens->ids.push_back(*piece.token_id);
      if (want_offsets) tokens->offsets.push_back(pretokenized.Original(piece.range));
      if (want_spaces) tokens->spaces.push_back(pretokenized.token_spaces()[token_pieces]);
      ++token_pieces;
      continue;
    }
    model_tokens.clear();
    stages_.model->Tokenize(pretokenized.View(piece.range), scratch->stop, &model_tokens);
    const size_t size = piece.range.end - piece.range.begin;
    for (const ModelToken& token : model_tokens) {
      tokens->ids.push_back(token.id);
      if (!want_offsets) continue;
      tokens->offsets.push_back(token.end <= size
                                    ? pretokenized.Original({piece.range.begin + token.begin,
                                                             piece.range.begin + token.end})
                                    : OffsetBehindPiece(start.text, token));
      if (want_spaces) {
        const auto text = stages_.model->TokenText(token, pretokenized.View(piece.range));
        tokens->spaces.push_back(text ? tokenizer::CountEndSpaces(*text) : EndSpaces{});
      }
    }
  }
}

std::string Tokenizer::Impl::Decode(const std::vector<int32_t>& ids,
                                    bool skip_special_tokens) const {
  tokenizer::Regex::StartText();
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const int32_t id : ids) {
    const auto token = IdToToken(id);
    if (!token || (skip_special_tokens && added_.IsSpecial(*token))) continue;
    tokens.emplace_back(*token);
  }
  return stages_.decoder->Decode(std::move(tokens));
}

std::optional<int32_t> Tokenizer::Impl::TokenToId(std::string_view token) const {
  const auto id = added_.TokenToId(token);
  return id ? id : stages_.model->TokenToId(token);
}

std::optional<std::string_view> Tokenizer::Impl::IdToToken(int32_t id) const {
  const auto token = added_.IdToToken(id);
  return token ? token : stages_.model->IdToToken(id);
}

int64_t Tokenizer::Impl::vocab_size() const {
  return static_cast<int64_t>(stages_.model->vocab_size() + added_.CountUnknownTo(*stages_.model));
}

bool Tokenizer::Impl::is_special(int32_t id) const {
  return added_.IsSpecialId(id) || stages_.post_processor->Adds(id);
}

Tokenizer Tokenizer::Load(const std::filesystem::path& path, const WarningSink& on_warning) {
  RefuseLinksOutside(path);
  return tokenizer::LoadTokenizer(path, {.on_warning = on_warning});
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Encoding Tokenizer::Encode(std::string_view text, const TokenizeOptions& options) const {
  Encoding encoding;
  impl_->Encode(text, nullptr, options, &encoding);
  return encoding;
}

Encoding Tokenizer::EncodePair(std::string_view a, std::string_view b,
                               const TokenizeOptions& options) const {
  Encoding encoding;
  impl_->Encode(a, &b, options, &encoding);
  return encoding;
}

void Tokenizer::EncodeInto(std::string_view text, const TokenizeOptions& options,
                           Encoding* encoding) const {
  impl_->Encode(text, nullptr, options, encoding);
}

std::string Tokenizer::Decode(const std::vector<int32_t>& ids, bool skip_special_tokens) const {
  return impl_->Decode(ids, skip_special_tokens);
}

std::optional<int32_t> Tokenizer::TokenToId(std::string_view token) const {
  return impl_->TokenToId(token);
}
std::optional<std::string_view> Tokenizer::IdToToken(int32_t id) const {
  return impl_->IdToToken(id);
}
int64_t Tokenizer::vocab_size() const { return impl_->vocab_size(); }
int64_t Tokenizer::num_special_tokens(bool pair) const { return impl_->num_special_tokens(pair); }
bool Tokenizer::is_special(int32_t id) const { return impl_->is_special(id); }

}  // namespace bge
