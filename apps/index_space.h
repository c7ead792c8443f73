// The vector space of an index: with which model and settings its texts were embedded.
//
// `bge index build` writes it into the index; `bge search` embeds queries and `bge index add`
// documents in the same way, and both refuse a model that gives other vectors.
#ifndef BGE_APPS_INDEX_SPACE_H_
#define BGE_APPS_INDEX_SPACE_H_

#include "bge/embedder.h"
#include "bge/identity.h"
#include "bge/index.h"

#include "apps/embedding_flags.h"

#include <map>
#include <string>

namespace bge::cli {

/// The metadata that holds the beginning of a fixed sentence's vector.
inline constexpr const char* kProbeKey = "probe";

/// What IndexWriter is given about the texts' embedder.
struct IndexSpace {
  std::string model;                            ///< a directory becomes an absolute path
  std::map<std::string, std::string> metadata;  ///< docs/formats/index.md lists the keys
};

/// `flags` loaded `embedder`.
IndexSpace DescribeSpace(const EmbeddingFlags& flags, const Embedder& embedder);

/// Fills in what the command line left open: the model, pooling, length, normalisation and
/// truncation that the index was built with. Error(kInvalidArgument) where the command line
/// contradicts them.
void ApplySpace(const IndexInfo& info, EmbeddingFlags* flags);

/// For more documents: fills in the instruction that those of the index had, and the type that they
/// were computed in where the command line leaves it open. After ApplySpace.
void ApplyDocumentSpace(const IndexInfo& info, EmbeddingFlags* flags);

/// Loads the model that ApplySpace chose. Where flags.max_length is for queries alone it must not
/// be set here but for each encode call, because CheckSpace needs the length of the index. Where
/// the model that the index was built with is not there, Error(kNotFound) says so: `asked`, that
/// --model was given, lets it be downloaded. `dir` is for the message.
Embedder LoadSpaceEmbedder(const IndexInfo& info, const std::string& dir,
                           const EmbeddingFlags& flags, bool asked, const RunContext& context);

/// Error(kInvalidArgument) unless vectors of `embedder`, which is LoadSpaceEmbedder's, have the
/// index's dimension, its vector of a fixed sentence is the one that the index remembers, and its
/// space is the index's. A warning where its files are others of that space. Reads the model's
/// files where their hashes are not known. `dir` is for the messages.
void CheckSpace(const IndexInfo& info, const std::string& dir, const EmbeddingFlags& flags,
                const Embedder& embedder);

}  // namespace bge::cli

#endif  // BGE_APPS_INDEX_SPACE_H_
