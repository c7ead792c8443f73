#include "bench/work_texts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <random>
#include <utility>

namespace bge {

namespace {

constexpr std::array<std::pair<Work, std::string_view>, 3> kNames = {
    {{Work::kShort, "short"}, {Work::kMixed, "mixed"}, {Work::kLong, "long"}}};

// Each is one token of BERT's English vocabulary, but those of kLongWords, which are three: so are
// the lengths of texts known, and tokenising does the work that scientific words give it.
constexpr std::string_view kFunctionWords[] = {
    "the",   "of",    "and",     "in",      "to",     "a",     "with",  "that",   "for",
    "by",    "as",    "from",    "on",      "at",     "is",    "was",   "are",    "were",
    "this",  "these", "which",   "between", "not",    "or",    "an",    "we",     "be",
    "have",  "has",   "than",    "it",      "during", "can",   "may",   "more",   "also",
    "but",   "most",  "two",     "their",   "its",    "both",  "after", "before", "into",
    "other", "when",  "such",    "our",     "who",    "over",  "under", "about",  "each",
    "only",  "while", "because", "some",    "one",    "three", "used",  "many"};
constexpr std::string_view kContentWords[] = {
    "cells",     "protein",   "study",    "patients",   "results",  "gene",      "disease",
    "growth",    "cancer",    "blood",    "data",       "human",    "model",     "treatment",
    "brain",     "bone",      "risk",     "time",       "group",    "levels",    "analysis",
    "role",      "effect",    "system",   "children",   "women",    "water",     "light",
    "energy",    "heat",      "field",    "surface",    "state",    "control",   "evidence",
    "method",    "case",      "number",   "change",     "rate",     "pressure",  "temperature",
    "region",    "tissue",    "heart",    "liver",      "lung",     "skin",      "muscle",
    "virus",     "immune",    "response", "pathway",    "signal",   "acid",      "plant",
    "soil",      "river",     "forest",   "species",    "animal",   "birds",     "fish",
    "language",  "school",    "teacher",  "market",     "price",    "policy",    "law",
    "city",      "road",      "house",    "family",     "music",    "history",   "theory",
    "question",  "answer",    "problem",  "solution",   "example",  "standard",  "quality",
    "value",     "measure",   "test",     "trial",      "drug",     "dose",      "diet",
    "exercise",  "sleep",     "memory",   "attention",  "learning", "network",   "computer",
    "program",   "software",  "machine",  "image",      "sound",    "speech",    "body",
    "sample",    "increase",  "decrease", "associated", "observed", "compared",  "reported",
    "described", "suggested", "found",    "high",       "low",      "early",     "late",
    "small",     "large",     "long",     "short",      "new",      "different", "important",
    "common",    "clinical",  "local",    "normal",     "strong",   "weak",      "first",
    "second",    "several",   "total",    "average",    "similar",  "specific",  "present",
    "possible",  "active",    "direct",   "major",      "primary",  "increased", "reduced",
    "developed", "required"};
constexpr std::string_view kLongWords[] = {
    "apoptosis",   "homeostasis",     "angiogenesis",     "macrophages",    "epithelial",
    "endothelial", "adipocytes",      "hyperplasia",      "carcinoma",      "melanoma",
    "metastasis",  "tumorigenesis",   "vaccination",      "morbidity",      "polymorphisms",
    "epigenetic",  "acetylation",     "proteasome",       "chaperone",      "autophagy",
    "telomerase",  "microbiota",      "probiotics",       "metabolites",    "cholesterol",
    "biomarkers",  "crystallography", "prefrontal",       "photosynthesis", "electrolyte",
    "catalysis",   "quantization",    "misclassification"};
constexpr int64_t kLongWordTokens = 3;

// Words at random. std::mt19937_64 is the same everywhere; the standard's distributions are not.
class Writer {
 public:
  explicit Writer(uint64_t seed) : random_(seed) {}

  // Evenly from [low, high].
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_() % static_cast<uint64_t>(high - low + 1));
  }

  // Sentences of `tokens` tokens together, the two special ones included.
  std::string Text(int64_t tokens) {
    std::string text;
    int64_t left = tokens - 2;
    while (left > 0) {
      int64_t sentence = std::min(left, Between(12, 38));
      if (left - sentence < 12) sentence = left;
      left -= sentence;
      if (!text.empty()) text += ' ';
      AppendSentence(sentence, &text);
    }
    return text;
  }

 private:
  template <size_t N>
  std::string_view Any(const std::string_view (&words)[N]) {
    return words[static_cast<size_t>(Between(0, static_cast<int64_t>(N) - 1))];
  }

  void AppendSentence(int64_t tokens, std::string* text) {
    const size_t begin = text->size();
    int64_t left = tokens - 1;  // the full stop
    while (left > 0) {
      if (text->size() > begin) {
        if (left > 2 && Between(1, 12) == 1) {
          *text += ',';
          --left;
        }
        *text += ' ';
      }
      const int64_t kind = Between(1, 100);
      if (kind <= 22 && left >= kLongWordTokens) {
        *text += Any(kLongWords);
        left -= kLongWordTokens;
      } else {
        *text += kind <= 60 ? Any(kFunctionWords) : Any(kContentWords);
        --left;
      }
    }
    char& first = (*text)[begin];
    first = static_cast<char>(std::toupper(static_cast<unsigned char>(first)));
    *text += '.';
  }

  std::mt19937_64 random_;
};

std::string Sentence(Writer* writer) { return writer->Text(writer->Between(12, 40)); }

std::string TextOf(Work work, int64_t index, Writer* writer) {
  switch (work) {
    case Work::kShort:
      return Sentence(writer);
    case Work::kMixed:
      return index % 8 == 0 ? writer->Text(writer->Between(200, 400)) : Sentence(writer);
    case Work::kLong:
      break;
  }
  return writer->Text(writer->Between(250, 512));
}

}  // namespace

std::optional<Work> ParseWork(std::string_view name) {
  for (const auto& [work, known] : kNames) {
    if (name == known) return work;
  }
  return std::nullopt;
}

int64_t DefaultTexts(Work work) {
  return work == Work::kShort ? 1024 : work == Work::kMixed ? 512 : 128;
}

std::vector<std::string> MakeTexts(Work work, int64_t count) {
  Writer writer(20260101 + static_cast<uint64_t>(work));
  std::vector<std::string> texts;
  texts.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) texts.push_back(TextOf(work, i, &writer));
  return texts;
}

}  // namespace bge
