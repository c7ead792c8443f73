#include "hub/hub_answers.h"

#include "base/error.h"
#include "base/json.h"
#include "hub/cache.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <charconv>

namespace bge::hub {

namespace {

constexpr size_t kMaxFiles = 200'000;
constexpr size_t kMaxFileNameBytes = 1024;
constexpr size_t kMaxPartBytes = 255;
constexpr int64_t kMaxSize = int64_t{1} << 50;
constexpr size_t kSha256Digits = 64;
constexpr size_t kSha1Digits = 40;

bool IsHexadecimal(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Parity: _normalize_etag. W/"hash" and "hash" are both the hash.
std::string_view NormalizedEtag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.starts_with('"') && etag.ends_with('"')) {
    etag = etag.substr(1, etag.size() - 2);
  }
  return etag;
}

}  // namespace

bool IsSafeFileName(std::string_view name) {
  if (name.empty() || name.size() > kMaxFileNameBytes) return false;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.size() > kMaxPartBytes) return false;
    begin = end + 1;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' && c != '\x7f' && c != '\\';
  });
}

RepoListing ParseRepoListing(std::string_view json, const std::string& where) {
  const auto document = json::Document::Parse(json, where);
  RepoListing listing;
  const json::Value sha = document->root().At("sha");
  listing.commit = sha.AsString();
  if (!IsCommit(listing.commit)) {
    sha.Fail(fmt::format("found {}, expected a commit of 40 hexadecimal digits",
                         Printable(listing.commit, 60)),
             "check HF_ENDPOINT: this may not be a hub");
  }
  const json::Value siblings = document->root().At("siblings");
  if (siblings.is_array() && siblings.size() > kMaxFiles) {
    siblings.Fail(fmt::format("found {} files, expected at most {}", siblings.size(), kMaxFiles),
                  "this is no model");
  }
  siblings.ForEachElement([&listing](json::Value sibling) {
    const std::string_view name = sibling.At("rfilename").AsString();
    if (!IsSafeFileName(name)) return;
    listing.files.emplace_back(name);
    const auto size = sibling.FindNonNull("size");
    if (size) listing.sizes[std::string(name)] = static_cast<uint64_t>(size->AsIntIn(0, kMaxSize));
  });
  std::sort(listing.files.begin(), listing.files.end());
  listing.files.erase(std::unique(listing.files.begin(), listing.files.end()), listing.files.end());
  return listing;
}

FileMetadata ParseFileMetadata(const std::vector<HttpHead>& heads, const std::string& commit,
                               const std::string& where) {
  std::optional<std::string_view> found_commit, etag, size;
  const auto replace = [](std::optional<std::string_view>* value,
                          std::optional<std::string_view> newer) {
    if (newer) *value = newer;
  };
  for (const HttpHead& head : heads) {
    replace(&found_commit, head.Find("x-repo-commit"));
    replace(&etag, head.Find("x-linked-etag"));
    replace(&size, head.Find("x-linked-size"));
  }
  if (!etag && !heads.empty()) etag = heads.back().Find("etag");
  if (!size && !heads.empty() && heads.back().status / 100 == 2) {
    size = heads.back().Find("content-length");
  }
  if (!found_commit || *found_commit != commit) {
    Fail(ErrorCode::kCorruptData, "the answer is not that of a hub",
         fmt::format("{}: header X-Repo-Commit: found {}, expected {}", where,
                     found_commit ? Printable(*found_commit, 60) : "none", commit),
         "check HF_ENDPOINT, and the proxy if there is one");
  }
  FileMetadata metadata;
  metadata.etag = etag ? NormalizedEtag(*etag) : "";
  if ((metadata.etag.size() != kSha256Digits && metadata.etag.size() != kSha1Digits) ||
      !IsHexadecimal(metadata.etag)) {
    Fail(ErrorCode::kCorruptData, "the hub gives no hash that can be checked",
         fmt::format("{}: header X-Linked-Etag or ETag: found {}, expected 64 or 40 hexadecimal "
                     "digits",
                     where, etag ? Printable(*etag, 80) : "none"),
         "check HF_ENDPOINT: mirrors must pass on the hub's headers");
  }
  if (size) {
    metadata.size = ParseSize(*size);
    if (!metadata.size) {
      Fail(ErrorCode::kCorruptData, "the hub gives no size that can be",
           fmt::format("{}: header X-Linked-Size or Content-Length: found {}, expected a number",
                       where, Printable(*size, 60)),
           "check HF_ENDPOINT");
    }
  }
  return metadata;
}

std::optional<uint64_t> ParseSize(std::string_view text) {
  constexpr uint64_t kMost = uint64_t{1} << 62;  // fits off_t, and sums of two do not overflow
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > kMost) {
    return std::nullopt;
  }
  return value;
}

std::optional<ContentRange> ParseContentRange(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) {
    return std::nullopt;
  }
  const auto begin = ParseSize(text.substr(0, dash));
  const auto last = ParseSize(text.substr(dash + 1, slash - dash - 1));
  if (!begin || !last || *last < *begin) return std::nullopt;
  ContentRange range;
  range.begin = *begin;
  if (text.substr(slash + 1) == "*") return range;
  range.size = ParseSize(text.substr(slash + 1));
  if (!range.size || *range.size <= *last) return std::nullopt;
  return range;
}

std::optional<std::chrono::seconds> ParseRetryAfter(std::string_view text,
                                                    std::chrono::system_clock::time_point now) {
  if (const auto seconds = ParseSize(text)) {
    constexpr uint64_t kLongest = 1u << 30;
    return std::chrono::seconds(std::min(*seconds, kLongest));
  }
  struct tm date = {};
  const std::string copy(text);
  const char* const end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (end == nullptr || *end != '\0') return std::nullopt;
  // In seconds: the clock's own unit does not hold every year.
  const std::chrono::seconds then(::timegm(&date));
  const auto since = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  return std::max(std::chrono::seconds(0), then - since);
}

}  // namespace bge::hub
