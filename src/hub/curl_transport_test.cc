// What no server of tests/hub_server.h can do: take no connection.
#include "hub/http_transport.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>

namespace bge::hub {
namespace {

// A port that listens, whose queue is full: the kernel drops what would connect.
class FullListener {
 public:
  FullListener() {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 0), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    for (int& waiting : waiting_) {
      waiting = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      (void)!::connect(waiting, reinterpret_cast<sockaddr*>(&address), size);
    }
  }
  ~FullListener() {
    for (const int waiting : waiting_) ::close(waiting);
    ::close(listener_);
  }
  FullListener(const FullListener&) = delete;
  FullListener& operator=(const FullListener&) = delete;
  int port() const { return port_; }

 private:
  int listener_ = -1;
  int port_ = 0;
  std::array<int, 8> waiting_ = {};
};

TEST(CurlTransport, ConnectingEndsAfterTheTimeout) {
  using namespace std::chrono_literals;
  const FullListener listener;
  const auto transport = MakeHttpTransport({.connect = 400ms, .stall = 60s}, "");
  HttpRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(listener.port()) + "/";
  const auto begin = std::chrono::steady_clock::now();
  const HttpOutcome outcome = transport->Perform(request, [](auto&&...) { return true; }, {});
  const auto taken = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(outcome.failure, HttpFailure::kTimeout) << outcome.problem;
  EXPECT_GE(taken, 300ms);
  EXPECT_LT(taken, 10s);
}

}  // namespace
}  // namespace bge::hub
