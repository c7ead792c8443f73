// The pickle of a file that torch.save wrote: which tensors it holds. Nothing in it is executed.
//
// A pickle is a program for a stack machine that may call anything. Here it may build dicts, lists,
// tuples, strings and numbers, and call the few functions by which torch describes tensors; any
// other name is an error. Opcodes: CPython's Lib/pickletools.py; the descriptions: torch/_utils.py,
// _rebuild_tensor_v2.
#ifndef BGE_WEIGHTS_TORCH_PICKLE_H_
#define BGE_WEIGHTS_TORCH_PICKLE_H_

#include "weights/stored_dtype.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bge {

/// A tensor as the pickle describes it. Nothing is checked against the storage yet.
struct PickledTensor {
  std::string name;     ///< its key in the dict
  std::string storage;  ///< key of the storage
  const StoredDType* dtype = nullptr;
  uint64_t storage_offset = 0;  ///< elements
  std::vector<int64_t> dims;    ///< not negative
  std::vector<int64_t> strides;
};

/// The tensors of the dict that `pickle` builds, values of other kinds left out. `where` names the
/// file. Error(kUnsupported) for a name that is not torch's, for other pickles than dicts and for
/// opcodes that they do not need; kCorruptData for bytes that are no pickle.
std::vector<PickledTensor> ReadTorchPickle(std::span<const std::byte> pickle,
                                           const std::string& where);

}  // namespace bge

#endif  // BGE_WEIGHTS_TORCH_PICKLE_H_
