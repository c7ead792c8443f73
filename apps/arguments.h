// Options of CLI11 that take their text literally.
//
// CLI11 splits a value such as "[MASK]" or "[a, b]" into a list wherever several values may follow.
// main passes every argument through ProtectArgument first, and the options added here undo it.
#ifndef BGE_APPS_ARGUMENTS_H_
#define BGE_APPS_ARGUMENTS_H_

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

namespace bge::cli {

/// Marks an argument in brackets with a trailing NUL, which no argument of a process can contain.
std::string ProtectArgument(std::string argument);

/// An option whose value is any string.
CLI::Option* AddString(CLI::App& app, const std::string& names, std::string* value,
                       const std::string& description);
CLI::Option* AddString(CLI::App& app, const std::string& names, std::optional<std::string>* value,
                       const std::string& description);
/// Positional arguments that are any strings.
CLI::Option* AddStrings(CLI::App& app, const std::string& name, std::vector<std::string>* values,
                        const std::string& description);

}  // namespace bge::cli

#endif  // BGE_APPS_ARGUMENTS_H_
