#include "apps/version_text.h"

#include "bge/version.h"

#include "apps/arguments.h"
#include "base/error.h"
#include "bench/machine.h"

#include <fmt/format.h>
#include <hwy/highway.h>
#include <oniguruma.h>
#include <openssl/crypto.h>
#include <simdjson.h>

namespace bge::cli {

std::string VersionText() {
  const Machine machine = DescribeMachine();
  std::string text = fmt::format("bge {}\n", Version());
  text += fmt::format("cpu        {}, {} CPUs; kernels: {}\n", Printable(machine.cpu), machine.cpus,
                      machine.kernel_target);
  text += fmt::format("extensions {}\n", fmt::join(machine.instruction_sets, " "));
  text += fmt::format(
      "libraries  Highway {}.{}.{}, simdjson {}.{}.{}, {{fmt}} {}.{}.{}, Oniguruma {}, OpenSSL {}, "
      "CLI11 {}\n",
      HWY_MAJOR, HWY_MINOR, HWY_PATCH, simdjson::SIMDJSON_VERSION_MAJOR,
      simdjson::SIMDJSON_VERSION_MINOR, simdjson::SIMDJSON_VERSION_REVISION, FMT_VERSION / 10000,
      FMT_VERSION / 100 % 100, FMT_VERSION % 100, onig_version(),
      OpenSSL_version(OPENSSL_VERSION_STRING), CLI11_VERSION);
#if defined(__clang__)
  text += fmt::format("compiler   clang {}.{}.{}\n", __clang_major__, __clang_minor__,
                      __clang_patchlevel__);
#else
  text += fmt::format("compiler   GCC {}.{}.{}\n", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
  return text;
}

}  // namespace bge::cli
