// HttpTransport over libcurl. The library is opened at run time, not linked: it brings thirty
// others along, which every start of a program would load (5 ms) for what few of them do.
#include "bge/model_directory.h"
#include "bge/version.h"

#include "base/error.h"
#include "hub/http_transport.h"

#include <curl/curl.h>
#include <dlfcn.h>

#include <exception>
#include <new>
#include <utility>

namespace bge::hub {

namespace {

// A hub's answer has some 3 kB of headers.
constexpr size_t kMaxHeaderBytes = 256 << 10;

// Debian's flavours of libcurl have one interface and different names.
constexpr const char* kLibraryNames[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

// The functions of libcurl that are used here.
struct Curl {
  decltype(&curl_global_init) global_init;
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_easy_reset) easy_reset;
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_perform) easy_perform;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
};

[[noreturn]] void FailWithoutCurl(const std::string& found) {
  Fail(ErrorCode::kUnsupported, "libcurl cannot be used, so nothing can be downloaded", found,
       "install it (Debian: libcurl4), or get the model with `hf download`");
}

template <typename F>
void Resolve(void* library, const char* name, F* function) {
  *function = reinterpret_cast<F>(::dlsym(library, name));
  if (*function == nullptr) FailWithoutCurl(std::string("libcurl lacks ") + name);
}

Curl OpenCurl() {
  void* library = nullptr;
  std::string problems;  // it may be there, and lack a library of its own
  for (const char* name : kLibraryNames) {
    library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr) break;
    const char* const problem = ::dlerror();
    if (!problems.empty()) problems += "; ";
    problems += problem != nullptr ? problem : name;
  }
  if (problems.find("failed to map segment") != std::string::npos && library == nullptr) {
    Fail(ErrorCode::kOutOfMemory, "libcurl cannot be loaded", problems,
         "raise the limit on memory (ulimit -v)");
  }
  if (library == nullptr) FailWithoutCurl(problems);
  Curl curl = {};
  Resolve(library, "curl_global_init", &curl.global_init);
  Resolve(library, "curl_easy_init", &curl.easy_init);
  Resolve(library, "curl_easy_cleanup", &curl.easy_cleanup);
  Resolve(library, "curl_easy_reset", &curl.easy_reset);
  Resolve(library, "curl_easy_setopt", &curl.easy_setopt);
  Resolve(library, "curl_easy_perform", &curl.easy_perform);
  Resolve(library, "curl_easy_getinfo", &curl.easy_getinfo);
  Resolve(library, "curl_easy_strerror", &curl.easy_strerror);
  Resolve(library, "curl_slist_append", &curl.slist_append);
  Resolve(library, "curl_slist_free_all", &curl.slist_free_all);
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) FailWithoutCurl("it does not start");
  return curl;
}

// Never closed: libcurl and TLS libraries do not like to be unloaded.
const Curl& LoadedCurl() {
  static const Curl curl = OpenCurl();
  return curl;
}

HttpFailure FailureOf(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return HttpFailure::kNone;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return HttpFailure::kUnknownHost;
    case CURLE_COULDNT_CONNECT:
      return HttpFailure::kNoConnection;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpFailure::kTimeout;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_BAD_CONTENT_ENCODING:
      return HttpFailure::kBroken;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return HttpFailure::kInsecure;
    case CURLE_WRITE_ERROR:
      return HttpFailure::kRefused;
    case CURLE_ABORTED_BY_CALLBACK:
      return HttpFailure::kStopped;
    case CURLE_OUT_OF_MEMORY:
      throw std::bad_alloc();
    default:
      return HttpFailure::kOther;
  }
}

// One request while libcurl runs it. Exceptions must not cross its frames.
struct Exchange {
  HttpOutcome outcome;
  const BodySink* sink = nullptr;
  const std::stop_token* stop = nullptr;
  size_t header_bytes = 0;
  bool headers_too_long = false;
  std::exception_ptr thrown;
};

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

void AddHeader(std::string_view line, HttpHead* head) {
  const size_t colon = line.find(':');
  if (line.starts_with("HTTP/")) {  // of each answer on the way, such as 100 Continue
    head->headers.clear();
  } else if (colon != std::string_view::npos) {
    std::string name(Trimmed(line.substr(0, colon)));
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    head->headers.emplace_back(std::move(name), Trimmed(line.substr(colon + 1)));
  }
}

size_t OnHeader(char* data, size_t size, size_t count, void* user) noexcept {
  auto* const exchange = static_cast<Exchange*>(user);
  try {
    exchange->header_bytes += size * count;
    if (exchange->header_bytes > kMaxHeaderBytes) {
      exchange->headers_too_long = true;
      return 0;
    }
    AddHeader({data, size * count}, &exchange->outcome.head);
    return size * count;
  } catch (...) {
    exchange->thrown = std::current_exception();
    return 0;
  }
}

