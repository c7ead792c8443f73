// The names that configuration files have for activations.
#ifndef BGE_KERNELS_ACTIVATION_NAMES_H_
#define BGE_KERNELS_ACTIVATION_NAMES_H_

#include "kernels/backend.h"

#include <optional>
#include <string_view>

namespace bge {

/// The function that a config.json of transformers means by "gelu" (activations.py there); nullopt
/// for names that this build does not have.
std::optional<Activation> ActivationNamed(std::string_view name);

/// Those that it has, for messages.
inline constexpr std::string_view kActivationNames =
    "gelu, gelu_new, gelu_pytorch_tanh, relu, silu, tanh, linear";

}  // namespace bge

#endif  // BGE_KERNELS_ACTIVATION_NAMES_H_
