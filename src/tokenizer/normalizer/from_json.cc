// The registry of normalizers.
#include "tokenizer/normalizer/normalizer.h"
#include "tokenizer/stage_registry.h"

#include <iterator>

namespace bge::tokenizer {
namespace {

using Make = std::unique_ptr<const Normalizer> (*)(const json::Value&);

template <std::unique_ptr<const Normalizer> (*make)()>
std::unique_ptr<const Normalizer> WithoutFields(const json::Value&) {
  return make();
}

constexpr StageRow<Make> kNormalizers[] = {
    {"BertNormalizer", &MakeBertNormalizer},
    {"ByteLevel", &WithoutFields<&MakeByteLevelNormalizer>},
    {"Lowercase", &WithoutFields<&MakeLowercase>},
    {"NFC", &WithoutFields<&MakeNfc>},
    {"NFD", &WithoutFields<&MakeNfd>},
    {"NFKC", &WithoutFields<&MakeNfkc>},
    {"NFKD", &WithoutFields<&MakeNfkd>},
    {"Nmt", &WithoutFields<&MakeNmt>},
    {"Precompiled", &MakePrecompiled},
    {"Prepend", &MakePrepend},
    {"Replace", &MakeReplace},
    {"Sequence", &MakeNormalizerSequence},
    {"Strip", &MakeStrip},
    {"StripAccents", &WithoutFields<&MakeStripAccents>},
};

}  // namespace

std::unique_ptr<const Normalizer> NormalizerFromJson(const json::Value& json) {
  return FindStage<Make>(kNormalizers, "normalizer", json).make(json);
}

}  // namespace bge::tokenizer
