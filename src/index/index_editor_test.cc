#include "bge/index.h"

#include "base/hash.h"
#include "index/index_directory.h"
#include "index/manifest.h"
#include "index/test_index.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <thread>

namespace bge::index {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int64_t kDimension = 5;

std::vector<float> VectorOf(const std::string& text) {
  return RandomVectors(1, kDimension, static_cast<uint32_t>(std::hash<std::string>()(text)));
}

std::vector<std::string> Ids(const Index& index) {
  std::vector<std::string> ids;
  for (int64_t row = 0; row < index.info().count; ++row) ids.emplace_back(index.id(row));
  return ids;
}

size_t NumFiles(const fs::path& dir) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(dir), {}));
}

// What an index must hold, in the order of its rows.
struct Row {
  std::string id;
  std::string text;
};

class IndexEditorTest : public IndexTest {
 protected:
  IndexEditorTest() : dir_(folder_ / "i") {}

  void Build(const std::vector<std::string>& ids) {
    IndexWriter writer(dir_, kDimension, "model", {{"k", "v"}});
    for (const std::string& id : ids) writer.Add(id, "text of " + id, VectorOf("text of " + id));
    writer.Finish();
  }

  static void Add(IndexEditor& editor, const std::string& id) {
    editor.Add(id, "text of " + id, VectorOf("text of " + id));
  }

  // The index at dir_ holds these rows, and is found to in every way that there is.
  void ExpectRows(const Index& index, const std::vector<Row>& rows) {
    index.Verify();
    ASSERT_EQ(index.info().count, static_cast<int64_t>(rows.size()));
    const fs::path fresh = folder_ / "fresh";
    IndexWriter writer(fresh, kDimension, "model");
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto position = static_cast<int64_t>(i);
      ASSERT_EQ(index.id(position), rows[i].id);
      ASSERT_EQ(index.text(position), rows[i].text);
      const std::vector<float> vector = VectorOf(rows[i].text);
      const std::span<const float> found = index.vector(position);
      ASSERT_TRUE(std::equal(found.begin(), found.end(), vector.begin(), vector.end()));
      writer.Add(rows[i].id, rows[i].text, vector);
    }
    writer.Finish();
    // However it came about, it answers as one that was built at once: bit by bit.
    const Index expected_index = Index::Open(fresh);
    const std::vector<float> queries = RandomVectors(3, kDimension, 17);
    for (const int64_t top_k : {3, 1000}) {
      const auto expected = expected_index.Search(queries, top_k, 2);
      const auto found = index.Search(queries, top_k, 2);
      for (size_t q = 0; q < expected.size(); ++q) {
        ASSERT_EQ(found[q].size(), expected[q].size());
        for (size_t i = 0; i < expected[q].size(); ++i) {
          ASSERT_EQ(found[q][i].position, expected[q][i].position);
          ASSERT_EQ(found[q][i].score, expected[q][i].score);
          ASSERT_EQ(found[q][i].id, expected[q][i].id);
          ASSERT_EQ(found[q][i].text, expected[q][i].text);
        }
      }
    }
    // Positions that are none.
    EXPECT_THAT(ErrorOf([&] { index.id(index.info().count); }), StartsWith("invalid_argument: "));
    EXPECT_THAT(ErrorOf([&] { index.id(-1); }), StartsWith("invalid_argument: "));
  }

  WithoutSync without_sync_;
  fs::path dir_;
};

