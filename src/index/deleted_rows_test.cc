#include "index/deleted_rows.h"

#include "index/test_index.h"

#include <gmock/gmock.h>

#include <random>

namespace bge::index {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(DeletedRows, NumbersTheRowsThatAreLeft) {
  std::minstd_rand random(3);
  for (const int64_t rows : {0, 1, 7, 8, 63, 64, 65, 511, 512, 513, 5000}) {
    for (const unsigned percent : {0u, 1u, 50u, 99u, 100u}) {
      DeletedRows deleted(rows);
      std::vector<int64_t> left;
      for (int64_t row = 0; row < rows; ++row) {
        if (random() % 100 < percent) {
          deleted.Insert(row);
        } else {
          left.push_back(row);
        }
      }
      const LiveRows live(deleted);
      ASSERT_EQ(live.count(), static_cast<int64_t>(left.size()));
      int64_t number = 0;
      for (int64_t row = 0; row < rows; ++row) {
        ASSERT_EQ(live.NumberOf(row), number);
        if (deleted.Contains(row)) continue;
        ASSERT_EQ(live.RowOf(number), row) << rows << " rows, " << percent << " %";
        ++number;
      }
      ASSERT_EQ(live.NumberOf(rows), number);
    }
  }
}

TEST(DeletedRows, GrowsAndReadsBackWhatItWrites) {
  DeletedRows deleted;
  for (int64_t row = 0; row < 200; ++row) {
    deleted.Append();
    if (row % 3 == 0) deleted.Insert(row);
    if (row % 6 == 0) deleted.Insert(row);  // once is enough
    const DeletedRows back =
        DeletedRows::Parse(deleted.Bytes(), deleted.rows(), deleted.count(), "f");
    ASSERT_EQ(back.Bytes(), deleted.Bytes());
    ASSERT_EQ(back.count(), row / 3 + 1);
  }
  // docs/formats/index.md: bit r mod 8 of byte r / 8.
  DeletedRows few(10);
  few.Insert(1);
  few.Insert(9);
  EXPECT_EQ(few.Bytes(), std::string("\x02\x02", 2));
}

TEST(DeletedRows, NoneOfManyRowsTakesNoMemory) {
  const LiveRows live(DeletedRows(int64_t{1} << 48));  // 32 TB of bits
  EXPECT_EQ(live.count(), int64_t{1} << 48);
  EXPECT_EQ(live.RowOf(12345), 12345);
  EXPECT_FALSE(live.deleted().Contains(12345));
}

TEST(DeletedRows, FindsWhatCannotBe) {
  const auto error = [](const std::string& bytes, int64_t rows, int64_t count) {
    return ErrorOf([&] { DeletedRows::Parse(bytes, rows, count, "dir/f"); });
  };
  EXPECT_EQ(error("\x02\x02", 10, 2), "");
  EXPECT_EQ(error("", 0, 0), "");
  EXPECT_THAT(error("\x02", 10, 1),
              StartsWith("corrupt_data: damaged index: dir/f: found 1 bytes, expected 2"));
  EXPECT_THAT(error("\x02\x02\x01", 10, 3), HasSubstr("found 3 bytes, expected 2"));
  EXPECT_THAT(error("\x02\x06", 10, 3), HasSubstr("found a bit after that of row 9"));
  EXPECT_THAT(error("\x02\x02", 10, 3), HasSubstr("found 2 deleted rows, expected 3"));
}

}  // namespace
}  // namespace bge::index
