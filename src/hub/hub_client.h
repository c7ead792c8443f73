// The hub's protocol: which requests list a repository and read its files, which answers are
// errors, and what is tried again. Follows huggingface_hub 1.33 (hf_api.py, file_download.py,
// utils/_http.py).
#ifndef BGE_HUB_HUB_CLIENT_H_
#define BGE_HUB_HUB_CLIENT_H_

#include "hub/hub_answers.h"
#include "hub/settings.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace bge::hub {

/// What one request for a file's bytes came to.
struct DownloadResult {
  bool complete = false;   ///< the answer arrived whole
  std::string problem;     ///< else why it did not, in words
  bool may_retry = false;  ///< and whether it is worth another try
  bool bad_range = false;  ///< the file has nothing at that offset
  std::chrono::seconds retry_after{0};
};

/// Errors are of kNotFound (no such model, revision, file), kIo (no connection, no access, the hub
/// is out of order), kCorruptData (answers that are none), kCancelled. Not thread-safe.
class HubClient {
 public:
  /// `note` is told in words before a pause, and may be empty.
  HubClient(const HubSettings& settings, std::unique_ptr<HttpTransport> transport,
            std::stop_token stop, std::function<void(std::string_view)> note);

  /// The files at a branch, tag or commit.
  RepoListing List(const std::string& repo, const std::string& revision);
  FileMetadata Metadata(const std::string& repo, const std::string& commit,
                        const std::string& file);
  /// Asks once for the bytes of a file from `offset` on. `sink` sees answers of status 200 (from
  /// the beginning on, whatever the offset) and 206 alone.
  DownloadResult Download(const std::string& repo, const std::string& commit,
                          const std::string& file, uint64_t offset, const BodySink& sink);

  /// Tells why, and waits before attempt 1, 2, ...: for what the hub asked for, else twice as long
  /// each time.
  void Pause(int attempt, const std::string& why, std::chrono::seconds retry_after);

  /// Attempts after which it is given up, where none of them brought anything.
  static constexpr int kAttempts = 5;

 private:
  struct Answer;
  Answer Follow(HttpRequest request, const BodySink& sink);
  Answer SendUntilAnswered(const HttpRequest& request, std::string* body);
  [[noreturn]] void FailUnanswered(const Answer& answer) const;
  [[noreturn]] void FailStatus(const Answer& answer, const std::string& repo,
                               const std::string& what, bool is_file) const;
  bool MayWait(std::chrono::seconds retry_after) const;
  std::string UrlOf(const std::string& path) const;

  HubSettings settings_;
  std::unique_ptr<HttpTransport> transport_;
  std::stop_token stop_;
  std::function<void(std::string_view)> note_;
  std::chrono::seconds waited_{0};  // because the hub asked for it
};

}  // namespace bge::hub

#endif  // BGE_HUB_HUB_CLIENT_H_
