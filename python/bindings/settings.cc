#include "bindings/settings.h"

#include "bge/embedder.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

namespace nb = nanobind;

namespace bge::python {

namespace {

[[noreturn]] void RefuseName(const char* setting, const std::string& found, const char* expected) {
  throw nb::value_error(
      (std::string(setting) + ": expected " + expected + ", found '" + found + "'").c_str());
}

}  // namespace

Role RoleNamed(const std::optional<std::string>& name) {
  if (!name) return Role::kNone;
  if (*name == "query") return Role::kQuery;
  if (*name == "document") return Role::kDocument;
  RefuseName("role", *name, "None, 'query' or 'document'");
}

std::optional<Pooling> PoolingNamed(const std::optional<std::string>& name) {
  if (!name) return std::nullopt;
  if (const auto pooling = ParsePooling(*name)) return pooling;
  RefuseName("pooling", *name, "cls, max, mean, mean_sqrt_len_tokens, weightedmean or lasttoken");
}

ComputeChoice ComputeNamed(const std::string& name) {
  if (name == "default") return ComputeChoice::kDefault;
  if (const auto choice = ParseComputeChoice(name)) return *choice;
  RefuseName("dtype", name, "default, auto, f32, bf16 or int8");
}

WeightRounding RoundingNamed(const std::optional<std::string>& name) {
  if (!name) return WeightRounding::kNone;
  if (*name == "f16") return WeightRounding::kFloat16;
  if (*name == "bf16") return WeightRounding::kBFloat16;
  RefuseName("round_weights", *name, "None, f16 or bf16");
}

std::optional<std::string> NameOf(WeightRounding rounding) {
  if (rounding == WeightRounding::kNone) return std::nullopt;
  return rounding == WeightRounding::kFloat16 ? "f16" : "bf16";
}

std::string NameOf(ComputeChoice choice) {
  switch (choice) {
    case ComputeChoice::kDefault:
      return "default";
    case ComputeChoice::kAuto:
      return "auto";
    case ComputeChoice::kFloat32:
      return "float32";
    case ComputeChoice::kBFloat16:
      return "bfloat16";
    case ComputeChoice::kInt8:
      return "int8";
  }
  return "default";
}

std::string Located(const std::string& model, const ModelSource& source) {
  if (!source.download || CanDownload()) return model;
  const nb::object cache = source.cache_dir.empty() ? nb::none() : nb::cast(source.cache_dir);
  return nb::cast<std::string>(
      nb::module_::import_("bgecpp._hub").attr("located")(model, cache, source.token));
}

}  // namespace bge::python
