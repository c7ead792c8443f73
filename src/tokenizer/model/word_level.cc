// WordLevel: a word is a token or unknown.
#include "base/error.h"
#include "tokenizer/model/model.h"
#include "tokenizer/model/vocabulary.h"

namespace bge::tokenizer {
namespace {

class WordLevel final : public Model {
 public:
  WordLevel(Vocabulary vocabulary, std::string_view unk_token, std::string where)
      : vocabulary_(std::move(vocabulary)),
        unk_token_(unk_token),
        unk_id_(vocabulary_.Find(unk_token)),
        where_(std::move(where)) {}

  void Tokenize(std::string_view word, const std::stop_token*,
                std::vector<ModelToken>* tokens) const override {
    std::optional<int32_t> id = vocabulary_.Find(word);
    if (!id) id = unk_id_;
    if (!id) {
      Fail(ErrorCode::kCorruptData, "unknown word, and no unknown token '" + unk_token_ + "'",
           where_, "add unk_token to the vocabulary");
    }
    tokens->push_back({*id, 0, static_cast<uint32_t>(word.size())});
  }

  std::optional<int32_t> TokenToId(std::string_view token) const override {
    return vocabulary_.Find(token);
  }
  std::optional<std::string_view> IdToToken(int32_t id) const override {
    return vocabulary_.Token(id);
  }
  size_t vocab_size() const override { return vocabulary_.size(); }

 private:
  Vocabulary vocabulary_;
  std::string unk_token_;
  std::optional<int32_t> unk_id_;
  std::string where_;
};

}  // namespace

std::unique_ptr<const Model> MakeWordLevel(const json::Value& json) {
  const json::Value vocab = json.At("vocab");
  if (vocab.size() == 0) vocab.Fail("the vocabulary is empty", "expected tokens with their ids");
  return std::make_unique<WordLevel>(Vocabulary::FromJson(vocab), json.At("unk_token").AsString(),
                                     vocab.Where());
}

}  // namespace bge::tokenizer
