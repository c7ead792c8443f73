// What the hub's answers say: a repository's files, and a file's hash and size. Nothing in them is
// trusted.
#ifndef BGE_HUB_HUB_ANSWERS_H_
#define BGE_HUB_HUB_ANSWERS_H_

#include "hub/http_transport.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bge::hub {

/// A repository at one commit.
struct RepoListing {
  std::string commit;                     ///< 40 hexadecimal digits
  std::vector<std::string> files;         ///< safe names alone (IsSafeFileName), sorted, each once
  std::map<std::string, uint64_t> sizes;  ///< of the files whose bytes the answer says
};

/// The answer to GET /api/models/REPO/revision/REVISION?blobs=true. `where` is for messages. Files
/// whose names are not safe are left out. Error(kCorruptData).
RepoListing ParseRepoListing(std::string_view json, const std::string& where);

/// A relative path that leads nowhere else: parts of at most 255 bytes between single slashes, none
/// of them "." or "..", no backslash, no control character, at most 1,024 bytes.
bool IsSafeFileName(std::string_view name);

struct FileMetadata {
  std::string etag;  ///< 64 hexadecimal digits: the content's SHA-256; 40: its SHA-1 as a git blob
  std::optional<uint64_t> size;
};

/// The answers to HEAD /REPO/resolve/COMMIT/FILE: those that redirect, and the last one.
/// Error(kCorruptData) where the hash is not one that can be checked, or the commit is another.
FileMetadata ParseFileMetadata(const std::vector<HttpHead>& heads, const std::string& commit,
                               const std::string& where);

/// A header's number; nullopt where it is none.
std::optional<uint64_t> ParseSize(std::string_view text);

/// Where the bytes of a 206 begin, and how long the whole is, of "bytes 100-199/200".
struct ContentRange {
  uint64_t begin = 0;
  std::optional<uint64_t> size;  ///< nullopt: "*"
};
std::optional<ContentRange> ParseContentRange(std::string_view text);

/// What Retry-After asks for: seconds, or a date. nullopt where it is neither.
std::optional<std::chrono::seconds> ParseRetryAfter(std::string_view text,
                                                    std::chrono::system_clock::time_point now);

}  // namespace bge::hub

#endif  // BGE_HUB_HUB_ANSWERS_H_
