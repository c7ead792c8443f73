#include "bge/index.h"

#include "bge/embedder.h"

#include "index/test_index.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <set>
#include <thread>

namespace bge::index {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

std::set<std::string> Names(const fs::path& dir) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir)) names.insert(entry.path().filename());
  return names;
}

TEST_F(IndexTest, GivesBackWhatWasAdded) {
  const std::vector<std::string> ids = {"a", "", std::string("z\0\n\xff", 4), "文",
                                        std::string(70000, 'x')};
  const std::vector<std::string> texts = {"", "two\nlines", "\xff\xfe", std::string(3 << 20, 't'),
                                          "b"};
  const std::vector<float> vectors = RandomVectors(5, 3, 11);
  {
    IndexWriter writer(folder_ / "new" / "i", 3, "org/name", {{"k", "v \"\\\n\x01 é"}, {"", ""}});
    for (size_t i = 0; i < ids.size(); ++i) {
      writer.Add(ids[i], texts[i], std::span(vectors).subspan(3 * i, 3));
    }
    EXPECT_EQ(writer.count(), 5);
    writer.Finish();
  }
  Index index = Index::Open(folder_ / "new" / "i" / "");
  EXPECT_EQ(index.info().count, 5);
  EXPECT_EQ(index.info().dimension, 3);
  EXPECT_EQ(index.info().model, "org/name");
  EXPECT_EQ(index.info().metadata,
            (std::map<std::string, std::string>{{"k", "v \"\\\n\x01 é"}, {"", ""}}));
  int64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder_ / "new" / "i")) {
    bytes += static_cast<int64_t>(entry.file_size());
  }
  EXPECT_EQ(index.info().bytes, bytes);
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    EXPECT_EQ(index.id(row), ids[i]);
    EXPECT_EQ(index.text(row), texts[i]);
    const std::span<const float> v = index.vector(row);
    EXPECT_TRUE(std::equal(v.begin(), v.end(), vectors.begin() + 3 * row)) << row;
  }
  index.Verify();
  EXPECT_EQ(Names(folder_ / "new" / "i").size(), 6u);  // no lock, no temporary file
}

TEST_F(IndexTest, AnEmptyIndexIsAnIndex) {
  BuildIndex(folder_ / "i", 0, 4);
  const Index index = Index::Open(folder_ / "i");
  index.Verify();
  EXPECT_EQ(index.info().count, 0);
  const std::vector<float> query(8, 1.0f);
  const auto results = index.Search(query, 10);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_TRUE(results[0].empty());
  EXPECT_THAT(ErrorOf([&] { index.id(0); }), StartsWith("invalid_argument: "));
}

TEST_F(IndexTest, RefusesRowsAndGoesOn) {
  IndexWriter writer(folder_ / "i", 2, "m");
  const std::vector<float> good = {1, 2};
  writer.Add("a", "first", good);
  const std::vector<float> nan = {1, std::nanf("")};
  const std::vector<float> infinite = {-std::numeric_limits<float>::infinity(), 0};
  EXPECT_THAT(ErrorOf([&] { writer.Add("b", "t", nan); }),
              HasSubstr("a vector is not finite: row 1, id 'b': found nan at value 1"));
  EXPECT_THAT(ErrorOf([&] { writer.Add("b", "t", infinite); }), HasSubstr("-inf at value 0"));
  EXPECT_THAT(ErrorOf([&] { writer.Add("b", "t", std::span(good).first(1)); }),
              HasSubstr("found 1 values, expected 2"));
  EXPECT_THAT(ErrorOf([&] { writer.Add("a", "t", good); }),
              HasSubstr("an id is there twice: row 1, id 'a': found in row 0 too"));
  writer.Add("b", "second", good);
  EXPECT_THAT(ErrorOf([&] { writer.Add("b", "t", good); }), HasSubstr("found in row 1 too"));
  writer.Finish();
  EXPECT_THAT(ErrorOf([&] { writer.Add("c", "t", good); }), HasSubstr("it is finished"));
  EXPECT_THAT(ErrorOf([&] { writer.Finish(); }), HasSubstr("it is finished"));

  const Index index = Index::Open(folder_ / "i");
  index.Verify();
  ASSERT_EQ(index.info().count, 2);
  EXPECT_EQ(index.text(1), "second");
}

