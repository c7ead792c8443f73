// The registry of pre-tokenizers.
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"
#include "tokenizer/stage_registry.h"

namespace bge::tokenizer {
namespace {

using Make = std::unique_ptr<const PreTokenizer> (*)(const json::Value&);

template <std::unique_ptr<const PreTokenizer> (*make)()>
std::unique_ptr<const PreTokenizer> WithoutFields(const json::Value&) {
  return make();
}

constexpr StageRow<Make> kPreTokenizers[] = {
    {"BertPreTokenizer", &WithoutFields<&MakeBertPreTokenizer>},
    {"ByteLevel", &MakeByteLevel},
    {"CharDelimiterSplit", &MakeCharDelimiterSplit},
    {"Digits", &MakeDigits},
    {"FixedLength", &MakeFixedLength},
    {"Metaspace", &MakeMetaspace},
    {"Punctuation", &MakePunctuation},
    {"Sequence", &MakePreTokenizerSequence},
    {"Split", &MakeSplit},
    {"UnicodeScripts", &WithoutFields<&MakeUnicodeScripts>},
    {"Whitespace", &WithoutFields<&MakeWhitespace>},
    {"WhitespaceSplit", &WithoutFields<&MakeWhitespaceSplit>},
};

}  // namespace

std::unique_ptr<const PreTokenizer> PreTokenizerFromJson(const json::Value& json) {
  return FindStage<Make>(kPreTokenizers, "pre-tokenizer", json).make(json);
}

}  // namespace bge::tokenizer
