// Texts to measure with where a user has none: always the same, and of the lengths of real ones.
#ifndef BGE_BENCH_WORK_TEXTS_H_
#define BGE_BENCH_WORK_TEXTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// Lengths are in tokens of BERT's English vocabulary, special tokens included, evenly spread.
/// SciFact's abstracts have 27 tokens in a sentence cut at 120 characters, and 308 in all
/// (medians).
enum class Work {
  kShort,  // sentences of 12 to 40 tokens
  kMixed,  // a passage of 200 to 400 tokens, then seven such sentences, and so on
  kLong,   // passages of 250 to 512 tokens
};

/// "short", "mixed", "long"; nullopt for other names.
std::optional<Work> ParseWork(std::string_view name);

/// Texts that a measurement takes where nobody says how many: some seconds of work for a small
/// model on two cores.
int64_t DefaultTexts(Work work);

/// The first `count` texts of this kind: words at random from a list, with commas and full stops.
/// The same in every build; a smaller count gives a beginning of what a greater one gives.
std::vector<std::string> MakeTexts(Work work, int64_t count);

}  // namespace bge

#endif  // BGE_BENCH_WORK_TEXTS_H_
