// Where the tensors of a model come from, whatever the file format.
#ifndef BGE_WEIGHTS_WEIGHT_SOURCE_H_
#define BGE_WEIGHTS_WEIGHT_SOURCE_H_

#include "tensor/tensor_view.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// A tensor as its file describes it, whether or not anybody can read its numbers. The views live
/// as long as the source.
struct StoredTensor {
  std::string_view dtype;  ///< the format's name: "F32", "I64"
  std::span<const int64_t> dims;
  std::span<const std::byte> bytes;
};

/// Named tensors, mapped read-only. Names are those of the Hugging Face checkpoint. Immutable;
/// thread-safe; the views live as long as the source.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  /// nullopt where the name is absent. A tensor of a dtype that no encoder reads (int64
  /// position_ids buffers, say) is an error only when it is asked for: kUnsupported naming file,
  /// tensor and dtype.
  /// An int8 tensor comes without its scales; PrefixedWeights finds them.
  virtual std::optional<TensorView> Find(std::string_view name) const = 0;
  /// Any tensor; nullopt where the name is absent.
  virtual std::optional<StoredTensor> FindStored(std::string_view name) const = 0;
  /// All names, sorted.
  virtual std::vector<std::string> Names() const = 0;
  /// The file that holds the tensor, for messages.
  virtual std::string FileOf(std::string_view name) const = 0;
  /// "__metadata__" and its like.
  virtual const std::map<std::string, std::string>& Metadata() const = 0;
  /// Paths of all files, relative to the model directory.
  virtual std::vector<std::string> Files() const = 0;
  /// MappedFile::state() of the files that hold tensors; none where they are no files.
  virtual std::vector<std::string> FileStates() const = 0;

  /// What was done to the numbers of the files; empty where nothing was.
  virtual std::string Variant() const { return {}; }

  /// Lets the kernel drop the mapped pages wholly inside this view, which now exists in packed
  /// form. The view stays valid: pages are read again when touched (of RoundWeights it ends). A
  /// view of another source does nothing.
  virtual void Release(const TensorView& view) const = 0;
};

/// A source of the weights in `dir`: model.safetensors, or model.safetensors.index.json with its
/// shards, or pytorch_model.bin likewise. Error(kNotFound) naming what was looked for; kUnsupported
/// where only weights for other frameworks are there; kCorruptData.
std::shared_ptr<const WeightSource> OpenWeights(const std::filesystem::path& dir);

/// One .safetensors file. Checks the whole header before it returns: sizes, dtypes, offsets without
/// holes or overlaps, names that occur once.
std::shared_ptr<const WeightSource> OpenSafetensors(const std::filesystem::path& path);

/// The tensors of `source` under a prefix that is found once, by looking for `anchor` (for example
/// "embeddings.word_embeddings.weight") as a name or as the end of a name: "", "bert.", "model.",
/// "0.auto_model.", "0.auto_model.bert." ... Error(kCorruptData) where the anchor is absent, or is
/// there more than once under none of these usual prefixes. Old checkpoints' LayerNorm.gamma and
/// LayerNorm.beta are found as LayerNorm.weight and LayerNorm.bias. An int8 matrix comes with the
/// scales of its rows, which "<name>_scale" holds (docs/formats/quantized.md); Error(kCorruptData)
/// where they are absent, do not fit or are no magnitudes. Thread-safe.
class PrefixedWeights {
 public:
  PrefixedWeights(std::shared_ptr<const WeightSource> source, std::string_view anchor);

  /// The tensor, of exactly this shape, or Error(kCorruptData) naming file, tensor, found and
  /// expected.
  TensorView Get(std::string_view name, const Shape& shape) const;
  /// As Get, but nullopt where the name is absent.
  std::optional<TensorView> Find(std::string_view name, const Shape& shape) const;
  /// The tensor of any shape and this rank.
  TensorView GetRank(std::string_view name, int rank) const;
  /// The tensor as float32 values in memory of its own: for biases and norms. Error(kCorruptData)
  /// where a value is not finite.
  std::vector<float> GetVector(std::string_view name, int64_t size) const;
  /// The same of any shape, row by row: for small tables.
  std::vector<float> GetValues(std::string_view name, const Shape& shape) const;

  const std::string& prefix() const { return prefix_; }
  const WeightSource& source() const { return *source_; }
  const std::shared_ptr<const WeightSource>& shared_source() const { return source_; }

 private:
  std::optional<TensorView> FindAny(std::string_view name) const;
  void AttachScales(const std::string& name, TensorView* view) const;
  TensorView GetAny(std::string_view name, std::string_view expected) const;
  [[noreturn]] void FailShape(std::string_view name, const TensorView& view,
                              std::string_view expected) const;

  std::shared_ptr<const WeightSource> source_;
  std::string prefix_;
};

/// "x.weight" is int8, "x.weight_scale" the float32 scale of each of its rows.
inline constexpr std::string_view kInt8ScaleSuffix = "_scale";

/// Whether at least half of the matrices of `source` are int8 with scales: one that is there by the
/// way does not make it a quantized model.
bool HoldsInt8(const WeightSource& source);

/// Any view converted to float32: exactly, and int8 times its scales.
std::vector<float> ToFloat32(const TensorView& view);

}  // namespace bge

#endif  // BGE_WEIGHTS_WEIGHT_SOURCE_H_
