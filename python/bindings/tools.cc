// Functions beside the classes.
#include "bge/embedder.h"
#include "bge/identity.h"
#include "bge/quantize.h"

#include "bindings/bindings.h"
#include "bindings/interruptible.h"

#include <nanobind/stl/string.h>

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
  } else {
    throw nb::value_error(("dtype: expected int8, bf16 or f16, found '" + dtype + "'").c_str());
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

}  // namespace

void AddTools(nb::module_& m) {
  m.def("quantize", &QuantizeModel, "model"_a, "out"_a, "dtype"_a = "int8",
        "Writes `out`: the model's directory with its matrices as int8, bf16 or f16.");
}

}  // namespace bge::python
