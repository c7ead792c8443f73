// Functions beside the classes.
#include "bge/embedder.h"
#include "bge/identity.h"
#include "bge/model_directory.h"
#include "bge/quantize.h"

#include "bindings/bindings.h"
#include "bindings/interruptible.h"
#include "bindings/settings.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <string>

namespace nb = nanobind;
using namespace nb::literals;

namespace bge::python {

namespace {

nb::dict QuantizeModel(const std::string& model, const std::string& out, const std::string& dtype) {
  std::stop_source stop;
  QuantizeOptions options;
  options.stop = stop.get_token();
  if (dtype == "int8") {
    options.type = WeightType::kInt8;
  } else if (dtype == "bf16" || dtype == "bfloat16") {
    options.type = WeightType::kBFloat16;
  } else if (dtype == "f16" || dtype == "float16") {
    options.type = WeightType::kFloat16;
  } else if (dtype == "f32" || dtype == "float32") {
    options.type = WeightType::kFloat32;
  } else {
    throw nb::value_error(
        ("dtype: expected int8, bf16, f16 or f32, found '" + dtype + "'").c_str());
  }
  QuantizeStats stats;
  RunInterruptibly(kLongWork, &stop, [&] { stats = Quantize(model, out, options); });
  nb::dict result;
  result["matrices"] = stats.matrices;
  result["files"] = stats.files;
  result["bytes_before"] = stats.bytes_before;
  result["bytes_after"] = stats.bytes_after;
  return result;
}

std::string DirectoryOf(const std::string& model, bool download,
                        const std::optional<std::string>& cache_dir,
                        const std::optional<std::string>& token, bool complete) {
  std::stop_source stop;
  const ModelSource source = {.cache_dir = cache_dir.value_or(""),
                              .token = token,
                              .download = download,
                              .complete = complete,
                              .stop = stop.get_token()};
  const std::string located = Located(model, source);
  std::string directory;
  RunInterruptibly(download ? kLongWork : 0, &stop,
                   [&] { directory = ModelDirectory(located, source); });
  return directory;
}

}  // namespace

void AddTools(nb::module_& m) {
  m.def("quantize", &QuantizeModel, "model"_a, "out"_a, "dtype"_a = "int8",
        "Writes `out`: the model's directory with its matrices as int8, bf16, f16 or f32.");
  m.def("model_directory", &DirectoryOf, "model"_a, nb::kw_only(), "download"_a = false,
        "cache_dir"_a = nb::none(), "token"_a = nb::none(), "complete"_a = false,
        "The directory of a model: itself, or a name's in the Hugging Face cache, or in cache_dir, "
        "a folder like it, into which it is downloaded if that is allowed. token: for the hub, "
        "instead of the environment's; an empty one is none. complete: of a model that is there "
        "but lacks files they are downloaded too.");
  m.def("can_download", &CanDownload,
        "Whether the library was built with libcurl, and downloads models itself.");
}

}  // namespace bge::python
