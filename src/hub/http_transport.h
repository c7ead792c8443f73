// One HTTP request and its answer, without redirects, repetition or any knowledge of the hub.
#ifndef BGE_HUB_HTTP_TRANSPORT_H_
#define BGE_HUB_HTTP_TRANSPORT_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bge::hub {

struct HttpRequest {
  bool head = false;  ///< HEAD instead of GET
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value", without line breaks
  std::chrono::seconds total{0};     ///< the answer must be there by then; 0: whenever
};

/// Status and headers of an answer.
struct HttpHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case

  /// The value of the last header of this name, which is given in lower case.
  std::optional<std::string_view> Find(std::string_view name) const;
};

/// Why an answer did not arrive whole.
enum class HttpFailure {
  kNone,
  kUnknownHost,  ///< its name has no address
  kNoConnection,
  kTimeout,   ///< connecting took too long, or nothing arrived for too long
  kBroken,    ///< the connection ended early, or what came is not HTTP
  kInsecure,  ///< the certificate is not one that this machine trusts, or TLS failed
  kRefused,   ///< the sink did not want it, or it was larger than allowed
  kStopped,   ///< the stop token asked
  kOther,
};

struct HttpOutcome {
  HttpFailure failure = HttpFailure::kNone;
  std::string problem;  ///< in words, for messages
  HttpHead head;        ///< status 0 where none arrived
};

/// Gets a piece of the body once its head is known; false ends the request with kRefused.
using BodySink = std::function<bool(const HttpHead& head, std::string_view bytes)>;

struct HttpTimeouts {
  std::chrono::milliseconds connect{5000};
  std::chrono::seconds stall{10};  ///< with next to nothing (1,000 bytes/s) arriving
};

/// Performs requests one after another, over the connections of those before where it can. Headers
/// and body are given as they come, never decoded. Not thread-safe.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  virtual HttpOutcome Perform(const HttpRequest& request, const BodySink& sink,
                              const std::stop_token& stop) = 0;
};

/// The transport over libcurl, which is loaded with the first call: a process that downloads
/// nothing does not load it and what it needs (5 ms). `ca_file`: instead of the system's
/// certificates; empty: those. Error(kUnsupported) where this build or this machine has no libcurl.
std::unique_ptr<HttpTransport> MakeHttpTransport(const HttpTimeouts& timeouts,
                                                 const std::string& ca_file);

}  // namespace bge::hub

#endif  // BGE_HUB_HTTP_TRANSPORT_H_
