// The few parts of a URL that decide who is asked: scheme, host and port.
#ifndef BGE_HUB_URL_H_
#define BGE_HUB_URL_H_

#include <optional>
#include <string>
#include <string_view>

namespace bge::hub {

/// An http or https URL. Everything that two programs may read in two ways (names and passwords in
/// front of a host, spaces, backslashes) is refused, so that the host which is compared here is the
/// one that is connected to.
struct Url {
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< in lower case; IPv6 in its brackets
  int port = 0;        ///< 80 or 443 where the URL has none
  std::string target;  ///< path and query, at least "/"

  std::string Text() const;
  /// "https://huggingface.co": for messages, without what may be secret.
  std::string Origin() const;
  bool SameOrigin(const Url& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
};

/// nullopt where `text` is not such a URL. A fragment ("#...") is dropped.
std::optional<Url> ParseUrl(std::string_view text);

/// Where a Location header of the answer of `base` leads: an absolute URL, or "//host/path",
/// "/path" or "path". nullopt where that is no http or https URL.
std::optional<Url> ResolveLocation(const Url& base, std::string_view location);

/// As Python's urllib.parse.quote: all but letters, digits, "_.-~" and those of `safe` as %XX.
std::string QuoteForUrl(std::string_view text, std::string_view safe);

}  // namespace bge::hub

#endif  // BGE_HUB_URL_H_
