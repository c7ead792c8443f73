#include "hub/hub_client.h"

#include "base/error.h"
#include "base/stop.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace bge::hub {

namespace {

constexpr int kMaxRedirects = 10;
constexpr uint64_t kMaxListingBytes = 64 << 20;  // 200,000 files have some 20
constexpr uint64_t kMaxDroppedBytes = 1 << 20;
constexpr std::chrono::seconds kAnswerTimeout{60};
constexpr std::chrono::seconds kLongestPause{8};
// A hub that asks for more has blocked this address: waiting in silence helps nobody.
constexpr std::chrono::seconds kLongestRetryAfter{300};

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool IsTransient(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

bool IsTransient(HttpFailure failure) {
  return failure == HttpFailure::kUnknownHost || failure == HttpFailure::kNoConnection ||
         failure == HttpFailure::kTimeout || failure == HttpFailure::kBroken;
}

std::chrono::seconds RetryAfter(const HttpHead& head) {
  const auto header = head.Find("retry-after");
  if (!header) return std::chrono::seconds(0);
  return ParseRetryAfter(*header, std::chrono::system_clock::now())
      .value_or(std::chrono::seconds(0));
}

// Nobody there: most often there is no network at all, so that is found out sooner.
int AttemptsFor(const HttpOutcome& outcome) {
  if (outcome.failure == HttpFailure::kUnknownHost) return 1;
  const bool silent = outcome.failure == HttpFailure::kTimeout && outcome.head.status == 0;
  return outcome.failure == HttpFailure::kNoConnection || silent ? 2 : HubClient::kAttempts;
}

// Passes content on; the text of errors and redirects is dropped, but has an end too.
BodySink ContentOnly(BodySink sink) {
  return [sink = std::move(sink), dropped = uint64_t{0}](const HttpHead& head,
                                                         std::string_view bytes) mutable {
    if (head.status == 200 || head.status == 206) return sink(head, bytes);
    dropped += bytes.size();
    return dropped <= kMaxDroppedBytes;
  };
}

// X-Error-Message, or nothing: as it stands, shortened.
std::string HubMessage(const HttpHead& head) {
  const auto message = head.Find("x-error-message");
  return message ? fmt::format(" ({})", Printable(*message, 200)) : std::string();
}

}  // namespace

struct HubClient::Answer {
  HttpOutcome outcome;
  std::vector<HttpHead> heads;  // of redirects, and the last one
  std::string origin;           // of the host that gave the last one

