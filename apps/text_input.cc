#include "apps/text_input.h"

#include "apps/arguments.h"
#include "apps/console.h"
#include "apps/output_stream.h"
#include "base/error.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

namespace bge::cli {

void AddTextInputFlags(CLI::App& app, TextInputFlags* flags, bool positional) {
  if (positional) {
    AddStrings(app, "TEXT", &flags->texts,
               "Texts, each an argument (after -- where one begins with -)");
  }
  AddName(app, "-i,--input", &flags->input, "File of texts; - is standard input")
      ->type_name("FILE");
  AddTextFormatFlags(app, flags);
  AddOnErrorFlag(app, flags);
}

void AddOnErrorFlag(CLI::App& app, TextInputFlags* flags) {
  app.add_option(
         "--on-error", flags->on_error,
         "A bad record of the input: stop there (the default), or skip it and go on; what is "
         "skipped is counted")
      ->type_name("NAME")
      ->check(CLI::IsMember({"stop", "skip"}));
}

void AddTextFormatFlags(CLI::App& app, TextInputFlags* flags) {
  app.add_option(
         "--format", flags->format,
         "Format of the input: lines, jsonl, csv, tsv (default: by the file's extension, else "
         "lines)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"lines", "jsonl", "csv", "tsv"}));
  AddString(app, "--field", &flags->field,
            "JSON field or column of the text (default: text, with title in front); a number is a "
            "column of a table without a header line")
      ->type_name("NAME");
}

std::unique_ptr<TextReader> OpenTextInput(const TextInputFlags& flags, bool pair,
                                          const RunContext& context) {
  const bool dash = flags.texts.size() == 1 && flags.texts[0] == "-";
  if (!flags.texts.empty() && !flags.input.empty()) {
    throw UsageError("both given: TEXT and --input: give one of them");
  }
  if (!flags.texts.empty() && !dash) {
    if (!flags.format.empty() || flags.field || !flags.on_error.empty()) {
      throw UsageError(
          "no input file: --format, --field and --on-error: they say how --input is read");
    }
    return ReadArguments(flags.texts, pair);
  }
  if (flags.input.empty() && !dash && isatty(STDIN_FILENO) == 1) {
    throw UsageError("no texts: TEXT or --input: give some, or - to type them, a text a line");
  }
  TextReaderOptions options;
  options.format = ParseTextFormat(flags.format);
  options.field = flags.field;
  options.pair = pair;
  options.on_note = PrintWarning;
  options.stop = context.stop;
  return OnError(flags,
                 OpenTextReader(flags.input.empty() ? "-" : flags.input, options, context.stop_fd));
}

std::unique_ptr<TextReader> OnError(const TextInputFlags& flags,
                                    std::unique_ptr<TextReader> reader) {
  return flags.on_error == "skip" ? SkipBadRecords(std::move(reader), PrintWarning)
                                  : std::move(reader);
}

void CheckNotTextInput(const std::string& output, const TextInputFlags& flags) {
  const bool dash = flags.texts.size() == 1 && flags.texts[0] == "-";
  if (flags.texts.empty() || dash) CheckNotInput(output, flags.input);
}

}  // namespace bge::cli
