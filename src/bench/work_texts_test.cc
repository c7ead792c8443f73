#include "bench/work_texts.h"

#include "bge/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace bge {
namespace {

TEST(WorkTexts, HaveNames) {
  EXPECT_EQ(ParseWork("short"), Work::kShort);
  EXPECT_EQ(ParseWork("mixed"), Work::kMixed);
  EXPECT_EQ(ParseWork("long"), Work::kLong);
  EXPECT_EQ(ParseWork("Short"), std::nullopt);
  EXPECT_EQ(ParseWork(""), std::nullopt);
}

// A changed generator makes all published figures incomparable.
TEST(WorkTexts, AreTheSameInEveryBuild) {
  EXPECT_EQ(MakeTexts(Work::kShort, 2),
            (std::vector<std::string>{
                "Specific while epigenetic decrease, polymorphisms value epigenetic metabolites "
                "during of some has with be for during the both.",
                "Acetylation probiotics epithelial observed children birds for epithelial it or. "
                "This, because compared liver has, to time at photosynthesis cells because."}));
}

TEST(WorkTexts, FewerAreTheBeginningOfMore) {
  for (const Work work : {Work::kShort, Work::kMixed, Work::kLong}) {
    const auto few = MakeTexts(work, 3);
    const auto more = MakeTexts(work, 20);
    EXPECT_TRUE(std::equal(few.begin(), few.end(), more.begin()));
    EXPECT_NE(more[0], more[1]);
  }
  EXPECT_TRUE(MakeTexts(Work::kShort, 0).empty());
}

TEST(WorkTexts, MixedIsOnePassageToSevenSentences) {
  const auto texts = MakeTexts(Work::kMixed, 64);
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i % 8 == 0) {
      EXPECT_GT(texts[i].size(), 600u) << i;
    } else {
      EXPECT_LT(texts[i].size(), 400u) << i;
    }
  }
}

// With BERT's own vocabulary, which only the developers' data has.
TEST(WorkTexts, HaveTheLengthsThatTheyPromise) {
  const std::string model = BGE_SHARED_DIR "/data/tokenizers/bge-small-en-v1.5";
  if (!std::filesystem::exists(model)) GTEST_SKIP() << "no " << model;
  const Tokenizer tokenizer = Tokenizer::Load(model);
  const auto lengths = [&](Work work) {
    std::vector<int64_t> sorted;
    for (const std::string& text : MakeTexts(work, 2000)) {
      sorted.push_back(static_cast<int64_t>(tokenizer.Encode(text).ids.size()));
    }
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  };
  const auto short_lengths = lengths(Work::kShort);
  EXPECT_EQ(short_lengths.front(), 12);
  EXPECT_EQ(short_lengths.back(), 40);
  const auto mixed_lengths = lengths(Work::kMixed);
  EXPECT_EQ(mixed_lengths.front(), 12);
  EXPECT_EQ(mixed_lengths[1749], 40);
  EXPECT_GE(mixed_lengths[1750], 200);
  EXPECT_LE(mixed_lengths.back(), 400);
  const auto long_lengths = lengths(Work::kLong);
  EXPECT_GE(long_lengths.front(), 250);
  EXPECT_LE(long_lengths.back(), 512);
}

}  // namespace
}  // namespace bge
