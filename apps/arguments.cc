#include "apps/arguments.h"

#include <algorithm>
#include <utility>

namespace bge::cli {
namespace {

void Unprotect(std::string* argument) {
  if (!argument->empty() && argument->back() == '\0') argument->pop_back();
}

constexpr size_t kNameColumn = 26;
constexpr size_t kDescriptionColumns = 100 - kNameColumn;

// `text` with line breaks between words, no line longer than `columns` where its words are not.
std::string Wrapped(const std::string& text, size_t columns) {
  std::string wrapped;
  size_t line = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const size_t word = end - begin;
    if (line > 0 && line + 1 + word > columns) {
      wrapped += '\n';
      line = 0;
    } else if (line > 0) {
      wrapped += ' ';
      ++line;
    }
    wrapped.append(text, begin, word);
    line += word;
    begin = end + 1;
  }
  return wrapped;
}

}  // namespace

HelpFormatter::HelpFormatter() { column_width(kNameColumn); }

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  if (option->get_type_size() == 0) return "";
  // CLI11 appends its checks to the kind of value, after a colon.
  const std::string kind = option->get_type_name();
  const bool many = option->get_items_expected_max() > 1;
  if (option->get_positional()) return many ? "..." : "";
  return " " + kind.substr(0, kind.find(':')) + (many ? " ..." : "");
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  return Wrapped(option->get_description(), kDescriptionColumns);
}

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

CLI::Option* AddName(CLI::App& app, const std::string& names, std::string* value,
                     const std::string& description) {
  const std::string shown = names.substr(names.rfind(',') + 1);
  return AddString(app, names, value, description)->check([shown](const std::string& text) {
    if (text.empty()) {  // (A ValidationError would get the name in front.)
      throw CLI::ParseError("empty name: " + shown + ": give it a name",
                            CLI::ExitCodes::ValidationError);
    }
    return std::string();
  });
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
