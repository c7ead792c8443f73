// bge pull and models by name, run as a user runs them, against a hub on this machine.
#include "bge/embedder.h"
#include "bge/model_directory.h"

#include "apps/test_program_output.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/expect_error.h"
#include "tests/hub_server.h"
#include "tests/scoped_environment.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <random>
#include <thread>

namespace bge::cli {
namespace {

namespace fs = std::filesystem;
using test::HubReply;
using test::HubRequest;
using test::HubServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kModel = BGE_TEST_DATA_DIR "/models/tiny-bert";
const std::string kRepo = "some-org/tiny-bert";

class PullCommand : public testing::Test {
 protected:
  PullCommand() { server_.AddDirectory(kRepo, kModel); }

  // The first of two values counts: offline is what the tests are otherwise.
  std::vector<std::string> Environment() const {
    return {"HF_HUB_OFFLINE=0", "NO_PROXY=*", "HF_ENDPOINT=" + server_.endpoint(),
            "HF_HUB_CACHE=" + cache_.path().string(), "HF_HOME=" + cache_.path().string()};
  }
  ProgramResult Run(const std::vector<std::string>& arguments) const {
    return RunBge(arguments, {.environment = Environment()});
  }
  fs::path Snapshot() const {
    return cache_.path() / "models--some-org--tiny-bert/snapshots" / HubServer::kCommit;
  }
  // Bytes of unfinished files.
  uint64_t Incomplete() const {
    uint64_t bytes = 0;
    std::error_code error;
    fs::directory_iterator entry(Snapshot().parent_path().parent_path() / "blobs", error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (entry->path().extension() != ".incomplete") continue;
      std::error_code gone;  // it got its name meanwhile
      const uint64_t size = entry->file_size(gone);
      if (!gone) bytes += size;
    }
    return error ? 0 : bytes;
  }
  // Weights that take seconds to come, and a wait until some have.
  void ServeSlowly() {
    std::mt19937 random(3);
    std::string weights(3'000'000, '\0');
    for (char& c : weights) c = static_cast<char>(random());
    server_.Add(kRepo, "model.safetensors", std::move(weights), true);
    server_.SetHook([this](const HubRequest& request) -> std::optional<HubReply> {
      HubReply reply = server_.Usual(request);
      reply.pause_ms = request.cdn ? pause_ms_.load() : 0;
      return reply;
    });
  }
  void WaitForSomeBytes() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (Incomplete() < 200'000 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_GE(Incomplete(), 200'000u);
  }

  const test::TempDir cache_;
  std::atomic<int> pause_ms_ = 100;
  HubServer server_;
};

TEST_F(PullCommand, PrintsTheDirectory) {
  const ProgramResult result = Run({"pull", kRepo});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, Snapshot().string() + "\n");
  // A pipe gets no progress, and no escape sequences.
  EXPECT_THAT(result.err, AllOf(StartsWith("bge: some-org/tiny-bert: "),
                                HasSubstr(" MB downloaded\n"), Not(HasSubstr("\x1b"))));
  EXPECT_EQ(Lines(result.err).size(), 1u);
  const ProgramResult again = Run({"pull", kRepo + "@main"});
  EXPECT_EQ(again.out, result.out);
  EXPECT_THAT(again.err, IsEmpty());
  EXPECT_EQ(Run({"pull", kRepo + "@" + HubServer::kCommit}).out, result.out);
}

TEST_F(PullCommand, VerifiesWhatTheCacheHas) {
  ASSERT_EQ(Run({"pull", kRepo}).status, 0);
  const ProgramResult right = Run({"pull", kRepo, "--verify"});
  EXPECT_EQ(right.status, 0);
  EXPECT_EQ(right.out, Snapshot().string() + "\n");
  EXPECT_THAT(right.err, HasSubstr(" files, all as the hub has them"));
  const fs::path weights = Snapshot() / "model.safetensors";
  std::string bytes = ReadFile(weights, 1 << 30);
  bytes.back() ^= 1;
  std::ofstream(weights, std::ios::binary) << bytes;
  const ProgramResult mended = Run({"pull", kRepo, "--verify"});
  EXPECT_EQ(mended.status, 0);
  EXPECT_THAT(mended.err, AllOf(HasSubstr("model.safetensors: not what the hub has: replacing it"),
                                HasSubstr("1 of them replaced")));
  bytes.back() ^= 1;
  EXPECT_EQ(ReadFile(weights, 1 << 30), bytes);
}

