// Every environment variable that the library reads goes through here (docs/environment.md lists
// them).
#ifndef BGE_BASE_ENV_H_
#define BGE_BASE_ENV_H_

#include <optional>
#include <string>

namespace bge {

/// The variable's value; nullopt where it is unset or empty.
std::optional<std::string> GetEnv(const char* name);
/// Its value, an empty one too. nullopt if it is not set.
std::optional<std::string> GetEnvAsSet(const char* name);

}  // namespace bge

#endif  // BGE_BASE_ENV_H_
