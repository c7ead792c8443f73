// Models fetched from a hub on this machine, which does what hubs and networks do at their worst.
#include "hub/test_hub_pull.h"

namespace bge::hub {
namespace {

TEST_F(HubPull, FetchesWhatIsNeededIntoPythonsLayout) {
  std::vector<uint64_t> progress;
  PullOptions options;
  options.progress = [&](std::string_view file, uint64_t done, uint64_t size) {
    if (file != "model.safetensors") return;
    EXPECT_EQ(size, weights_.size());
    progress.push_back(done);
  };
  const PullResult result = Run(kRepo, options);
  EXPECT_EQ(result.snapshot, InRepo("snapshots/" + kCommit));
  EXPECT_EQ(result.files, 3);
  EXPECT_EQ(result.bytes, weights_.size() + 2 + 8);
  ASSERT_FALSE(progress.empty());
  EXPECT_EQ(progress.back(), weights_.size());
  EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));
  ExpectWhole();
  EXPECT_EQ(fs::read_symlink(result.snapshot / "model.safetensors"),
            "../../blobs/" + test::Sha256Of(weights_));
  EXPECT_EQ(fs::read_symlink(result.snapshot / "config.json"),
            "../../blobs/" + test::GitSha1("{}"));
  EXPECT_TRUE(fs::exists(cache_.path() / ".locks" / kFolder / (test::GitSha1("{}") + ".lock")));
  EXPECT_EQ(server_.Count("GET", "README") + server_.Count("HEAD", "onnx"), 0);
  EXPECT_TRUE(HasNeededFiles(result.snapshot));
}

TEST_F(HubPull, AnotherFolderIsFilledInstead) {
  const test::TempDir other;
  const PullResult result = Run(kRepo, {.cache = other.path()});
  EXPECT_EQ(result.snapshot, other.path() / kFolder / "snapshots" / kCommit);
  EXPECT_EQ(Content(result.snapshot / "model.safetensors"), weights_);
  EXPECT_EQ(Content(other.path() / kFolder / "refs/main"), kCommit);
  EXPECT_TRUE(fs::exists(other.path() / ".locks" / kFolder));
  EXPECT_TRUE(fs::is_empty(cache_.path()));
  EXPECT_EQ(Run(kRepo, {.cache = other.path()}).bytes, 0u);
}

TEST_F(HubPull, AsksOnlyForTheListingOfWhatIsThere) {
  Run();
  const size_t before = server_.requests().size();
  const PullResult again = Run();
  EXPECT_EQ(again.bytes, 0u);
  EXPECT_EQ(again.files, 3);
  EXPECT_EQ(server_.requests().size(), before + 1);
}

TEST_F(HubPull, ATokenGoesToTheHubAlone) {
  settings_.token = "hf_secret";
  Run();
  int hub = 0;
  int cdn = 0;
  for (const HubRequest& request : server_.requests()) {
    if (request.cdn) {
      ++cdn;
      EXPECT_FALSE(request.Has("authorization"));
    } else {
      ++hub;
      EXPECT_EQ(request.headers.at("authorization"), "Bearer hf_secret");
    }
    EXPECT_EQ(request.headers.at("accept-encoding"), "identity");
    EXPECT_THAT(request.headers.at("user-agent"), StartsWith("bge/"));
  }
  EXPECT_GT(hub, 0);
  EXPECT_EQ(cdn, 1);
}

TEST_F(HubPull, NoHostButTheHubGetsTheTokenWhereverRedirectsLead) {
  settings_.token = "hf_secret";
  const std::string port = server_.endpoint().substr(server_.endpoint().rfind(':'));
  // Another name of this machine, another port; and back from there.
  for (const std::string& origin : {"http://localhost" + port, server_.cdn()}) {
    server_.SetHook([&](const HubRequest& request) -> std::optional<HubReply> {
      if (!IsListing(request) || request.cdn ||
          request.headers.at("host").starts_with("localhost")) {
        return std::nullopt;
      }
      return HubReply{.status = 307, .headers = {{"Location", origin + request.target}}};
    });
    const size_t before = server_.requests().size();
    // The second host has no listing; the other name leads to one.
    EXPECT_THAT(test::Thrown([&] { return Run(); }),
                AnyOf("no error", StartsWith("not_found: the hub has no such model")));
    for (const HubRequest& request : server_.requests()) {
      if (!request.headers.at("host").starts_with("127.0.0.1") || request.cdn) {
        EXPECT_FALSE(request.Has("authorization")) << request.target;
      }
    }
    EXPECT_GT(server_.requests().size(), before + 1);
  }
}

