// One file of the hub on its way into the cache: blobs/ETAG, once its content has the hash that
// ETAG is, and blobs/ETAG.incomplete until then.
#ifndef BGE_HUB_BLOB_H_
#define BGE_HUB_BLOB_H_

#include "hub/hub_answers.h"
#include "hub/hub_client.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

namespace bge::hub {

/// Where a file is from, and where it goes.
struct BlobRequest {
  std::string repo;
  std::string commit;
  std::string file;
  std::filesystem::path folder;  ///< .../models--ORG--NAME
};

struct BlobOptions {
  std::stop_token stop;
  /// Bytes that are there of the file, of so many (0: not known).
  std::function<void(uint64_t done, uint64_t size)> progress;
  std::function<void(std::string_view)> note;
};

/// Fetches the content unless the blob is there, and returns the bytes that came over the network.
/// What an earlier call or process has left in blobs/ETAG.incomplete is not fetched again. After an
/// error what has come stays there, unless it is wrong. Errors as of HubClient, and
/// Error(kCorruptData) where the content has another hash or length than the hub said, kIo.
uint64_t FetchBlob(HubClient* client, const BlobRequest& request, const FileMetadata& metadata,
                   const BlobOptions& options);

/// The hash of a whole file in the form that `etag` has: SHA-256, or the SHA-1 of a git blob.
std::string HashOfFile(const std::filesystem::path& path, const std::string& etag,
                       const std::stop_token& stop);

}  // namespace bge::hub

#endif  // BGE_HUB_BLOB_H_
