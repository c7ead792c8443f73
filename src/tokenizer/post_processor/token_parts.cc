// The steps that post-processors are made of, and the one that adds nothing.
#include "base/per_thread.h"
#include "tokenizer/post_processor/post_processor.h"

#include <algorithm>
#include <limits>

namespace bge::tokenizer {
namespace {

class NoPostProcessor final : public PostProcessor {
 public:
  int64_t NumAdded(bool) const override { return 0; }
  void Apply(bool, TokenParts*) const override {}
  bool Adds(int32_t) const override { return false; }
};

// byte_level.rs, process_offsets.
void TrimOffset(const EndSpaces& spaces, bool is_first, bool add_prefix_space, Offset* offset) {
  uint32_t leading = spaces.leading;
  if (leading > 0) {
    // Parity: any token that starts at the text's first character may be the one that the space was
    // put in front of.
    if ((is_first || offset->begin == 0) && add_prefix_space && leading == 1) leading = 0;
    offset->begin = std::min(offset->begin + leading, offset->end);
  }
  if (spaces.trailing > 0 && offset->end >= spaces.trailing) {
    offset->end = std::max(offset->end - spaces.trailing, offset->begin);
  }
}

}  // namespace

void TokenParts::Start(const TokenSequence& a, const TokenSequence* b) {
  runs_.clear();
  runs_.push_back({0, a.ids, &a, 0, false});
  if (b != nullptr) runs_.push_back({1, b->ids, b, 1, false});
  size_ = runs_.size();
}

void TokenParts::SetTypes(int32_t type_id) {
  for (Run& run : runs_) run.type_id = type_id;
}

void TokenParts::Wrap(std::span<const int32_t> front_of_first,
                      std::span<const int32_t> front_of_others, std::span<const int32_t> behind,
                      int32_t type_of_others) {
  Begin();
  auto run = runs_.begin();
  for (size_t part = 0; part < size_; ++part) {
    const int32_t type_id = part == 0 ? 0 : type_of_others;
    const auto add = [&](std::span<const int32_t> ids) {
      if (!ids.empty()) new_runs_.push_back({part, ids, nullptr, type_id, true});
    };
    add(part == 0 ? front_of_first : front_of_others);
    for (; run != runs_.end() && run->part == part; ++run) {
      new_runs_.push_back(*run);
      new_runs_.back().is_special = false;
    }
    add(behind);
  }
  new_size_ = size_;
  End();
}

void TokenParts::TrimOffsets(bool add_prefix_space) {
  size_t part = std::numeric_limits<size_t>::max();
  bool is_first = true;
  for (const Run& run : runs_) {
    if (run.part != part) is_first = true;
    part = run.part;
    if (run.ids.empty()) continue;
    if (run.text != nullptr) {
      for (size_t i = 0; i < run.text->spaces.size(); ++i) {
        TrimOffset(run.text->spaces[i], is_first && i == 0, add_prefix_space,
                   &run.text->offsets[i]);
      }
    }
    is_first = false;
  }
}

void TokenParts::AppendPart(size_t part, int32_t type_id) {
  for (const Run& run : runs_) {
    if (run.part != part) continue;
    new_runs_.push_back(run);
    new_runs_.back().part = new_size_;
    new_runs_.back().type_id = type_id;
  }
  ++new_size_;
}

void TokenParts::AppendTo(bool want_offsets, Encoding* encoding) const {
  for (const Run& run : runs_) {
    encoding->ids.insert(encoding->ids.end(), run.ids.begin(), run.ids.end());
    encoding->type_ids.resize(encoding->ids.size(), run.type_id);
    if (!want_offsets) continue;
    if (run.text != nullptr) {
      encoding->offsets.insert(encoding->offsets.end(), run.text->offsets.begin(),
                               run.text->offsets.end());
    } else {
      encoding->offsets.resize(encoding->ids.size(), Offset{0, 0});
    }
    encoding->special_tokens_mask.resize(encoding->ids.size(), run.is_special ? 1 : 0);
  }
}

void PostProcessor::Process(const TokenSequence& a, const TokenSequence* b, bool add_special_tokens,
                            bool want_offsets, Encoding* encoding) const {
  static PerThread<TokenParts> all_parts;
  TokenParts& parts = all_parts.Get();
  parts.Start(a, b);
  Apply(add_special_tokens, &parts);
  parts.AppendTo(want_offsets, encoding);
}

int32_t SpecialTokenId(const json::Value& json) {
  if (json.size() != 2 || !json.is_array()) json.Fail("found no pair", "expected [token, id]");
  const auto elements = json.Elements();
  elements[0].AsString();
  return static_cast<int32_t>(elements[1].AsIntIn(0, std::numeric_limits<int32_t>::max()));
}

std::unique_ptr<const PostProcessor> MakeNoPostProcessor() {
  return std::make_unique<NoPostProcessor>();
}

}  // namespace bge::tokenizer