TEST_F(HubPull, GoesOnWhereAnEarlierProcessEnded) {
  fs::create_directories(Incomplete().parent_path());
  std::ofstream(Incomplete(), std::ios::binary) << weights_.substr(0, 600'000);
  const PullResult result = Run();
  EXPECT_EQ(result.bytes, 400'000 + 2 + 8u);
  EXPECT_EQ(server_.requests().back().headers.at("range"), "bytes=600000-");
  ExpectWhole();
}

TEST_F(HubPull, AFileThatIsWholeButForItsNameIsNotAskedFor) {
  fs::create_directories(Incomplete().parent_path());
  std::ofstream(Incomplete(), std::ios::binary) << weights_;
  Run();
  EXPECT_EQ(server_.Count("GET", "/blobs/"), 0);
  ExpectWhole();
}

TEST_F(HubPull, WhatAnEarlierProcessLeftOfSomethingElseIsFetchedAgain) {
  fs::create_directories(Incomplete().parent_path());
  for (const size_t size : {size_t{1000}, weights_.size(), weights_.size() + 1}) {
    fs::remove_all(InRepo("snapshots"));
    fs::remove(WeightsBlob());
    std::ofstream(Incomplete(), std::ios::binary) << std::string(size, 'x');
    Run();
    ExpectWhole();
  }
}

TEST_F(HubPull, AConnectionThatIsCutIsContinued) {
  OnFirstDownload([](HubReply reply) {
    reply.cut_after = 300'000;
    return reply;
  });
  std::vector<std::string> notes;
  PullOptions options;
  options.note = [&](std::string_view note) { notes.emplace_back(note); };
  const PullResult result = Run(kRepo, options);
  EXPECT_EQ(result.bytes, weights_.size() + 2 + 8);
  EXPECT_EQ(server_.requests().back().headers.at("range"), "bytes=300000-");
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0], AllOf(StartsWith("model.safetensors: "), HasSubstr("trying again")));
  ExpectWhole();
}

TEST_F(HubPull, AServerThatDoesNotKnowRangesSendsAllAgain) {
  std::atomic<int> asked = 0;
  server_.SetHook([&](const HubRequest& request) -> std::optional<HubReply> {
    if (!request.cdn) return std::nullopt;
    HubReply reply;
    reply.body = weights_;
    if (asked++ == 0) reply.cut_after = 300'000;
    return reply;
  });
  Run();
  EXPECT_EQ(asked, 2);
  ExpectWhole();
}

TEST_F(HubPull, AnswersThatAreAnotherPartAreNotWritten) {
  fs::create_directories(Incomplete().parent_path());
  std::ofstream(Incomplete(), std::ios::binary) << weights_.substr(0, 1000);
  for (const char* range : {"bytes 999-999999/1000000", "bytes 1000-999998/999999", "", "bytes"}) {
    OnFirstDownload([&](HubReply reply) {
      reply.headers = {{"Content-Range", range}};
      return reply;
    });
    Run();
    ExpectWhole();
    fs::remove_all(InRepo("snapshots"));
    fs::remove(WeightsBlob());
    std::ofstream(Incomplete(), std::ios::binary) << weights_.substr(0, 1000);
  }
}

TEST_F(HubPull, ContentWithAnotherHashIsRefused) {
  server_.SetHook([this](const HubRequest& request) -> std::optional<HubReply> {
    if (!request.cdn) return std::nullopt;
    HubReply reply = server_.Usual(request);
    reply.body[500'000] = static_cast<char>(reply.body[500'000] ^ 1);
    return reply;
  });
  EXPECT_THAT(Failure(), AllOf(StartsWith("corrupt_data: a downloaded file is not what"),
                               HasSubstr("model.safetensors of BAAI/tiny"),
                               HasSubstr("expected " + test::Sha256Of(weights_))));
  ExpectNothingToLoad();
  EXPECT_FALSE(fs::exists(WeightsBlob()));
  EXPECT_FALSE(fs::exists(Incomplete()));
}

