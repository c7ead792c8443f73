// What is read of the hub's answers, whole and damaged.
#include "hub/hub_answers.h"

#include "hub/cache.h"
#include "tests/expect_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace bge::hub {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kCommit(40, 'a');
const std::string kSha256(64, 'b');
const std::string kSha1(40, 'c');

std::string ListingJson(const std::string& siblings) {
  return "{\"id\": \"a/b\", \"private\": false, \"sha\": \"" + kCommit + "\", \"siblings\": [" +
         siblings + "], \"tags\": []}";
}

TEST(HubAnswers, ListingsAreRead) {
  const RepoListing listing = ParseRepoListing(
      ListingJson(R"({"rfilename": "b.txt", "size": 1}, {"rfilename": "a/c d.json"},)"
                  R"({"rfilename": "b.txt"})"),
      "hub");
  EXPECT_EQ(listing.commit, kCommit);
  EXPECT_THAT(listing.files, ElementsAre("a/c d.json", "b.txt"));
  EXPECT_THAT(listing.sizes, ElementsAre(testing::Pair("b.txt", 1)));
  for (const char* size : {"-1", "1.5", "\"1\"", "1e30"}) {
    EXPECT_THAT(test::Thrown([&] {
                  return ParseRepoListing(
                      ListingJson(std::string(R"({"rfilename": "a", "size": )") + size + "}"),
                      "hub");
                }),
                testing::HasSubstr("size"));
  }
  EXPECT_THAT(ParseRepoListing(ListingJson(""), "hub").files, ElementsAre());
}

TEST(HubAnswers, NamesThatLeadElsewhereAreLeftOut) {
  std::string siblings = R"({"rfilename": "config.json"})";
  for (const char* name : {"../x", "/etc/passwd", "a/../../x", "a//b", "a/", "./a", "a\\\\b", "..",
                           ".", "", "a\\nb", "a\\u0000b", "a\\u007f"}) {
    siblings += R"(, {"rfilename": ")" + std::string(name) + "\"}";
  }
  siblings += R"(, {"rfilename": ")" + std::string(300, 'x') + "\"}";
  EXPECT_THAT(ParseRepoListing(ListingJson(siblings), "hub").files, ElementsAre("config.json"));
}

TEST(HubAnswers, ListingsThatAreNoneAreErrors) {
  for (const std::string& json :
       {std::string(), std::string("<html>"), std::string("[]"), std::string("{}"),
        std::string("null"), "{\"sha\": \"" + kCommit + "\"}",
        "{\"sha\": \"" + kCommit + "\", \"siblings\": null}",
        "{\"sha\": \"" + kCommit + "\", \"siblings\": [{}]}",
        "{\"sha\": \"" + kCommit + "\", \"siblings\": [{\"rfilename\": 1}]}",
        std::string("{\"sha\": \"../../x\", \"siblings\": []}"),
        std::string("{\"sha\": null, \"siblings\": []}"),
        std::string("{\"sha\": 1, \"siblings\": []}")}) {
    EXPECT_THAT(test::Thrown([&] { return ParseRepoListing(json, "the hub"); }),
                AllOf(StartsWith("corrupt_data: "), HasSubstr("the hub")))
        << json;
  }
}

HttpHead Head(int status, std::vector<std::pair<std::string, std::string>> headers) {
  return {.status = status, .headers = std::move(headers)};
}

TEST(HubAnswers, FilesInGitAndLargeOnesHaveTheirHashes) {
  const FileMetadata small =
      ParseFileMetadata({Head(307, {{"etag", "\"no\""}, {"content-length", "5"}}),
                         Head(200, {{"x-repo-commit", kCommit},
                                    {"etag", "W/\"" + kSha1 + "\""},
                                    {"content-length", "12"}})},
                        kCommit, "x");
  EXPECT_EQ(small.etag, kSha1);
  EXPECT_EQ(small.size, 12u);
  const FileMetadata large = ParseFileMetadata({Head(302, {{"x-repo-commit", kCommit},
                                                           {"etag", "\"no\""},
                                                           {"x-linked-etag", "\"" + kSha256 + "\""},
                                                           {"x-linked-size", "5000000000"},
                                                           {"content-length", "5"}})},
                                               kCommit, "x");
  EXPECT_EQ(large.etag, kSha256);
  EXPECT_EQ(large.size, 5000000000u);
  const FileMetadata unsized =
      ParseFileMetadata({Head(200, {{"x-repo-commit", kCommit}, {"etag", kSha1}})}, kCommit, "x");
  EXPECT_EQ(unsized.size, std::nullopt);
}

