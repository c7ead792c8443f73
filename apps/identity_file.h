// FILE.bge.json beside an output of vectors: which model and settings they are from.
#ifndef BGE_APPS_IDENTITY_FILE_H_
#define BGE_APPS_IDENTITY_FILE_H_

#include "bge/embedder.h"

#include "apps/embedding_flags.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace bge::cli {

/// For outputs whose formats have no place for the two identities (docs/formats/identity.md).
/// `bge embed` removes the file of an earlier run before the vectors get their name, and writes it
/// after: it is never there beside vectors of another run. Single thread.
class IdentityFile {
 public:
  /// Of an output as OpenOutput takes it. Only regular files have one.
  explicit IdentityFile(const std::string& output);

  /// Error(kIo).
  void Remove() const;
  /// What the vectors are of: `flags` loaded `embedder`. `output` must be written by now. Reads the
  /// model's files where they must be hashed. Error(kIo).
  void Write(const Embedder& embedder, const EmbeddingFlags& flags) const;

  /// Its name, for messages and for CheckNotTextInput; empty where there is none.
  std::string name() const { return path_.string(); }

 private:
  std::filesystem::path output_;
  std::filesystem::path path_;  // empty: the output has none
};

/// For outputs whose formats have a place for it: model, fingerprint, space, type, and the settings
/// as the text of a JSON object. Reads the model's files where they must be hashed.
std::map<std::string, std::string> IdentityMetadata(const Embedder& embedder,
                                                    const EmbeddingFlags& flags);

/// A warning on standard error where the file beside `vectors` says that they are of another space
/// than `embedder`'s; nothing where there is no such file, or it is of other vectors.
/// Error(kCorruptData) where the file is none of ours.
void WarnOfOtherSpace(const std::string& vectors, const Embedder& embedder);

}  // namespace bge::cli

#endif  // BGE_APPS_IDENTITY_FILE_H_