TEST_F(HubPull, SmallFilesAreCheckedByGitsHash) {
  server_.SetHook([this](const HubRequest& request) -> std::optional<HubReply> {
    if (request.method != "GET" || !request.target.starts_with("/api/resolve-cache/")) {
      return std::nullopt;
    }
    HubReply reply = server_.Usual(request);
    reply.body.back() = ' ';
    return reply;
  });
  EXPECT_THAT(Failure(), AllOf(StartsWith("corrupt_data: "), HasSubstr("git SHA-1"),
                               HasSubstr("expected " + test::GitSha1("{}"))));
  ExpectNothingToLoad();
}

TEST_F(HubPull, ContentOfAnotherLengthIsRefused) {
  server_.SetHook([this](const HubRequest& request) -> std::optional<HubReply> {
    if (!request.cdn) return std::nullopt;
    HubReply reply = server_.Usual(request);
    reply.body += "more";
    return reply;
  });
  EXPECT_THAT(Failure(), AllOf(StartsWith("corrupt_data: a downloaded file is longer"),
                               HasSubstr("expected 1000000 bytes")));
  EXPECT_FALSE(fs::exists(Incomplete()));
  // Shorter: as if the connection had been cut, until it is given up. What came is kept.
  server_.SetHook([this](const HubRequest& request) -> std::optional<HubReply> {
    if (!request.cdn) return std::nullopt;
    HubReply reply;
    reply.body = weights_.substr(0, 1000);
    return reply;
  });
  EXPECT_THAT(Failure(), AllOf(StartsWith("io: a file of the model could not be downloaded"),
                               HasSubstr("the file ended early")));
  EXPECT_EQ(Content(Incomplete()), weights_.substr(0, 1000));
  ExpectNothingToLoad();
  server_.SetHook({});
  Run();
  ExpectWhole();
}

TEST_F(HubPull, SizesThatCannotBeAreRefusedBeforeAByteComes) {
  for (const char* file : {"tokenizer.json", "model.safetensors"}) {
    server_.SetHook([&](const HubRequest& request) -> std::optional<HubReply> {
      if (request.method != "HEAD" || request.target.find(file) == std::string::npos) {
        return std::nullopt;
      }
      return HubReply{.status = 200,
                      .headers = {{"X-Repo-Commit", kCommit},
                                  {"X-Linked-Etag", test::Sha256Of(weights_)},
                                  {"X-Linked-Size", "4000000000000000000"}}};
    });
    // 4 exabytes: more than a text has, and more than any disk.
    EXPECT_THAT(Failure(), AnyOf(StartsWith("corrupt_data: a file that cannot be so large"),
                                 StartsWith("io: not enough space")));
    EXPECT_EQ(server_.Count("GET", std::string("resolve/") + kCommit + "/" + file), 0);
  }
}

TEST_F(HubPull, RefusalsSayWhatToDo) {
  EXPECT_THAT(Failure("BAAI/none"), AllOf(StartsWith("not_found: the hub has no such model"),
                                          HasSubstr("BAAI/none"), HasSubstr("HF_TOKEN")));
  EXPECT_THAT(Failure(kRepo + "@v9"),
              AllOf(StartsWith("not_found: the hub has no such revision"), HasSubstr("v9")));
  const auto refuse = [this](int status, const std::string& code, const std::string& message) {
    server_.SetHook([=](const HubRequest&) -> std::optional<HubReply> {
      return HubReply{.status = status,
                      .headers = {{"X-Error-Code", code}, {"X-Error-Message", message}}};
    });
  };
  refuse(403, "GatedRepo", "Access to model BAAI/tiny is restricted");
  EXPECT_THAT(Failure(), AllOf(StartsWith("io: the model's owner asks for consent"),
                               HasSubstr("is restricted"), HasSubstr("set HF_TOKEN"),
                               HasSubstr(server_.endpoint() + "/BAAI/tiny")));
  settings_.token = "hf_secret";
  EXPECT_THAT(Failure(),
              AllOf(HasSubstr("check that the token's account"), Not(HasSubstr("hf_secret"))));
  refuse(401, "", "Invalid credentials in Authorization header");
  EXPECT_THAT(Failure(), AllOf(StartsWith("io: the hub does not know the token"),
                               Not(HasSubstr("hf_secret"))));
  refuse(403, "", "Forbidden \x01 by the\tadministrator");
  EXPECT_THAT(Failure(), AllOf(StartsWith("io: the hub refuses access"), HasSubstr("Forbidden")));
  for (const int status : {403, 418, 500}) {
    refuse(status, "", "no entry with Bearer hf_secret, hf_secret");
    EXPECT_THAT(Failure(), AllOf(HasSubstr("Bearer ***, ***"), Not(HasSubstr("hf_secret"))));
  }
  refuse(404, "", "");
  EXPECT_THAT(Failure(), StartsWith("not_found: the hub has no such model"));
  refuse(418, "", "");
  EXPECT_THAT(Failure(), AllOf(StartsWith("io: "), HasSubstr("status 418")));
  ExpectNothingToLoad();
}

