// bge index: directories of ids, texts and vectors. index_changes.cc has what writes them.
#include "bge/index.h"

#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/index_changes.h"
#include "apps/index_space.h"
#include "apps/json_text.h"
#include "apps/output_stream.h"
#include "base/error.h"

#include <fmt/format.h>

#include <memory>

namespace bge::cli {
namespace {

struct IndexFlags {
  std::string dir;
  bool json = false;
};

std::string InfoText(const IndexInfo& info) {
  std::string text;
  const auto row = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("{:<14}{}\n", name, value);
  };
  row("texts", WithSeparators(info.count));
  if (info.deleted > 0) {
    row("deleted", fmt::format("{} texts that are still on disk", WithSeparators(info.deleted)));
  }
  row("vectors", fmt::format("{} float32 values, compared by inner product", info.dimension));
  row("size", fmt::format("{} bytes", WithSeparators(info.bytes)));
  row("model", Printable(info.model, 4096));
  for (const auto& [key, value] : info.metadata) {
    if (key != kProbeKey) row(Printable(key), Printable(value));
  }
  row("generation", WithSeparators(info.generation));
  row("segments", WithSeparators(std::ssize(info.segments)));
  for (const IndexSegment& segment : info.segments) {
    text += fmt::format("  {}  {} texts, {} deleted, {} bytes\n", segment.name,
                        WithSeparators(segment.rows - segment.deleted),
                        WithSeparators(segment.deleted), WithSeparators(segment.bytes));
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
  text += fmt::format("}},\"generation\":{},\"deleted\":{},\"segments\":[", info.generation,
                      info.deleted);
  separator = "";
  for (const IndexSegment& segment : info.segments) {
    text += fmt::format("{}{{\"name\":\"{}\",\"rows\":{},\"deleted\":{},\"bytes\":{}}}", separator,
                        segment.name, segment.rows, segment.deleted, segment.bytes);
    separator = ",";
  }
  text += "]}\n";
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
  AddName(app, "DIR", &flags->dir, "Directory of the index")->required();
}

}  // namespace

void SetUpIndex(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<IndexFlags>();
  app.require_subcommand(1);
  SetUpIndexBuild(*app.add_subcommand("build", "Embed texts into an index on disk"), action);
  SetUpIndexAdd(*app.add_subcommand("add", "Embed more texts into an index"), action);
  SetUpIndexDelete(*app.add_subcommand("delete", "Delete texts of an index by their ids"), action);
  SetUpIndexCompact(*app.add_subcommand("compact", "Give back the space of deleted texts"), action);

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
      "  bge index add ./index --input more.jsonl\n"
      "  bge index info ./index\n"
      "  bge search ./index \"How do plants make sugar?\"");
}

}  // namespace bge::cli
