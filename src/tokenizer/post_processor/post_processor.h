// The last stage of encoding: puts special tokens around the sequences and numbers their types. One
// class for each JSON type, in its own file.
#ifndef BGE_TOKENIZER_POST_PROCESSOR_POST_PROCESSOR_H_
#define BGE_TOKENIZER_POST_PROCESSOR_POST_PROCESSOR_H_

#include "bge/tokenizer.h"

#include "base/json.h"
#include "tokenizer/end_spaces.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace bge::tokenizer {

/// The tokens of one text. `offsets` is as long as `ids`, or empty where nobody wants them;
/// `spaces` is as long as `offsets` for post-processors that trim those, else empty. Offsets are
/// trimmed in place.
struct TokenSequence {
  std::span<const int32_t> ids;
  std::span<Offset> offsets;
  std::span<const EndSpaces> spaces = {};
};

/// The tokens of a result that is being put together: parts, of one or more runs each. A text is a
/// part at first; what is put around it can join it or be parts too, which is upstream's list of
/// encodings, and later stages see the difference.
class TokenParts {
 public:
  struct Run {
    size_t part;
    std::span<const int32_t> ids;
    const TokenSequence* text;  // null: the ids cover nothing of a text
    int32_t type_id;
    bool is_special;  // as the mask says
  };

  /// Starts with `a`, and `b` where it is not null; both must last.
  void Start(const TokenSequence& a, const TokenSequence* b);
  const std::vector<Run>& runs() const { return runs_; }
  size_t size() const { return size_; }

  void SetTypes(int32_t type_id);
  /// Puts tokens around each part: those in front depend on whether it is the first. The mask knows
  /// none of those that a part had (upstream: it is made anew).
  void Wrap(std::span<const int32_t> front_of_first, std::span<const int32_t> front_of_others,
            std::span<const int32_t> behind, int32_t type_of_others);
  /// Leaves white space at the ends of tokens out of their offsets; not the space that
  /// `add_prefix_space` put in front of a text.
  void TrimOffsets(bool add_prefix_space);

  // To make a new list from this one: Begin, parts, End.
  void Begin() {
    new_runs_.clear();
    new_size_ = 0;
  }
  void AppendPart(size_t part, int32_t type_id);
  void AppendSpecialPart(std::span<const int32_t> ids, int32_t type_id) {
    new_runs_.push_back({new_size_++, ids, nullptr, type_id, true});
  }
  void End() {
    runs_.swap(new_runs_);
    size_ = new_size_;
  }

  /// Appends all tokens to `encoding`; offsets and mask only where they are wanted.
  void AppendTo(bool want_offsets, Encoding* encoding) const;

 private:
  std::vector<Run> runs_, new_runs_;
  size_t size_ = 0, new_size_ = 0;
};

/// Immutable and thread-safe.
class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  /// Special tokens that a single text, or a pair, gains.
  virtual int64_t NumAdded(bool pair) const = 0;
  virtual void Apply(bool add_special_tokens, TokenParts* parts) const = 0;
  /// Whether it adds tokens of this id.
  virtual bool Adds(int32_t id) const = 0;
  /// Whether it looks at TokenSequence::spaces.
  virtual bool TrimsOffsets() const { return false; }

  /// Appends the result for `a`, or for `a` and `b` where b is not null, to `encoding`: ids and
  /// type ids, and where `want_offsets` offsets and the special-token mask.
  void Process(const TokenSequence& a, const TokenSequence* b, bool add_special_tokens,
               bool want_offsets, Encoding* encoding) const;
};

/// By the "type" of `json`: the registry of this stage. Errors as NormalizerFromJson.
std::unique_ptr<const PostProcessor> PostProcessorFromJson(const json::Value& json);

/// What a tokenizer without a post-processor does: nothing is added, the second text has type 1.
std::unique_ptr<const PostProcessor> MakeNoPostProcessor();

// What the rows of the registry make; each in the file of its name.
std::unique_ptr<const PostProcessor> MakeBertProcessing(const json::Value& json);
std::unique_ptr<const PostProcessor> MakeBertProcessing(int32_t cls_id, int32_t sep_id);
std::unique_ptr<const PostProcessor> MakeByteLevelPostProcessor(const json::Value& json);
std::unique_ptr<const PostProcessor> MakePostProcessorSequence(const json::Value& json);
std::unique_ptr<const PostProcessor> MakeRobertaProcessing(const json::Value& json);
/// Trims offsets; no space was put in front of texts.
std::unique_ptr<const PostProcessor> MakeRobertaProcessing(int32_t cls_id, int32_t sep_id);
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
/// Reads ["[SEP]", 102]: the id.
int32_t SpecialTokenId(const json::Value& json);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_POST_PROCESSOR_POST_PROCESSOR_H_
