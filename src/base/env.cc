#include "base/env.h"

#include <cstdlib>

namespace bge {

std::optional<std::string> GetEnvAsSet(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::optional<std::string> GetEnv(const char* name) {
  auto value = GetEnvAsSet(name);
  return value && value->empty() ? std::nullopt : value;
}

}  // namespace bge
