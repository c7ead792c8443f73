#include "bindings/errors.h"

#include "bge/error.h"

#include <nanobind/nanobind.h>

#include <new>

namespace nb = nanobind;

namespace bge::python {

void RegisterErrors() {
  nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
    try {
      std::rethrow_exception(pointer);
    } catch (const Error& e) {
      const std::string_view code = ErrorCodeName(e.code());
      const nb::object error =
          nb::module_::import_("bgecpp.errors")
              .attr("make")(nb::str(code.data(), code.size()), nb::str(e.what()));
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
    }
  });
}

void Warn(const std::vector<std::string>& messages) {
  for (const std::string& message : messages) {
    if (PyErr_WarnEx(PyExc_UserWarning, message.c_str(), 1) != 0) throw nb::python_error();
  }
}

}  // namespace bge::python