TEST_F(PullCommand, SaysWhyLibcurlDoesNotLoad) {
  const test::TempDir libraries;
  libraries.Write("libcurl.so.4",
                  "no library, though long enough to be looked at as if it were one");
  libraries.Write("libcurl-gnutls.so.4", "nor is this one");
  std::vector<std::string> environment = Environment();
  environment.push_back("LD_LIBRARY_PATH=" + libraries.path().string());
  const ProgramResult result = RunBge({"pull", kRepo}, {.environment = environment});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(
      result.err,
      AllOf(StartsWith("bge: error: libcurl cannot be used, so nothing can be downloaded: "),
            HasSubstr((libraries.path() / "libcurl.so.4: ").string()),
            HasSubstr((libraries.path() / "libcurl-gnutls.so.4: ").string())));
  EXPECT_EQ(Lines(result.err).size(), 1u);
}

TEST_F(PullCommand, EveryCommandDownloadsWhatIsAbsentAndSaysSo) {
  const std::string direct = OutputOf({"embed", "--model", kModel, "a text"});
  const ProgramResult first = Run({"embed", "--model", kRepo, "a text"});
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(first.out, direct);
  EXPECT_THAT(first.err,
              StartsWith("bge: some-org/tiny-bert is not in the Hugging Face cache: downloading "
                         "it from " +
                         server_.endpoint() + "\n"));
  const size_t asked = server_.requests().size();
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"embed", "--model", kRepo, "a text"},
                                             {"tokenize", "--model", kRepo, "a"},
                                             {"similarity", "--model", kRepo, "a", "b"},
                                             {"info", kRepo},
                                             {"info", kRepo + "@main"}}) {
    const ProgramResult each = Run(arguments);
    EXPECT_EQ(each.status, 0) << each.err;
    EXPECT_THAT(each.err, Not(HasSubstr("download"))) << arguments[0];
  }
  EXPECT_EQ(server_.requests().size(), asked);  // the cache is asked, not the hub
  EXPECT_THAT(Run({"info", kRepo}).out, HasSubstr("some-org/tiny-bert"));
}

TEST_F(PullCommand, AnIndexDoesNotChooseWhatIsDownloaded) {
  const test::TempDir folder;
  const std::string texts = folder.Write("texts.txt", "a\nb\n").string();
  const std::string index = (folder.path() / "index").string();
  ASSERT_EQ(Run({"index", "build", index, "--model", kRepo, "--input", texts}).status, 0);
  EXPECT_EQ(Run({"search", index, "a"}).status, 0);  // from the cache
  fs::remove_all(cache_.path() / "models--some-org--tiny-bert");
  const size_t asked = server_.requests().size();
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"search", index, "a"}, {"index", "add", index, "--input", texts}}) {
    ExpectFailure(Run(arguments),
                  "give --model " + kRepo + "@" + HubServer::kCommit + " to download it");
  }
  EXPECT_EQ(server_.requests().size(), asked);
  EXPECT_EQ(Run({"search", index, "a", "--model", kRepo}).status, 0);
  const size_t pulled = server_.requests().size();
  EXPECT_GT(pulled, asked);
  // Nor does it what a part of the model is completed with.
  fs::remove(fs::canonical(Snapshot() / "model.safetensors"));
  ExpectFailure(Run({"search", index, "a"}),
                "give --model " + kRepo + "@" + HubServer::kCommit + " to download it");
  EXPECT_EQ(server_.requests().size(), pulled);
}

