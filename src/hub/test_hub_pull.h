// A hub on this machine and a cache of a test's own: what the tests of downloads share.
#ifndef BGE_HUB_TEST_HUB_PULL_H_
#define BGE_HUB_TEST_HUB_PULL_H_

#include "bge/embedder.h"
#include "bge/reranker.h"

#include "base/error.h"
#include "base/file.h"
#include "hub/blob.h"
#include "hub/lock_file.h"
#include "hub/needed_files.h"
#include "hub/pull.h"
#include "tests/expect_error.h"
#include "tests/hub_server.h"
#include "tests/scoped_environment.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <future>
#include <mutex>
#include <random>
#include <set>
#include <thread>

namespace bge::hub {

namespace fs = std::filesystem;
using test::HubReply;
using test::HubRequest;
using test::HubServer;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

inline const std::string kRepo = "BAAI/tiny";
inline const std::string kFolder = "models--BAAI--tiny";
inline const std::string kCommit = HubServer::kCommit;

inline std::string RandomBytes(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

class HubPull : public testing::Test {
 protected:
  HubPull() {
    environment_.Set("HF_HUB_CACHE", cache_.path().string());
    environment_.Set("NO_PROXY", "*");
    settings_.endpoint = *ParseUrl(server_.endpoint());
    settings_.endpoint.target.clear();
    settings_.first_pause = std::chrono::milliseconds(1);
    settings_.timeouts.stall = std::chrono::seconds(20);
    server_.Add(kRepo, "config.json", "{}");
    server_.Add(kRepo, "tokenizer.json", "{\"a\": 1}");
    server_.Add(kRepo, "README.md", "# Tiny");
    server_.Add(kRepo, "onnx/model.onnx", "onnx", true);
    server_.Add(kRepo, "model.safetensors", weights_, true);
  }

  PullResult Run(const std::string& name = kRepo, PullOptions options = {}) {
    return Pull(*ParseModelName(name), settings_, MakeHttpTransport(settings_.timeouts, ""),
                options);
  }
  std::string Failure(const std::string& name = kRepo) {
    const std::string message = test::Thrown([&] { return Run(name); });
    EXPECT_NE(message, "no error");
    EXPECT_TRUE(test::IsOneLine(message)) << message;
    return message;
  }
  fs::path InRepo(const fs::path& path) const { return cache_.path() / kFolder / path; }
  fs::path WeightsBlob() const { return InRepo(fs::path("blobs") / test::Sha256Of(weights_)); }
  fs::path Incomplete() const { return WeightsBlob().string() + ".incomplete"; }
  std::string Content(const fs::path& path) const { return ReadFile(path, 1 << 30); }
  void ExpectWhole() {
    EXPECT_EQ(Content(InRepo("refs/main")), kCommit);
    EXPECT_EQ(Content(InRepo("snapshots/" + kCommit + "/model.safetensors")), weights_);
    EXPECT_EQ(Content(InRepo("snapshots/" + kCommit + "/config.json")), "{}");
    EXPECT_FALSE(fs::exists(Incomplete()));
    EXPECT_FALSE(fs::exists(InRepo(".unfinished")));
    EXPECT_EQ(FindInCache({kRepo, "main"}), InRepo("snapshots/" + kCommit));
  }
  void ExpectNothingToLoad() {
    EXPECT_FALSE(fs::exists(InRepo("refs/main")));
    EXPECT_FALSE(fs::exists(InRepo("snapshots")));
  }
  // The answer to the first request for the weights' bytes.
  void OnFirstDownload(std::function<HubReply(HubReply)> change) {
    server_.SetHook(
        [this, change = std::move(change), asked = std::make_shared<std::atomic<int>>(0)](
            const HubRequest& request) -> std::optional<HubReply> {
          if (!request.cdn || (*asked)++ > 0) return std::nullopt;
          return change(server_.Usual(request));
        });
  }
  static bool IsListing(const HubRequest& request) {
    return request.target.starts_with("/api/models/");
  }

  test::TempDir cache_;
  test::ScopedEnvironment environment_{
      "HF_HUB_CACHE",          "NO_PROXY",    "no_proxy", "http_proxy",           "all_proxy",
      "HF_HUB_OFFLINE",        "HF_ENDPOINT", "HF_TOKEN", "TRANSFORMERS_OFFLINE", "HF_HOME",
      "HUGGING_FACE_HUB_TOKEN"};
  const std::string weights_ = RandomBytes(1'000'000, 1);
  HubServer server_;
  HubSettings settings_;
};

}  // namespace bge::hub

#endif  // BGE_HUB_TEST_HUB_PULL_H_