TEST_F(IndexEditorTest, AddsAndDeletesByIdInOneCommit) {
  Build({"a", "b", "c"});
  IndexEditor editor(dir_);
  EXPECT_EQ(editor.count(), 3);
  EXPECT_EQ(editor.rows_added(), 3);
  EXPECT_EQ(editor.info().metadata.at("k"), "v");
  Add(editor, "d");
  EXPECT_TRUE(editor.Delete("b"));
  EXPECT_FALSE(editor.Delete("b"));
  EXPECT_FALSE(editor.Delete("x"));
  EXPECT_TRUE(editor.Contains("a"));
  EXPECT_TRUE(editor.Contains("d"));
  EXPECT_FALSE(editor.Contains("b"));
  EXPECT_EQ(editor.count(), 3);
  EXPECT_THAT(Ids(Index::Open(dir_)), ElementsAre("a", "b", "c"));  // until the commit
  editor.Commit();
  const Index index = Index::Open(dir_);
  EXPECT_THAT(Ids(index), ElementsAre("a", "c", "d"));
  EXPECT_EQ(index.info().generation, 2);
  EXPECT_EQ(index.info().deleted, 1);
  EXPECT_EQ(index.info().segments.size(), 2u);
  EXPECT_EQ(index.info().model, "model");
  int64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(dir_)) {
    if (entry.path().filename() != kLockName) bytes += static_cast<int64_t>(entry.file_size());
  }
  EXPECT_EQ(index.info().bytes, bytes);
  ExpectRows(index, {{"a", "text of a"}, {"c", "text of c"}, {"d", "text of d"}});

  // The name is free again, and the editor goes on.
  Add(editor, "b");
  editor.Commit();
  EXPECT_THAT(Ids(Index::Open(dir_)), ElementsAre("a", "c", "d", "b"));
  EXPECT_EQ(editor.rows_added(), 5);
}

TEST_F(IndexEditorTest, RefusesAnIdThatIsThereAndReplacesItWhereAsked) {
  Build({"a", "b"});
  IndexEditor editor(dir_);
  EXPECT_THAT(ErrorOf([&] { Add(editor, "a"); }),
              HasSubstr("an id is there twice: row 2, id 'a': found in the index"));
  Add(editor, "c");
  EXPECT_THAT(ErrorOf([&] { Add(editor, "c"); }), HasSubstr("found in an earlier row"));
  EXPECT_THAT(ErrorOf([&] {
                editor.Add("d", "", std::vector<float>{1, 2});
              }),
              HasSubstr("found 2 values, expected 5"));
  EXPECT_THAT(ErrorOf([&] { editor.Replace("a", "", std::vector<float>(5, std::nanf(""))); }),
              HasSubstr("a vector is not finite"));
  editor.Replace("a", "new", VectorOf("new"));
  editor.Replace("c", "new c", VectorOf("new c"));
  editor.Replace("c", "newer c", VectorOf("newer c"));
  editor.Replace("e", "e", VectorOf("e"));
  editor.Commit();
  ExpectRows(Index::Open(dir_), {{"b", "text of b"}, {"a", "new"}, {"c", "newer c"}, {"e", "e"}});
}

TEST_F(IndexEditorTest, EqualsAnIndexBuiltAtOnceAfterAnyChanges) {
  for (const uint32_t seed : {1u, 2u, 3u}) {
    fs::remove_all(dir_);
    std::minstd_rand random(seed);
    Build({});
    std::vector<Row> rows;  // committed
    std::vector<Row> uncommitted;
    std::optional<IndexEditor> editor;
    std::vector<std::pair<Index, std::vector<Row>>> readers;
    const auto find = [&](const std::string& id) {
      return std::find_if(uncommitted.begin(), uncommitted.end(),
                          [&](const Row& row) { return row.id == id; });
    };
    for (int step = 0; step < 400; ++step) {
      if (!editor) {
        editor.emplace(dir_);
        uncommitted = rows;
      }
      const std::string id = std::to_string(random() % 120);
      const std::string text = id + " at " + std::to_string(step);
      const auto at = find(id);
      const auto choice = random() % 100;
      if (choice < 50) {
        if (at != uncommitted.end()) uncommitted.erase(at);
        editor->Replace(id, text, VectorOf(text));
        uncommitted.push_back({id, text});
      } else if (choice < 80) {
        ASSERT_EQ(editor->Delete(id), at != uncommitted.end());
        if (at != uncommitted.end()) uncommitted.erase(at);
      } else if (choice < 90) {
        editor->Commit();
        rows = uncommitted;
      } else if (choice < 94) {
        editor->Compact();
        rows = uncommitted;
        ASSERT_EQ(editor->info().deleted, 0);
        ASSERT_LE(editor->info().segments.size(), 1u);
      } else if (choice < 96) {
        editor.reset();  // what is not committed is gone
      } else {
        readers.emplace_back(Index::Open(dir_), rows);
        ExpectRows(readers.back().first, rows);
      }
      if (editor) {
        ASSERT_EQ(editor->count(), static_cast<int64_t>(uncommitted.size()));
      }
    }
    for (const auto& [reader, expected] : readers) ExpectRows(reader, expected);
  }
}

