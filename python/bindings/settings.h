// Settings as Python callers name them.
#ifndef BGE_PYTHON_BINDINGS_SETTINGS_H_
#define BGE_PYTHON_BINDINGS_SETTINGS_H_

#include "bge/model_directory.h"
#include "bge/tokenizer.h"
#include "bge/types.h"

#include <nanobind/nanobind.h>

#include <optional>
#include <string>

namespace bge::python {

// Each raises ValueError for other names, with those that there are.
Role RoleNamed(const std::optional<std::string>& name);
std::optional<Pooling> PoolingNamed(const std::optional<std::string>& name);
ComputeChoice ComputeNamed(const std::string& name);
/// What ComputeNamed takes.
std::string NameOf(ComputeChoice choice);

/// None, "f16" or "bf16".
WeightRounding RoundingNamed(const std::optional<std::string>& name);
/// What RoundingNamed takes.
std::optional<std::string> NameOf(WeightRounding rounding);

/// The model, or where huggingface_hub has put it: where a download is allowed that this build of
/// the library cannot do, and the model is not in the cache. Raises what bgecpp._hub raises.
std::string Located(const std::string& model, const ModelSource& source);

/// A Python Tokenizer that is part of a model: keep that alive.
nanobind::object TokenizerReference(const Tokenizer& tokenizer);

}  // namespace bge::python

#endif  // BGE_PYTHON_BINDINGS_SETTINGS_H_
