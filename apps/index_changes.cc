#include "apps/index_changes.h"

#include "bge/index.h"

#include "apps/arguments.h"
#include "apps/console.h"
#include "apps/embedding_flags.h"
#include "apps/encode_stream.h"
#include "apps/explain.h"
#include "apps/index_space.h"
#include "apps/text_input.h"
#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace bge::cli {
namespace {

struct IndexFlags {
  std::string dir;
  EmbeddingFlags embedding;
  TextInputFlags input;
  bool replace = false;
  std::vector<std::string> ids;
  std::string ids_from;
};

bool IsFinite(std::span<const float> vector) {
  return std::all_of(vector.begin(), vector.end(), [](float v) { return std::isfinite(v); });
}

// `number`: the id of a text without one. `in_index`: a text of the index may be the other one.
[[noreturn]] void FailIdTwice(const TextRecord& record, const std::string& number,
                              const std::string& file, bool in_index) {
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
       in_index && record.id ? "give every text an id of its own, or --replace the earlier one"
                             : "give every text an id of its own");
}

// Where texts are added, and what is done about an id that is there already.
struct Adding {
  int64_t dimension;
  bool in_index;  // a text of the index may have it
  bool skip;      // --on-error skip: the text is left out
};

// Embeds the texts and hands each with its vector to `add`, with its number where it has no id.
// next_number: that of the next text.
template <typename Add, typename NextNumber>
void AddTexts(TextReader& reader, const Embedder& embedder, const EncodeOptions& encode,
              const Adding& adding, const RunContext& context, NextNumber next_number, Add add) {
  const auto width = static_cast<size_t>(adding.dimension);
  int64_t skipped = 0;
  EncodeStream(reader, embedder, encode, context,
               [&](std::span<const TextRecord> records, std::span<const float> vectors) {
                 for (size_t i = 0; i < records.size(); ++i) {
                   const std::string number = std::to_string(next_number());
                   const auto vector = vectors.subspan(i * width, width);
                   try {
                     add(records[i], records[i].id.value_or(number), vector);
                   } catch (const Error& error) {
                     if (error.code() != ErrorCode::kInvalidArgument || !IsFinite(vector)) throw;
                     if (!adding.skip) {
                       FailIdTwice(records[i], number, reader.name(), adding.in_index);
                     }
                     ++skipped;
                   }
                 }
               });
  if (skipped > 0) {
    PrintWarning(fmt::format("{}: skipped {} texts whose ids are there already", reader.name(),
                             WithSeparators(skipped)));
  }
}

int Build(const IndexFlags& flags, const RunContext& context) {
  const auto reader = OpenTextInput(flags.input, false, context);
  EmbeddingFlags embedding = flags.embedding;
  embedding.passage = !embedding.query;
  const Embedder embedder = LoadEmbedder(embedding, context);
  if (!NormalizesVectors(embedder.info())) embedding.no_normalize = true;
  Explain(embedder, embedding, flags.embedding, {.normalize = "the model's similarity, dot"});
  const EncodeOptions encode = ToEncodeOptions(embedding, context);
  const int64_t dimension = embedder.OutputDimension(encode);
  IndexSpace space = DescribeSpace(embedding, embedder);
  IndexWriter writer(flags.dir, dimension, std::move(space.model), std::move(space.metadata));
  // A text without an id is known by its number, from 1.
  AddTexts(
      *reader, embedder, encode, {dimension, false, flags.input.on_error == "skip"}, context,
      [&] { return writer.count() + 1; },
      [&](const TextRecord& record, std::string_view id, std::span<const float> vector) {
        writer.Add(id, record.text, vector);
      });
  const int64_t count = writer.count();
  writer.Finish();
  PrintNote(fmt::format("{}: {} texts, {} values each", Printable(flags.dir, 1000),
                        WithSeparators(count), dimension));
  return 0;
}

int Add(const IndexFlags& flags, const RunContext& context) {
  const auto reader = OpenTextInput(flags.input, false, context);
  // Others may change the index until there is something to add: a model may have to be downloaded,
  // and texts to be typed.
  const IndexInfo info = Index::Open(flags.dir).info();
  EmbeddingFlags embedding = flags.embedding;
  ApplySpace(info, &embedding);
  ApplyDocumentSpace(info, &embedding);
  const Embedder embedder =
      LoadSpaceEmbedder(info, flags.dir, embedding, !flags.embedding.model.empty(), context);
  CheckSpace(info, flags.dir, embedding, embedder);
  Explain(embedder, embedding, flags.embedding,
          {.space = "the index", .normalize = "the index", .documents = "the index"});
  std::optional<IndexEditor> opened;
  const auto editor = [&]() -> IndexEditor& {
    if (opened) return *opened;
    opened.emplace(flags.dir, IndexEditorOptions{PrintWarning});
    const IndexInfo now = opened->info();
    if (now.dimension != info.dimension || now.model != info.model ||
        now.metadata != info.metadata) {
      Fail(ErrorCode::kInvalidArgument, "the index was built again meanwhile",
           fmt::format("{}: built with {} now, {} before", flags.dir, now.model, info.model),
           "run it again");
    }
    return *opened;
  };
  int64_t added = 0;
  int64_t replaced = 0;
  // A number is never that of another text, not even of a deleted one.
  AddTexts(
      *reader, embedder, ToEncodeOptions(embedding, context),
      {info.dimension, true, flags.input.on_error == "skip"}, context,
      [&] { return editor().rows_added() + 1; },
      [&](const TextRecord& record, std::string_view id, std::span<const float> vector) {
        if (flags.replace && record.id) {
          replaced += editor().Contains(id);
          editor().Replace(id, record.text, vector);
        } else {
          editor().Add(id, record.text, vector);
        }
        ++added;
      });
  if (opened) opened->Commit();
  PrintNote(fmt::format("{}: {} texts added, {} of them in the place of others; now {}",
                        Printable(flags.dir, 1000), WithSeparators(added), WithSeparators(replaced),
                        WithSeparators(opened ? opened->count() : info.count)));
  return 0;
}

