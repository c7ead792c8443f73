// What `bge --version` prints.
#ifndef BGE_APPS_VERSION_TEXT_H_
#define BGE_APPS_VERSION_TEXT_H_

#include <string>

namespace bge::cli {

/// "bge 0.1.0", then the CPU with the instructions that the kernels take, the libraries and
/// the compiler that it was built with: what a report of a fault should hold.
std::string VersionText();

}  // namespace bge::cli

#endif  // BGE_APPS_VERSION_TEXT_H_
