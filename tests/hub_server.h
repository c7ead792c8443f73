// A small Hugging Face hub on this machine, for tests: the API's list of files, resolve with its
// headers, and a second host that the large files' addresses lead to.
#ifndef BGE_TESTS_HUB_SERVER_H_
#define BGE_TESTS_HUB_SERVER_H_

#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace bge::test {

struct HubRequest {
  bool cdn = false;  ///< to the second host
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  ///< names in lower case

  bool Has(std::string_view header) const { return headers.count(std::string(header)) > 0; }
};

struct HubReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  /// Bytes of the body after which the connection ends; nullopt: all are sent.
  std::optional<size_t> cut_after = {};
  int pause_ms = 0;                           ///< before each 64 KiB of the body
  std::optional<size_t> content_length = {};  ///< instead of the body's length
  bool raw = false;                           ///< the body is all that is sent, in place of HTTP
};

/// Answers from threads of its own until it is destroyed.
class HubServer {
 public:
  HubServer();
  ~HubServer();
  HubServer(const HubServer&) = delete;
  HubServer& operator=(const HubServer&) = delete;

  /// "http://127.0.0.1:PORT"
  std::string endpoint() const { return Origin(hub_port_); }
  std::string cdn() const { return Origin(cdn_port_); }

  /// A file of a repository, stored in git or, with `lfs`, at the second host.
  void Add(const std::string& repo, const std::string& file, std::string content, bool lfs = false);
  /// The files of a directory; what is called *.safetensors, *.bin or *.pt is large.
  void AddDirectory(const std::string& repo, const std::string& dir);
  static constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

  /// Asked before the usual answer is made; nullopt: that one. From several threads.
  using Hook = std::function<std::optional<HubReply>(const HubRequest&)>;
  void SetHook(Hook hook);
  /// What the hub would say without the hook.
  HubReply Usual(const HubRequest& request);

  std::vector<HubRequest> requests();
  /// How many requests of this method had a target that contains `part`.
  int Count(std::string_view method, std::string_view part);

 private:
  struct File {
    std::string content;
    std::string etag;
    bool lfs = false;
  };

  static std::string Origin(int port) { return "http://127.0.0.1:" + std::to_string(port); }
  static int Listen(int* port);
  void Accept(int listener, bool cdn);
  void Serve(int fd, bool cdn);
  HubReply Resolve(const HubRequest& request, const std::string& repo, const std::string& revision,
                   const std::string& file);
  HubReply Listing(const std::string& repo, const std::string& revision, bool with_sizes);
  static HubReply Content(const HubRequest& request, const File& file);

  std::mutex mu_;
  std::map<std::string, std::map<std::string, File>> repos_;
  std::vector<HubRequest> requests_;
  Hook hook_;
  std::list<int> open_;  // connections
  std::list<std::thread> threads_;
  bool ending_ = false;
  int hub_port_ = 0;
  int cdn_port_ = 0;
  int hub_fd_;
  int cdn_fd_;
};

/// "blob <size>\0<content>"'s SHA-1, and the content's SHA-256.
std::string GitSha1(std::string_view content);
std::string Sha256Of(std::string_view content);

}  // namespace bge::test

#endif  // BGE_TESTS_HUB_SERVER_H_
