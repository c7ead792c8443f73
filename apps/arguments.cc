#include "apps/arguments.h"

#include <utility>

namespace bge::cli {
namespace {

void Unprotect(std::string* argument) {
  if (!argument->empty() && argument->back() == '\0') argument->pop_back();
}

}  // namespace

std::string ProtectArgument(std::string argument) {
  if (!argument.empty() && argument.front() == '[' && argument.back() == ']') {
    argument.push_back('\0');
  }
  return argument;
}

CLI::Option* AddString(CLI::App& app, const std::string& names, std::string* value,
                       const std::string& description) {
  return app.add_option_function<std::string>(
      names,
      [value](std::string text) {
        Unprotect(&text);
        *value = std::move(text);
      },
      description);
}

CLI::Option* AddString(CLI::App& app, const std::string& names, std::optional<std::string>* value,
                       const std::string& description) {
  return app.add_option_function<std::string>(
      names,
      [value](std::string text) {
        Unprotect(&text);
        *value = std::move(text);
      },
      description);
}

CLI::Option* AddStrings(CLI::App& app, const std::string& name, std::vector<std::string>* values,
                        const std::string& description) {
  return app.add_option_function<std::vector<std::string>>(
      name,
      [values](std::vector<std::string> texts) {
        for (std::string& text : texts) Unprotect(&text);
        *values = std::move(texts);
      },
      description);
}

}  // namespace bge::cli
