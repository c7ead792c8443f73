#include "bindings/text_list.h"

#include "bindings/arrow_texts.h"
#include "bindings/gil.h"

#include <nanobind/stl/string.h>

#include <string>

namespace nb = nanobind;

namespace bge::python {

namespace {

// Not by the attribute, which a metaclass may make anything of, and not by the type's fields, which
// the stable ABI does not show.
std::string TypeName(nb::handle object) {
  const nb::object name = nb::steal(PyType_GetName(Py_TYPE(object.ptr())));
  if (!name.is_valid()) throw nb::python_error();
  return nb::cast<std::string>(name);
}

// UTF-8 of a str with lone surrogates, each of them U+FFFD. A codec's lookup and error handlers may
// be Python code.
nb::object Repaired(nb::handle text) {
  const nb::object utf16 =
      ObjectFrom([&] { return PyUnicode_AsEncodedString(text.ptr(), "utf-16", "surrogatepass"); });
  const nb::object repaired =
      ObjectFrom([&] { return PyUnicode_FromEncodedObject(utf16.ptr(), "utf-16", "replace"); });
  return ObjectFrom([&] { return PyUnicode_AsUTF8String(repaired.ptr()); });
}

std::string_view BytesView(nb::handle bytes) {
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(bytes.ptr(), &data, &size) != 0) throw nb::python_error();
  return {data, static_cast<size_t>(size)};
}

// Whether a str's own data is its UTF-8.
bool IsAscii(nb::handle text) {
#if defined(Py_LIMITED_API)
  static PyObject* const name = PyUnicode_InternFromString("isascii");
  PyObject* const arguments[] = {text.ptr()};
  PyObject* const answer = PyObject_VectorcallMethod(name, arguments, 1, nullptr);
  if (answer == nullptr) throw nb::python_error();
  return nb::steal(answer).is(nb::handle(Py_True));
#else
  return PyUnicode_IS_ASCII(text.ptr()) != 0;
#endif
}

// Of a str of ASCII.
std::string_view OwnView(nb::handle text) {
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (data == nullptr) throw nb::python_error();
  return {data, static_cast<size_t>(size)};
}

// Of any other, as bytes of its own: PyUnicode_AsUTF8AndSize would leave them with the str, whose
// memory would stay more than doubled.
nb::object Utf8Of(nb::handle text) {
  PyObject* const bytes = PyUnicode_AsUTF8String(text.ptr());
  if (bytes != nullptr) return nb::steal(bytes);
  if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) throw nb::python_error();
  PyErr_Clear();
  return Repaired(text);
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
  PyObject* iterator = OrSleep([&] { return PyObject_GetIter(texts.ptr()); });
  if (iterator == nullptr) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw nb::python_error();
    PyErr_Clear();
    throw nb::type_error(
        (std::string("texts: expected a str or an iterable of str, found ") + TypeName(texts))
            .c_str());
  }
  const nb::object owned = nb::steal(iterator);
  keep_ = ObjectFrom([&] { return PySequence_Tuple(iterator); });
  const auto count = static_cast<size_t>(PyTuple_Size(keep_.ptr()));
  views_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    Add(PyTuple_GetItem(keep_.ptr(), static_cast<Py_ssize_t>(i)), i);
  }
}

void TextList::Add(nb::handle text, size_t place) {
  if (!PyUnicode_Check(text.ptr())) {
    throw nb::type_error(
        ("texts[" + std::to_string(place) + "]: expected a str, found " + TypeName(text)).c_str());
  }
  if (IsAscii(text)) {
    views_.push_back(OwnView(text));
    return;
  }
  bytes_.push_back(Utf8Of(text));
  views_.push_back(BytesView(bytes_.back()));
}

size_t TextList::bytes() const {
  size_t sum = 0;
  for (const std::string_view text : views_) sum += text.size();
  return sum;
}

}  // namespace bge::python
