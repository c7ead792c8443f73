#include "kernels/activation_names.h"

#include <array>
#include <utility>

namespace bge {

namespace {

// quick_gelu and others are absent because no published encoder of our families uses them.
constexpr std::array<std::pair<std::string_view, Activation>, 9> kActivations = {{
    {"gelu", Activation::kGeluErf},
    {"gelu_python", Activation::kGeluErf},
    {"gelu_new", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"relu", Activation::kRelu},
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
    {"tanh", Activation::kTanh},
    {"linear", Activation::kIdentity},
}};

}  // namespace

std::optional<Activation> ActivationNamed(std::string_view name) {
  for (const auto& [known, activation] : kActivations) {
    if (name == known) return activation;
  }
  return std::nullopt;
}

}  // namespace bge
