// The version of the library.
#ifndef BGE_VERSION_H_
#define BGE_VERSION_H_

#include "bge/export.h"

#include <string_view>

namespace bge {

/// "0.1.0"
BGE_API std::string_view Version();

}  // namespace bge

#endif  // BGE_VERSION_H_
