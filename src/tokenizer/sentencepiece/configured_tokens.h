// The special and added tokens of a directory with a SentencePiece file.
//
// Follows transformers 5.23 (from_pretrained in tokenization_utils_base.py,
// tokenization_utils_tokenizers.py): tokenizer_config.json, and without an added_tokens_decoder in
// it special_tokens_map.json and added_tokens.json.
#ifndef BGE_TOKENIZER_SENTENCEPIECE_CONFIGURED_TOKENS_H_
#define BGE_TOKENIZER_SENTENCEPIECE_CONFIGURED_TOKENS_H_

#include "tokenizer/added_vocabulary.h"
#include "tokenizer/directory_config.h"
#include "tokenizer/sentencepiece/model_file.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace bge::tokenizer {

/// A token that is special, and looked for in the text as it was given.
AddedToken SpecialToken(std::string_view content);

/// Error(kCorruptData) naming file and field.
class ConfiguredTokens {
 public:
  /// Names, and the tokens that a class gives them: {"bos_token", "<s>"}.
  using Defaults = std::vector<std::pair<std::string_view, std::string_view>>;

  /// `directory` may be empty, `config`, its tokenizer_config.json, absent.
  ConfiguredTokens(const std::filesystem::path& directory, const DocumentPtr& config,
                   const Defaults& defaults);

  /// The token of that name; nullptr where there is none, because a file says null, for one.
  const AddedToken* Named(std::string_view name) const;

  /// Tokens by the id that added_tokens_decoder or added_tokens.json gives them.
  const std::map<int64_t, AddedToken>& numbered() const { return numbered_; }

  /// All tokens that are tokens wherever they stand, in the order in which they get free ids. The
  /// control and user-defined ones of `pieces` and then `of_class` are among them where no file
  /// lists other tokens.
  std::vector<AddedToken> InOrder(const std::vector<SentencePieceModel::Piece>& pieces,
                                  const std::vector<AddedToken>& of_class) const;

 private:
  using NameAndToken = std::pair<std::string, std::optional<AddedToken>>;

  void SetNamed(std::string_view name, std::optional<AddedToken> token);
  void ReadNamed(const DocumentPtr& document, bool is_map);
  void ReadExtra(const DocumentPtr& config);
  void ReadNumbered(const std::filesystem::path& directory, const DocumentPtr& config);
  void ReadExtraOfMap(const json::Value& extra);
  bool IsNamed(const std::string& content) const { return contents_.contains(content); }

  std::vector<NameAndToken> named_;                 // the seven of transformers, and then others
  std::unordered_map<std::string, size_t> places_;  // of names in named_
  std::unordered_set<std::string> contents_;        // of named_
  std::unordered_set<std::string> stated_;          // contents that the files give to the seven
  std::optional<std::vector<AddedToken>> extra_;    // set where the files list such
  std::vector<NameAndToken> last_named_;            // those that come last
  std::map<int64_t, AddedToken> numbered_;
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_SENTENCEPIECE_CONFIGURED_TOKENS_H_
