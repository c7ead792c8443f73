// Options of CLI11 that take their text literally, and the look of its help.
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
/// An option that names a file, a folder or a model: a string, but not an empty one, which is what
/// a shell makes of a variable that is not set.
CLI::Option* AddName(CLI::App& app, const std::string& names, std::string* value,
                     const std::string& description);
/// How `--help` looks: names with their kind of value, descriptions broken into lines. What a value
/// is checked for shows in the description or in the error, not in the name.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
};

/// Positional arguments that are any strings.
CLI::Option* AddStrings(CLI::App& app, const std::string& name, std::vector<std::string>* values,
                        const std::string& description);

}  // namespace bge::cli

#endif  // BGE_APPS_ARGUMENTS_H_
