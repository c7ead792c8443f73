// What each file adds to the module.
#ifndef BGE_PYTHON_BINDINGS_BINDINGS_H_
#define BGE_PYTHON_BINDINGS_BINDINGS_H_

#include <nanobind/nanobind.h>

namespace bge::python {

void AddTokenizer(nanobind::module_& m);
void AddEmbedder(nanobind::module_& m);
void AddReranker(nanobind::module_& m);
void AddScores(nanobind::module_& m);
void AddIndex(nanobind::module_& m);
void AddTools(nanobind::module_& m);

}  // namespace bge::python

#endif  // BGE_PYTHON_BINDINGS_BINDINGS_H_
