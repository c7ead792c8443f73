// Where the files of a model are.
#ifndef BGE_MODEL_DIRECTORY_H_
#define BGE_MODEL_DIRECTORY_H_

#include "bge/export.h"

#include <string>

namespace bge {

/// The directory of a model, which is given as Embedder::Load takes it: as a directory, or as a
/// name, which is looked up in the Hugging Face cache and, where `download` allows it and
/// HF_HUB_OFFLINE does not forbid it, downloaded into it. Thread-safe. Throws Error: kNotFound; of
/// a download also kIo, kCorruptData, kUnsupported.
BGE_API std::string ModelDirectory(const std::string& model, bool download = false);

/// Whether this build downloads models: false where it was configured without libcurl.
BGE_API bool CanDownload();

}  // namespace bge

#endif  // BGE_MODEL_DIRECTORY_H_
