#include "apps/encode_stream.h"

#include "apps/hand_over.h"
#include "tests/expect_error.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace bge::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(HandOver, GivesThingsInOrderThenTheError) {
  HandOver<std::unique_ptr<int>> place;
  std::thread maker([&] {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(place.Put(std::make_unique<int>(i)));
    place.Finish(std::make_exception_ptr(std::runtime_error("x")));
  });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(**place.Take(), i);
  EXPECT_THROW(place.Take(), std::runtime_error);
  maker.join();
}

TEST(HandOver, EndsWithNothing) {
  HandOver<int> place;
  place.Put(1);
  place.Finish(nullptr);
  EXPECT_EQ(place.Take(), 1);
  EXPECT_EQ(place.Take(), std::nullopt);
}

TEST(HandOver, AbandonEndsBothWaits) {
  HandOver<int> full;
  full.Put(1);
  std::thread maker([&] { EXPECT_FALSE(full.Put(2)); });
  HandOver<int> empty;
  std::thread taker([&] { EXPECT_EQ(empty.Take(), std::nullopt); });
  full.Abandon();
  empty.Abandon();
  maker.join();
  taker.join();
  EXPECT_FALSE(empty.Put(3));
  EXPECT_EQ(full.Take(), std::nullopt);
}

/// `count` texts from memory; says how many were read.
class CountingReader : public TextReader {
 public:
  explicit CountingReader(int64_t count, int64_t bad = -1) : count_(count), bad_(bad) {}

  bool Next(TextRecord* record) override {
    const std::lock_guard lock(mu_);
    if (read_ == bad_) throw std::runtime_error("bad record");
    if (read_ == count_) return false;
    record->text = "a cat " + std::to_string(read_++);
    changed_.notify_all();
    return true;
  }
  uint64_t bytes_read() const override { return 0; }
  std::optional<uint64_t> bytes_total() const override { return std::nullopt; }
  bool Idle(int) override { return false; }
  void Cancel() override {}
  const std::string& name() const override { return name_; }

  int64_t read() {
    const std::lock_guard lock(mu_);
    return read_;
  }
  /// False where that many are not read within 20 s.
  bool WaitUntilRead(int64_t count) {
    std::unique_lock lock(mu_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return read_ >= count; });
  }

 private:
  const int64_t count_;
  const int64_t bad_;
  const std::string name_ = "memory";
  std::mutex mu_;
  std::condition_variable changed_;
  int64_t read_ = 0;  // guarded by mu_
};

class EncodeStreamTest : public testing::Test {
 protected:
  // Texts of a chunk, on two threads.
  static constexpr int64_t kChunk = 2048;

  const Embedder embedder_ = Embedder::Load(BGE_TEST_DATA_DIR "/models/tiny-bert", {.threads = 2});
};

TEST_F(EncodeStreamTest, GivesEveryRecordItsVectorInOrder) {
  CountingReader reader(5000);
  std::vector<std::string> texts;
  std::vector<float> vectors;
  const auto caller = std::this_thread::get_id();
  const EncodeStats stats =
      EncodeStream(reader, embedder_, {}, {},
                   [&](std::span<const TextRecord> records, std::span<const float> v) {
                     EXPECT_EQ(std::this_thread::get_id(), caller);
                     for (const TextRecord& record : records) texts.push_back(record.text);
                     vectors.insert(vectors.end(), v.begin(), v.end());
                   });
  ASSERT_EQ(texts.size(), 5000u);
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(texts[i], "a cat " + std::to_string(i));
  EXPECT_EQ(stats.texts, 5000);
  const Embeddings expected = embedder_.Encode(texts);
  ASSERT_EQ(vectors.size(), expected.values.size());
  for (size_t i = 0; i < vectors.size(); ++i) {
    ASSERT_NEAR(vectors[i], expected.values[i], 1e-6) << i;
  }
}

TEST_F(EncodeStreamTest, ReadsAndEncodesWhileAChunkIsWrittenButNotWithoutBound) {
  CountingReader reader(20 * kChunk);
  int64_t written = 0;
  EncodeStream(reader, embedder_, {}, {},
               [&](std::span<const TextRecord> records, std::span<const float>) {
                 // While this chunk is written one more is done, one encoded, one read and one
                 // being read: the last of these comes only when the three before it were taken.
                 if (written == 0) {
                   EXPECT_TRUE(reader.WaitUntilRead(5 * kChunk));
                 }
                 EXPECT_LE(reader.read(), written + 5 * kChunk);
                 written += static_cast<int64_t>(records.size());
               });
  EXPECT_EQ(written, 20 * kChunk);
}

TEST_F(EncodeStreamTest, WhatCameBeforeABadRecordIsWritten) {
  CountingReader reader(20 * kChunk, kChunk + 100);
  int64_t written = 0;
  EXPECT_THROW(EncodeStream(reader, embedder_, {}, {},
                            [&](std::span<const TextRecord> records, std::span<const float>) {
                              written += static_cast<int64_t>(records.size());
                            }),
               std::runtime_error);
  EXPECT_EQ(written, kChunk + 100);
}

TEST_F(EncodeStreamTest, AnErrorOfTheSinkEndsAWaitForInput) {
  // The pipe stays open and silent: without the error, the reader would wait for ever.
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  ASSERT_EQ(write(fds[1], "one\n", 4), 4);
  TextReaderOptions lines;
  lines.format = TextFormat::kLines;
  const auto reader = MakeTextReader(std::make_unique<ByteSource>(fds[0], true, "pipe", -1), lines);
  EXPECT_THROW(EncodeStream(*reader, embedder_, {}, {},
                            [](std::span<const TextRecord>, std::span<const float>) {
                              throw std::runtime_error("disk full");
                            }),
               std::runtime_error);
  close(fds[1]);
}

TEST_F(EncodeStreamTest, AnErrorOfTheEncoderIsTheCallers) {
  CountingReader reader(20 * kChunk);
  EXPECT_THAT(test::Thrown([&] {
                return EncodeStream(reader, embedder_, {.prompt_name = "none such"}, {},
                                    [](std::span<const TextRecord>, std::span<const float>) {});
              }),
              HasSubstr("unknown prompt name"));
}

TEST_F(EncodeStreamTest, EndsWhenAskedToStop) {
  std::stop_source stop;
  CountingReader reader(1000 * kChunk);
  EXPECT_THAT(test::Thrown([&] {
                return EncodeStream(reader, embedder_, {}, {.stop = stop.get_token()},
                                    [&](std::span<const TextRecord>, std::span<const float>) {
                                      stop.request_stop();
                                    });
              }),
              StartsWith("cancelled"));
  EXPECT_LT(reader.read(), 10 * kChunk);
}

}  // namespace
}  // namespace bge::cli
