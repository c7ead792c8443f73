#include "bge/model_directory.h"

#include "hub/pull.h"

namespace bge {

std::string ModelDirectory(const std::string& model, bool download) {
  return ResolveModel(model, download).string();
}

}  // namespace bge
