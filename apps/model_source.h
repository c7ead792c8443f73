// Where a command's model is: in a directory, in the Hugging Face cache, or to be downloaded first.
#ifndef BGE_APPS_MODEL_SOURCE_H_
#define BGE_APPS_MODEL_SOURCE_H_

#include "apps/commands.h"
#include "hub/pull.h"

#include <string>

namespace bge::cli {

/// The directory of a model that is given as a path or by its name. A name that the cache lacks, or
/// has a part of, is downloaded, which is said on standard error; in offline mode it is
/// Error(kNotFound).
std::string ModelDirectory(const std::string& path_or_name, const RunContext& context);

/// Fetches what the cache lacks of a model, with progress and notes on standard error. `verify`: as
/// hub::PullOptions has it.
hub::PullResult PullModel(const ModelName& name, const RunContext& context, bool verify = false);

}  // namespace bge::cli

#endif  // BGE_APPS_MODEL_SOURCE_H_