int OnProgress(void* user, curl_off_t /*download_total*/, curl_off_t /*downloaded*/,
               curl_off_t /*upload_total*/, curl_off_t /*uploaded*/) noexcept {
  return static_cast<Exchange*>(user)->stop->stop_requested() ? 1 : 0;
}

class CurlTransport : public HttpTransport {
 public:
  CurlTransport(const HttpTimeouts& timeouts, std::string ca_file)
      : curl_(LoadedCurl()),
        handle_(curl_.easy_init()),
        timeouts_(timeouts),
        ca_file_(std::move(ca_file)) {
    if (handle_ == nullptr) throw std::bad_alloc();
  }
  ~CurlTransport() override { curl_.easy_cleanup(handle_); }
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;

  HttpOutcome Perform(const HttpRequest& request, const BodySink& sink,
                      const std::stop_token& stop) override {
    Exchange exchange;
    exchange.sink = &sink;
    exchange.stop = &stop;
    curl_slist* headers = nullptr;
    for (const std::string& header : request.headers) {
      headers = curl_.slist_append(headers, header.c_str());
    }
    SetOptions(request, headers, &exchange);
    const CURLcode code = curl_.easy_perform(handle_);
    curl_.slist_free_all(headers);
    if (exchange.thrown) std::rethrow_exception(exchange.thrown);
    exchange.outcome.failure = FailureOf(code);
    exchange.outcome.problem = exchange.headers_too_long ? "its headers are too long"
                               : error_[0] != '\0'       ? error_
                                                         : curl_.easy_strerror(code);
    exchange.outcome.head.status = Status();
    return std::move(exchange.outcome);
  }

 private:
  template <typename T>
  void Set(CURLoption option, T value) {
    const CURLcode code = curl_.easy_setopt(handle_, option, value);
    if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    if (code != CURLE_OK) {
      FailWithoutCurl("it is too old: it lacks option " + std::to_string(option));
    }
  }

  void SetOptions(const HttpRequest& request, curl_slist* headers, Exchange* exchange) {
    curl_.easy_reset(handle_);  // connections stay
    error_[0] = '\0';
    Set(CURLOPT_ERRORBUFFER, error_);
    Set(CURLOPT_URL, request.url.c_str());
    Set(CURLOPT_NOBODY, request.head ? 1L : 0L);
    Set(CURLOPT_HTTPHEADER, headers);
    Set(CURLOPT_USERAGENT, ("bge/" + std::string(Version())).c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    Set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // of a proxy
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeouts_.connect.count()));
    Set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.total.count() * 1000));
    Set(CURLOPT_LOW_SPEED_LIMIT, 1000L);
    Set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(timeouts_.stall.count()));
    if (!ca_file_.empty()) Set(CURLOPT_CAINFO, ca_file_.c_str());
    Set(CURLOPT_HEADERFUNCTION, OnHeader);
    Set(CURLOPT_HEADERDATA, exchange);
    Set(CURLOPT_WRITEFUNCTION, &CurlTransport::OnBody);
    body_ = {this, exchange};
    Set(CURLOPT_WRITEDATA, &body_);
    Set(CURLOPT_NOPROGRESS, 0L);
    Set(CURLOPT_XFERINFOFUNCTION, OnProgress);
    Set(CURLOPT_XFERINFODATA, exchange);
  }

  int Status() const {
    long status = 0;
    curl_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }

  static size_t OnBody(char* data, size_t size, size_t count, void* user) noexcept {
    const auto* const body = static_cast<Body*>(user);
    Exchange* const exchange = body->exchange;
    try {
      exchange->outcome.head.status = body->transport->Status();
      return (*exchange->sink)(exchange->outcome.head, {data, size * count}) ? size * count : 0;
    } catch (...) {
      exchange->thrown = std::current_exception();
      return 0;
    }
  }

  struct Body {
    const CurlTransport* transport = nullptr;
    Exchange* exchange = nullptr;
  };

  const Curl& curl_;
  CURL* handle_;
  HttpTimeouts timeouts_;
  std::string ca_file_;
  Body body_;
  char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace

std::unique_ptr<HttpTransport> MakeHttpTransport(const HttpTimeouts& timeouts,
                                                 const std::string& ca_file) {
  return std::make_unique<CurlTransport>(timeouts, ca_file);
}

}  // namespace bge::hub

namespace bge {

bool CanDownload() { return true; }

}  // namespace bge