TEST_F(IndexEditorTest, ReadersKeepTheirsAndRefreshToTheNewest) {
  Build({"a", "b"});
  const Index first = Index::Open(dir_);
  EXPECT_FALSE(first.Refresh());
  const std::string_view text = first.text(0);
  auto editor = std::make_optional<IndexEditor>(dir_);
  editor->Delete("a");
  editor->Commit();
  const auto second = first.Refresh();
  ASSERT_TRUE(second);
  EXPECT_THAT(Ids(*second), ElementsAre("b"));
  // Both have the one segment, which is mapped once.
  EXPECT_EQ(second->vector(0).data(), first.vector(1).data());
  Add(*editor, "c");
  editor->Compact();
  editor.reset();
  const auto third = second->Refresh();
  ASSERT_TRUE(third);
  EXPECT_THAT(Ids(*third), ElementsAre("b", "c"));
  EXPECT_FALSE(third->Refresh());
  EXPECT_THAT(Ids(first), ElementsAre("a", "b"));
  EXPECT_EQ(text, "text of a");
  first.Verify();
  second->Verify();

  IndexWriter(dir_, 2, "other").Finish();  // another index there
  EXPECT_EQ(third->Refresh()->info().dimension, 2);
  fs::remove(dir_ / kManifestName);
  EXPECT_THAT(ErrorOf([&] { third->Refresh(); }), StartsWith("not_found: "));
}

TEST_F(IndexEditorTest, ReadersNeverSeeATornIndexWhileItIsChanged) {
  Build({});
  std::atomic<bool> done = false;
  std::string writer_error;
  std::thread writer([&] {
    writer_error = ErrorOf([&] {
      IndexEditor editor(dir_);
      for (int i = 0; i < 60; ++i) {
        // Every commit holds pairs.
        Add(editor, std::to_string(i));
        Add(editor, std::to_string(i) + "'");
        if (i % 3 == 2) {
          editor.Delete(std::to_string(i - 1));
          editor.Delete(std::to_string(i - 1) + "'");
        }
        editor.Commit();
        if (i % 20 == 19) editor.Compact();
      }
    });
    done = true;
  });
  std::string reader_error;
  while (!done && reader_error.empty()) {
    reader_error = ErrorOf([&] {
      const Index index = Index::Open(dir_);
      index.Verify();
      ASSERT_EQ(index.info().count % 2, 0);
      for (int64_t row = 0; row < index.info().count; row += 2) {
        ASSERT_EQ(std::string(index.id(row)) + "'", index.id(row + 1));
      }
    });
  }
  writer.join();
  EXPECT_EQ(writer_error, "");
  EXPECT_EQ(reader_error, "");
  EXPECT_EQ(Index::Open(dir_).info().count, 80);
}

TEST_F(IndexEditorTest, KeepsSegmentsFew) {
  Build({});
  IndexEditor editor(dir_);
  for (int i = 0; i < 100; ++i) {
    Add(editor, std::to_string(i));
    editor.Commit();
    ASSERT_LE(static_cast<double>(editor.info().segments.size()), std::log2(i + 1) + 1) << i;
    ASSERT_EQ(NumFiles(dir_), 2 + 5 * editor.info().segments.size());  // and lock and manifest
  }
  for (int i = 0; i < 90; ++i) {
    editor.Delete(std::to_string(i));
    editor.Commit();
  }
  for (const IndexSegment& segment : editor.info().segments) {
    EXPECT_LE(segment.deleted, segment.rows - segment.deleted);
  }
  EXPECT_EQ(Index::Open(dir_).info().count, 10);
  for (int i = 90; i < 100; ++i) EXPECT_TRUE(editor.Delete(std::to_string(i)));
  editor.Commit();
  EXPECT_TRUE(editor.info().segments.empty());
  ExpectRows(Index::Open(dir_), {});
  Add(editor, "again");
  editor.Commit();
  EXPECT_THAT(Ids(Index::Open(dir_)), ElementsAre("again"));
}

TEST_F(IndexEditorTest, ACommitOfNothingDoesNothing) {
  Build({"a"});
  const std::string before = ReadAll(dir_ / kManifestName);
  {
    IndexEditor editor(dir_);
    editor.Commit();
    editor.Compact();
    Add(editor, "b");
    editor.Delete("b");
    editor.Commit();
  }
  EXPECT_EQ(ReadAll(dir_ / kManifestName), before);
  EXPECT_EQ(NumFiles(dir_), 6u);
}

