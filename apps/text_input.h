// The input options that commands share: TEXT..., --input, --format, --field.
#ifndef BGE_APPS_TEXT_INPUT_H_
#define BGE_APPS_TEXT_INPUT_H_

#include "apps/commands.h"
#include "apps/text_reader.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bge::cli {

/// Values as given on the command line.
struct TextInputFlags {
  std::vector<std::string> texts;
  std::string input;
  std::string format;
  std::optional<std::string> field;
  std::string on_error;  // stop (also empty), skip
};

/// --input --format --field --on-error, and TEXT... where `positional`.
void AddTextInputFlags(CLI::App& app, TextInputFlags* flags, bool positional);

/// --format --field alone.
void AddTextFormatFlags(CLI::App& app, TextInputFlags* flags);

/// --on-error alone.
void AddOnErrorFlag(CLI::App& app, TextInputFlags* flags);

/// The texts that the flags ask for: TEXT..., or --input, or standard input where it is not a
/// terminal
/// ("-" as the only TEXT is standard input too). UsageError where they contradict each other or
/// there is nothing to read.
std::unique_ptr<TextReader> OpenTextInput(const TextInputFlags& flags, bool pair,
                                          const RunContext& context);

/// The reader, without its bad records where --on-error says so. (OpenTextInput's is so already.)
std::unique_ptr<TextReader> OnError(const TextInputFlags& flags,
                                    std::unique_ptr<TextReader> reader);

/// CheckNotInput (output_stream.h) for what OpenTextInput reads.
void CheckNotTextInput(const std::string& output, const TextInputFlags& flags);

}  // namespace bge::cli

#endif  // BGE_APPS_TEXT_INPUT_H_
