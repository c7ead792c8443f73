// bgecpp._core: the public C++ classes as they are. What Python users call is in bgecpp/, above it.
#include "bge/version.h"

#include "bindings/bindings.h"
#include "bindings/errors.h"

#include <nanobind/stl/string.h>

#include <string>

namespace nb = nanobind;

NB_MODULE(_core, m) {
  m.doc() = "The classes of bge.cpp.";
  m.attr("__version__") = std::string(bge::Version());
  // Objects of users' modules may outlive this one at the end of a process: that is no leak.
  nb::set_leak_warnings(false);
  bge::python::RegisterErrors();
  bge::python::AddTokenizer(m);
  bge::python::AddEmbedder(m);
  bge::python::AddReranker(m);
  bge::python::AddScores(m);
  bge::python::AddIndex(m);
  bge::python::AddTools(m);
}
