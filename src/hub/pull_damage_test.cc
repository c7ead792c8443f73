// Downloads from transports that never end or damage what they carry.
#include "hub/test_hub_pull.h"

namespace bge::hub {
namespace {

// An answer that has no end.
class EndlessTransport : public HttpTransport {
 public:
  EndlessTransport(int status, uint64_t* given) : status_(status), given_(given) {}
  HttpOutcome Perform(const HttpRequest&, const BodySink& sink, const std::stop_token&) override {
    HttpOutcome outcome;
    outcome.head.status = status_;
    const std::string piece(1 << 16, ' ');
    while (*given_ < (uint64_t{1} << 30)) {
      *given_ += piece.size();
      if (sink(outcome.head, piece)) continue;
      outcome.failure = HttpFailure::kRefused;
      break;
    }
    return outcome;
  }

 private:
  int status_;
  uint64_t* given_;
};

TEST_F(HubPull, AnswersThatHaveNoEndAreRefused) {
  for (const auto& [answer, most] : {std::pair(200, 65u << 20), std::pair(403, 2u << 20)}) {
    const int status = answer;  // a lambda of C++20's first compilers takes no structured binding
    uint64_t given = 0;
    EXPECT_THAT(test::Thrown([&] {
                  return Pull({kRepo, "main"}, settings_,
                              std::make_unique<EndlessTransport>(status, &given), {});
                }),
                StartsWith("corrupt_data: the hub's answer is too long"));
    EXPECT_LE(given, most);
  }
}

// The hub's answers without sockets, some of them damaged.
class DamagingTransport : public HttpTransport {
 public:
  DamagingTransport(HubServer* server, unsigned seed) : server_(server), random_(seed) {}

  HttpOutcome Perform(const HttpRequest& request, const BodySink& sink,
                      const std::stop_token&) override {
    const auto url = ParseUrl(request.url);
    HubRequest asked;
    asked.cdn = url->Origin() == server_->cdn();
    asked.method = request.head ? "HEAD" : "GET";
    asked.target = url->target;
    for (const std::string& header : request.headers) {
      if (header.starts_with("Range: ")) asked.headers["range"] = header.substr(7);
    }
    HubReply reply = server_->Usual(asked);
    if (random_() % 4 == 0) Damage(&reply);
    HttpOutcome outcome;
    outcome.head.status = reply.status;
    for (const auto& [name, value] : reply.headers) {
      std::string lower = name;
      for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      outcome.head.headers.emplace_back(lower, value);
    }
    outcome.head.headers.emplace_back("content-length", std::to_string(reply.body.size()));
    if (reply.cut_after) outcome.failure = HttpFailure::kBroken;
    const std::string_view body =
        std::string_view(reply.body).substr(0, reply.cut_after.value_or(reply.body.size()));
    if (!request.head && !body.empty() && !sink(outcome.head, body)) {
      outcome.failure = HttpFailure::kRefused;
    }
    return outcome;
  }

 private:
  void Damage(HubReply* reply) {
    constexpr int kStatus[] = {200, 206, 302, 307, 401, 403, 404, 416, 418, 500};
    switch (random_() % 5) {
      case 0:
        reply->status = kStatus[random_() % std::size(kStatus)];
        return;
      case 1:
        reply->cut_after = reply->body.empty() ? 0 : random_() % reply->body.size();
        return;
      case 2:
        if (!reply->headers.empty()) DamageText(&RandomHeader(reply));
        return;
      case 3:
        if (!reply->headers.empty()) {
          reply->headers.erase(reply->headers.begin() +
                               static_cast<ptrdiff_t>(random_() % reply->headers.size()));
        }
        return;
      default:
        DamageText(&reply->body);
    }
  }
  std::string& RandomHeader(HubReply* reply) {
    return reply->headers[random_() % reply->headers.size()].second;
  }
  void DamageText(std::string* text) {
    if (text->empty()) return;
    const size_t at = random_() % text->size();
    constexpr std::string_view kPieces[] = {"../", "/", "\\\\", "\"", "\\u0000", "-1", "0", "@"};
    switch (random_() % 3) {
      case 0:
        (*text)[at] = static_cast<char>(random_());
        return;
      case 1:
        text->erase(at, 1 + random_() % 5);
        return;
      default:
        text->insert(at, kPieces[random_() % std::size(kPieces)]);
    }
  }

  HubServer* server_;
  std::mt19937 random_;
};

// Whatever the hub says: an Error or a model, and nothing in the cache that is not what it is
// called.
TEST_F(HubPull, DamagedAnswersLeaveTheCacheRight) {
  server_.Add(kRepo, "model.safetensors", weights_.substr(0, 5000), true);
  server_.Add(kRepo, "modules.json", R"([{"path": ""}, {"path": "1_Pooling"}])");
  server_.Add(kRepo, "1_Pooling/config.json", "{\"a\": 2}");
  settings_.first_pause = std::chrono::milliseconds(0);
  int pulled = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    if (seed % 20 == 0) fs::remove_all(InRepo(""));
    try {
      const PullResult result =
          Pull({kRepo, "main"}, settings_, std::make_unique<DamagingTransport>(&server_, seed), {});
      EXPECT_EQ(Content(InRepo("refs/main")).size(), 40u);
      EXPECT_TRUE(fs::exists(result.snapshot / "model.safetensors"));
      ++pulled;
    } catch (const Error& error) {
      EXPECT_TRUE(test::IsOneLine(error.what())) << error.what();
      EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what();
    }
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(InRepo("blobs"), absent)) {
      if (entry.path().extension() == ".incomplete") continue;
      const std::string name = entry.path().filename();
      EXPECT_EQ(HashOfFile(entry.path(), name, {}), name);
    }
    for (const auto& entry : fs::directory_iterator(cache_.path())) {
      EXPECT_THAT(entry.path().filename(), AnyOf(fs::path(kFolder), fs::path(".locks")));
    }
  }
  EXPECT_GT(pulled, 20);
}

}  // namespace
}  // namespace bge::hub
