// What the environment says about the hub, read as Python's huggingface_hub reads it (constants.py,
// utils/_auth.py): who has set it up for Python has set it up for this.
#ifndef BGE_HUB_SETTINGS_H_
#define BGE_HUB_SETTINGS_H_

#include "hub/http_transport.h"
#include "hub/url.h"

#include <chrono>
#include <optional>
#include <string>

namespace bge::hub {

struct HubSettings {
  Url endpoint;         ///< $HF_ENDPOINT, else https://huggingface.co
  std::string token;    ///< empty: none
  std::string ca_file;  ///< empty: the system's
  bool offline = false;
  bool symlinks = true;  ///< false: snapshots hold copies
  HttpTimeouts timeouts;
  std::chrono::milliseconds first_pause{1000};  ///< between two attempts; it doubles
  std::chrono::seconds longest_waiting{1800};   ///< in all, because the hub asked for it
};

/// HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is "1", "on", "yes" or "true".
bool IsOffline();

/// `token`: a caller's own, instead of the environment's, which is then not looked at. Error(
/// kInvalidArgument) where it, or a variable, cannot be meant so.
HubSettings ReadHubSettings(const std::optional<std::string>& token = std::nullopt);

}  // namespace bge::hub

#endif  // BGE_HUB_SETTINGS_H_
