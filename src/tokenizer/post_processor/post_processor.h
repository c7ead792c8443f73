// The last stage of encoding: puts special tokens around the sequences and numbers their types. One
// class for each JSON type, in its own file.
#ifndef BGE_TOKENIZER_POST_PROCESSOR_POST_PROCESSOR_H_
#define BGE_TOKENIZER_POST_PROCESSOR_POST_PROCESSOR_H_

#include "bge/tokenizer.h"

#include "base/json.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace bge::tokenizer {

/// The tokens of one text. `offsets` is as long as `ids`, or empty where nobody wants them.
struct TokenSequence {
  std::span<const int32_t> ids;
  std::span<const Offset> offsets;
};

/// Immutable and thread-safe.
class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  /// Special tokens that a single text, or a pair, gains.
  virtual int64_t NumAdded(bool pair) const = 0;
  /// Appends the result for `a`, or for `a` and `b` where b is not null, to `encoding`: ids and
  /// type ids, and where `want_offsets` offsets and the special-token mask.
  virtual void Process(const TokenSequence& a, const TokenSequence* b, bool add_special_tokens,
                       bool want_offsets, Encoding* encoding) const = 0;
  /// Whether it adds tokens of this id.
  virtual bool Adds(int32_t id) const = 0;
};

/// Appends a sequence; the steps that post-processors are made of.
void AppendSequence(const TokenSequence& sequence, int32_t type_id, bool want_offsets,
                    Encoding* encoding);
/// Appends special tokens, which cover nothing of the text.
void AppendSpecial(std::span<const int32_t> ids, int32_t type_id, bool want_offsets,
                   Encoding* encoding);

/// By the "type" of `json`: the registry of this stage. Errors as NormalizerFromJson.
std::unique_ptr<const PostProcessor> PostProcessorFromJson(const json::Value& json);

/// What a tokenizer without a post-processor does: nothing is added, the second text has type 1.
std::unique_ptr<const PostProcessor> MakeNoPostProcessor();

// What the rows of the registry make; each in the file of its name.
std::unique_ptr<const PostProcessor> MakeBertProcessing(const json::Value& json);
std::unique_ptr<const PostProcessor> MakeBertProcessing(int32_t cls_id, int32_t sep_id);
std::unique_ptr<const PostProcessor> MakeTemplateProcessing(const json::Value& json);

/// A step of a template: the special token `id`, or one of the sequences.
struct TemplateStep {
  enum class Kind { kToken, kFirst, kSecond } kind;
  int32_t id;  ///< kToken
  int32_t type_id;
};
/// `single` holds the first sequence, `pair` both.
std::unique_ptr<const PostProcessor> MakeTemplateProcessing(const std::vector<TemplateStep>& single,
                                                            const std::vector<TemplateStep>& pair);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_POST_PROCESSOR_POST_PROCESSOR_H_
