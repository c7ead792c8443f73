// TemplateProcessing: special tokens and sequences in a stated order, one for single texts and one
// for pairs.
#include "base/error.h"
#include "tokenizer/post_processor/post_processor.h"

#include <algorithm>
#include <limits>
#include <map>
#include <span>
#include <string>

namespace bge::tokenizer {
namespace {

// Real templates add two or three tokens.
constexpr size_t kMostAdded = 4096;

using SpecialTokens = std::map<std::string, std::vector<int32_t>, std::less<>>;
struct TemplatePiece {
  enum class Kind { kSpecial, kFirst, kSecond } kind;
  std::span<const int32_t> ids;  // kSpecial: in the table of special tokens
  int32_t type_id;
};
using Template = std::vector<TemplatePiece>;

class TemplateProcessing final : public PostProcessor {
 public:
  // The templates point into `specials`, whose nodes stay where they are when it moves.
  TemplateProcessing(SpecialTokens specials, Template single, Template pair, std::string where)
      : specials_(std::move(specials)),
        single_(std::move(single)),
        pair_(std::move(pair)),
        where_(std::move(where)) {}

  int64_t NumAdded(bool pair) const override {
    int64_t count = 0;
    for (const TemplatePiece& piece : pair ? pair_ : single_) {
      count += static_cast<int64_t>(piece.ids.size());
    }
    return count;
  }

  void Apply(bool add_special_tokens, TokenParts* parts) const override {
    if (parts->size() != 1 && parts->size() != 2) {
      Fail(ErrorCode::kUnsupported,
           "TemplateProcessing behind stages that made " + std::to_string(parts->size()) +
               " parts of the texts",
           where_, "expected it in front of the others that add tokens");
    }
    parts->Begin();
    for (const TemplatePiece& piece : parts->size() == 1 ? single_ : pair_) {
      switch (piece.kind) {
        case TemplatePiece::Kind::kSpecial:
          if (add_special_tokens) parts->AppendSpecialPart(piece.ids, piece.type_id);
          break;
        case TemplatePiece::Kind::kFirst:
          parts->AppendPart(0, piece.type_id);
          break;
        case TemplatePiece::Kind::kSecond:
          parts->AppendPart(1, piece.type_id);  // single_ has none
          break;
      }
    }
    parts->End();
  }

  bool Adds(int32_t id) const override {
    const auto has = [id](const TemplatePiece& piece) {
      return std::find(piece.ids.begin(), piece.ids.end(), id) != piece.ids.end();
    };
    return std::any_of(single_.begin(), single_.end(), has) ||
           std::any_of(pair_.begin(), pair_.end(), has);
  }

 private:
  SpecialTokens specials_;
  Template single_, pair_;
  std::string where_;
};

int32_t AsId(const json::Value& json) {
  return static_cast<int32_t>(json.AsIntIn(0, std::numeric_limits<int32_t>::max()));
}

SpecialTokens ReadSpecialTokens(const json::Value& json) {
  SpecialTokens tokens;
  json.ForEachMember([&](std::string_view name, json::Value token) {
    std::vector<int32_t> ids;
    token.At("ids").ForEachElement([&](json::Value id) { ids.push_back(AsId(id)); });
    tokens.insert_or_assign(std::string(name), std::move(ids));
  });
  return tokens;
}

// {"SpecialToken": {"id": "[CLS]", "type_id": 0}} or {"Sequence": {"id": "A", "type_id": 0}}
TemplatePiece ReadPiece(const json::Value& json, const SpecialTokens& specials, bool pair) {
  if (const auto special = json.Find("SpecialToken")) {
    const json::Value id = special->At("id");
    const auto found = specials.find(id.AsString());
    if (found == specials.end()) {
      id.Fail("special token '" + Printable(id.AsString(), 60) + "' is not defined",
              "expected one of the members of special_tokens");
    }
    return {TemplatePiece::Kind::kSpecial, found->second, AsId(special->At("type_id"))};
  }
  const json::Value sequence = json.At("Sequence");
  const json::Value id = sequence.At("id");
  const int32_t type_id = AsId(sequence.At("type_id"));
  if (id.AsString() == "A") return {TemplatePiece::Kind::kFirst, {}, type_id};
  if (id.AsString() == "B" && pair) return {TemplatePiece::Kind::kSecond, {}, type_id};
  id.Fail("found sequence '" + Printable(id.AsString(), 60) + "'",
          pair ? "expected A or B" : "expected A");
}

Template ReadTemplate(const json::Value& json, const SpecialTokens& specials, bool pair) {
  Template result;
  size_t added = 0;
  bool has_first = false;
  bool has_second = false;
  json.ForEachElement([&](json::Value element) {
    const TemplatePiece piece = ReadPiece(element, specials, pair);
    if (piece.kind == TemplatePiece::Kind::kSpecial) added += std::max<size_t>(1, piece.ids.size());
    if (added > kMostAdded) {
      Fail(ErrorCode::kUnsupported, "the template adds more than 4096 tokens", json.Where(),
           "expected a few special tokens around the sequences");
    }
    // Upstream would repeat the text; no real template does, and each repetition costs memory.
    if (piece.kind != TemplatePiece::Kind::kSpecial) {
      const bool first = piece.kind == TemplatePiece::Kind::kFirst;
      bool& has = first ? has_first : has_second;
      if (has) {
        Fail(ErrorCode::kUnsupported,
             std::string("the template holds sequence ") + (first ? "A" : "B") + " more than once",
             json.Where(), "expected each sequence once");
      }
      has = true;
    }
    result.push_back(piece);
  });
  return result;
}

Template FromSteps(const std::vector<TemplateStep>& steps, SpecialTokens* specials) {
  Template result;
  for (const TemplateStep& step : steps) {
    std::span<const int32_t> ids;
    if (step.kind == TemplateStep::Kind::kToken) {
      ids = specials->try_emplace(std::to_string(step.id), 1, step.id).first->second;
    }
    const auto kind = step.kind == TemplateStep::Kind::kToken   ? TemplatePiece::Kind::kSpecial
                      : step.kind == TemplateStep::Kind::kFirst ? TemplatePiece::Kind::kFirst
                                                                : TemplatePiece::Kind::kSecond;
    result.push_back({kind, ids, step.type_id});
  }
  return result;
}

}  // namespace

std::unique_ptr<const PostProcessor> MakeTemplateProcessing(const std::vector<TemplateStep>& single,
                                                            const std::vector<TemplateStep>& pair) {
  SpecialTokens specials;
  Template first = FromSteps(single, &specials);
  Template second = FromSteps(pair, &specials);
  return std::make_unique<TemplateProcessing>(std::move(specials), std::move(first),
                                              std::move(second), "the tokenizer's template");
}

std::unique_ptr<const PostProcessor> MakeTemplateProcessing(const json::Value& json) {
  SpecialTokens specials = ReadSpecialTokens(json.At("special_tokens"));
  Template single = ReadTemplate(json.At("single"), specials, false);
  Template pair = ReadTemplate(json.At("pair"), specials, true);
  return std::make_unique<TemplateProcessing>(std::move(specials), std::move(single),
                                              std::move(pair), json.Where());
}

}  // namespace bge::tokenizer
