// What `bge bench` measures: a loaded model with the texts that it is given, whatever it makes of
// them.
#ifndef BGE_BENCH_MEASURED_MODEL_H_
#define BGE_BENCH_MEASURED_MODEL_H_

#include "bge/embedder.h"
#include "bge/reranker.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

class Backend;

/// Which model, and what it is to make.
struct MeasuredModelOptions {
  std::string model;
  EmbedderOptions embedder = {};
  EncodeOptions encode = {};  ///< its stop token ends the measurement with Error(kCancelled)
  /// nullopt: dense vectors, or what a model makes that makes no dense ones.
  std::optional<Representations> kinds = {};
  RerankerOptions reranker = {};  ///< where the model is one
};

/// What a report says of the model.
struct MeasuredModelInfo {
  std::string name;
  bool reranker = false;
  std::vector<std::string> makes;  ///< "dense", "sparse", "colbert"; of a reranker "score"
  int64_t num_layers = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t max_length = 0;  ///< of the texts of a pass
  ComputeType compute_type = ComputeType::kFloat32;
};

/// Thread-safe but for MakeRoom() and Pass().
class MeasuredModel {
 public:
  virtual ~MeasuredModel() = default;

  virtual const MeasuredModelInfo& info() const = 0;
  virtual int threads() const = 0;
  /// Takes the memory that Pass() fills, where that is for all texts. To be called before it.
  virtual void MakeRoom() = 0;
  /// Everything that is to be made of all texts. Of dense vectors and scores there is memory for
  /// all; of others for some at a time, as the commands have it.
  virtual EncodeStats Pass() = 0;
  /// The same of one query: for a reranker, with a sentence as its passage.
  virtual void Query() const = 0;
  virtual int64_t query_tokens() const = 0;
  /// Makes the tokens of all texts on this thread, and nothing of them: how many there are.
  virtual int64_t CountTokens() const = 0;
};

/// Loads the model onto `backend`. The texts, and the backend, must outlive it. A model without
/// dense vectors reads the texts of a pass as documents and the query as one; other embedding
/// models read them as options.encode says. For a reranker the texts are the passages of one query.
/// Errors as Embedder::Load and EncodeAll.
std::unique_ptr<MeasuredModel> LoadMeasuredModel(const MeasuredModelOptions& options,
                                                 std::span<const std::string_view> texts,
                                                 const Backend& backend);

}  // namespace bge

#endif  // BGE_BENCH_MEASURED_MODEL_H_
