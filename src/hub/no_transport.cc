// What a build without libcurl (-DBGE_HUB=OFF) has in place of curl_transport.cc.
#include "bge/model_directory.h"

#include "base/error.h"
#include "hub/http_transport.h"

namespace bge::hub {

std::unique_ptr<HttpTransport> MakeHttpTransport(const HttpTimeouts& /*timeouts*/,
                                                 const std::string& /*ca_file*/) {
  Fail(ErrorCode::kUnsupported, "this build of bge downloads nothing",
       "it was configured without libcurl (BGE_HUB=OFF)",
       "get the model with `hf download`, or build with libcurl's headers installed");
}

}  // namespace bge::hub

namespace bge {

bool CanDownload() { return false; }

}  // namespace bge
