// Paths from Python.
#ifndef BGE_BINDINGS_PATHS_H_
#define BGE_BINDINGS_PATHS_H_

#include "bindings/gil.h"

#include <nanobind/nanobind.h>

#include <string>

namespace bge::python {

/// An argument that is a path: a str, bytes or an os.PathLike, as the system's bytes, which need
/// not be UTF-8.
struct PathArgument {
  std::string bytes;
};

}  // namespace bge::python

namespace nanobind::detail {

template <>
struct type_caster<bge::python::PathArgument> {
  NB_TYPE_CASTER(bge::python::PathArgument, const_name("str | os.PathLike"))

  bool from_python(handle source, uint8_t, cleanup_list*) noexcept {
    PyObject* bytes = nullptr;
    if (bge::python::OrSleep([&] { return PyUnicode_FSConverter(source.ptr(), &bytes); }) == 0) {
      PyErr_Clear();
      return false;
    }
    value.bytes.assign(PyBytes_AsString(bytes), static_cast<size_t>(PyBytes_Size(bytes)));
    Py_DECREF(bytes);
    return true;
  }
};

}  // namespace nanobind::detail

#endif  // BGE_BINDINGS_PATHS_H_
