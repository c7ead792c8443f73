// Texts as Python callers give them.
#ifndef BGE_PYTHON_BINDINGS_TEXT_LIST_H_
#define BGE_PYTHON_BINDINGS_TEXT_LIST_H_

#include <nanobind/nanobind.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge::python {

/// The UTF-8 of a str, a list, tuple or other iterable of str, or an Arrow array or stream of
/// strings (pyarrow, polars: anything with __arrow_c_stream__ or __arrow_c_array__), without copies
/// where Python or Arrow has it. A lone surrogate becomes U+FFFD; a null of Arrow is an error, as
/// is what is no str: TypeError names its place. Holds what it views: those views stay valid
/// without the GIL while this object lives, which ends with the GIL.
class TextList {
 public:
  explicit TextList(nanobind::handle texts);

  std::span<const std::string_view> views() const { return views_; }
  size_t size() const { return views_.size(); }
  /// One str was given: the caller wants one result, without a list around it.
  bool single() const { return single_; }
  /// Of all texts together.
  size_t bytes() const;

 private:
  void Add(nanobind::handle text, size_t place);

  nanobind::object keep_;                // a tuple of the strs, or Arrow's capsules
  std::vector<nanobind::object> bytes_;  // UTF-8 made of strs that are not ASCII
  std::vector<std::string_view> views_;
  bool single_ = false;
};

}  // namespace bge::python

#endif  // BGE_PYTHON_BINDINGS_TEXT_LIST_H_
