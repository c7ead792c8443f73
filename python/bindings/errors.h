// Errors of the library as Python exceptions.
#ifndef BGE_PYTHON_BINDINGS_ERRORS_H_
#define BGE_PYTHON_BINDINGS_ERRORS_H_

#include <string>
#include <vector>

namespace bge::python {

/// Makes bge::Error into the classes of bgecpp/errors.py, for all of the module.
void RegisterErrors();

/// Gives each to Python's warnings module, which by default shows a text once. With the GIL.
void Warn(const std::vector<std::string>& messages);

}  // namespace bge::python

#endif  // BGE_PYTHON_BINDINGS_ERRORS_H_
