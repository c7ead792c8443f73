// The registry of models.
#include "tokenizer/model/model.h"
#include "tokenizer/model/unigram.h"
#include "tokenizer/stage_registry.h"

namespace bge::tokenizer {
namespace {

using Make = std::unique_ptr<const Model> (*)(const json::Value&);

constexpr StageRow<Make> kModels[] = {
    {"BPE", &MakeBpe},
    {"Unigram", &MakeUnigram},
    {"WordLevel", &MakeWordLevel},
    {"WordPiece", &MakeWordPiece},
};

}  // namespace

std::unique_ptr<const Model> ModelFromJson(const json::Value& json) {
  // Old files have no type: what upstream tries first, and finds all fields of, it is.
  if (!json.Find("type") && json.Find("vocab")) {
    if (json.Find("merges")) return MakeBpe(json);
    if (json.Find("unk_token")) {
      return json.Find("continuing_subword_prefix") ? MakeWordPiece(json) : MakeWordLevel(json);
    }
  }
  if (!json.Find("type") && IsUnigramJson(json)) return MakeUnigram(json);
  return FindStage<Make>(kModels, "model", json).make(json);
}

}  // namespace bge::tokenizer
