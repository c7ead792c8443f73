#include "tests/hub_server.h"

#include "base/hash.h"
#include "base/json_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>

namespace bge::test {

namespace fs = std::filesystem;

namespace {

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

// The next request of a connection; false at its end.
bool Receive(int fd, std::string* buffer, HubRequest* request) {
  size_t end = buffer->find("\r\n\r\n");
  while (end == std::string::npos) {
    char piece[4096];
    const ssize_t count = ::recv(fd, piece, sizeof piece, 0);
    if (count <= 0) return false;
    buffer->append(piece, static_cast<size_t>(count));
    end = buffer->find("\r\n\r\n");
  }
  const std::string head = buffer->substr(0, end + 2);
  buffer->erase(0, end + 4);
  size_t begin = head.find("\r\n");
  const std::string first = head.substr(0, begin);
  request->method = first.substr(0, first.find(' '));
  request->target = first.substr(first.find(' ') + 1);
  request->target.erase(request->target.find(' '));
  for (begin += 2; begin < head.size();) {
    const size_t line_end = head.find("\r\n", begin);
    const size_t colon = head.find(':', begin);
    std::string name = head.substr(begin, colon - begin);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    request->headers[name] = head.substr(colon + 2, line_end - colon - 2);
    begin = line_end + 2;
  }
  return true;
}

// Whether the connection may go on.
bool Reply(int fd, const HubRequest& request, const HubReply& reply) {
  if (reply.raw) {
    SendAll(fd, reply.body);
    return false;
  }
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " Something\r\n";
  for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
  head += "Content-Length: " + std::to_string(reply.content_length.value_or(reply.body.size())) +
          "\r\n\r\n";
  if (!SendAll(fd, head)) return false;
  if (request.method == "HEAD") return true;
  const std::string_view body =
      std::string_view(reply.body).substr(0, reply.cut_after.value_or(reply.body.size()));
  constexpr size_t kPiece = 64 << 10;
  for (size_t at = 0; at < body.size(); at += kPiece) {
    std::this_thread::sleep_for(std::chrono::milliseconds(reply.pause_ms));
    if (!SendAll(fd, body.substr(at, kPiece))) return false;
  }
  return !reply.cut_after && !reply.content_length;
}

HubReply ErrorReply(int status, const std::string& code) {
  return {.status = status,
          .headers = {{"X-Error-Code", code}, {"X-Error-Message", "as the test wants"}},
          .body = "{\"error\": \"" + code + "\"}"};
}

}  // namespace

std::string GitSha1(std::string_view content) {
  Sha1 hash;
  hash.Update(Bytes("blob " + std::to_string(content.size()) + '\0'));
  hash.Update(Bytes(content));
  return hash.Hex();
}

std::string Sha256Of(std::string_view content) {
  Sha256 hash;
  hash.Update(Bytes(content));
  return hash.Hex();
}

HubServer::HubServer() : hub_fd_(Listen(&hub_port_)), cdn_fd_(Listen(&cdn_port_)) {
  threads_.emplace_back([this] { Accept(hub_fd_, false); });
  threads_.emplace_back([this] { Accept(cdn_fd_, true); });
}

HubServer::~HubServer() {
  {
    const std::lock_guard lock(mu_);
    ending_ = true;
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  ::shutdown(hub_fd_, SHUT_RDWR);
  ::shutdown(cdn_fd_, SHUT_RDWR);
  for (;;) {
    std::list<std::thread> threads;
    {
      const std::lock_guard lock(mu_);
      threads.swap(threads_);
    }
    if (threads.empty()) break;
    for (std::thread& thread : threads) thread.join();
  }
  ::close(hub_fd_);
  ::close(cdn_fd_);
}

int HubServer::Listen(int* port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || ::bind(fd, generic, size) != 0 || ::listen(fd, 64) != 0 ||
      ::getsockname(fd, generic, &size) != 0) {
    throw std::runtime_error("cannot listen on 127.0.0.1");
  }
  *port = ntohs(address.sin_port);
  return fd;
}

void HubServer::Accept(int listener, bool cdn) {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mu_);
    if (fd < 0 || ending_) {
      if (fd >= 0) ::close(fd);
      return;
    }
    open_.push_back(fd);
    threads_.emplace_back([this, fd, cdn] { Serve(fd, cdn); });
  }
}

void HubServer::Serve(int fd, bool cdn) {
  std::string buffer;
  for (bool more = true; more;) {
    HubRequest request;
    request.cdn = cdn;
    if (!Receive(fd, &buffer, &request)) break;
    Hook hook;
    {
      const std::lock_guard lock(mu_);
      requests_.push_back(request);
      hook = hook_;
    }
    std::optional<HubReply> reply;
    if (hook) reply = hook(request);
    more = ::bge::test::Reply(fd, request, reply ? *reply : Usual(request));
  }
  const std::lock_guard lock(mu_);
  open_.remove(fd);
  ::close(fd);
}

void HubServer::Add(const std::string& repo, const std::string& file, std::string content,
                    bool lfs) {
  File added;
  added.etag = lfs ? Sha256Of(content) : GitSha1(content);
  added.content = std::move(content);
  added.lfs = lfs;
  const std::lock_guard lock(mu_);
  repos_[repo][file] = std::move(added);
}