TEST_F(IndexTest, FindsARepeatedIdAmongMany) {
  IndexWriter writer(folder_ / "i", 1, "m");
  const float value = 1;
  for (int i = 0; i < 30000; ++i) writer.Add("id" + std::to_string(i), "", {&value, 1});
  for (const int i : {0, 1, 15000, 29999}) {
    EXPECT_THAT(ErrorOf([&] {
                  writer.Add("id" + std::to_string(i), "", {&value, 1});
                }),
                HasSubstr("found in row " + std::to_string(i) + " too"));
  }
}

TEST_F(IndexTest, AnUnfinishedWriterLeavesNothingBehind) {
  const std::vector<float> v = {1};
  {
    IndexWriter writer(folder_ / "i", 1, "m");
    writer.Add("a", "b", v);
  }
  EXPECT_FALSE(fs::exists(folder_ / "i"));

  BuildIndex(folder_ / "i", 3, 4);
  const std::set<std::string> before = Names(folder_ / "i");
  {
    IndexWriter writer(folder_ / "i", 1, "m");
    writer.Add("a", "b", v);
  }
  EXPECT_EQ(Names(folder_ / "i"), before);
  Index::Open(folder_ / "i").Verify();

  fs::create_directory(folder_ / "empty");
  { IndexWriter writer(folder_ / "empty", 1, "m"); }
  EXPECT_TRUE(fs::exists(folder_ / "empty"));  // it was there before
}

TEST_F(IndexTest, ReplacesAnIndexWhileReadersKeepTheOldOne) {
  BuildIndex(folder_ / "i", 100, 4);
  const Index old = Index::Open(folder_ / "i");
  BuildIndex(folder_ / "i", 7, 2);
  EXPECT_EQ(Names(folder_ / "i").size(), 6u);
  old.Verify();
  EXPECT_EQ(old.id(99), "id-99");
  const Index index = Index::Open(folder_ / "i");
  index.Verify();
  EXPECT_EQ(index.info().count, 7);
}

TEST_F(IndexTest, ReadersNeverSeeATornIndexWhileItIsReplaced) {
  BuildIndex(folder_ / "i", 5, 3);
  std::atomic<bool> done = false;
  std::string writer_error;
  std::thread writer([&] {
    writer_error = ErrorOf([&] {
      for (int i = 0; i < 40; ++i) BuildIndex(folder_ / "i", 5 + i % 3, 1 + i % 4);
    });
    done = true;
  });
  int opened = 0;
  std::string reader_error;
  while (!done && reader_error.empty()) {
    reader_error = ErrorOf([&] { Index::Open(folder_ / "i").Verify(); });
    ++opened;
  }
  writer.join();
  EXPECT_EQ(writer_error, "");
  EXPECT_EQ(reader_error, "") << "after " << opened;
}

