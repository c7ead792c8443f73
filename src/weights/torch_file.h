// Weights as torch.save writes them: pytorch_model.bin, colbert_linear.pt.
#ifndef BGE_WEIGHTS_TORCH_FILE_H_
#define BGE_WEIGHTS_TORCH_FILE_H_

#include "weights/weight_source.h"

#include <filesystem>
#include <memory>

namespace bge {

/// The tensors of a state_dict that torch.save wrote to one ZIP file (torch 1.6 and later), mapped.
/// Its pickle is read by torch_pickle.h and cannot execute anything. Error(kUnsupported) for older
/// files, saying how to convert them, and for tensors that are not contiguous; kCorruptData.
std::shared_ptr<const WeightSource> OpenTorchFile(const std::filesystem::path& path);

}  // namespace bge

#endif  // BGE_WEIGHTS_TORCH_FILE_H_
