#include "index/id_set.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace bge::index