  int status() const { return outcome.head.status; }
  bool arrived() const { return outcome.failure == HttpFailure::kNone; }
  bool may_retry() const {
    return arrived() ? IsTransient(status()) : IsTransient(outcome.failure);
  }
  std::string Problem() const {
    if (!arrived()) return fmt::format("{}: {}", origin, Printable(outcome.problem, 200));
    return fmt::format("{} answered with status {}{}", origin, status(), HubMessage(outcome.head));
  }
};

HubClient::HubClient(const HubSettings& settings, std::unique_ptr<HttpTransport> transport,
                     std::stop_token stop, std::function<void(std::string_view)> note)
    : settings_(settings),
      transport_(std::move(transport)),
      stop_(std::move(stop)),
      note_(std::move(note)) {}

std::string HubClient::UrlOf(const std::string& path) const {
  return settings_.endpoint.Text() + path;
}

// Follows redirects; of HEAD not to other hosts where the redirect itself says what the file is.
// The token goes to the hub alone: redirects lead to hosts of others, with addresses that are
// signed.
HubClient::Answer HubClient::Follow(HttpRequest request, const BodySink& sink) {
  Answer answer;
  const std::vector<std::string> headers = request.headers;
  std::optional<Url> url = ParseUrl(request.url);
  for (int redirects = 0; url; ++redirects) {
    ThrowIfStopped(&stop_);
    answer.origin = url->Origin();
    request.url = url->Text();
    request.headers = headers;
    request.headers.emplace_back("Accept-Encoding: identity");
    if (!settings_.token.empty() && url->SameOrigin(settings_.endpoint)) {
      request.headers.push_back("Authorization: Bearer " + settings_.token);
    }
    answer.outcome = transport_->Perform(request, sink, stop_);
    if (answer.outcome.failure == HttpFailure::kStopped) FailStopped();
    answer.heads.push_back(answer.outcome.head);
    const auto location = answer.outcome.head.Find("location");
    if (!answer.arrived() || !IsRedirect(answer.status()) || !location) return answer;
    const auto target = ResolveLocation(*url, *location);
    const bool downgrade = target && url->scheme == "https" && target->scheme == "http";
    if (!target || downgrade || redirects == kMaxRedirects) {
      Fail(ErrorCode::kCorruptData, "the hub redirects to where nobody should go",
           fmt::format("{}: {}", answer.origin,
                       !target     ? "Location is no http or https address"
                       : downgrade ? "from https to http"
                                   : fmt::format("more than {} times", kMaxRedirects)),
           "check HF_ENDPOINT, and the proxy if there is one");
    }
    if (request.head && !target->SameOrigin(settings_.endpoint) &&
        answer.outcome.head.Find("x-repo-commit")) {
      return answer;
    }
    url = target;
  }
  Fail(ErrorCode::kInternal, "the address of a request cannot be read", Printable(request.url),
       "report this");
}

HubClient::Answer HubClient::SendUntilAnswered(const HttpRequest& request, std::string* body) {
  for (int attempt = 1;; ++attempt) {
    body->clear();
    Answer answer = Follow(request, ContentOnly([body](const HttpHead&, std::string_view bytes) {
                             if (body->size() + bytes.size() > kMaxListingBytes) return false;
                             *body += bytes;
                             return true;
                           }));
    const int attempts = AttemptsFor(answer.outcome);
    const auto retry_after = RetryAfter(answer.outcome.head);
    if (!answer.may_retry() || attempt == attempts || !MayWait(retry_after)) return answer;
    Pause(attempt, answer.Problem(), retry_after);
  }
}

bool HubClient::MayWait(std::chrono::seconds retry_after) const {
  return retry_after <= kLongestRetryAfter && waited_ + retry_after <= settings_.longest_waiting;
}

void HubClient::Pause(int attempt, const std::string& why, std::chrono::seconds retry_after) {
  const auto doubled = settings_.first_pause * (1 << std::min(attempt - 1, 10));
  const auto pause = std::max<std::chrono::milliseconds>(
      retry_after, std::min<std::chrono::milliseconds>(doubled, kLongestPause));
  if (note_) {
    note_(fmt::format("{}: trying again in {} s", why,
                      std::chrono::ceil<std::chrono::seconds>(pause).count()));
  }
  waited_ += retry_after;
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop_, pause, [] { return false; });
  ThrowIfStopped(&stop_);
}

void HubClient::FailUnanswered(const Answer& answer) const {
  const HttpFailure failure = answer.outcome.failure;
  if (failure == HttpFailure::kRefused) {
    Fail(ErrorCode::kCorruptData, "the hub's answer is too long", answer.Problem(),
         "check HF_ENDPOINT: this may not be a hub");
  }
  if (failure == HttpFailure::kInsecure) {
    Fail(ErrorCode::kIo, "no secure connection to the hub", answer.Problem(),
         "if a proxy has certificates of its own, name their file in SSL_CERT_FILE");
  }
  Fail(ErrorCode::kIo, "the hub cannot be reached", answer.Problem(),
       "check the network, and https_proxy if there is a proxy; HF_ENDPOINT names a mirror");
}

