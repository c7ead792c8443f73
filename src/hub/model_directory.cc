#include "bge/model_directory.h"

#include "hub/pull.h"

namespace bge {

std::string ModelDirectory(const std::string& model, bool download) {
  const ModelReference reference = ParseModelReference(model);
  if (reference.name) {
    // Who wants its tokenizer alone needs no more of a model than that.
    if (const auto snapshot = FindModel(*reference.name)) return snapshot->string();
  }
  return ResolveModel(model, download).string();
}

}  // namespace bge
