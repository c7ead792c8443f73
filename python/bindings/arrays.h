// Numbers as NumPy arrays, without copies.
#ifndef BGE_PYTHON_BINDINGS_ARRAYS_H_
#define BGE_PYTHON_BINDINGS_ARRAYS_H_

#include "bge/token_sequences.h"

#include "bindings/gil.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace bge::python {

/// The first array loads NumPy: Python code, which nanobind runs where nothing may unwind.
inline void LoadNumPy() {
  static bool loaded = false;  // guarded by the GIL
  if (!loaded) OrSleep([] { nanobind::module_::import_("numpy"); });
  loaded = true;
}

/// An array that owns `data`, of this shape, row-major. Loads NumPy.
template <typename T>
nanobind::object NewArray(std::unique_ptr<T[]> data, std::initializer_list<size_t> shape) {
  T* const pointer = data.release();
  const nanobind::capsule owner(pointer, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  LoadNumPy();
  return nanobind::cast(nanobind::ndarray<nanobind::numpy, T>(pointer, shape, owner));
}

/// The same of a vector.
template <typename T>
nanobind::object NewArray(std::vector<T> values, std::initializer_list<size_t> shape) {
  auto* const owned = new std::vector<T>(std::move(values));
  const nanobind::capsule owner(owned,
                                [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  // NumPy takes no null pointer.
  static T nothing[1] = {};
  T* const data = owned->empty() ? nothing : owned->data();
  LoadNumPy();
  return nanobind::cast(nanobind::ndarray<nanobind::numpy, T>(data, shape, owner));
}

/// A C-contiguous array in this process' memory, of any shape of D dimensions; others are copied
/// into one.
template <typename T, int D>
using ArrayIn =
    nanobind::ndarray<const T, nanobind::ndim<D>, nanobind::c_contig, nanobind::device::cpu>;

/// An array of any dtype and shape, as the caller has it.
using AnyArray = nanobind::ndarray<nanobind::ro, nanobind::device::cpu>;

/// The values of a one-dimensional array of integers of any width. TypeError for others, ValueError
/// for values that int32 has not: `name` says whose they are. Nothing is rounded or wraps around.
std::vector<int32_t> Int32sOf(const AnyArray& array, const char* name);

/// Copies of the caller's arrays: what has been checked of them must stay so, whatever other
/// threads do to theirs meanwhile.
class OwnSequences {
 public:
  OwnSequences(const AnyArray& ids, const std::optional<AnyArray>& type_ids,
               const AnyArray& cu_seqlens)
      : ids_(Int32sOf(ids, "ids")), cu_seqlens_(Int32sOf(cu_seqlens, "cu_seqlens")) {
    if (type_ids) type_ids_ = Int32sOf(*type_ids, "type_ids");
  }

  /// Valid as long as this object.
  TokenSequences get() const {
    TokenSequences sequences = {.ids = ids_, .cu_seqlens = cu_seqlens_};
    if (type_ids_) sequences.type_ids = *type_ids_;
    return sequences;
  }

 private:
  std::vector<int32_t> ids_;
  std::optional<std::vector<int32_t>> type_ids_;
  std::vector<int32_t> cu_seqlens_;
};

}  // namespace bge::python

#endif  // BGE_PYTHON_BINDINGS_ARRAYS_H_
