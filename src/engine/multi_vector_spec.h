// What a directory says about a model of token vectors (ColBERT, late interaction): how queries and
// documents are read, and which of their tokens have vectors.
//
// Follows sentence-transformers 6.2, multi_vector_encoder/model.py, which reads three layouts: its
// own; PyLate's, whose settings are in config_sentence_transformers.json; and Stanford's
// (colbert-ir/colbertv2.0), whose settings are in artifact.metadata and whose projection is among
// the encoder's weights. docs/models.md has the same in words.
#ifndef BGE_ENGINE_MULTI_VECTOR_SPEC_H_
#define BGE_ENGINE_MULTI_VECTOR_SPEC_H_

#include "bge/types.h"

#include "engine/model_files.h"
#include "engine/transformer_options.h"
#include "heads/token_vectors_head.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// Queries are filled up with a token.
struct QueryExpansion {
  bool fixed = true;  ///< to `length` tokens, which is also their limit; else to at least so many
  bool attended = false;   ///< the tokens that fill up are attended to
  std::string token = {};  ///< empty: the tokenizer's mask token, else its eos token
  int64_t length = 0;      ///< in tokens
};

/// The most tokens of a text, and the file and field that say so; no number: the model's
/// max_length.
struct RoleLength {
  std::optional<int64_t> tokens;
  std::string source;
};

struct MultiVectorSpec {
  std::vector<TokenModule> modules;
  std::vector<std::string> module_names;  // "Transformer", "Dense", ...: as listed, or understood
  TokenMask mask;                         // without the ids of skiplist_words
  std::vector<std::string> skiplist_words;
  RoleLength query;
  RoleLength document;
  std::optional<QueryExpansion> expansion;
  /// Texts in front of queries and documents whose first word, where the tokenizer knows it, is
  /// made a special token.
  std::vector<std::string> markers;
  std::map<std::string, std::string> prompts;
  std::string default_prompt_name;
  std::string prompt_source;
  std::string similarity = "maxsim";  // or "meanmaxsim"
  std::filesystem::path folder;       // of the Transformer, relative
  TransformerOptions transformer;
};

enum class MultiVectorLayout { kSentenceTransformers, kPyLate, kPyLateWithoutType, kStanford };

/// The layout of a directory of token vectors; nullopt for other models.
std::optional<MultiVectorLayout> FindMultiVectorLayout(ModelFiles* files);

/// Error naming file, field, found and expected; kUnsupported for modules and settings that this
/// build does not have.
MultiVectorSpec ReadMultiVectorSpec(MultiVectorLayout layout, ModelFiles* files);

}  // namespace bge

#endif  // BGE_ENGINE_MULTI_VECTOR_SPEC_H_