TEST_F(IndexTest, AKilledWriterLeavesTheOldIndexAndTheNextOneCleansUp) {
  BuildIndex(folder_ / "i", 3, 2);
  const pid_t child = ::fork();
  if (child == 0) {
    IndexWriter writer(folder_ / "i", 2, "m");
    const std::vector<float> v = {1, 2};
    for (int i = 0; i < 100000; ++i) writer.Add(std::to_string(i), "text", v);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_GT(Names(folder_ / "i").size(), 6u);
  Index::Open(folder_ / "i").Verify();
  EXPECT_EQ(Index::Open(folder_ / "i").info().count, 3);
  BuildIndex(folder_ / "i", 4, 2);
  EXPECT_EQ(Names(folder_ / "i").size(), 6u);
  EXPECT_EQ(Index::Open(folder_ / "i").info().count, 4);
}

TEST_F(IndexTest, AForkedChildLeavesItsParentsFilesAndLockAlone) {
  const std::vector<float> v = {1, 2};
  // The child's copies refuse, and are destroyed.
  const auto fork_child = [&](auto& writer) {
    const pid_t child = ::fork();
    if (child == 0) {
      const std::string error = ErrorOf([&] { writer->Add("b", "text", v); });
      writer.reset();
      ::_exit(error.find("by the process that this one was forked from") != std::string::npos ? 0
                                                                                              : 1);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  };
  auto writer = std::make_unique<IndexWriter>(folder_ / "i", 2, "m");
  writer->Add("a", "text", v);
  fork_child(writer);
  writer->Finish();
  EXPECT_EQ(Index::Open(folder_ / "i").info().count, 1);

  auto editor = std::make_unique<IndexEditor>(folder_ / "i");
  editor->Add("c", "text", v);
  fork_child(editor);
  EXPECT_THAT(ErrorOf([&] { IndexEditor other(folder_ / "i"); }),
              HasSubstr("the index is being written by somebody else"));
  editor->Commit();
  const Index index = Index::Open(folder_ / "i");
  index.Verify();
  EXPECT_EQ(index.info().count, 2);
}

TEST_F(IndexTest, ASecondWriterIsRefused) {
  IndexWriter first(folder_ / "i", 2, "m");
  EXPECT_THAT(ErrorOf([&] { IndexWriter(folder_ / "i", 2, "m"); }),
              HasSubstr("the index is being written by somebody else"));
  first.Finish();
  IndexWriter(folder_ / "i", 2, "m").Finish();
}

TEST_F(IndexTest, DoesNotTouchAFolderThatIsNoIndex) {
  WriteAll(folder_ / "notes.txt", "mine");
  EXPECT_THAT(ErrorOf([&] { IndexWriter(folder_, 2, "m"); }),
              HasSubstr("it holds 'notes.txt', which is not part of an index"));
  EXPECT_EQ(Names(folder_), std::set<std::string>{"notes.txt"});
  EXPECT_THAT(ErrorOf([&] { IndexWriter(folder_ / "notes.txt", 2, "m"); }),
              HasSubstr("it is not a directory"));

  fs::create_directory(folder_ / "app");
  WriteAll(folder_ / "app" / "manifest.json", "{\"name\": \"a web app\"}");
  EXPECT_THAT(ErrorOf([&] { IndexWriter(folder_ / "app", 2, "m"); }),
              HasSubstr("it holds 'manifest.json', which is not part of an index"));
  EXPECT_EQ(ReadAll(folder_ / "app" / "manifest.json"), "{\"name\": \"a web app\"}");
}

TEST_F(IndexTest, RefusesWhatItCannotStore) {
  for (const int64_t dimension : {int64_t{-1}, int64_t{0}, int64_t{1} << 21, INT64_MAX}) {
    EXPECT_THAT(ErrorOf([&] { IndexWriter(folder_ / "i", dimension, "m"); }),
                HasSubstr("expected 1 to 1048576"));
  }
  EXPECT_THAT(ErrorOf([&] { IndexWriter(folder_ / "i", 1, "bad \xff"); }),
              HasSubstr("expected valid UTF-8"));
  EXPECT_THAT(ErrorOf([&] {
                IndexWriter(folder_ / "i", 1, "m", {{"\xc0", ""}});
              }),
              HasSubstr("expected valid UTF-8"));
  EXPECT_FALSE(fs::exists(folder_ / "i"));
}

TEST_F(IndexTest, SaysWhereThereIsNoIndex) {
  EXPECT_THAT(ErrorOf([&] { Index::Open(folder_ / "absent"); }),
              StartsWith("not_found: there is no index: "));
  EXPECT_THAT(ErrorOf([&] { Index::Open(folder_); }), StartsWith("not_found: there is no index: "));
}

TEST_F(IndexTest, SearchStatesItsLimits) {
  BuildIndex(folder_ / "i", 10, 4);
  const Index index = Index::Open(folder_ / "i");
  const std::vector<float> query = RandomVectors(1, 4, 3);
  EXPECT_TRUE(index.Search({}, 5).empty());
  EXPECT_TRUE(index.Search(query, 0).at(0).empty());
  EXPECT_EQ(index.Search(query, 1000).at(0).size(), 10u);
  EXPECT_EQ(index.Search(query, INT64_MAX).at(0).size(), 10u);
  EXPECT_THAT(ErrorOf([&] { index.Search(query, -1); }), HasSubstr("top_k: found -1"));
  EXPECT_THAT(ErrorOf([&] { index.Search(query, 1, -2); }), HasSubstr("threads: found -2"));
  EXPECT_THAT(ErrorOf([&] { index.Search(query, 1, kMaxThreads + 1); }),
              HasSubstr("threads: found 1025, expected 0 to 1024"));
  EXPECT_THAT(ErrorOf([&] { index.Search(std::span(query).first(3), 1); }),
              HasSubstr("found 3 values, expected a multiple of 4"));
  std::vector<float> bad = RandomVectors(2, 4, 3);
  bad[6] = std::nanf("");
  EXPECT_THAT(ErrorOf([&] { index.Search(bad, 1); }),
              HasSubstr("a query is not finite: query 1, value 2"));
}

TEST_F(IndexTest, SearchFindsTheRowsOfHighestInnerProduct) {
  const int64_t count = 3000;
  const int64_t dimension = 24;
  BuildIndex(folder_ / "i", count, dimension, 5);
  const Index index = Index::Open(folder_ / "i");
  const std::vector<float> queries = RandomVectors(9, dimension, 6);
  const auto together = index.Search(queries, 20, 2);
  ASSERT_EQ(together.size(), 9u);
  for (size_t q = 0; q < 9; ++q) {
    const auto query = std::span(queries).subspan(q * dimension, dimension);
    std::vector<std::pair<double, int64_t>> expected;
    for (int64_t row = 0; row < count; ++row) {
      double sum = 0;
      for (size_t d = 0; d < dimension; ++d) {
        sum += static_cast<double>(query[d]) * static_cast<double>(index.vector(row)[d]);
      }
      expected.emplace_back(-sum, row);
    }
    std::sort(expected.begin(), expected.end());
    const std::vector<Hit>& hits = together[q];
    ASSERT_EQ(hits.size(), 20u);
    for (size_t i = 0; i < hits.size(); ++i) {
      EXPECT_EQ(hits[i].position, expected[i].second) << "query " << q << ", rank " << i;
      EXPECT_NEAR(hits[i].score, -expected[i].first, 2e-6 * dimension);
      EXPECT_EQ(hits[i].id, "id-" + std::to_string(hits[i].position));
      EXPECT_EQ(hits[i].text, "text of " + std::to_string(hits[i].position));
    }
  }
}

TEST_F(IndexTest, SearchIsTheSameForAnyThreadsAndAnyBatch) {
  const int64_t count = 20011;
  const int64_t dimension = 37;
  BuildIndex(folder_ / "i", count, dimension, 8);
  const Index index = Index::Open(folder_ / "i");
  const std::vector<float> queries = RandomVectors(131, dimension, 9);  // three groups
  const auto expected = index.Search(queries, 50, 1);
  for (const int threads : {0, 2, 3, 7}) {
    const auto found = index.Search(queries, 50, threads);
    for (size_t q = 0; q < expected.size(); ++q) {
      for (size_t i = 0; i < 50; ++i) {
        ASSERT_EQ(found[q][i].position, expected[q][i].position) << threads << " threads, " << q;
        ASSERT_EQ(found[q][i].score, expected[q][i].score) << threads << " threads, " << q;
      }
    }
  }
  for (const size_t batch : {1u, 2u, 5u, 64u}) {
    for (size_t q = 0; q + batch <= expected.size(); q += 29) {
      const auto found =
          index.Search(std::span(queries).subspan(q * dimension, batch * dimension), 50, 2);
      for (size_t b = 0; b < batch; ++b) {
        for (size_t i = 0; i < 50; ++i) {
          ASSERT_EQ(found[b][i].position, expected[q + b][i].position) << "batch " << batch;
          ASSERT_NEAR(found[b][i].score, expected[q + b][i].score, 1e-6);
        }
      }
    }
  }
}

TEST_F(IndexTest, SeveralThreadsMaySearchAtOnce) {
  BuildIndex(folder_ / "i", 5000, 16);
  const Index index = Index::Open(folder_ / "i");
  const std::vector<float> queries = RandomVectors(8, 16, 2);
  const auto expected = index.Search(queries, 10, 1);
  std::vector<std::thread> threads;
  std::atomic<int> differences = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int repeat = 0; repeat < 10; ++repeat) {
        const auto found = index.Search(queries, 10, 1 + (t + repeat) % 3);
        for (size_t q = 0; q < 8; ++q) {
          for (size_t i = 0; i < 10; ++i) {
            if (found[q][i].position != expected[q][i].position) ++differences;
          }
        }
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(differences, 0);
}

}  // namespace
}  // namespace bge::index
