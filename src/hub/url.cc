#include "hub/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace bge::hub {

namespace {

constexpr size_t kMaxUrlBytes = 8192;  // signed addresses of CDNs have some 1,500

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsHost(std::string_view host) {
  if (host.starts_with('[')) {
    return host.size() > 2 && host.ends_with(']') &&
           std::all_of(host.begin() + 1, host.end() - 1, [](char c) {
             return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
           });
  }
  return !host.empty() && host.size() <= 253 && host.front() != '-' && host.front() != '.' &&
         std::all_of(host.begin(), host.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

int DefaultPort(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

// "host", "host:8080" or "[::1]:8080".
bool ParseAuthority(std::string_view authority, Url* url) {
  const size_t bracket = authority.find(']');
  const size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  url->host = LowerCase(authority.substr(0, colon));
  url->port = DefaultPort(url->scheme);
  if (colon != std::string_view::npos) {
    const std::string_view digits = authority.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), url->port);
    if (error != std::errc() || end != digits.data() + digits.size() || url->port < 1 ||
        url->port > 65535) {
      return false;
    }
  }
  return IsHost(url->host);
}

}  // namespace

std::string Url::Text() const { return Origin() + target; }

std::string Url::Origin() const {
  if (port == DefaultPort(scheme)) return fmt::format("{}://{}", scheme, host);
  return fmt::format("{}://{}:{}", scheme, host, port);
}

std::optional<Url> ParseUrl(std::string_view text) {
  if (text.size() > kMaxUrlBytes || !std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c < '\x7f' && c != '\\' && c != '"' && c != '<' && c != '>';
      })) {
    return std::nullopt;
  }
  text = text.substr(0, text.find('#'));
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  Url url;
  url.scheme = LowerCase(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return std::nullopt;
  text.remove_prefix(colon + 3);
  const size_t end = std::min(text.find_first_of("/?"), text.size());
  if (!ParseAuthority(text.substr(0, end), &url)) return std::nullopt;
  url.target = text.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

std::optional<Url> ResolveLocation(const Url& base, std::string_view location) {
  const size_t colon = location.find(':');
  if (colon != std::string_view::npos && colon < location.find_first_of("/?#")) {
    return ParseUrl(location);
  }
  if (location.starts_with("//")) return ParseUrl(fmt::format("{}:{}", base.scheme, location));
  if (location.starts_with('/')) return ParseUrl(base.Origin() + std::string(location));
  if (location.empty()) return std::nullopt;
  const std::string_view path = std::string_view(base.target).substr(0, base.target.find('?'));
  if (location.starts_with('?')) {
    return ParseUrl(fmt::format("{}{}{}", base.Origin(), path, location));
  }
  return ParseUrl(
      fmt::format("{}{}{}", base.Origin(), path.substr(0, path.rfind('/') + 1), location));
}

std::string QuoteForUrl(std::string_view text, std::string_view safe) {
  std::string quoted;
  for (const char c : text) {
    if (IsAlphanumeric(c) || c == '_' || c == '.' || c == '-' || c == '~' ||
        safe.find(c) != std::string_view::npos) {
      quoted += c;
    } else {
      quoted += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return quoted;
}

}  // namespace bge::hub
