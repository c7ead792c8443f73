#include "bindings/gil.h"

namespace nb = nanobind;

namespace bge::python {

nb::object Attribute(nb::handle object, const char* name) {
  return ObjectFrom([&] { return PyObject_GetAttrString(object.ptr(), name); });
}

bool HasAttribute(nb::handle object, const char* name) {
  return OrSleep([&] { return PyObject_HasAttrString(object.ptr(), name); }) != 0;
}

nb::object CallMethod(nb::handle object, const char* name) {
  const nb::object method = Attribute(object, name);
  return ObjectFrom([&] { return PyObject_CallNoArgs(method.ptr()); });
}

WithoutGil::~WithoutGil() {
  OrSleep([this] { PyEval_RestoreThread(state_); });
}

WithGil::WithGil() : state_(OrSleep([] { return PyGILState_Ensure(); })) {}

}  // namespace bge::python
