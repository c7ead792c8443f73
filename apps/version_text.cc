#include "apps/version_text.h"

#include "bge/version.h"

#include "base/error.h"
#include "bench/machine.h"

#include <fmt/format.h>

namespace bge::cli {

std::string VersionText() {
  const Machine machine = DescribeMachine();
  std::string text = fmt::format("bge {}\n", Version());
  text += fmt::format("cpu        {}, {} CPUs; kernels: {}\n", Printable(machine.cpu), machine.cpus,
                      machine.kernel_target);
  text += fmt::format("extensions {}\n", fmt::join(machine.instruction_sets, " "));
  text += "libraries  " BGE_LIBRARIES "\n";
#if defined(__clang__)
  text += fmt::format("compiler   clang {}.{}.{}\n", __clang_major__, __clang_minor__,
                      __clang_patchlevel__);
#else
  text += fmt::format("compiler   GCC {}.{}.{}\n", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
  return text;
}

}  // namespace bge::cli