TEST(HubAnswers, HashesThatCannotBeCheckedAreErrors) {
  for (const std::string& etag :
       {std::string(), std::string("\"\""), std::string("../../x"), std::string("abc"),
        std::string(64, 'B'), std::string(64, 'g'), std::string(39, 'a'), std::string(65, 'a'),
        "\"" + std::string(40, 'a'), std::string(40, '/')}) {
    EXPECT_THAT(test::Thrown([&] {
                  return ParseFileMetadata(
                      {Head(200, {{"x-repo-commit", kCommit}, {"etag", etag}})}, kCommit, "x");
                }),
                AllOf(StartsWith("corrupt_data: "), HasSubstr("ETag")))
        << etag;
  }
  EXPECT_THAT(test::Thrown([&] {
                return ParseFileMetadata({Head(200, {{"etag", kSha1}})}, kCommit, "x");
              }),
              HasSubstr("X-Repo-Commit: found none"));
  EXPECT_THAT(test::Thrown([&] {
                return ParseFileMetadata({Head(200, {{"x-repo-commit", std::string(40, 'd')}})},
                                         kCommit, "x");
              }),
              HasSubstr("X-Repo-Commit"));
  EXPECT_THAT(test::Thrown([&] { return ParseFileMetadata({}, kCommit, "x"); }),
              StartsWith("corrupt_data: "));
  for (const char* size : {"", "-1", "1x", "99999999999999999999", "18446744073709551615"}) {
    EXPECT_THAT(
        test::Thrown([&] {
          return ParseFileMetadata(
              {Head(200, {{"x-repo-commit", kCommit}, {"etag", kSha1}, {"content-length", size}})},
              kCommit, "x");
        }),
        HasSubstr("Content-Length"))
        << size;
  }
}

TEST(HubAnswers, RangesAndPauses) {
  EXPECT_EQ(ParseContentRange("bytes 100-199/200")->begin, 100u);
  EXPECT_EQ(ParseContentRange("bytes 100-199/200")->size, 200u);
  EXPECT_EQ(ParseContentRange("bytes 0-0/*")->size, std::nullopt);
  for (const char* text : {"", "bytes", "bytes */200", "bytes 5-4/200", "bytes 1-200/200", "1-2/3",
                           "bytes 1-2", "bytes -2/3", "bytes a-b/c", "bytes 1/2-3"}) {
    EXPECT_FALSE(ParseContentRange(text)) << text;
  }
  const auto now = std::chrono::system_clock::from_time_t(1445412480);  // the date below
  EXPECT_EQ(ParseRetryAfter("120", now)->count(), 120);
  EXPECT_EQ(ParseRetryAfter("Wed, 21 Oct 2015 07:28:30 GMT", now)->count(), 30);
  EXPECT_EQ(ParseRetryAfter("Wed, 21 Oct 2015 07:27:00 GMT", now)->count(), 0);
  EXPECT_EQ(ParseRetryAfter("Wed, 21 Oct 0001 07:27:00 GMT", now)->count(), 0);
  EXPECT_FALSE(ParseRetryAfter("soon", now));
  EXPECT_FALSE(ParseRetryAfter("", now));
}

// Damaged answers: an Error, or something that is safe to use.
TEST(HubAnswers, DamagedOnesAreErrorsOrSafe) {
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  const std::string json =
      ListingJson(R"({"rfilename": "config.json"}, {"rfilename": "1_Pooling/config.json"})");
  const auto damaged = [&random](std::string text) {
    for (unsigned i = 0, n = 1 + random() % 4; i < n && !text.empty(); ++i) {
      const size_t at = random() % text.size();
      constexpr std::string_view kPieces[] = {"..",      "/", "\\\\", "\"",
                                              "\\u0000", "{", "]",    "e9",
                                              "\n",      "-", "W/",   "99999999999999999999"};
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 8);
          break;
        case 2:
          text.insert(at, kPieces[random() % std::size(kPieces)]);
          break;
        default:
          text.resize(at);
      }
    }
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << ", round " << i);
    try {
      const RepoListing listing = ParseRepoListing(damaged(json), "hub");
      EXPECT_TRUE(IsCommit(listing.commit));
      for (const std::string& file : listing.files) EXPECT_TRUE(IsSafeFileName(file)) << file;
    } catch (const Error& error) {
      EXPECT_TRUE(test::IsOneLine(error.what()));
    }
    try {
      HttpHead head = Head(random() % 2 != 0 ? 200 : 302, {{"x-repo-commit", kCommit},
                                                           {"x-linked-etag", "\"" + kSha256 + "\""},
                                                           {"x-linked-size", "123456"},
                                                           {"etag", kSha1}});
      auto& header = head.headers[random() % head.headers.size()];
      header.second = damaged(header.second);
      const FileMetadata metadata = ParseFileMetadata({head}, kCommit, "x");
      EXPECT_TRUE(metadata.etag == kSha256 || metadata.etag.size() == 64 ||
                  metadata.etag.size() == 40);
      EXPECT_EQ(metadata.etag.find_first_not_of("0123456789abcdef"), std::string::npos);
    } catch (const Error& error) {
      EXPECT_TRUE(test::IsOneLine(error.what()));
    }
    ParseContentRange(damaged("bytes 100-199/200"));
    ParseRetryAfter(damaged("Wed, 21 Oct 2015 07:28:00 GMT"), std::chrono::system_clock::now());
  }
}

}  // namespace
}  // namespace bge::hub
