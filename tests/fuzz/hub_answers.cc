// What a hub says: the list of a repository's files; headers; addresses. The first byte says which.
#include "hub/hub_answers.h"

#include "hub/http_transport.h"
#include "hub/url.h"
#include "tests/fuzz/test_fuzz.h"

#include <cstdlib>
#include <string>
#include <vector>

namespace {

// Of "name: value" lines.
std::vector<bge::hub::HttpHead> Heads(bge::fuzz::Pieces pieces) {
  std::vector<bge::hub::HttpHead> heads(2);
  for (auto& head : heads) {
    head.status = 200;
    for (int i = 0; i < 4; ++i) {
      const std::string_view line = pieces.Next();
      const size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      head.headers.emplace_back(line.substr(0, colon), line.substr(colon + 1));
    }
  }
  return heads;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bge::hub;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 4) {
    case 0:
      bge::fuzz::Expect([&] {
        const RepoListing listing = ParseRepoListing(text, "answer");
        if (listing.commit.size() != 40) std::abort();
        for (const std::string& file : listing.files) {
          if (!IsSafeFileName(file) || ("/" + file + "/").find("/../") != std::string::npos ||
              file[0] == '/') {
            std::abort();
          }
        }
      });
      break;
    case 1:
      bge::fuzz::Expect([&] {
        const FileMetadata metadata =
            ParseFileMetadata(Heads(bge::fuzz::Pieces(data + 1, size - 1)),
                              "0123456789012345678901234567890123456789", "answer");
        if (metadata.etag.size() != 40 && metadata.etag.size() != 64) std::abort();
      });
      break;
    case 2:
      ParseSize(text);
      ParseContentRange(text);
      ParseRetryAfter(text, std::chrono::system_clock::time_point());
      break;
    default:
      if (const auto url = ParseUrl(text)) {
        // What is accepted is read as the same again.
        const auto again = ParseUrl(url->Text());
        if (!again || again->Text() != url->Text() || !again->SameOrigin(*url)) std::abort();
        ResolveLocation(*url, text.substr(text.size() / 2));
      }
      ResolveLocation(*ParseUrl("https://hub.example/a/b"), text);
      if (QuoteForUrl(text, "/").find_first_of("\"<>\\?# ") != std::string::npos) std::abort();
  }
  return 0;
}