TEST_F(HubPull, AFileThatHasGoneIsNamed) {
  server_.SetHook([](const HubRequest& request) -> std::optional<HubReply> {
    if (request.target.find("model.safetensors") == std::string::npos) return std::nullopt;
    return HubReply{.status = 404, .headers = {{"X-Error-Code", "EntryNotFound"}}};
  });
  EXPECT_THAT(Failure(), AllOf(StartsWith("not_found: the hub has no such file"),
                               HasSubstr("model.safetensors")));
}

TEST_F(HubPull, PassingTroublesAreTriedAgain) {
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    std::mutex mutex;
    std::set<std::string> seen;
    server_.SetHook([&](const HubRequest& request) -> std::optional<HubReply> {
      const std::lock_guard lock(mutex);
      if (!seen.insert(request.method + request.target).second) return std::nullopt;
      return HubReply{.status = status, .headers = {{"Retry-After", "0"}}};
    });
    Run();
    ExpectWhole();
    fs::remove_all(InRepo(""));
  }
}

TEST_F(HubPull, LastingTroublesEnd) {
  server_.SetHook([](const HubRequest&) { return HubReply{.status = 503}; });
  EXPECT_THAT(Failure(), AllOf(StartsWith("io: "), HasSubstr("status 503")));
  EXPECT_EQ(server_.requests().size(), 5u);
  server_.SetHook([](const HubRequest& request) -> std::optional<HubReply> {
    if (!request.cdn) return std::nullopt;
    return HubReply{.status = 500};
  });
  EXPECT_THAT(Failure(), AllOf(StartsWith("io: a file of the model could not be downloaded"),
                               HasSubstr("status 500")));
  EXPECT_EQ(server_.Count("GET", "/blobs/"), 5);
}

TEST_F(HubPull, RetryAfterIsWaitedForUnlessItIsLong) {
  std::atomic<int> asked = 0;
  server_.SetHook([&](const HubRequest&) -> std::optional<HubReply> {
    if (asked++ > 0) return std::nullopt;
    return HubReply{.status = 429, .headers = {{"Retry-After", "1"}}};
  });
  const auto begin = std::chrono::steady_clock::now();
  Run();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1000));
  server_.SetHook([](const HubRequest&) {
    return HubReply{.status = 429, .headers = {{"Retry-After", "3600"}}};
  });
  const size_t before = server_.requests().size();
  EXPECT_THAT(Failure(), HasSubstr("it asks to wait 3600 s"));
  EXPECT_EQ(server_.requests().size(), before + 1);
}

TEST_F(HubPull, WhatIsWaitedForInAllHasAnEnd) {
  settings_.longest_waiting = std::chrono::seconds(1);
  std::mutex mutex;
  std::set<std::string> seen;
  server_.SetHook([&](const HubRequest& request) -> std::optional<HubReply> {
    const std::lock_guard lock(mutex);
    if (!seen.insert(request.method + request.target).second) return std::nullopt;
    return HubReply{.status = 429, .headers = {{"Retry-After", "1"}}};
  });
  EXPECT_THAT(Failure(), HasSubstr("it asks to wait 1 s: try again then"));
  EXPECT_EQ(server_.requests().size(), 3u);  // the listing twice, and one file's metadata
}

