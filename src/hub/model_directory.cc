#include "bge/model_directory.h"

#include "hub/pull.h"

namespace bge {

std::string ModelDirectory(const std::string& model, const ModelSource& source) {
  const std::filesystem::path cache =
      source.cache_dir.empty() ? HubCacheDir() : std::filesystem::path(source.cache_dir);
  if (!source.download) return ResolveModel(model, cache).string();
  const ModelReference reference = ParseModelReference(model);
  if (reference.name && !source.complete) {
    if (const auto snapshot = FindModel(*reference.name, cache)) return snapshot->string();
  }
  return ResolveOrPull(model, {.cache = cache, .token = source.token, .stop = source.stop})
      .string();
}

std::string ModelDirectory(const std::string& model, bool download) {
  return ModelDirectory(model, ModelSource{.download = download});
}

}  // namespace bge