TEST_F(IndexEditorTest, ThereIsOneWriterAtATime) {
  Build({"a"});
  {
    IndexEditor editor(dir_);
    EXPECT_THAT(ErrorOf([&] { IndexEditor second(dir_); }), HasSubstr("by somebody else"));
    EXPECT_THAT(ErrorOf([&] { IndexWriter(dir_, 2, "m"); }), HasSubstr("by somebody else"));
  }
  IndexWriter writer(dir_, 2, "m");
  EXPECT_THAT(ErrorOf([&] { IndexEditor second(dir_); }), HasSubstr("by somebody else"));
}

TEST_F(IndexEditorTest, NeedsAnIndexAndLeavesOtherFoldersAlone) {
  EXPECT_THAT(ErrorOf([&] { IndexEditor editor(dir_); }),
              StartsWith("not_found: there is no index: "));
  EXPECT_FALSE(fs::exists(dir_));
  EXPECT_THAT(ErrorOf([&] { IndexEditor editor(folder_); }),
              StartsWith("not_found: there is no index: "));
  EXPECT_TRUE(fs::is_empty(folder_));
  fs::create_directory(dir_);
  WriteAll(dir_ / kManifestName, "{\"name\": \"a web app\"}");
  EXPECT_THAT(ErrorOf([&] { IndexEditor editor(dir_); }), StartsWith("corrupt_data: "));
  EXPECT_EQ(NumFiles(dir_), 1u);
}

TEST_F(IndexEditorTest, ChangesAnIndexOfVersion1) {
  Build({"a", "b"});
  std::string text = ReadAll(dir_ / kManifestName);
  text.replace(text.find("\"version\": 2"), 12, "\"version\": 1");
  const size_t at = text.find("  \"generation\"");
  text.erase(at, text.find("  \"dimension\"") - at);
  text.resize(text.size() - 64 - 4);
  Sha256 hash;
  hash.Update(std::as_bytes(std::span(text)));
  WriteAll(dir_ / kManifestName, text + hash.Hex() + "\"\n}\n");
  ExpectRows(Index::Open(dir_), {{"a", "text of a"}, {"b", "text of b"}});

  IndexEditor editor(dir_);
  EXPECT_EQ(editor.rows_added(), 2);
  Add(editor, "c");
  editor.Delete("a");
  editor.Commit();
  ExpectRows(Index::Open(dir_), {{"b", "text of b"}, {"c", "text of c"}});
  EXPECT_THAT(ReadAll(dir_ / kManifestName), HasSubstr("\"version\": 2"));
}

TEST_F(IndexEditorTest, ADamagedSegmentGetsNoNewChecksum) {
  Build({"a", "b", "c"});
  const std::string name = Index::Open(dir_).info().segments[0].name;
  std::string texts = ReadAll(dir_ / (name + ".texts"));
  texts[3] = '#';
  WriteAll(dir_ / (name + ".texts"), texts);
  std::vector<std::string> warnings;
  IndexEditor editor(dir_, {[&](const std::string& line) { warnings.push_back(line); }});
  for (const char* id : {"d", "e", "f", "g"}) Add(editor, id);
  editor.Commit();  // has happened, though the segments could not be merged
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], AllOf(StartsWith("segments were not merged: damaged index: "),
                                 HasSubstr(".texts: found SHA-256")));
  EXPECT_EQ(Index::Open(dir_).info().count, 7);
  EXPECT_THAT(ErrorOf([&] { editor.Compact(); }), HasSubstr(".texts: found SHA-256"));
  Add(editor, "h");
  editor.Commit();
  EXPECT_EQ(Index::Open(dir_).info().count, 8);
  EXPECT_THAT(ErrorOf([&] { Index::Open(dir_).Verify(); }), HasSubstr(".texts: found SHA-256"));
}

