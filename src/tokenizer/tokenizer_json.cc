// tokenizer.json: the pipeline as Hugging Face tokenizers writes it.
#include "base/error.h"
#include "tokenizer/load.h"
#include "tokenizer/model/unigram.h"

namespace bge::tokenizer {
namespace {

AddedToken ReadAddedToken(const json::Value& json) {
  AddedToken token;
  // Parity: the id is stated, but the token's place in the vocabulary decides.
  json.At("id").AsIntIn(0, 0xFFFFFFFF);
  token.content = json.At("content").AsString();
  token.single_word = json.At("single_word").AsBool();
  token.lstrip = json.At("lstrip").AsBool();
  token.rstrip = json.At("rstrip").AsBool();
  token.normalized = json.At("normalized").AsBool();
  token.special = json.At("special").AsBool();
  return token;
}

TruncationDirection ReadDirection(const json::Value& root) {
  const auto truncation = root.FindNonNull("truncation");
  if (!truncation) return TruncationDirection::kRight;
  const auto direction = truncation->Find("direction");
  if (!direction || direction->AsString() == "Right") return TruncationDirection::kRight;
  if (direction->AsString() == "Left") return TruncationDirection::kLeft;
  direction->Fail("found '" + Printable(direction->AsString(), 60) + "'",
                  "expected \"Left\" or \"Right\"");
}

}  // namespace

Tokenizer::Impl::Stages StagesFromJson(const json::Value& root,
                                       std::optional<int32_t> exact_unk_id) {
  if (const auto version = root.Find("version"); version && version->AsString() != "1.0") {
    Fail(ErrorCode::kUnsupported, "unknown version '" + Printable(version->AsString(), 60) + "'",
         version->Where(), "expected \"1.0\"");
  }
  Tokenizer::Impl::Stages stages;
  if (const auto json = root.FindNonNull("normalizer"))
    stages.normalizer = NormalizerFromJson(*json);
  if (const auto json = root.FindNonNull("pre_tokenizer")) {
    stages.pre_tokenizer = PreTokenizerFromJson(*json);
  }
  const json::Value model = root.At("model");
  if (exact_unk_id && IsUnigramJson(model)) {
    stages.model = MakeExactUnigram(model, *exact_unk_id);
  } else {
    stages.model = ModelFromJson(model);
  }
  const auto post_processor = root.FindNonNull("post_processor");
  stages.post_processor =
      post_processor ? PostProcessorFromJson(*post_processor) : MakeNoPostProcessor();
  const auto decoder = root.FindNonNull("decoder");
  stages.decoder = decoder ? DecoderFromJson(*decoder) : MakeNoDecoder();
  if (const auto tokens = root.Find("added_tokens")) {
    tokens->ForEachElement(
        [&](json::Value token) { stages.added_tokens.push_back(ReadAddedToken(token)); });
  }
  stages.truncation_direction = ReadDirection(root);
  return stages;
}

}  // namespace bge::tokenizer