TEST_F(HubPull, NoFileIsAFolderToo) {
  server_.Add(kRepo, "config.json/config.json", "{}");
  server_.Add(kRepo, "config.json/model.safetensors", weights_, true);
  server_.Add(kRepo, "modules.json", R"([{"idx": 0, "name": "0", "path": "config.json",
                                          "type": "sentence_transformers.models.Transformer"}])");
  EXPECT_THAT(Failure(), StartsWith("corrupt_data: the hub lists a file as a folder too: "
                                    "config.json of BAAI/tiny"));
  ExpectNothingToLoad();
}

TEST_F(HubPull, RedirectsHaveAnEndAndLeadToHttpAlone) {
  for (const std::string& location :
       {std::string("/api/models/x"), std::string("file:///etc/passwd"), std::string("ftp://h/x"),
        std::string("http://user@127.0.0.1/"), std::string("gopher://x")}) {
    server_.SetHook([&](const HubRequest&) {
      return HubReply{.status = 307, .headers = {{"Location", location}}};
    });
    const size_t before = server_.requests().size();
    EXPECT_THAT(Failure(), StartsWith("corrupt_data: the hub redirects")) << location;
    EXPECT_LE(server_.requests().size(), before + 11);
  }
}

TEST_F(HubPull, WhatIsNoHubIsSaidSo) {
  const auto answer = [this](std::string bytes) {
    server_.SetHook([bytes](const HubRequest&) { return HubReply{.body = bytes, .raw = true}; });
  };
  answer("SSH-2.0-OpenSSH_9.2\r\n");
  EXPECT_THAT(Failure(), StartsWith("io: the hub cannot be reached"));
  answer("");
  EXPECT_THAT(Failure(), StartsWith("io: the hub cannot be reached"));
  answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>");
  EXPECT_THAT(Failure(), StartsWith("corrupt_data: "));
  std::string headers = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 5000; ++i) headers += "X-A: " + std::string(90, 'a') + "\r\n";
  answer(headers + "\r\n{}");
  EXPECT_THAT(Failure(), AnyOf(StartsWith("io: "), StartsWith("corrupt_data: ")));
}

TEST_F(HubPull, AStalledTransferEndsAndIsContinued) {
  settings_.timeouts.stall = std::chrono::seconds(1);
  std::promise<void> ended;
  server_.SetHook(
      [this, asked = std::make_shared<std::atomic<int>>(0),
       done = ended.get_future().share()](const HubRequest& request) -> std::optional<HubReply> {
        if (!request.cdn || (*asked)++ > 0) return std::nullopt;
        done.wait_for(std::chrono::seconds(60));  // no byte comes
        return server_.Usual(request);
      });
  const auto begin = std::chrono::steady_clock::now();
  Run();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(40));
  ended.set_value();
  ExpectWhole();
}

TEST_F(HubPull, NobodyThereIsFoundOutSoon) {
  settings_.endpoint = *ParseUrl("http://127.0.0.1:1");
  settings_.endpoint.target.clear();
  EXPECT_THAT(Failure(), AllOf(StartsWith("io: the hub cannot be reached"),
                               HasSubstr("http://127.0.0.1:1"), HasSubstr("HF_ENDPOINT")));
}

