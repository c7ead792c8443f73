// Environment variables of a test's own, put back when it ends.
#ifndef BGE_TESTS_SCOPED_ENVIRONMENT_H_
#define BGE_TESTS_SCOPED_ENVIRONMENT_H_

#include <stdlib.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bge::test {

/// Unsets these variables while it lives; not for tests that run threads meanwhile.
class ScopedEnvironment {
 public:
  ScopedEnvironment(std::initializer_list<const char*> names) {
    for (const char* name : names) {
      const char* value = ::getenv(name);
      saved_.emplace_back(name, value ? std::optional<std::string>(value) : std::nullopt);
      ::unsetenv(name);
    }
  }
  ~ScopedEnvironment() {
    for (const auto& [name, value] : saved_) {
      value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
    }
  }
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

  /// `name` is one of those.
  void Set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }

 private:
  std::vector<std::pair<std::string, std::optional<std::string>>> saved_;
};

}  // namespace bge::test

#endif  // BGE_TESTS_SCOPED_ENVIRONMENT_H_
