// bge tokenize: the tokens of texts, without loading any weights.
#include "bge/model_tokenizer.h"

#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/embedding_flags.h"
#include "apps/json_text.h"
#include "apps/model_source.h"
#include "apps/output_stream.h"
#include "apps/text_batches.h"
#include "apps/text_input.h"
#include "base/error.h"
#include "base/stop.h"
#include "hub/needed_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>
#include <optional>

namespace bge::cli {
namespace {

struct TokenizeFlags {
  EmbeddingFlags embedding;  // model, query, passage, max_length
  TextInputFlags input;
  std::string output;
  bool pair = false;
  bool ids = false;
  bool tokens = false;
  bool offsets = false;
  bool json = false;
  bool no_special = false;
};

void AppendNumber(int64_t value, std::string* out) {
  char digits[24];
  out->append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// One line of output for an encoding, in one of the forms that the flags name.
class EncodingFormatter {
 public:
  EncodingFormatter(const Tokenizer& tokenizer, const TokenizeFlags& flags,
                    const std::stop_token& stop)
      : tokenizer_(tokenizer), flags_(flags), stop_(&stop) {}

  void Append(const Encoding& encoding, std::string* out) const {
    if (flags_.json) {
      AppendJson(encoding, out);
    } else if (flags_.ids) {
      AppendEach(encoding, ' ', out, [&](size_t i) { AppendNumber(encoding.ids[i], out); });
    } else if (flags_.offsets) {
      AppendEach(encoding, ' ', out, [&](size_t i) {
        AppendNumber(encoding.offsets[i].begin, out);
        out->push_back(':');
        AppendNumber(encoding.offsets[i].end, out);
      });
    } else {
      AppendEach(encoding, ' ', out, [&](size_t i) { AppendToken(Token(encoding.ids[i]), out); });
    }
    out->push_back('\n');
  }

 private:
  std::string_view Token(int32_t id) const {
    return tokenizer_.IdToToken(id).value_or(std::string_view());
  }

  // A line is a text's: what would end it, or control the terminal, is written as an escape.
  static void AppendToken(std::string_view token, std::string* out) {
    const bool plain = std::none_of(token.begin(), token.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    if (plain) {
      *out += token;
    } else {
      *out += Printable(token, token.size() * 4);
    }
  }

  template <typename AppendOne>
  void AppendEach(const Encoding& encoding, char separator, std::string* out,
                  AppendOne append_one) const {
    for (size_t i = 0; i < encoding.ids.size(); ++i) {
      ThrowIfStopped(stop_, i);
      if (i != 0) out->push_back(separator);
      append_one(i);
    }
  }

  void AppendJson(const Encoding& encoding, std::string* out) const {
    *out += "{\"ids\":[";
    AppendEach(encoding, ',', out, [&](size_t i) { AppendNumber(encoding.ids[i], out); });
    *out += "],\"type_ids\":[";
    AppendEach(encoding, ',', out, [&](size_t i) { AppendNumber(encoding.type_ids[i], out); });
    *out += "],\"tokens\":[";
    AppendEach(encoding, ',', out,
               [&](size_t i) { AppendJsonString(Token(encoding.ids[i]), out); });
    *out += "],\"offsets\":[";
    AppendEach(encoding, ',', out, [&](size_t i) {
      out->push_back('[');
      AppendNumber(encoding.offsets[i].begin, out);
      out->push_back(',');
      AppendNumber(encoding.offsets[i].end, out);
      out->push_back(']');
    });
    *out += "]}";
  }

  const Tokenizer& tokenizer_;
  const TokenizeFlags& flags_;
  const std::stop_token* stop_;
};

// Texts to tokens, in the way that the flags ask for.
struct Reading {
  const Tokenizer& tokenizer;
  std::function<void(const TextRecord&, Encoding*)> encode;
  int64_t max_length;  // 0: nothing is cut
};

// A snapshot without weights will do, one without a tokenizer will not.
std::string TokenizerDirectory(const std::string& model, const RunContext& context) {
  const ModelReference reference = ParseModelReference(model);
  const auto snapshot = reference.name ? FindModel(*reference.name) : std::nullopt;
  return snapshot && hub::HasTokenizerFiles(*snapshot) ? snapshot->string()
                                                       : ModelDirectory(model, context);
}

// Reads the lines and writes one for each.
int TokenizeAll(const TokenizeFlags& flags, const RunContext& context, const Reading& reading,
                TextReader& reader, OutputStream& output) {
  const EncodingFormatter formatter(reading.tokenizer, flags, context.stop);
  int64_t texts = 0;
  int64_t truncated = 0;
  {
    int64_t tokens = 0;
    Progress progress(reader.bytes_total());
    TextBatches batches(&reader, TextBatchLimits());
    Encoding encoding;
    std::string lines;
    while (const auto batch = batches.Next()) {
      for (const TextRecord& record : batch->records) {
        reading.encode(record, &encoding);
        ++texts;
        tokens += static_cast<int64_t>(encoding.ids.size());
        if (encoding.truncated) ++truncated;
        formatter.Append(encoding, &lines);
      }
      if (context.stop.stop_requested()) {
        Fail(ErrorCode::kCancelled, "interrupted", reader.name(), "run the command again");
      }
      output.Write(lines);
      output.Flush();
      lines.clear();
      progress.Update(texts, tokens, batch->bytes_read);
    }
  }
  output.Commit();
  if (truncated > 0) {
    PrintWarning(fmt::format("{} of {} texts were longer than {} tokens and were cut",
                             WithSeparators(truncated), WithSeparators(texts), reading.max_length));
  }
  return 0;
}

// The text alone, by the model's tokenizer.
int TokenizeTexts(const TokenizeFlags& flags, const RunContext& context, TextReader& reader,
                  OutputStream& output) {
  const Tokenizer tokenizer =
      LoadModelTokenizer(TokenizerDirectory(ModelOf(flags.embedding), context), PrintWarning);
  TokenizeOptions options;
  options.add_special_tokens = !flags.no_special;
  options.max_length = flags.embedding.max_length;
  options.want_offsets = flags.offsets || flags.json;
  options.stop = context.stop;
  const auto encode = [&](const TextRecord& record, Encoding* encoding) {
    if (flags.pair) {
      *encoding = tokenizer.EncodePair(record.text, record.text_pair, options);
    } else {
      tokenizer.EncodeInto(record.text, options, encoding);
    }
  };
  return TokenizeAll(flags, context,
                     {.tokenizer = tokenizer,
                      .encode = encode,
                      .max_length = flags.embedding.max_length.value_or(0)},
                     reader, output);
}

// What the model is fed for texts of a role.
int TokenizeRole(const TokenizeFlags& flags, const RunContext& context, TextReader& reader,
                 OutputStream& output) {
  const ModelTokenizer tokenizer = ModelTokenizer::Load(
      TokenizerDirectory(ModelOf(flags.embedding), context), ToEmbedderOptions(flags.embedding));
  const EncodeOptions options = ToEncodeOptions(flags.embedding, context);
  const bool want_offsets = flags.offsets || flags.json;
  const auto encode = [&](const TextRecord& record, Encoding* encoding) {
    *encoding = tokenizer.Encode(record.text, options, want_offsets);
  };
  return TokenizeAll(flags, context,
                     {.tokenizer = tokenizer.tokenizer(options.role),
                      .encode = encode,
                      .max_length = tokenizer.MaxLength(options)},
                     reader, output);
}

int Tokenize(const TokenizeFlags& flags, const RunContext& context) {
  const auto reader = OpenTextInput(flags.input, flags.pair, context);
  CheckNotTextInput(flags.output, flags.input);
  const auto output = OpenOutput(flags.output);
  const bool role = flags.embedding.query || flags.embedding.passage;
  return role ? TokenizeRole(flags, context, *reader, *output)
              : TokenizeTexts(flags, context, *reader, *output);
}

}  // namespace

void SetUpTokenize(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<TokenizeFlags>();
  AddTextInputFlags(app, &flags->input, true);
  AddName(app, "-o,--output", &flags->output, "File to write; - is standard output (the default)")
      ->type_name("FILE");
  AddModelFlag(app, &flags->embedding.model);
  CLI::Option* const pair =
      app.add_flag("--pair", flags->pair,
                   "Texts by twos: TEXT TEXT, a tab between on a line, text and text_pair in JSON");
  CLI::Option* const forms[] = {
      app.add_flag("--tokens", flags->tokens, "Print the tokens (the default)"),
      app.add_flag("--ids", flags->ids, "Print the ids"),
      app.add_flag("--offsets", flags->offsets,
                   "Print begin:end of each token, in Unicode characters of the text"),
      app.add_flag("--json", flags->json, "Print all: ids, type_ids, tokens, offsets"),
  };
  for (CLI::Option* const form : forms) {
    for (CLI::Option* const other : forms) {
      if (form != other) form->excludes(other);
    }
  }
  CLI::Option* const no_special =
      app.add_flag("--no-special", flags->no_special, "Leave out [CLS], [SEP] and their like");
  CLI::Option* const query =
      app.add_flag("--query", flags->embedding.query,
                   "What the model is fed for queries: with its instruction, cut, and filled up");
  CLI::Option* const passage =
      app.add_flag("--passage", flags->embedding.passage, "What the model is fed for documents");
  query->excludes(passage);
  for (CLI::Option* const role : {query, passage}) {
    for (CLI::Option* const other : {pair, no_special}) role->excludes(other);
  }
  app.add_option("--max-length", flags->embedding.max_length,
                 "Cut to so many tokens, special tokens included (default: no limit; with --query "
                 "and --passage the model's)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 31));
  app.footer(
      "Examples:\n"
      "  bge tokenize \"Unbelievable!\"\n"
      "  bge tokenize --json --pair \"Who wrote it?\" \"She did.\"\n"
      "  bge tokenize --ids --max-length 512 --input corpus.jsonl --output ids.txt\n"
      "  bge tokenize --model colbert-ir/colbertv2.0 --query \"who wrote Faust?\"");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return Tokenize(*flags, context); };
  });
}

}  // namespace bge::cli