TEST_F(IndexEditorTest, ADamagedSegmentDoesNotLetOthersPileUp) {
  Build({"a", "b", "c"});
  const std::string name = Index::Open(dir_).info().segments[0].name;
  std::string texts = ReadAll(dir_ / (name + ".texts"));
  texts[3] = '#';
  WriteAll(dir_ / (name + ".texts"), texts);
  int added = 0;
  for (int process = 0; process < 8; ++process) {
    int warnings = 0;
    IndexEditor editor(dir_, {[&](const std::string&) { ++warnings; }});
    for (int i = 0; i < 8; ++i) {
      Add(editor, std::to_string(added++));
      editor.Commit();
      // The damaged one, and the others as few as if there were no others.
      ASSERT_LE(static_cast<double>(editor.info().segments.size()), std::log2(added) + 2) << added;
    }
    EXPECT_LE(warnings, 1);  // it is known then
    EXPECT_EQ(editor.info().segments[0].name, name);
  }
  const Index index = Index::Open(dir_);
  EXPECT_EQ(index.info().count, 3 + 64);
  EXPECT_EQ(index.id(2), "c");
  EXPECT_EQ(index.id(3), "0");
  EXPECT_EQ(index.text(66), "text of 63");
  // Once its rows are gone the index is whole again.
  IndexEditor editor(dir_);
  for (const char* id : {"a", "b", "c"}) EXPECT_TRUE(editor.Delete(id));
  editor.Commit();
  Index::Open(dir_).Verify();
}

// The files of an index and what is in them.
std::map<std::string, std::string> ContentOf(const fs::path& dir) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (entry.path().filename() != kLockName) {
      files.emplace(entry.path().filename().string(), ReadAll(entry.path()));
    }
  }
  return files;
}

TEST_F(IndexEditorTest, ACommitThatNoReaderWouldTakeIsRefused) {
  Build({"a"});
  Manifest manifest = ParseManifest(ReadAll(dir_ / kManifestName), "m");
  manifest.rows_added = int64_t{1} << 48;  // the most that there can be
  WriteAll(dir_ / kManifestName, FormatManifest(manifest));
  const auto before = ContentOf(dir_);
  {
    IndexEditor editor(dir_);
    Add(editor, "b");
    EXPECT_THAT(ErrorOf([&] { editor.Commit(); }),
                AllOf(StartsWith("invalid_argument: the index would be one that cannot be read"),
                      HasSubstr(dir_.string()), HasSubstr("rows_added")));
    EXPECT_THAT(ErrorOf([&] { editor.Commit(); }), HasSubstr("can no longer be used"));
  }
  EXPECT_EQ(ContentOf(dir_), before);
  ExpectRows(Index::Open(dir_), {{"a", "text of a"}});
}

TEST_F(IndexEditorTest, AManifestBeyondTheLimitsReplacesNone) {
  Build({"a"});
  const auto before = ContentOf(dir_);
  IndexDirectory directory = IndexDirectory::ForChanges(dir_);
  const Manifest manifest = ParseManifest(ReadAll(dir_ / kManifestName), "m");
  PlacedFiles placed;
  Manifest many = manifest;
  while (static_cast<int64_t>(many.segments.size()) <= kMaxSegments) {
    many.segments.push_back(many.segments[0]);
    many.segments.back().name = NewSegmentName();
  }
  EXPECT_THAT(ErrorOf([&] { directory.Replace(many, &placed); }),
              AllOf(StartsWith("invalid_argument: "),
                    HasSubstr("found 4097 segments, expected at most 4096")));
  Manifest large = manifest;
  large.model.assign(kMaxManifestBytes, 'm');
  EXPECT_THAT(ErrorOf([&] { directory.Replace(large, &placed); }),
              AllOf(StartsWith("invalid_argument: "), HasSubstr("expected at most 16777216")));
  EXPECT_EQ(ContentOf(dir_), before);
  ExpectRows(Index::Open(dir_), {{"a", "text of a"}});
}

TEST_F(IndexEditorTest, RemovesWhatDeadWritersLeft) {
  Build({"a"});
  WriteAll(dir_ / "segment-0123456789abcdef.vectors", "x");
  WriteAll(dir_ / "segment-0123456789abcdef.deleted-0123456789abcdef", "x");
  WriteAll(dir_ / "manifest.json.tmp-0123456789abcdef", "x");
  WriteAll(dir_ / "notes.txt", "mine");  // a guest, which is nobody's to remove
  { IndexEditor editor(dir_); }
  EXPECT_EQ(NumFiles(dir_), 7u);
  EXPECT_EQ(ReadAll(dir_ / "notes.txt"), "mine");
}

}  // namespace
}  // namespace bge::index