int Delete(const IndexFlags& flags, const RunContext& context) {
  if (flags.ids.empty() && flags.ids_from.empty()) {
    throw UsageError("no id: ID or --ids-from: give one of them");
  }
  IndexEditor editor(flags.dir, {PrintWarning});
  int64_t deleted = 0;
  int64_t absent = 0;
  std::string first_absent;
  std::set<std::string> asked;
  const auto remove = [&](const std::string& id) {
    if (!asked.insert(id).second) return;
    if (editor.Delete(id)) {
      ++deleted;
    } else if (absent++ == 0) {
      first_absent = id;
    }
  };
  for (const std::string& id : flags.ids) remove(id);
  if (!flags.ids_from.empty()) {
    TextReaderOptions options;
    options.format = TextFormat::kLines;
    const auto reader = OpenTextReader(flags.ids_from, options, context.stop_fd);
    for (TextRecord record; reader->Next(&record);) {
      if (!record.text.empty()) remove(record.text);
    }
  }
  editor.Commit();
  if (absent > 0) {
    PrintWarning(fmt::format("{}: {} of {} ids were not there, '{}' the first of them",
                             Printable(flags.dir, 1000), WithSeparators(absent),
                             WithSeparators(absent + deleted), Printable(first_absent, 80)));
  }
  PrintNote(fmt::format("{}: {} texts deleted; now {}", Printable(flags.dir, 1000),
                        WithSeparators(deleted), WithSeparators(editor.count())));
  return 0;
}

int Compact(const IndexFlags& flags) {
  IndexEditor editor(flags.dir, {PrintWarning});
  const int64_t before = editor.info().bytes;
  editor.Compact();
  const IndexInfo info = editor.info();
  PrintNote(fmt::format("{}: {} texts, {} bytes instead of {}", Printable(flags.dir, 1000),
                        WithSeparators(info.count), WithSeparators(info.bytes),
                        WithSeparators(before)));
  return 0;
}

std::shared_ptr<IndexFlags> AddDir(CLI::App& app) {
  const auto flags = std::make_shared<IndexFlags>();
  AddName(app, "DIR", &flags->dir, "Directory of the index")->required();
  return flags;
}

}  // namespace

void SetUpIndexBuild(CLI::App& app, Action* action) {
  const auto flags = AddDir(app);
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

void SetUpIndexAdd(CLI::App& app, Action* action) {
  const auto flags = AddDir(app);
  AddTextInputFlags(app, &flags->input, false);
  app.add_flag("--replace", flags->replace,
               "A text whose id is there already takes the place of the earlier one");
  AddName(app, "-m,--model", &flags->embedding.model,
          "Model directory or name (default: the one that the index was built with)")
      ->type_name("MODEL");
  AddComputeFlags(app, &flags->embedding.dtype, &flags->embedding.packed_cache,
                  &flags->embedding.batch_tokens);
  AddThreadsFlag(app, &flags->embedding.threads);
  AddExplainFlag(app, &flags->embedding);
  app.footer(
      "Texts are embedded as those of the index were. All are added, or, where something fails,\n"
      "none; once the command has ended well they outlast a crash. A text without an id is known\n"
      "by its number, which goes on from the texts that were ever added.\n"
      "\n"
      "Examples:\n"
      "  bge index add ./index --input new.jsonl\n"
      "  bge index add ./index --input changed.jsonl --replace");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return Add(*flags, context); };
  });
}

void SetUpIndexDelete(CLI::App& app, Action* action) {
  const auto flags = AddDir(app);
  AddStrings(app, "ID", &flags->ids, "Ids of texts (after -- where one begins with -)");
  AddName(app, "--ids-from", &flags->ids_from, "File of ids, an id a line; - is standard input")
      ->type_name("FILE");
  app.footer(
      "Ids that are not there are counted in a warning.\n"
      "\n"
      "Examples:\n"
      "  bge index delete ./index doc-17 doc-18\n"
      "  bge index delete ./index --ids-from gone.txt");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return Delete(*flags, context); };
  });
}

void SetUpIndexCompact(CLI::App& app, Action* action) {
  const auto flags = AddDir(app);
  app.footer(
      "Small segments are merged by themselves as texts come and go; this makes one of all, and\n"
      "gives back the space of deleted texts. Searches find what they found.\n"
      "\n"
      "Example:\n"
      "  bge index compact ./index");
  app.callback(
      [flags, action] { *action = [flags](const RunContext&) { return Compact(*flags); }; });
}

}  // namespace bge::cli
