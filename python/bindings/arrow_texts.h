// Strings of Arrow arrays, through Arrow's C data interface.
//
// https://arrow.apache.org/docs/format/CDataInterface.html: its structures are declared here, as it
// asks, and no Arrow library is linked.
#ifndef BGE_PYTHON_BINDINGS_ARROW_TEXTS_H_
#define BGE_PYTHON_BINDINGS_ARROW_TEXTS_H_

#include <nanobind/nanobind.h>

#include <string_view>
#include <vector>

namespace bge::python {

/// Whether the object exports Arrow data.
bool IsArrow(nanobind::handle object);

/// Appends views of all strings of an array or stream of type string, large_string or string_view;
/// returns what they live in. ValueError for nulls (naming the first), TypeError for other types.
nanobind::object ViewArrowTexts(nanobind::handle object, std::vector<std::string_view>* views);

}  // namespace bge::python

#endif  // BGE_PYTHON_BINDINGS_ARROW_TEXTS_H_
