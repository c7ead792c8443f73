// The tokens that a model is fed, without its weights.
#ifndef BGE_MODEL_TOKENIZER_H_
#define BGE_MODEL_TOKENIZER_H_

#include "bge/embedder.h"
#include "bge/export.h"
#include "bge/tokenizer.h"
#include "bge/types.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bge {

/// The tokenizer of a model, of an embedder or a reranker: where modules.json says that the
/// transformer is, with the lower-casing and the markers ("[Q]") that the files ask for. Of a
/// Router it is the documents'. `model`: as Embedder::Load takes it, or a directory that has a
/// tokenizer and nothing else. Throws Error. Thread-safe.
BGE_API Tokenizer LoadModelTokenizer(const std::string& model, const WarningSink& on_warning = {});

/// How an embedding model reads the texts of each role. Immutable and thread-safe.
class BGE_API ModelTokenizer {
 public:
  /// As Embedder::Load, which reads the same files; of the options max_length, splade and
  /// on_warning count. Throws Error.
  static ModelTokenizer Load(const std::string& model, const EmbedderOptions& options = {});

  ModelTokenizer(ModelTokenizer&&) noexcept;
  ModelTokenizer& operator=(ModelTokenizer&&) noexcept;
  ~ModelTokenizer();

  /// The tokens from which Embedder computes a text: with the prompt in front, cut, and filled up
  /// where the model fills up queries. Of the options role, instruction, prompt_name, max_length
  /// and stop count; what Embedder refuses throws kInvalidArgument. With `want_offsets`, these are
  /// of the prompt and the text together; tokens that fill up have (0, 0).
  Encoding Encode(std::string_view text, const EncodeOptions& options = {},
                  bool want_offsets = false) const;
  /// The most tokens of a text with these options, special tokens included.
  int64_t MaxLength(const EncodeOptions& options = {}) const;
  /// As Embedder::tokenizer.
  const Tokenizer& tokenizer(Role role = Role::kNone) const;

 private:
  class Impl;
  explicit ModelTokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace bge

#endif  // BGE_MODEL_TOKENIZER_H_
