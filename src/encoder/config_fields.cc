#include "encoder/config_fields.h"

#include "base/error.h"
#include "kernels/activation_names.h"
#include "kernels/operand.h"

#include <algorithm>

namespace bge {

std::string ReadArchitecture(json::Value config) {
  if (const auto architectures = config.FindNonNull("architectures");
      architectures && architectures->is_array() && architectures->size() > 0) {
    return std::string(architectures->Elements()[0].AsString());
  }
  return std::string(config.At("model_type").AsString());
}

Activation ReadActivation(json::Value value) {
  const std::string_view name = value.AsString();
  if (const auto activation = ActivationNamed(name)) return *activation;
  Fail(ErrorCode::kUnsupported, "unknown activation \"" + Printable(name, 60) + "\"", value.Where(),
       "supported: " + std::string(kActivationNames));
}

float ReadEpsilon(json::Value config, std::string_view key, float absent) {
  const auto value = config.FindNonNull(key);
  if (!value) return absent;
  const double epsilon = value->AsDouble();
  if (!(epsilon >= 0 && epsilon < 1)) {
    value->Fail(std::string(key) + " out of range: expected 0 to 1", "repair the file");
  }
  return static_cast<float>(epsilon);
}

void RequireFalse(json::Value config, std::string_view key, std::string_view meaning) {
  const auto value = config.FindNonNull(key);
  if (value && value->AsBool()) {
    Fail(ErrorCode::kUnsupported, std::string(meaning),
         value->Where() + ": found true, expected false", "use an encoder model");
  }
}

void CheckHeads(json::Value config, int64_t hidden_size, int64_t num_heads) {
  if (hidden_size % num_heads == 0) return;
  config.Fail("hidden size " + std::to_string(hidden_size) + " is not a multiple of " +
                  std::to_string(num_heads) + " attention heads",
              "repair the file or download it again");
}

void CheckInt8Width(int64_t hidden_size, int64_t intermediate_size) {
  const int64_t longest = std::max(hidden_size, intermediate_size);
  if (longest <= kMaxInt8Columns) return;
  Fail(ErrorCode::kUnsupported, "the model is too wide for int8",
       "config.json: hidden_size or intermediate_size: found " + std::to_string(longest) +
           ", expected at most " + std::to_string(kMaxInt8Columns),
       "compute it in float32 (--dtype f32)");
}

}  // namespace bge
