// Which files a model is, and which vectors can be compared with its own.
//
// docs/formats/identity.md says what goes into the two.
#ifndef BGE_IDENTITY_H_
#define BGE_IDENTITY_H_

#include "bge/embedder.h"
#include "bge/export.h"
#include "bge/reranker.h"

#include <optional>
#include <string>

namespace bge {

struct ModelIdentity {
  /// Of the files that the model was read from: 64 hexadecimal digits. Other bytes, another one.
  std::string fingerprint;
  /// Of what its vectors mean: 64 hexadecimal digits. Models of one space give vectors that can be
  /// compared, to what their number formats cost: a copy by Quantize() is of its model's space.
  std::string space;
  bool quantized = false;  ///< a copy by Quantize(), which has its space from the model it is of
};

/// Whether large files may be read to identify a model.
enum class HashFiles {
  /// Once: the hash is kept in the user's cache folder (1.3 GB take about a second), or, where that
  /// cannot be written, in this process.
  kWhereNeeded,
  kNever,  ///< only those whose hash is known already
};

/// Thread-safe, as the next. Identifies a loaded model by its info(). nullopt where kNever leaves a
/// file unknown. Throws Error (kNotFound, kIo) where a file cannot be read any more, kCorruptData.
BGE_API std::optional<ModelIdentity> IdentifyModel(const ModelInfo& info,
                                                   HashFiles hash = HashFiles::kWhereNeeded);

/// The fingerprint of a loaded reranker's files, by its info(); its scores are of no space. As
/// IdentifyModel otherwise.
BGE_API std::optional<std::string> FingerprintOf(const RerankerInfo& info,
                                                 HashFiles hash = HashFiles::kWhereNeeded);

}  // namespace bge

#endif  // BGE_IDENTITY_H_
