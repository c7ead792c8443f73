// bge index build | info | verify: directories of ids, texts and vectors.
#include "bge/index.h"

#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/embedding_flags.h"
#include "apps/encode_stream.h"
#include "apps/explain.h"
#include "apps/index_space.h"
#include "apps/json_text.h"
#include "apps/output_stream.h"
#include "apps/text_input.h"
#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace bge::cli {
namespace {

struct IndexFlags {
  std::string dir;
  EmbeddingFlags embedding;
  TextInputFlags input;
  bool json = false;
};

bool IsFinite(std::span<const float> vector) {
  return std::all_of(vector.begin(), vector.end(), [](float v) { return std::isfinite(v); });
}

// `number`: the id of a text without one.
[[noreturn]] void FailIdTwice(const TextRecord& record, const std::string& number,
                              const std::string& file) {
  std::string where = fmt::format("{}: line {}: ", Printable(file, 1000), record.line);
  where += record.id ? fmt::format("an earlier text has the id '{}' too", Printable(*record.id, 80))
                     : fmt::format(
                           "this text has no id and is known by its number, {}, which is "
                           "the id of an earlier text",
                           number);
  if (record.id && record.id->find_first_not_of("0123456789") == std::string::npos) {
    where += " (a text without an id is known by its number)";
  }
  Fail(ErrorCode::kInvalidArgument, "an id is there twice", where,
       "give every text an id of its own");
}

int Build(const IndexFlags& flags, const RunContext& context) {
  const auto reader = OpenTextInput(flags.input, false, context);
  EmbeddingFlags embedding = flags.embedding;
  embedding.passage = !embedding.query;
  const Embedder embedder = LoadEmbedder(embedding, context);
  if (!NormalizesVectors(embedder.info())) embedding.no_normalize = true;
  Explain(embedder, embedding, flags.embedding, "the model's similarity, dot");
  const EncodeOptions encode = ToEncodeOptions(embedding, context);
  const int64_t dimension = embedder.OutputDimension(encode);
  IndexSpace space = DescribeSpace(embedding, embedder);
  IndexWriter writer(flags.dir, dimension, std::move(space.model), std::move(space.metadata));

  const auto width = static_cast<size_t>(dimension);
  EncodeStream(*reader, embedder, encode, context,
               [&](std::span<const TextRecord> records, std::span<const float> vectors) {
                 for (size_t i = 0; i < records.size(); ++i) {
                   // A text without an id is known by its number, from 1.
                   const std::string number = std::to_string(writer.count() + 1);
                   const auto vector = vectors.subspan(i * width, width);
                   try {
                     writer.Add(records[i].id.value_or(number), records[i].text, vector);
                   } catch (const Error& error) {
                     if (error.code() != ErrorCode::kInvalidArgument || !IsFinite(vector)) throw;
                     FailIdTwice(records[i], number, reader->name());
                   }
                 }
               });
  const int64_t count = writer.count();
  writer.Finish();
  PrintNote(fmt::format("{}: {} texts, {} values each", Printable(flags.dir, 1000),
                        WithSeparators(count), dimension));
  return 0;
}

std::string InfoText(const IndexInfo& info) {
  std::string text;
  const auto row = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("{:<14}{}\n", name, value);
  };
  row("texts", WithSeparators(info.count));
  row("vectors", fmt::format("{} float32 values, compared by inner product", info.dimension));
  row("size", fmt::format("{} bytes", WithSeparators(info.bytes)));
  row("model", Printable(info.model, 4096));
  for (const auto& [key, value] : info.metadata) {
    if (key != kProbeKey) row(Printable(key), Printable(value));
  }
  return text;
}

std::string InfoJson(const IndexInfo& info) {
  std::string text =
      fmt::format("{{\"count\":{},\"dimension\":{},\"bytes\":{},\"model\":", info.count,
                  info.dimension, info.bytes);
  AppendJsonString(info.model, &text);
  text += ",\"metadata\":{";
  const char* separator = "";
  for (const auto& [key, value] : info.metadata) {
    text += separator;
    AppendJsonString(key, &text);
    text += ':';
    AppendJsonString(value, &text);
    separator = ",";
  }
  text += "}}\n";
  return text;
}

int Info(const IndexFlags& flags) {
  const auto output = OpenOutput("-");
  const Index index = Index::Open(flags.dir);
  output->Write(flags.json ? InfoJson(index.info()) : InfoText(index.info()));
  output->Commit();
  return 0;
}

int Verify(const IndexFlags& flags) {
  const Index index = Index::Open(flags.dir);
  index.Verify();
  PrintNote(fmt::format("{}: {} texts, {} bytes: every checksum agrees", Printable(flags.dir, 1000),
                        WithSeparators(index.info().count), WithSeparators(index.info().bytes)));
  return 0;
}

void AddDir(CLI::App& app, const std::shared_ptr<IndexFlags>& flags) {
  AddString(app, "DIR", &flags->dir, "Directory of the index")->required();
}

void SetUpBuild(CLI::App& app, const std::shared_ptr<IndexFlags>& flags, Action* action) {
  AddDir(app, flags);
  AddTextInputFlags(app, &flags->input, false);
  AddModelFlag(app, &flags->embedding.model);
  AddRoleFlags(app, &flags->embedding);
  AddVectorFlags(app, &flags->embedding);
  AddEngineFlags(app, &flags->embedding);
  AddExplainFlag(app, &flags->embedding);
  app.footer(
      "Texts are embedded as documents (--passage) unless --query says otherwise. An index that "
      "is\n"
      "there already is replaced when the new one is complete. A text without an id is known by\n"
      "its number, from 1.\n"
      "\n"
      "Examples:\n"
      "  bge index build ./index --input corpus.jsonl\n"
      "  bge index build ./index --model ./my-model --input notes.txt");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return Build(*flags, context); };
  });
}

}  // namespace

void SetUpIndex(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<IndexFlags>();
  app.require_subcommand(1);
  SetUpBuild(*app.add_subcommand("build", "Embed texts into an index on disk"), flags, action);

  CLI::App& info = *app.add_subcommand("info", "Describe an index");
  AddDir(info, flags);
  info.add_flag("--json", flags->json, "Print one JSON object");
  info.footer("Example:\n  bge index info ./index");
  info.callback([flags, action] { *action = [flags](const RunContext&) { return Info(*flags); }; });

  CLI::App& verify =
      *app.add_subcommand("verify", "Read every byte of an index and compare its checksums");
  AddDir(verify, flags);
  verify.footer("Example:\n  bge index verify ./index");
  verify.callback(
      [flags, action] { *action = [flags](const RunContext&) { return Verify(*flags); }; });

  app.footer(
      "Examples:\n"
      "  bge index build ./index --input corpus.jsonl\n"
      "  bge index info ./index\n"
      "  bge search ./index \"How do plants make sugar?\"");
}

}  // namespace bge::cli
