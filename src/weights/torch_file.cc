#include "weights/torch_file.h"

#include "base/error.h"
#include "base/file.h"
#include "base/numeric.h"
#include "weights/mapped_tensors.h"
#include "weights/torch_pickle.h"
#include "weights/zip_archive.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace bge {

namespace {

// Thousands of tensors take a few hundred KB.
constexpr size_t kMostPickleBytes = 32 << 20;

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Python that writes an old file again, in the present form.
[[noreturn]] void FailOldFormat(const std::string& path, std::span<const std::byte> bytes) {
  if (Text(bytes).starts_with("version https://git-lfs")) {
    Fail(ErrorCode::kCorruptData, "weights are absent",
         path + ": found a Git LFS pointer, expected a file of torch.save",
         "run `git lfs pull`, or download the file itself");
  }
  Fail(ErrorCode::kUnsupported, "not a ZIP file of torch.save",
       path + ": it is damaged, or from before torch 1.6",
       fmt::format("if torch can read it, convert it with `python3 -c \"import torch; p = '{0}'; "
                   "torch.save(torch.load(p, weights_only=True), p)\"`",
                   path));
}

// Whether dims and strides are those of a dense row-major tensor.
bool IsContiguous(const PickledTensor& tensor) {
  int64_t expected = 1;
  for (size_t i = tensor.dims.size(); i-- > 0;) {
    const int64_t dim = tensor.dims[i];
    if (dim == 0) return true;
    if (dim != 1 && tensor.strides[i] != expected) return false;
    if (__builtin_mul_overflow(expected, dim, &expected)) return false;
  }
  return true;
}

MappedTensor Locate(PickledTensor tensor, const ZipArchive& archive, const std::string& root,
                    const std::string& path) {
  const std::string where = path + ": tensor " + Printable(tensor.name, 80);
  const auto storage = archive.Find(root + "data/" + tensor.storage);
  if (!storage) {
    Fail(ErrorCode::kCorruptData, "a tensor's storage is absent",
         where + ": expected the member " + Printable(root + "data/" + tensor.storage, 80),
         "download the file again");
  }
  const auto size = TensorBytes(tensor.dims, *tensor.dtype);
  const auto begin = CheckedMul(tensor.storage_offset, tensor.dtype->bits / 8);
  const auto end = size && begin ? CheckedAdd(*begin, *size) : std::nullopt;
  if (!end || *end > storage->size()) {
    Fail(ErrorCode::kCorruptData, "a tensor does not fit its storage",
         fmt::format("{}: found {} bytes of storage, expected enough for {} {} from element {} on",
                     where, storage->size(), tensor.dtype->name, DimsToString(tensor.dims),
                     tensor.storage_offset),
         "download the file again");
  }
  if (!IsContiguous(tensor)) {
    Fail(ErrorCode::kUnsupported, "a tensor that is not contiguous",
         fmt::format("{}: found {} with strides {}", where, DimsToString(tensor.dims),
                     DimsToString(tensor.strides)),
         "save it with .contiguous(), or as safetensors");
  }
  return {std::move(tensor.name), tensor.dtype, std::move(tensor.dims),
          storage->subspan(*begin, *size)};
}

}  // namespace

std::shared_ptr<const WeightSource> OpenTorchFile(const std::filesystem::path& file_path) {
  auto file = MappedFile::Open(file_path);
  const std::string path = file_path.string();
  if (!ZipArchive::LooksLikeOne(file->bytes())) FailOldFormat(path, file->bytes());
  const ZipArchive archive(file->bytes(), path);
  constexpr std::string_view kPickle = "data.pkl";
  const auto pickle_name = archive.FindEnding(kPickle);
  if (!pickle_name) {
    Fail(ErrorCode::kUnsupported, "not a file of torch.save",
         path + ": expected one member that ends in data.pkl", "give a model's weights");
  }
  const std::string root(pickle_name->substr(0, pickle_name->size() - kPickle.size()));
  if (const auto order = archive.Find(root + "byteorder"); order && Text(*order) != "little") {
    Fail(ErrorCode::kUnsupported, "numbers in another byte order",
         path + ": byteorder: found " + Printable(Text(*order), 20) + ", expected little",
         "save the weights on a little-endian machine, or as safetensors");
  }
  const auto pickle = *archive.Find(*pickle_name);
  if (pickle.size() > kMostPickleBytes) {
    Fail(ErrorCode::kCorruptData, "the pickle is too long",
         fmt::format("{}: data.pkl: found {} bytes, expected at most {}", path, pickle.size(),
                     kMostPickleBytes),
         "download the file again");
  }
  std::vector<MappedTensor> tensors;
  for (PickledTensor& tensor : ReadTorchPickle(pickle, path + ": data.pkl")) {
    tensors.push_back(Locate(std::move(tensor), archive, root, path));
  }
  return MakeMappedTensors(std::move(file), std::move(tensors), {});
}

}  // namespace bge