TEST_F(HubPull, AStopLeavesWhatHasComeForTheNext) {
  OnFirstDownload([](HubReply reply) {
    reply.pause_ms = 30;
    return reply;
  });
  std::stop_source stop;
  PullOptions options;
  options.stop = stop.get_token();
  options.progress = [&](std::string_view file, uint64_t done, uint64_t) {
    if (file == "model.safetensors" && done > 200'000) stop.request_stop();
  };
  EXPECT_THAT(test::Thrown([&] { return Run(kRepo, options); }), StartsWith("cancelled: "));
  ExpectNothingToLoad();
  const uint64_t left = fs::file_size(Incomplete());
  EXPECT_GT(left, 200'000u);
  EXPECT_LT(left, weights_.size());
  const PullResult result = Run();
  EXPECT_EQ(result.bytes, weights_.size() - left);  // the small files are there
  ExpectWhole();
}

TEST_F(HubPull, AStopEndsAPause) {
  server_.SetHook([](const HubRequest&) {
    return HubReply{.status = 429, .headers = {{"Retry-After", "200"}}};
  });
  std::stop_source stop;
  PullOptions options;
  options.stop = stop.get_token();
  options.note = [&](std::string_view) { stop.request_stop(); };
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(test::Thrown([&] { return Run(kRepo, options); }), StartsWith("cancelled: "));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(HubPull, AnotherProcessIsWaitedFor) {
  std::promise<void> waited;
  PullOptions options;
  options.note = [&](std::string_view note) {
    EXPECT_THAT(note, HasSubstr("waiting for another process"));
    waited.set_value();
  };
  std::future<PullResult> second;
  {
    const LockFile lock(cache_.path() / ".locks" / kFolder / (test::Sha256Of(weights_) + ".lock"),
                        {}, {});
    second = std::async(std::launch::async, [&] { return Run(kRepo, options); });
    waited.get_future().wait();
    EXPECT_EQ(server_.Count("GET", "/blobs/"), 0);
    // It has done the work.
    fs::create_directories(WeightsBlob().parent_path());
    std::ofstream(WeightsBlob(), std::ios::binary) << weights_;
  }
  EXPECT_EQ(second.get().bytes, 2u + 8);
  EXPECT_EQ(server_.Count("GET", "/blobs/"), 0);
  ExpectWhole();
}

TEST_F(HubPull, ManyAtOnceShareTheWork) {
  std::vector<std::future<PullResult>> pulls;
  for (int i = 0; i < 6; ++i) {
    pulls.push_back(std::async(std::launch::async, [&] { return Run(); }));
  }
  uint64_t bytes = 0;
  for (auto& pull : pulls) bytes += pull.get().bytes;
  EXPECT_EQ(bytes, weights_.size() + 2 + 8);
  EXPECT_EQ(server_.Count("GET", "/blobs/"), 1);
  ExpectWhole();
}

// Answers in messages may hold what was asked, also as a host's name has it.
TEST_F(HubPull, ATokenThatTheHubRepeatsIsNotShown) {
  settings_.token = "hf_Secret_Token";
  server_.SetHook([](const HubRequest& request) -> std::optional<HubReply> {
    if (!IsListing(request)) return std::nullopt;
    return HubReply{.body = R"({"sha": "hf_Secret_Token, hf-secret-token", "siblings": []})"};
  });
  EXPECT_THAT(Failure(), AllOf(HasSubstr("found ***, ***"), Not(HasSubstr("ecret"))));
  settings_.token = "**";  // a part of what is shown instead
  EXPECT_THAT(Failure(), HasSubstr("found hf_Secret_Token"));
  settings_.token = "-";
  EXPECT_THAT(Failure(), HasSubstr("found hf***Secret***Token, hf***secret***token"));
  settings_.token = "hf_Secret_Token, hf-secret-token, and more";  // cut after 20 letters
  server_.SetHook([](const HubRequest&) {
    return HubReply{
        .status = 403,
        .headers = {{"X-Error-Message",
                     std::string(180, 'A') + "hf_Secret_Token, hf-secret-token, and more"}}};
  });
  EXPECT_THAT(Failure(), AllOf(HasSubstr("AA***..."), Not(HasSubstr("ecret"))));
}

TEST_F(HubPull, AModelOfTooManyFilesIsRefused) {
  server_.Add(kRepo, "modules.json", R"([{"path": ""}, {"path": "1_X"}])");
  server_.SetHook([](const HubRequest& request) -> std::optional<HubReply> {
    if (!IsListing(request)) return std::nullopt;
    std::string siblings = R"({"rfilename": "modules.json"}, {"rfilename": "config.json"})";
    for (int i = 0; i < 2000; ++i)
      siblings += R"(, {"rfilename": "1_X/)" + std::to_string(i) + R"(.json"})";
    return HubReply{.body = "{\"sha\": \"" + kCommit + "\", \"siblings\": [" + siblings + "]}"};
  });
  EXPECT_THAT(Failure(), AllOf(StartsWith("corrupt_data: a model of too many files"),
                               HasSubstr("found 2002 or more")));
  EXPECT_LT(server_.requests().size(), 10u);
}

TEST_F(HubPull, NamesWithoutAnOrganisationMayBeSentenceTransformers) {
  server_.Add("sentence-transformers/mini", "config.json", "{}");
  server_.Add("sentence-transformers/mini", "model.safetensors", "weights", true);
  server_.Add("plain", "model.safetensors", "plain", true);
  EXPECT_EQ(Run("mini").snapshot,
            cache_.path() / "models--sentence-transformers--mini/snapshots" / kCommit);
  EXPECT_EQ(Run("plain").snapshot, cache_.path() / "models--plain/snapshots" / kCommit);
  EXPECT_THAT(Failure("neither"), StartsWith("not_found: "));
}

TEST_F(HubPull, HostileNamesAreNeverWritten) {
  server_.Add(kRepo, "../../../evil", "evil");
  server_.Add(kRepo, "sub\\..\\evil.json", "evil");
  server_.Add(kRepo, "modules.json", R"([{"path": ""}, {"path": "../../../evil"}])");
  EXPECT_THAT(Failure(), AllOf(StartsWith("corrupt_data: "), HasSubstr("modules.json")));
  ExpectNothingToLoad();
  EXPECT_FALSE(fs::exists(cache_.path().parent_path() / "evil"));
  for (const auto& entry : fs::recursive_directory_iterator(cache_.path())) {
    EXPECT_THAT(entry.path().string(), Not(HasSubstr("evil")));
  }
}

TEST_F(HubPull, TheFileThatGrowsIsNoLink) {
  const fs::path elsewhere = cache_.Write("precious", "mine");
  fs::create_directories(Incomplete().parent_path());
  fs::create_symlink(elsewhere, Incomplete());
  EXPECT_THAT(Failure(), StartsWith("io: "));
  EXPECT_EQ(Content(elsewhere), "mine");
}

TEST_F(HubPull, ACacheThatCannotBeWrittenIsNamed) {
  cache_.Write(kFolder, "a file where the folder should be");
  EXPECT_THAT(Failure(), AllOf(StartsWith("io: "), HasSubstr(kFolder), HasSubstr("HF_HUB_CACHE")));
}

TEST_F(HubPull, OfflineNothingIsAsked) {
  environment_.Set("HF_ENDPOINT", server_.endpoint());
  environment_.Set("HF_HUB_OFFLINE", "1");
  EXPECT_THAT(test::Thrown([] {
                return Pull({kRepo, "main"}, {});
              }),
              AllOf(StartsWith("not_found: "), HasSubstr("HF_HUB_OFFLINE")));
  EXPECT_THAT(test::Thrown([] { return ResolveModel(kRepo, true); }), StartsWith("not_found: "));
  EXPECT_THAT(server_.requests(), IsEmpty());
  environment_.Set("HF_HUB_OFFLINE", "0");
  EXPECT_THAT(test::Thrown([] { return ResolveModel(kRepo, false); }), StartsWith("not_found: "));
  EXPECT_THAT(server_.requests(), IsEmpty());
  EXPECT_EQ(ResolveModel(kRepo, true), InRepo("snapshots/" + kCommit));
  environment_.Set("HF_HUB_OFFLINE", "1");
  EXPECT_EQ(Pull({kRepo, "main"}, {}).snapshot, InRepo("snapshots/" + kCommit));
  fs::remove(InRepo("snapshots/" + kCommit + "/model.safetensors"));
  EXPECT_THAT(test::Thrown([] {
                return Pull({kRepo, "main"}, {});
              }),
              AllOf(StartsWith("not_found: model is not wholly in the Hugging Face cache"),
                    HasSubstr("HF_HUB_OFFLINE")));
}

TEST_F(HubPull, AnEmbedderDownloadsWhereItIsAllowedTo) {
  const std::string model = BGE_TEST_DATA_DIR "/models/tiny-bert";
  server_.AddDirectory("org/bert", model);
  environment_.Set("HF_ENDPOINT", server_.endpoint());
  EXPECT_THAT(test::Thrown([] { return Embedder::Load("org/bert"); }), StartsWith("not_found: "));
  EXPECT_THAT(server_.requests(), IsEmpty());
  const Embedder downloaded = Embedder::Load("org/bert", {.download = true});
  EXPECT_EQ(downloaded.Encode("a text"), Embedder::Load(model).Encode("a text"));
  EXPECT_EQ(downloaded.info().name, "org/bert");
  EXPECT_THAT(test::Thrown([] { return Reranker::Load("org/none", {.download = true}); }),
              StartsWith("not_found: the hub has no such model"));
}

}  // namespace
}  // namespace bge::hub
