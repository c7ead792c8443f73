// Which tokens a model is fed for a text: whose tokenizer makes them, what stands in front of the
// text, how many there may be, and what they are filled up with. Roles may differ in all of it.
//
// It takes the files of a model and no weights, so that `bge tokenize` shows what `bge embed`
// computes from.
#ifndef BGE_ENGINE_MODEL_INPUT_H_
#define BGE_ENGINE_MODEL_INPUT_H_

#include "bge/embedder.h"
#include "bge/tokenizer.h"
#include "bge/types.h"

#include "engine/model_spec.h"
#include "engine/tokenized_texts.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bge {

/// Immutable; thread-safe.
class ModelInput {
 public:
  /// `tokenizer` is the transformer's; `queries` is that of queries which have weights of their own
  /// (SparseSpec::queries), else nullptr. `longest`: the tokens that the encoder takes.
  /// `max_length`: the caller's. What is given by reference must outlive this.
  /// Error(kCorruptData) for lengths and tokens that cannot be; kInvalidArgument for the caller's.
  ModelInput(const ModelSpec& spec, const Tokenizer& tokenizer, const Tokenizer* queries,
             int64_t longest, std::optional<int64_t> max_length);

  /// How a call with these options reads its texts; valid as long as the options. `hash` is not
  /// set, `typed` and `check` are not the model's. Error(kInvalidArgument) for options that the
  /// model cannot meet.
  TextTokenizer TokenizerFor(const EncodeOptions& options) const;
  /// Whether texts of this role take the route without a transformer. Error(kInvalidArgument) where
  /// the model has no route for them.
  bool IsStatic(Role role) const;
  const Tokenizer& TokenizerOf(Role role) const { return IsStatic(role) ? *queries_ : tokenizer_; }

  /// Of texts of no role, and the file and field that say so.
  int64_t max_length() const { return max_length_; }
  const std::string& max_length_source() const { return max_length_source_; }

  /// The rest is of models of token vectors alone; 0 and nothing for others.
  int64_t query_length() const { return query_.tokens; }
  const std::string& query_length_source() const { return query_.source; }
  int64_t document_length() const { return document_.tokens; }
  const std::string& document_length_source() const { return document_.source; }
  /// What queries are filled up with.
  const std::optional<TextTokenizer::Filling>& expansion() const { return expansion_; }
  const std::string& expansion_token() const { return expansion_token_; }

 private:
  struct Length {
    int64_t tokens = 0;
    std::string source;
  };
  void SetMaxLength(std::optional<int64_t> callers);
  void SetExpansion();
  void SetRoleLengths(bool callers);
  Length LengthOf(const RoleLength& role, bool callers) const;
  int64_t Shortest() const;
  int64_t CheckedLength(int64_t length) const;
  int64_t MaxLengthFor(const EncodeOptions& options) const;
  std::string_view PromptFor(const EncodeOptions& options) const;
  std::string_view PromptNamed(const std::string& name) const;

  const ModelSpec& spec_;
  const Tokenizer& tokenizer_;
  const Tokenizer* const queries_;
  const int64_t longest_;
  int64_t max_length_ = 0;
  std::string max_length_source_;
  std::optional<int64_t> static_length_;  // of queries_
  Length query_;
  Length document_;
  std::optional<TextTokenizer::Filling> expansion_;
  std::string expansion_token_;
};

}  // namespace bge

#endif  // BGE_ENGINE_MODEL_INPUT_H_
