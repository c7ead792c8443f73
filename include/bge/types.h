// Small types shared by the public headers.
#ifndef BGE_TYPES_H_
#define BGE_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// How token vectors become one vector; the names are those of sentence-transformers.
enum class Pooling { kCls, kMax, kMean, kMeanSqrtLen, kWeightedMean, kLastToken };

/// Which side of a search a text is on. It selects the instruction or prompt that the model wants.
enum class Role { kNone, kQuery, kDocument };

/// The numbers that linear layers multiply. Sums, softmax, norms and vectors are float32 in all of
/// them. kInt8: one scale for each output of a weight and for each token.
enum class ComputeType { kFloat32, kBFloat16, kInt8 };

/// What is made of floating-point weights when they are read: nothing, or the nearest numbers of a
/// 16-bit type, as where torch loads a model in that type. What is computed with them is another
/// matter (ComputeType).
enum class WeightRounding { kNone, kFloat16, kBFloat16 };

/// How to choose the ComputeType of a model. A type that this CPU cannot multiply becomes float32,
/// with a warning.
enum class ComputeChoice {
  kDefault,  ///< kInt8 where the model's weights are stored as int8, else kFloat32
  kAuto,     ///< the same, but kBFloat16 instead of kFloat32 where the CPU has it
  kFloat32,
  kBFloat16,
  kInt8,
};

/// Dense vectors, row-major: row i is values[i * dimension, (i + 1) * dimension).
struct Embeddings {
  int64_t count = 0;
  int64_t dimension = 0;
  std::vector<float> values;  // [count, dimension]

  std::span<const float> operator[](int64_t i) const {
    return {values.data() + i * dimension, static_cast<size_t>(dimension)};
  }
};

/// What one encode call did. A text counts in full where its vector was copied from an equal one.
struct EncodeStats {
  int64_t texts = 0;
  int64_t tokens = 0;           ///< of all texts, special tokens included
  int64_t truncated_texts = 0;  ///< texts that lost tokens to max_length
  int64_t max_length = 0;       ///< tokens that texts of their role were cut to
};

/// Something a user should know but that does not stop the work; one line, no trailing newline.
/// May be called from the thread that loads a model. The default prints nothing.
using WarningSink = std::function<void(std::string_view message)>;

}  // namespace bge

#endif  // BGE_TYPES_H_
