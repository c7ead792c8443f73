#include "bindings/errors.h"

#include "bge/error.h"

#include <nanobind/nanobind.h>

#include <new>

namespace nb = nanobind;

namespace bge::python {

namespace {

void Raise(const Error& e, nb::handle make) {
  try {
    const std::string_view code = ErrorCodeName(e.code());
    const nb::object error = make(nb::str(code.data(), code.size()), nb::str(e.what()));
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  } catch (nb::python_error& other) {
    other.restore();  // KeyboardInterrupt, whose signal came in between
  }
}

}  // namespace

void RegisterErrors() {
  // Now, as an import needs file descriptors, which may be what an error is about.
  const nb::object make = nb::module_::import_("bgecpp.errors").attr("make");
  nb::register_exception_translator(
      [](const std::exception_ptr& pointer, void* payload) {
        try {
          std::rethrow_exception(pointer);
        } catch (const Error& e) {
          Raise(e, static_cast<PyObject*>(payload));
        }
      },
      make.inc_ref().ptr());  // for as long as the process lives
}

void Warn(const std::vector<std::string>& messages) {
  for (const std::string& message : messages) {
    if (PyErr_WarnEx(PyExc_UserWarning, message.c_str(), 1) != 0) throw nb::python_error();
  }
}

}  // namespace bge::python