void HubClient::FailStatus(const Answer& answer, const std::string& repo, const std::string& what,
                           bool is_file) const {
  const HttpHead& head = answer.outcome.head;
  const std::string_view code = head.Find("x-error-code").value_or("");
  const std::string where = fmt::format("{} at {}", what, settings_.endpoint.Origin());
  const bool has_token = !settings_.token.empty();
  const std::string_view set_token = has_token
                                         ? "check that the token's account may read it"
                                         : "set HF_TOKEN to a token of an account that may read it";
  if (code == "RevisionNotFound") {
    Fail(ErrorCode::kNotFound, "the hub has no such revision", where,
         fmt::format("see {}/{} for its branches", settings_.endpoint.Origin(), repo));
  }
  if (code == "EntryNotFound" || (is_file && code.empty() && answer.status() == 404)) {
    Fail(ErrorCode::kNotFound, "the hub has no such file", where, "check the name");
  }
  if (code == "GatedRepo") {
    Fail(
        ErrorCode::kIo, "the model's owner asks for consent to conditions first",
        where + HubMessage(head),
        fmt::format("accept them at {}/{}, then {}", settings_.endpoint.Origin(), repo, set_token));
  }
  if (head.Find("x-error-message") == "Invalid credentials in Authorization header") {
    Fail(ErrorCode::kIo, "the hub does not know the token", where,
         "set HF_TOKEN to one that is valid, or unset it (without it $HF_HOME/token is read)");
  }
  // 401 is what it answers for absent models too, to those who may not know what is there.
  if (code == "RepoNotFound" || answer.status() == 401 || answer.status() == 404) {
    Fail(ErrorCode::kNotFound, "the hub has no such model, or not for everybody", where,
         fmt::format("check the name; if it is private, {}", set_token));
  }
  if (answer.status() == 403) {
    Fail(ErrorCode::kIo, "the hub refuses access", where + HubMessage(head), set_token);
  }
  const auto retry_after = RetryAfter(head);
  Fail(ErrorCode::kIo, "the hub does not give what was asked for",
       fmt::format("{}: {}", what, answer.Problem()),
       !MayWait(retry_after)
           ? fmt::format("it asks to wait {} s: try again then", retry_after.count())
           : "try again later");
}

RepoListing HubClient::List(const std::string& repo, const std::string& revision) {
  HttpRequest request;
  request.url = UrlOf(fmt::format("/api/models/{}/revision/{}?blobs=true", QuoteForUrl(repo, "/"),
                                  QuoteForUrl(revision, "")));
  request.total = kAnswerTimeout;
  std::string body;
  const Answer answer = SendUntilAnswered(request, &body);
  if (!answer.arrived()) FailUnanswered(answer);
  const std::string what = fmt::format("{} (revision {})", repo, revision);
  if (answer.status() != 200) FailStatus(answer, repo, what, /*is_file=*/false);
  return ParseRepoListing(body, request.url);
}

FileMetadata HubClient::Metadata(const std::string& repo, const std::string& commit,
                                 const std::string& file) {
  HttpRequest request;
  request.head = true;
  request.url = UrlOf(
      fmt::format("/{}/resolve/{}/{}", QuoteForUrl(repo, "/"), commit, QuoteForUrl(file, "/")));
  request.total = kAnswerTimeout;
  std::string body;
  const Answer answer = SendUntilAnswered(request, &body);
  if (!answer.arrived()) FailUnanswered(answer);
  const std::string what = fmt::format("{} of {}", file, repo);
  if (answer.status() != 200 && !IsRedirect(answer.status())) {
    FailStatus(answer, repo, what, /*is_file=*/true);
  }
  return ParseFileMetadata(answer.heads, commit, request.url);
}

DownloadResult HubClient::Download(const std::string& repo, const std::string& commit,
                                   const std::string& file, uint64_t offset, const BodySink& sink) {
  HttpRequest request;
  request.url = UrlOf(
      fmt::format("/{}/resolve/{}/{}", QuoteForUrl(repo, "/"), commit, QuoteForUrl(file, "/")));
  if (offset > 0) request.headers.push_back(fmt::format("Range: bytes={}-", offset));
  const Answer answer = Follow(request, ContentOnly(sink));
  DownloadResult result;
  result.complete = answer.arrived() && (answer.status() == 200 || answer.status() == 206);
  if (result.complete) return result;
  result.problem = answer.Problem();
  result.bad_range = answer.status() == 416;
  result.may_retry = answer.may_retry() || result.bad_range;
  result.retry_after = RetryAfter(answer.outcome.head);
  if (!MayWait(result.retry_after)) result.may_retry = false;
  if (result.may_retry || answer.outcome.failure == HttpFailure::kRefused) return result;
  if (!answer.arrived()) FailUnanswered(answer);
  FailStatus(answer, repo, fmt::format("{} of {}", file, repo), /*is_file=*/true);
}

}  // namespace bge::hub
