#include "bindings/text_list.h"

#include "bindings/arrow_texts.h"
#include "bindings/gil.h"

#include <nanobind/stl/string.h>

#include <string>

namespace nb = nanobind;

namespace bge::python {

namespace {

std::string TypeName(nb::handle object) { return Py_TYPE(object.ptr())->tp_name; }

// UTF-8 of a str with lone surrogates, each of them U+FFFD.
nb::object Repaired(nb::handle text) {
  return text.attr("encode")("utf-16", "surrogatepass")
      .attr("decode")("utf-16", "replace")
      .attr("encode")("utf-8");
}

std::string_view BytesView(nb::handle bytes) {
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(bytes.ptr(), &data, &size) != 0) throw nb::python_error();
  return {data, static_cast<size_t>(size)};
}

// A view of the str's own UTF-8, which Python keeps with it; false for a str that has none.
bool OwnView(nb::handle text, std::string_view* view) {
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (data == nullptr) {
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) throw nb::python_error();
    PyErr_Clear();
    return false;
  }
  *view = {data, static_cast<size_t>(size)};
  return true;
}

}  // namespace

TextList::TextList(nb::handle texts) {
  if (PyUnicode_Check(texts.ptr())) {
    single_ = true;
    keep_ = nb::borrow(texts);
    Add(texts, 0);
    return;
  }
  if (IsArrow(texts)) {
    try {
      keep_ = ViewArrowTexts(texts, &views_);
      return;
    } catch (nb::python_error& error) {
      // pandas exports through pyarrow: without that its strs are taken one by one.
      if (!error.matches(PyExc_ImportError)) throw;
    }
  }
  if (PyBytes_Check(texts.ptr())) {
    throw nb::type_error("texts: expected a str or an iterable of str, found bytes");
  }
  // A tuple of its own: nothing that other threads do to a list takes its strs away.
  PyObject* iterator = PyObject_GetIter(texts.ptr());
  if (iterator == nullptr) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw nb::python_error();
    PyErr_Clear();
    throw nb::type_error(
        (std::string("texts: expected a str or an iterable of str, found ") + TypeName(texts))
            .c_str());
  }
  const nb::object owned = nb::steal(iterator);
  PyObject* tuple = OrSleep([&] { return PySequence_Tuple(iterator); });
  if (tuple == nullptr) throw nb::python_error();  // what the iterator raised
  keep_ = nb::steal(tuple);
  const auto count = static_cast<size_t>(PyTuple_Size(tuple));
  views_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    Add(PyTuple_GetItem(tuple, static_cast<Py_ssize_t>(i)), i);
  }
}

void TextList::Add(nb::handle text, size_t place) {
  if (!PyUnicode_Check(text.ptr())) {
    throw nb::type_error(
        ("texts[" + std::to_string(place) + "]: expected a str, found " + TypeName(text)).c_str());
  }
  std::string_view view;
  if (!OwnView(text, &view)) {
    bytes_.push_back(Repaired(text));
    view = BytesView(bytes_.back());
  }
  views_.push_back(view);
}

size_t TextList::bytes() const {
  size_t sum = 0;
  for (const std::string_view text : views_) sum += text.size();
  return sum;
}

}  // namespace bge::python
