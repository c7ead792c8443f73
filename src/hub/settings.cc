#include "hub/settings.h"

#include "base/env.h"
#include "base/error.h"
#include "base/file.h"
#include "hub/cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace bge::hub {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kMaxTokenBytes = 16 << 10;
constexpr int kMaxTimeoutSeconds = 24 * 3600;

bool IsTrue(std::optional<std::string> value) {
  if (!value) return false;
  for (char& c : *value) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return *value == "1" || *value == "ON" || *value == "YES" || *value == "TRUE";
}

Url Endpoint() {
  std::string text = GetEnv("HF_ENDPOINT").value_or("https://huggingface.co");
  while (text.ends_with('/')) text.pop_back();
  auto url = ParseUrl(text);
  if (!url || url->target.find('?') != std::string::npos) {
    Fail(ErrorCode::kInvalidArgument, "HF_ENDPOINT is no address of a hub",
         fmt::format("found {}, expected something like https://huggingface.co, without a password",
                     Printable(text)),
         "correct the variable, or unset it");
  }
  if (url->target == "/") url->target.clear();  // paths are put behind it
  return *url;
}

// Parity: _clean_token. White space and line breaks around it are accidents of copying.
std::string CleanToken(std::string token, std::string_view source) {
  std::erase_if(token, [](char c) { return c == '\r' || c == '\n'; });
  token.erase(0, token.find_first_not_of(" \t"));
  token.erase(token.find_last_not_of(" \t") + 1);
  // It becomes part of a header.
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; })) {
    Fail(ErrorCode::kInvalidArgument, "the hub's token holds characters that no token has",
         std::string(source), "set it again");
  }
  return token;
}

std::string TokenOfFile() {
  const auto variable = GetEnv("HF_TOKEN_PATH");
  const fs::path path = variable ? ExpandPath(*variable) : HubHomeDir() / "token";
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return {};
  return CleanToken(ReadFile(path, kMaxTokenBytes), path.string());
}

std::string Token() {
  if (IsTrue(GetEnv("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return {};
  auto token = GetEnv("HF_TOKEN");
  if (!token) token = GetEnv("HUGGING_FACE_HUB_TOKEN");
  if (token) {
    std::string cleaned = CleanToken(*token, "HF_TOKEN");
    if (!cleaned.empty()) return cleaned;
  }
  return TokenOfFile();
}

std::chrono::seconds StallTimeout() {
  constexpr std::chrono::seconds kDefault{10};  // huggingface_hub's
  const auto text = GetEnv("HF_HUB_DOWNLOAD_TIMEOUT");
  if (!text) return kDefault;
  int seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc() || end != text->data() + text->size() || seconds < 0 ||
      seconds > kMaxTimeoutSeconds) {
    Fail(ErrorCode::kInvalidArgument, "HF_HUB_DOWNLOAD_TIMEOUT is no number of seconds",
         fmt::format("found {}, expected 1 to {}", Printable(*text), kMaxTimeoutSeconds),
         "correct the variable, or unset it");
  }
  return seconds == 0 ? kDefault : std::chrono::seconds(seconds);  // Parity: 0 is as unset
}

}  // namespace

bool IsOffline() {
  const auto offline = GetEnv("HF_HUB_OFFLINE");
  return IsTrue(offline ? offline : GetEnv("TRANSFORMERS_OFFLINE"));
}

HubSettings ReadHubSettings(const std::optional<std::string>& token) {
  HubSettings settings;
  settings.endpoint = Endpoint();
  settings.token = token ? CleanToken(*token, "the token that was given") : Token();
  settings.ca_file = GetEnv("SSL_CERT_FILE").value_or("");
  settings.offline = IsOffline();
  settings.symlinks = !IsTrue(GetEnv("HF_HUB_DISABLE_SYMLINKS"));
  settings.timeouts.stall = StallTimeout();
  return settings;
}

}  // namespace bge::hub
