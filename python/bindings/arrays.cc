#include "bindings/arrays.h"

#include <string>
#include <type_traits>
#include <utility>

namespace nb = nanobind;

namespace bge::python {

namespace {

template <typename T>
void AppendInt32s(const AnyArray& array, const char* name, std::vector<int32_t>* values) {
  const auto* value = static_cast<const T*>(array.data());
  for (size_t i = 0; i < array.shape(0); ++i, value += array.stride(0)) {
    if (!std::in_range<int32_t>(*value)) {
      throw nb::value_error((std::string(name) + "[" + std::to_string(i) + "]: found " +
                             std::to_string(*value) + ", expected a value of int32")
                                .c_str());
    }
    values->push_back(static_cast<int32_t>(*value));
  }
}

}  // namespace

std::vector<int32_t> Int32sOf(const AnyArray& array, const char* name) {
  std::vector<int32_t> values;
  const auto append_if = [&]<typename T>(std::type_identity<T>) {
    if (array.dtype() != nb::dtype<T>()) return false;
    values.reserve(array.shape(0));
    AppendInt32s<T>(array, name, &values);
    return true;
  };
  const bool known =
      array.ndim() == 1 &&
      (append_if(std::type_identity<int32_t>()) || append_if(std::type_identity<int64_t>()) ||
       append_if(std::type_identity<uint32_t>()) || append_if(std::type_identity<uint64_t>()) ||
       append_if(std::type_identity<int16_t>()) || append_if(std::type_identity<uint16_t>()) ||
       append_if(std::type_identity<int8_t>()) || append_if(std::type_identity<uint8_t>()));
  if (!known) {
    throw nb::type_error((std::string(name) +
                          ": expected an array (N,) of integers, found one of " +
                          std::to_string(array.ndim()) + " dimensions" +
                          (array.ndim() == 1 ? " of another dtype" : ""))
                             .c_str());
  }
  return values;
}

}  // namespace bge::python
