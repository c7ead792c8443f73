#include "hub/http_transport.h"

namespace bge::hub {

std::optional<std::string_view> HttpHead::Find(std::string_view name) const {
  for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
    if (header->first == name) return header->second;
  }
  return std::nullopt;
}

}  // namespace bge::hub
