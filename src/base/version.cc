#include "bge/version.h"

namespace bge {

std::string_view Version() { return BGE_VERSION; }

}  // namespace bge
