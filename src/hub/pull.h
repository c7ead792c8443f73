// A model by its name: from the Hugging Face cache, and from the hub into it where it is not there.
#ifndef BGE_HUB_PULL_H_
#define BGE_HUB_PULL_H_

#include "hub/cache.h"
#include "hub/http_transport.h"
#include "hub/settings.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace bge::hub {

struct PullOptions {
  std::filesystem::path cache = {};       ///< empty: HubCacheDir()
  std::optional<std::string> token = {};  ///< instead of the environment's; empty: none
  std::stop_token stop = {};
  /// What the cache has is read and hashed, and fetched again where it is not what the hub has.
  bool verify = false;
  /// Bytes that are there of the file at hand, of so many (0: not known). Often.
  std::function<void(std::string_view file, uint64_t done, uint64_t size)> progress = {};
  /// What a user may want to know: pauses, waiting for another process.
  std::function<void(std::string_view)> note = {};
};

struct PullResult {
  std::filesystem::path snapshot;
  int64_t files = 0;    ///< that the model needs
  uint64_t bytes = 0;   ///< that came over the network
  int64_t damaged = 0;  ///< files that `verify` found to be something else
};

/// Asks the hub for the model, fetches what the cache lacks of it, and returns the snapshot. May be
/// called by several processes at once, which share the work. Interrupted by whatever, the next
/// call goes on where it ended; the snapshot appears, and then the branch or tag leads to it, when
/// all of its files are there. In offline mode nothing is asked: what the cache has, or
/// Error(kNotFound); Error(kInvalidArgument) where it is to be verified. Else Error(kNotFound, kIo,
/// kCorruptData, kUnsupported, kCancelled).
PullResult Pull(const ModelName& name, const PullOptions& options);

/// The same over another transport, for tests.
PullResult Pull(const ModelName& name, const HubSettings& settings,
                std::unique_ptr<HttpTransport> transport, const PullOptions& options);

}  // namespace bge::hub

namespace bge {

/// As ResolveModel, but a name that is not in the cache, or lacks files of its model there, is
/// downloaded first, if HF_HUB_OFFLINE does not forbid it, until the options' `stop` asks:
/// Error(kCancelled). What lacks files and cannot be completed is given as it is.
std::filesystem::path ResolveOrPull(const std::string& path_or_name,
                                    const hub::PullOptions& options);

/// The same if `download` allows it, else ResolveModel.
std::filesystem::path ResolveModel(const std::string& path_or_name, bool download,
                                   std::stop_token stop = {});

}  // namespace bge

#endif  // BGE_HUB_PULL_H_