void HubServer::AddDirectory(const std::string& repo, const std::string& dir) {
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string extension = entry.path().extension().string();
    Add(repo, entry.path().lexically_relative(dir).string(),
        std::string(std::istreambuf_iterator<char>(in), {}),
        extension == ".safetensors" || extension == ".bin" || extension == ".pt");
  }
}

void HubServer::SetHook(Hook hook) {
  const std::lock_guard lock(mu_);
  hook_ = std::move(hook);
}

std::vector<HubRequest> HubServer::requests() {
  const std::lock_guard lock(mu_);
  return requests_;
}

int HubServer::Count(std::string_view method, std::string_view part) {
  const std::lock_guard lock(mu_);
  return static_cast<int>(
      std::count_if(requests_.begin(), requests_.end(), [&](const HubRequest& request) {
        return request.method == method && request.target.find(part) != std::string::npos;
      }));
}

HubReply HubServer::Listing(const std::string& repo, const std::string& revision, bool with_sizes) {
  const auto found = repos_.find(repo);
  if (found == repos_.end()) return ErrorReply(401, "RepoNotFound");
  if (revision != "main" && revision != kCommit) return ErrorReply(404, "RevisionNotFound");
  std::string body = "{\"id\": \"" + repo + "\", \"sha\": \"" + kCommit + "\", \"siblings\": [";
  for (const auto& [name, file] : found->second) {
    if (body.back() != '[') body += ", ";
    body += "{\"rfilename\": ";
    json::AppendString(name, &body);
    if (with_sizes) body += ", \"size\": " + std::to_string(file.content.size());
    body += "}";
  }
  return {.headers = {{"Content-Type", "application/json"}}, .body = body + "]}"};
}

HubReply HubServer::Content(const HubRequest& request, const File& file) {
  HubReply reply;
  reply.body = file.content;
  const auto range = request.headers.find("range");
  if (range == request.headers.end()) return reply;
  const size_t begin = std::stoul(range->second.substr(range->second.find('=') + 1));
  const std::string size = std::to_string(file.content.size());
  if (begin >= file.content.size()) {
    return {.status = 416, .headers = {{"Content-Range", "bytes */" + size}}};
  }
  reply.status = 206;
  reply.headers.emplace_back("Content-Range", "bytes " + std::to_string(begin) + "-" +
                                                  std::to_string(file.content.size() - 1) + "/" +
                                                  size);
  reply.body.erase(0, begin);
  return reply;
}

// As huggingface.co does it: large files at the address of another host, small ones at another
// address of the same.
HubReply HubServer::Resolve(const HubRequest& request, const std::string& repo,
                            const std::string& revision, const std::string& name) {
  const auto found = repos_.find(repo);
  if (found == repos_.end()) return ErrorReply(401, "RepoNotFound");
  if (revision != "main" && revision != kCommit) return ErrorReply(404, "RevisionNotFound");
  const auto file = found->second.find(name);
  if (file == found->second.end()) return ErrorReply(404, "EntryNotFound");
  HubReply reply;
  if (file->second.lfs) {
    reply.status = 302;
    reply.headers = {{"Location", cdn() + "/blobs/" + file->second.etag + "?signature=secret"},
                     {"X-Linked-Etag", "\"" + file->second.etag + "\""},
                     {"X-Linked-Size", std::to_string(file->second.content.size())},
                     {"ETag", "\"of the redirect\""}};
    reply.body = "Found";
  } else if (!request.target.starts_with("/api/resolve-cache/")) {
    reply.status = 307;
    reply.headers = {
        {"Location", "/api/resolve-cache/models/" + repo + "/" + revision + "/" + name + "?x=1"}};
    reply.body = "Redirecting";
  } else {
    reply = Content(request, file->second);
    reply.headers.emplace_back("ETag", "W/\"" + file->second.etag + "\"");
  }
  reply.headers.emplace_back("X-Repo-Commit", kCommit);
  return reply;
}

HubReply HubServer::Usual(const HubRequest& request) {
  const std::lock_guard lock(mu_);
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (request.cdn) {
    for (const auto& [repo, files] : repos_) {
      for (const auto& [name, file] : files) {
        if (path == "/blobs/" + file.etag) return Content(request, file);
      }
    }
    return {.status = 404};
  }
  // ORG/NAME, or NAME.
  for (const auto& [repo, files] : repos_) {
    const std::string api = "/api/models/" + repo + "/revision/";
    if (path.starts_with(api)) {
      return Listing(repo, path.substr(api.size()), request.target.ends_with("?blobs=true"));
    }
    for (const std::string& prefix :
         {"/" + repo + "/resolve/", "/api/resolve-cache/models/" + repo + "/"}) {
      if (!path.starts_with(prefix)) continue;
      const std::string rest = path.substr(prefix.size());
      const size_t slash = rest.find('/');
      return Resolve(request, repo, rest.substr(0, slash), rest.substr(slash + 1));
    }
  }
  return ErrorReply(401, "RepoNotFound");
}

}  // namespace bge::test
