// Sequence: normalizers one after the other.
#include "tokenizer/normalizer/normalizer.h"
#include "tokenizer/stage_registry.h"

namespace bge::tokenizer {
namespace {

class NormalizerSequence final : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<const Normalizer>> normalizers)
      : normalizers_(std::move(normalizers)) {}

  void Normalize(NormalizedString* text) const override {
    for (const auto& normalizer : normalizers_) normalizer->Normalize(text);
  }

  // Lower-casing in front of a BertNormalizer that lower-cases too changes nothing (a test sweeps
  // all code points); sentence-transformers builds that for do_lower_case.
  std::optional<BertNormalizerOptions> AsBert() const override {
    if (normalizers_.size() == 1) return normalizers_[0]->AsBert();
    if (normalizers_.size() == 2 && normalizers_[0]->IsLowercase()) {
      const auto bert = normalizers_[1]->AsBert();
      if (bert && bert->lowercase) return bert;
    }
    return std::nullopt;
  }

  std::span<const std::unique_ptr<const Normalizer>> Members() const override {
    return normalizers_;
  }

  bool HoldsLowercase() const override {
    for (const auto& normalizer : normalizers_) {
      if (normalizer->HoldsLowercase()) return true;
    }
    return false;
  }

 private:
  std::vector<std::unique_ptr<const Normalizer>> normalizers_;
};

}  // namespace

std::optional<SentencePieceNormalization> AsSentencePiece(const Normalizer* normalizer) {
  if (normalizer == nullptr) return std::nullopt;
  SentencePieceNormalization result;
  const auto members = normalizer->Members();
  const auto at = [&](size_t i) -> const Normalizer* {
    if (members.empty()) return i == 0 ? normalizer : nullptr;
    return i < members.size() ? members[i].get() : nullptr;
  };
  size_t i = 0;
  if (at(i) != nullptr && at(i)->AsPrecompiled() != nullptr) {
    result.charsmap = at(i++)->AsPrecompiled();
  }
  if (at(i) != nullptr && at(i)->IsStripRight()) {
    result.strips_right = true;
    ++i;
  }
  if (at(i) != nullptr && at(i)->SpaceRunsBecome()) result.space_runs = at(i++)->SpaceRunsBecome();
  if (at(i) != nullptr) return std::nullopt;
  return result;
}

std::unique_ptr<const Normalizer> MakeNormalizerSequence(
    std::vector<std::unique_ptr<const Normalizer>> normalizers) {
  return std::make_unique<NormalizerSequence>(std::move(normalizers));
}

std::unique_ptr<const Normalizer> MakeNormalizerSequence(const json::Value& json) {
  std::vector<std::unique_ptr<const Normalizer>> normalizers;
  for (const json::Value& member : StagesOfSequence(json, "normalizers")) {
    normalizers.push_back(NormalizerFromJson(member));
  }
  return MakeNormalizerSequence(std::move(normalizers));
}

}  // namespace bge::tokenizer
