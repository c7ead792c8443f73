// The registry of post-processors.
#include "tokenizer/post_processor/post_processor.h"
#include "tokenizer/stage_registry.h"

namespace bge::tokenizer {
namespace {

using Make = std::unique_ptr<const PostProcessor> (*)(const json::Value&);

constexpr StageRow<Make> kPostProcessors[] = {
    {"BertProcessing", &MakeBertProcessing},         {"ByteLevel", &MakeByteLevelPostProcessor},
    {"RobertaProcessing", &MakeRobertaProcessing},   {"Sequence", &MakePostProcessorSequence},
    {"TemplateProcessing", &MakeTemplateProcessing},
};

}  // namespace

std::unique_ptr<const PostProcessor> PostProcessorFromJson(const json::Value& json) {
  return FindStage<Make>(kPostProcessors, "post-processor", json).make(json);
}

}  // namespace bge::tokenizer