TEST_F(PullCommand, ASnapshotThatLacksFilesIsCompletedOrUsedAsItIs) {
  ASSERT_EQ(Run({"pull", kRepo}).status, 0);
  fs::remove(fs::canonical(Snapshot() / "model.safetensors"));
  const ProgramResult completed = Run({"embed", "--model", kRepo, "a text"});
  EXPECT_EQ(completed.status, 0) << completed.err;
  EXPECT_THAT(completed.err, HasSubstr("is not wholly in the Hugging Face cache"));
  fs::remove(fs::canonical(Snapshot() / "model.safetensors"));
  server_.SetHook([](const HubRequest&) { return HubReply{.status = 403}; });
  const ProgramResult refused = Run({"embed", "--model", kRepo, "a text"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err,
              AllOf(HasSubstr("bge: warning: the hub refuses access"), HasSubstr("bge: error: ")));
  // Tokens need no weights.
  const ProgramResult tokens = Run({"tokenize", "--model", kRepo, "a"});
  EXPECT_EQ(tokens.status, 0);
  EXPECT_THAT(tokens.err, IsEmpty());
}

TEST_F(PullCommand, TheLibraryCompletesASnapshotToo) {
  const test::TempDir home;  // no certificates, no hashes
  test::ScopedEnvironment environment(
      {"HF_HUB_OFFLINE", "NO_PROXY", "HF_ENDPOINT", "HF_HUB_CACHE", "HF_HOME"});
  for (const std::string& variable : Environment()) {
    const size_t equals = variable.find('=');
    environment.Set(variable.substr(0, equals).c_str(), variable.substr(equals + 1));
  }
  EXPECT_THROW(Embedder::Load(kRepo), Error);
  EXPECT_EQ(Embedder::Load(kRepo, {.download = true}).dimension(), 32);
  // As after AutoTokenizer.from_pretrained: all but the weights.
  fs::remove(fs::canonical(Snapshot() / "model.safetensors"));
  EXPECT_THROW(Embedder::Load(kRepo), Error);
  EXPECT_EQ(Embedder::Load(kRepo, {.download = true}).dimension(), 32);
  // Who asks for the folder may want the tokenizer alone.
  fs::remove(fs::canonical(Snapshot() / "model.safetensors"));
  EXPECT_EQ(ModelDirectory(kRepo, true), Snapshot().string());
  EXPECT_FALSE(fs::exists(Snapshot() / "model.safetensors"));
  // And without a hub what is there is read as it is.
  server_.SetHook([](const HubRequest&) { return HubReply{.status = 403}; });
  EXPECT_THAT(test::Thrown([] { Embedder::Load(kRepo, {.download = true}); }),
              HasSubstr("model.safetensors"));
}

TEST_F(PullCommand, ASnapshotWithoutATokenizerIsCompletedForTokens) {
  ASSERT_EQ(Run({"pull", kRepo}).status, 0);
  for (const char* file : {"tokenizer.json", "vocab.txt"}) {
    if (fs::exists(Snapshot() / file)) fs::remove(fs::canonical(Snapshot() / file));
  }
  const ProgramResult tokens = Run({"tokenize", "--model", kRepo, "a"});
  EXPECT_EQ(tokens.status, 0) << tokens.err;
  EXPECT_THAT(tokens.err, HasSubstr("is not wholly in the Hugging Face cache"));
}

TEST_F(PullCommand, FailuresAreOneLine) {
  const ProgramResult absent = Run({"pull", "some-org/absent"});
  EXPECT_EQ(absent.status, 1);
  EXPECT_THAT(absent.out, IsEmpty());
  EXPECT_THAT(absent.err, AllOf(StartsWith("bge: error: the hub has no such model"),
                                HasSubstr("some-org/absent"), HasSubstr("HF_TOKEN")));
  EXPECT_EQ(Lines(absent.err).size(), 1u);
  ExpectUsageError(Run({"pull", "../x"}), "not a model's name: ../x");
  ExpectUsageError(Run({"pull", kModel}), "not a model's name");
  ExpectUsageError(Run({"pull"}), "NAME");
}

TEST_F(PullCommand, OfflineTheCacheIsAllThereIs) {
  auto offline = Environment();
  offline[0] = "HF_HUB_OFFLINE=1";
  const ProgramResult pull = RunBge({"pull", kRepo}, {.environment = offline});
  EXPECT_EQ(pull.status, 1);
  EXPECT_THAT(pull.err, HasSubstr("HF_HUB_OFFLINE"));
  EXPECT_EQ(RunBge({"embed", "--model", kRepo, "a"}, {.environment = offline}).status, 1);
  EXPECT_THAT(server_.requests(), IsEmpty());
  ASSERT_EQ(Run({"pull", kRepo}).status, 0);
  const ProgramResult found = RunBge({"pull", kRepo}, {.environment = offline});
  EXPECT_EQ(found.out, Snapshot().string() + "\n");
  EXPECT_EQ(RunBge({"embed", "--model", kRepo, "a"}, {.environment = offline}).status, 0);
}

TEST_F(PullCommand, AnIndexKeepsTheCommitThatItWasBuiltWith) {
  const test::TempDir folder;
  const std::string texts = folder.Write("texts.txt", "a\nb\n").string();
  const std::string index = (folder.path() / "index").string();
  ASSERT_EQ(Run({"index", "build", index, "--model", kRepo, "--input", texts}).status, 0);
  const auto manifest = json::Document::Load(index + "/manifest.json", 1 << 20);
  EXPECT_EQ(manifest->root().At("metadata").At("commit").AsString(), HubServer::kCommit);
  // The name moves on, and what it names is another model.
  const std::string other(40, 'd');
  const fs::path repo = Snapshot().parent_path().parent_path();
  fs::copy(Snapshot(), repo / "snapshots" / other, fs::copy_options::recursive);
  cache_.Write("models--some-org--tiny-bert/snapshots/" + other + "/tokenizer_config.json", "{}");
  cache_.Write("models--some-org--tiny-bert/refs/main", other);
  EXPECT_EQ(Run({"search", index, "a"}).status, 0);
  const ProgramResult asked = Run({"search", index, "--model", kRepo, "a"});
  EXPECT_EQ(asked.status, 1);
  EXPECT_THAT(asked.err, HasSubstr("give --model " + kRepo + "@" + HubServer::kCommit));
  EXPECT_EQ(Run({"search", index, "--model", kRepo + "@" + HubServer::kCommit, "a"}).status, 0);
  // Elsewhere only the name's commit of today may be there.
  fs::remove_all(Snapshot());
  EXPECT_THAT(Run({"search", index, "a"}).err,
              HasSubstr("this index was built with another model"));
  fs::remove_all(repo / "snapshots" / other);
  const ProgramResult absent = Run({"search", index, "a"});
  EXPECT_EQ(absent.status, 1);
  EXPECT_THAT(absent.err, HasSubstr("give --model " + kRepo + "@" + HubServer::kCommit + " to"));
}

TEST_F(PullCommand, KilledInTheMiddleTheNextGoesOn) {
  ServeSlowly();
  {
    RunningBge program({"pull", kRepo}, Environment());
    WaitForSomeBytes();
    program.Signal(SIGKILL);
    EXPECT_EQ(program.Wait(), 128 + SIGKILL);
  }
  const uint64_t left = Incomplete();
  EXPECT_GE(left, 200'000u);
  EXPECT_FALSE(fs::exists(Snapshot()));
  EXPECT_FALSE(fs::exists(Snapshot().parent_path().parent_path() / "refs/main"));
  pause_ms_ = 0;
  const ProgramResult result = Run({"pull", kRepo});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("model.safetensors: going on after "));
  EXPECT_EQ(server_.requests().back().headers.at("range"), "bytes=" + std::to_string(left) + "-");
  EXPECT_EQ(fs::file_size(Snapshot() / "model.safetensors"), 3'000'000u);
}

TEST_F(PullCommand, CtrlCEndsItSoonAndLeavesWhatHasCome) {
  ServeSlowly();
  RunningBge program({"pull", kRepo}, Environment());
  WaitForSomeBytes();
  const auto begin = std::chrono::steady_clock::now();
  program.Signal(SIGINT);
  EXPECT_EQ(program.Wait(), 128 + SIGINT);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
  EXPECT_GE(Incomplete(), 200'000u);
  EXPECT_FALSE(fs::exists(Snapshot()));
}

TEST_F(PullCommand, TwoAtOnceDownloadOnce) {
  ServeSlowly();
  pause_ms_ = 20;
  auto other = std::async(std::launch::async, [this] { return Run({"pull", kRepo}); });
  const ProgramResult one = Run({"pull", kRepo});
  const ProgramResult two = other.get();
  EXPECT_EQ(one.status, 0) << one.err;
  EXPECT_EQ(two.status, 0) << two.err;
  EXPECT_EQ(one.out, two.out);
  EXPECT_EQ(server_.Count("GET", "/blobs/"), 1);
}

}  // namespace
}  // namespace bge::cli
