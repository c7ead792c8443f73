#include "index/id_set.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace bge::index {
namespace {

TEST(IdSet, FindsTheRowOfARepeatedId) {
  std::vector<std::string> ids;
  IdSet set([&](int64_t row) { return ids[static_cast<size_t>(row)]; });
  for (int64_t row = 0; row < 20000; ++row) {  // several times past growing
    ids.push_back("doc-" + std::to_string(row * 7));
    ASSERT_EQ(set.Insert(ids.back(), row), std::nullopt) << row;
  }
  for (int64_t row : {0, 1, 767, 768, 12345, 19999}) {
    EXPECT_EQ(set.Insert("doc-" + std::to_string(row * 7), 20000), row);
  }
  EXPECT_EQ(set.Insert("doc-1", 20000), std::nullopt);
}

TEST(IdSet, TellsIdsApartWhoseHashesAgree) {
  std::vector<std::string> ids = {"a", "b", "", std::string("a\0", 2), "ab"};
  IdSet set([&](int64_t row) { return ids[static_cast<size_t>(row)]; },
            [](std::string_view, uint64_t) -> uint64_t { return ~uint64_t{0}; });
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(set.Insert(ids[i], static_cast<int64_t>(i)), std::nullopt) << i;
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(set.Insert(ids[i], 99), static_cast<int64_t>(i));
  }
}

TEST(IdSet, ReadsNothingBackWhereNoIdRepeats) {
  int64_t reads = 0;
  IdSet set([&](int64_t) {
    ++reads;
    return std::string();
  });
  for (int64_t row = 0; row < 100000; ++row) set.Insert(std::to_string(row), row);
  // 1e5 hashes of 64 bits: a pair agrees once in four billion runs.
  EXPECT_EQ(reads, 0);
}

TEST(IdSet, ForgetsAndMovesIdsAmongThoseThatCollide) {
  // Eight hashes for all ids: long runs of neighbours, which an erased one must not cut.
  std::vector<std::string> ids;
  IdSet set([&](int64_t row) { return ids[static_cast<size_t>(row)]; },
            [](std::string_view id, uint64_t) -> uint64_t {
              return static_cast<uint64_t>(id.back()) % 8 + 1020;  // over the end of the table
            });
  std::map<std::string, int64_t> expected;
  std::minstd_rand random(7);
  for (int64_t step = 0; step < 6000; ++step) {
    const std::string id = std::to_string(random() % 300);
    const auto known = expected.find(id);
    if (known == expected.end()) {
      ASSERT_EQ(set.Find(id), std::nullopt);
      ASSERT_EQ(set.Erase(id), std::nullopt);
      ids.push_back(id);
      const auto row = static_cast<int64_t>(ids.size()) - 1;
      ASSERT_EQ(set.Insert(id, row), std::nullopt);
      expected[id] = row;
    } else if (random() % 2 == 0) {
      ASSERT_EQ(set.Erase(id), known->second);
      expected.erase(known);
    } else {
      ids.push_back(id);
      known->second = static_cast<int64_t>(ids.size()) - 1;
      set.Move(id, known->second);
    }
    if (step % 100 != 0) continue;
    for (const auto& [each, row] : expected) ASSERT_EQ(set.Find(each), row) << step;
  }
}

}  // namespace
}  // namespace bge::index
