// The registry of models.
#include "tokenizer/model/model.h"
#include "tokenizer/model/unigram.h"
#include "tokenizer/stage_registry.h"

namespace bge::tokenizer {
namespace {

using Make = std::unique_ptr<const Model> (*)(const json::Value&);

constexpr StageRow<Make> kModels[] = {
    {"Unigram", &MakeUnigram},
    {"WordLevel", &MakeWordLevel},
    {"WordPiece", &MakeWordPiece},
};

}  // namespace

std::unique_ptr<const Model> ModelFromJson(const json::Value& json) {
  if (!json.Find("type") && json.Find("unk_token") && json.Find("vocab")) {
    return json.Find("continuing_subword_prefix") ? MakeWordPiece(json) : MakeWordLevel(json);
  }
  if (!json.Find("type") && IsUnigramJson(json)) return MakeUnigram(json);
  return FindStage<Make>(kModels, "model", json).make(json);
}

}  // namespace bge::tokenizer
