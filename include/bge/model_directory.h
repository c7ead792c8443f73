// Where the files of a model are.
#ifndef BGE_MODEL_DIRECTORY_H_
#define BGE_MODEL_DIRECTORY_H_

#include "bge/export.h"

#include <optional>
#include <stop_token>
#include <string>

namespace bge {

/// How a model that is given by its name is found.
struct ModelSource {
  /// A folder of the layout of the Hugging Face cache, looked in and downloaded to instead of that.
  /// Empty: the cache itself.
  std::string cache_dir = {};
  /// Sent to the hub instead of what the environment says (docs/environment.md). Empty: none.
  std::optional<std::string> token = {};
  /// What is not there is downloaded, unless HF_HUB_OFFLINE forbids it.
  bool download = false;
  /// What is there but lacks files of its model is completed by a download. Without this any part
  /// of a model will do: who wants its tokenizer alone needs no more of it.
  bool complete = false;
  std::stop_token stop = {};  ///< a request to stop ends a download with Error(kCancelled)
};

/// The directory of a model, which is given as Embedder::Load takes it: as a directory, or as a
/// name. Thread-safe. Throws Error: kNotFound, kInvalidArgument; of a download also kIo,
/// kCorruptData, kUnsupported, kCancelled.
BGE_API std::string ModelDirectory(const std::string& model, const ModelSource& source);

/// The same in the Hugging Face cache, any part of a model being enough.
BGE_API std::string ModelDirectory(const std::string& model, bool download = false);

/// Whether this build downloads models: false where it was configured without libcurl.
BGE_API bool CanDownload();

}  // namespace bge

#endif  // BGE_MODEL_DIRECTORY_H_
