#include "tokenizer/model/wordpiece.h"

#include "base/error.h"
#include "base/stop.h"

namespace bge::tokenizer {
namespace {

// Cutting a word can take the square of its length.
constexpr int64_t kMostInputChars = 10000;

}  // namespace

WordPiece::WordPiece(Vocabulary vocabulary, WordPieceOptions options, std::string where)
    : vocabulary_(std::move(vocabulary)),
      options_(std::move(options)),
      where_(std::move(where)),
      unk_id_(vocabulary_.Find(options_.unk_token)) {
  auto pieces = vocabulary_.Entries();
  first_.Build(pieces, where_);
  const std::string& prefix = options_.continuing_subword_prefix;
  std::erase_if(pieces, [&](const auto& piece) { return !piece.first.starts_with(prefix); });
  for (auto& piece : pieces) piece.first.remove_prefix(prefix.size());
  continuing_.Build(pieces, where_);
}

int32_t WordPiece::unk_id() const {
  if (!unk_id_) {
    Fail(ErrorCode::kCorruptData, "unknown word, and no unknown token '" + options_.unk_token + "'",
         where_, "add unk_token to the vocabulary");
  }
  return *unk_id_;
}

void WordPiece::Tokenize(std::string_view word, const std::stop_token* stop,
                         std::vector<ModelToken>* tokens) const {
  ThrowIfStopped(stop);
  const size_t first = tokens->size();
  const auto characters = static_cast<int64_t>(CountCharacters(word));
  if (characters <= options_.max_input_chars_per_word) {
    std::string padded(word);
    padded.append(PieceTable::kPadding, '\0');
    const bool known = Cut(padded.data(), word.size(), [&](int32_t id, size_t begin, size_t end) {
      tokens->push_back({id, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
    });
    if (known) return;
  }
  tokens->resize(first);
  tokens->push_back({unk_id(), 0, static_cast<uint32_t>(word.size())});
}

std::unique_ptr<const Model> MakeWordPiece(const json::Value& json) {
  WordPieceOptions options;
  options.unk_token = json.At("unk_token").AsString();
  options.continuing_subword_prefix = json.At("continuing_subword_prefix").AsString();
  const json::Value most = json.At("max_input_chars_per_word");
  options.max_input_chars_per_word = most.AsIntIn(0, std::numeric_limits<int64_t>::max());
  if (options.max_input_chars_per_word > kMostInputChars) {
    Fail(ErrorCode::kUnsupported, "found " + std::to_string(options.max_input_chars_per_word),
         most.Where(), "expected at most 10000 (BERT has 100)");
  }
  const json::Value vocab = json.At("vocab");
  if (vocab.size() == 0) vocab.Fail("the vocabulary is empty", "expected tokens with their ids");
  return std::make_unique<WordPiece>(Vocabulary::FromJson(vocab), std::move(options),
                                     vocab.Where());
}

}  // namespace bge::tokenizer
