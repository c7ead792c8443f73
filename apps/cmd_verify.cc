// bge verify: are a model's vectors those that somebody else computed for the same texts?
#include "apps/arguments.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/embedding_flags.h"
#include "apps/identity_file.h"
#include "apps/json_object.h"
#include "apps/model_source.h"
#include "apps/output_stream.h"
#include "apps/published_values.h"
#include "apps/rank_agreement.h"
#include "apps/reference_vectors.h"
#include "apps/reranker_flags.h"
#include "apps/text_input.h"
#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace bge::cli {
namespace {

// Texts encoded together.
constexpr size_t kChunk = 512;
// Rank agreement costs the square of the number of texts: so many from the beginning take part.
constexpr size_t kRankedTexts = 1000;

struct VerifyFlags {
  EmbeddingFlags embedding;
  std::string against;
  bool published = false;
  std::string published_name;  // empty: the model's
  TextInputFlags texts;
  double tolerance = 1e-5;
  bool json = false;
};

// Sums over the texts compared so far, and the vectors of the first of them.
class Comparison {
 public:
  void Add(const TextRecord& record, std::span<const float> found,
           std::span<const float> expected) {
    double dot = 0;
    double norm_found = 0;
    double norm_expected = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      const double x = found[i];
      const double y = expected[i];
      // A NaN must not hide: it counts as infinitely far.
      const double difference = std::isfinite(x) && std::isfinite(y)
                                    ? std::fabs(x - y)
                                    : std::numeric_limits<double>::infinity();
      if (difference > max_abs) {
        max_abs = difference;
        max_abs_text = texts;
        max_abs_line = record.line;
      }
      dot += x * y;
      norm_found += x * x;
      norm_expected += y * y;
    }
    const double cosine = Cosine(dot, norm_found, norm_expected);
    worst_cosine = std::min(worst_cosine, cosine);
    cosine_sum += cosine;
    ++texts;
    if (static_cast<size_t>(texts) <= kRankedTexts) {
      ranked_found.insert(ranked_found.end(), found.begin(), found.end());
      ranked_expected.insert(ranked_expected.end(), expected.begin(), expected.end());
    }
  }

  int64_t texts = 0;
  double max_abs = 0;
  int64_t max_abs_text = 0;  // from 0
  int64_t max_abs_line = 0;
  double worst_cosine = 1;
  double cosine_sum = 0;
  std::vector<float> ranked_found;
  std::vector<float> ranked_expected;

 private:
  static double Cosine(double dot, double norm_a, double norm_b) {
    if (norm_a == 0 && norm_b == 0) return 1;  // two vectors of zeros are alike
    const double cosine = dot / std::sqrt(norm_a * norm_b);
    return std::isfinite(cosine) ? std::clamp(cosine, -1.0, 1.0) : 0;
  }
};

std::unique_ptr<ReferenceReader> OpenReference(const VerifyFlags& flags,
                                               const RunContext& context) {
  if (flags.against.ends_with(".npy")) {
    if (flags.texts.input.empty()) {
      throw UsageError("no texts: --against with a .npy file: give them with --texts");
    }
    return ReadReferenceNpy(flags.against, OpenTextInput(flags.texts, false, context));
  }
  if (flags.against.ends_with(".f32")) {
    throw UsageError(
        fmt::format("a .f32 file is not supported as the reference: --against {}: give .npy with "
                    "--texts, or JSONL with text and embedding",
                    Printable(flags.against, 1000)));
  }
  if (!flags.texts.input.empty()) {
    throw UsageError("texts given twice: --texts: it goes with a .npy file; JSONL holds the texts");
  }
  TextReaderOptions options;
  options.field = flags.texts.field;
  options.stop = context.stop;
  return ReadReferenceJsonl(flags.against, options, context.stop_fd);
}

void CompareAll(ReferenceReader& reader, const Embedder& embedder, const EncodeOptions& encode,
                const VerifyFlags& flags, Comparison* comparison) {
  // Refuses models without such vectors.
  embedder.Encode(std::span<const std::string_view>(), encode);
  const auto dimension = static_cast<size_t>(embedder.OutputDimension(encode));
  std::vector<TextRecord> records;
  std::vector<std::string_view> texts;
  std::vector<float> expected;
  std::vector<float> found;
  std::vector<float> vector;
  bool more = true;
  while (more) {
    records.clear();
    expected.clear();
    TextRecord record;
    while (records.size() < kChunk && (more = reader.Next(&record, &vector))) {
      if (vector.size() != dimension) {
        Fail(ErrorCode::kInvalidArgument,
             fmt::format("found a vector of {} values, expected {} as the model's", vector.size(),
                         dimension),
             fmt::format("{}: text {}", flags.against,
                         comparison->texts + static_cast<int64_t>(records.size()) + 1),
             "check --model, --pooling and --truncate-dim");
      }
      expected.insert(expected.end(), vector.begin(), vector.end());
      records.push_back(record);
    }
    texts.clear();
    for (const TextRecord& each : records) texts.push_back(each.text);
    found.resize(texts.size() * dimension);
    if (!texts.empty()) embedder.EncodeInto(texts, encode, found);
    for (size_t i = 0; i < records.size(); ++i) {
      comparison->Add(records[i], std::span(found).subspan(i * dimension, dimension),
                      std::span(expected).subspan(i * dimension, dimension));
    }
  }
}

std::string ReportText(const Comparison& comparison, const std::optional<RankAgreement>& ranks,
                       double tolerance, bool within) {
  const double mean = comparison.cosine_sum / static_cast<double>(comparison.texts);
  std::string text = fmt::format("texts               {}\n", WithSeparators(comparison.texts));
  text += fmt::format("max abs difference  {:.3g}", comparison.max_abs);
  if (comparison.max_abs > 0) {
    text += fmt::format("  (text {}", WithSeparators(comparison.max_abs_text + 1));
    if (comparison.max_abs_line > 0) text += fmt::format(", line {}", comparison.max_abs_line);
    text += ")";
  }
  text += fmt::format("\nworst cosine        {:.9f}\nmean cosine         {:.9f}\n",
                      comparison.worst_cosine, mean);
  if (ranks) {
    text += fmt::format(
        "{:<20}{:.6f}  (neighbours within the first {} texts)\n"
        "rank correlation    {:.9f}  (Spearman, cosines of their pairs)\n",
        fmt::format("top-{} overlap", ranks->top_k), ranks->overlap, WithSeparators(ranks->texts),
        ranks->spearman);
  }
  text += fmt::format("result              {} the tolerance of {:.3g}\n",
                      within ? "within" : "BEYOND", tolerance);
  return text;
}

std::string JsonNumber(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : std::string("null");
}

std::string ReportJson(const Comparison& comparison, const std::optional<RankAgreement>& ranks,
                       double tolerance, bool within) {
  const double mean = comparison.cosine_sum / static_cast<double>(comparison.texts);
  std::string text = fmt::format(
      R"({{"texts":{},"max_abs_difference":{},"max_abs_text":{},"worst_cosine":{},"mean_cosine":{})",
      comparison.texts, JsonNumber(comparison.max_abs), comparison.max_abs_text + 1,
      JsonNumber(comparison.worst_cosine), JsonNumber(mean));
  if (ranks) {
    text += fmt::format(R"(,"ranked_texts":{},"top_k":{},"top_k_overlap":{},"spearman":{})",
                        ranks->texts, ranks->top_k, JsonNumber(ranks->overlap),
                        JsonNumber(ranks->spearman));
  }
  text += fmt::format(R"(,"tolerance":{},"within":{}}})", JsonNumber(tolerance), within);
  return text + "\n";
}

std::string Numbers(std::span<const float> values) {
  std::string text;
  for (const float value : values) text += fmt::format("{}{:.6g}", text.empty() ? "" : " ", value);
  return text;
}

std::string PublishedText(std::span<const PublishedComparison> compared) {
  std::string text;
  std::string_view source;
  for (const PublishedComparison& each : compared) {
    if (each.value->source != source) {
      source = each.value->source;
      text += fmt::format("{}\n", source);
    }
    text += fmt::format("  {:<6}  off by {:.2g} (tolerance {:.2g})  {}\n",
                        each.within() ? "ok" : "BEYOND", each.difference, each.value->tolerance,
                        Describe(*each.value));
    if (!each.within()) {
      text += fmt::format("          found {}, published {}\n", Numbers(each.found),
                          Numbers(each.value->values));
    }
  }
  const auto within = std::count_if(compared.begin(), compared.end(),
                                    [](const auto& each) { return each.within(); });
  text += fmt::format("result  {} of {} published values within their tolerance\n", within,
                      compared.size());
  return text;
}

std::string PublishedJson(std::span<const PublishedComparison> compared) {
  std::string text;
  for (const PublishedComparison& each : compared) {
    JsonObject object(&text);
    object.Text("quantity", Describe(*each.value));
    object.Reals("found", each.found);
    object.Reals("published", each.value->values);
    object.Real("difference", each.difference);
    object.Real("tolerance", each.value->tolerance);
    object.Flag("within", each.within());
    object.Text("source", std::string(each.value->source));
    object.End();
    text += '\n';
  }
  return text;
}

// Why values differ that are not computed in float32.
void ExplainRounding(ComputeType type) {
  if (type == ComputeType::kFloat32) return;
  PrintNote(
      fmt::format("computed in {}: its rounding alone is more than a tolerance for float32; "
                  "--dtype f32 computes without it, but not what a quantized model's weights have "
                  "lost",
                  ComputeTypeName(type)));
}

// With --published.
int VerifyPublished(const VerifyFlags& flags, const RunContext& context) {
  if (!flags.against.empty()) {
    throw UsageError("both given: --against and --published: give one of them");
  }
  const EmbeddingFlags& given = flags.embedding;
  if (given.query || given.passage || given.instruction || given.prompt_name ||
      given.no_normalize || given.truncate_dim || given.max_length || !given.pooling.empty()) {
    throw UsageError(
        "option without effect: --published: the values were published for the model as it is; "
        "leave out instructions, pooling, normalisation, dimension and length");
  }
  const auto output = OpenOutput("-");
  EmbeddingFlags embedding = flags.embedding;
  embedding.model = ModelDirectory(ModelOf(embedding), context);
  std::vector<PublishedComparison> compared;
  ComputeType type = ComputeType::kFloat32;
  const auto facts_of = [&flags](const std::string& name) {
    const std::string& asked = flags.published_name.empty() ? name : flags.published_name;
    auto facts = FindPublished(asked);
    if (facts.empty()) {
      Fail(ErrorCode::kInvalidArgument, "no published values", Printable(asked, 200),
           fmt::format("name the model that it is with --published-as: {}",
                       fmt::join(PublishedModels(), ", ")));
    }
    return facts;
  };
  if (IsReranker(embedding.model)) {
    const Reranker reranker = LoadReranker({.model = embedding.model,
                                            .threads = flags.embedding.threads,
                                            .dtype = flags.embedding.dtype,
                                            .packed_cache = flags.embedding.packed_cache},
                                           context);
    type = reranker.info().compute_type;
    compared = ComparePublished(facts_of(reranker.info().name), reranker);
  } else {
    const Embedder embedder = LoadEmbedder(embedding, context);
    type = embedder.info().compute_type;
    compared = ComparePublished(facts_of(embedder.info().name), embedder);
  }
  output->Write(flags.json ? PublishedJson(compared) : PublishedText(compared));
  output->Commit();
  const bool within =
      std::all_of(compared.begin(), compared.end(), [](const auto& each) { return each.within(); });
  if (!within) ExplainRounding(type);
  return within ? 0 : 1;
}

int Verify(const VerifyFlags& flags, const RunContext& context) {
  if (flags.published) return VerifyPublished(flags, context);
  if (flags.against.empty()) {
    throw UsageError(
        "no reference: --against: give the file of texts and vectors to compare with, or "
        "--published");
  }
  const auto reader = OpenReference(flags, context);
  const auto output = OpenOutput("-");
  const Embedder embedder = LoadEmbedder(flags.embedding, context);
  WarnOfOtherSpace(flags.against, embedder);
  Comparison comparison;
  CompareAll(*reader, embedder, ToEncodeOptions(flags.embedding, context), flags, &comparison);
  if (comparison.texts == 0) {
    Fail(ErrorCode::kInvalidArgument, "no texts", flags.against, "give a file with some");
  }
  std::optional<RankAgreement> ranks;
  const auto ranked =
      static_cast<int64_t>(std::min(static_cast<size_t>(comparison.texts), kRankedTexts));
  if (ranked >= 3) {
    const auto dimension = static_cast<int64_t>(comparison.ranked_found.size()) / ranked;
    ranks = CompareRanks(comparison.ranked_expected, comparison.ranked_found, ranked, dimension,
                         flags.tolerance);
  }
  const bool within = comparison.max_abs <= flags.tolerance;
  output->Write((flags.json ? ReportJson : ReportText)(comparison, ranks, flags.tolerance, within));
  output->Commit();
  if (!within) ExplainRounding(embedder.info().compute_type);
  return within ? 0 : 1;
}

}  // namespace

void SetUpVerify(CLI::App& app, Action* action) {
  const auto flags = std::make_shared<VerifyFlags>();
  AddModelArgument(app, &flags->embedding.model);
  AddName(app, "--against", &flags->against,
          "Reference: JSONL with text and embedding, or .npy with --texts")
      ->type_name("FILE");
  app.add_flag(
      "--published", flags->published,
      "Compare with what others have published for this model: values, similarities, scores");
  AddString(app, "--published-as", &flags->published_name,
            "The model whose published values count (default: the name that bge info shows)")
      ->type_name("NAME")
      ->needs("--published");
  AddName(app, "--texts", &flags->texts.input, "The texts of a .npy reference, in its order")
      ->type_name("FILE");
  AddTextFormatFlags(app, &flags->texts);
  app.add_option("--tolerance", flags->tolerance, "Most that any value may differ (default: 1e-5)")
      ->type_name("X")
      ->check([](const std::string& text) {
        double value = 0;
        const char* const end = text.data() + text.size();
        const auto parsed = std::from_chars(text.data(), end, value);
        const bool fits =
            parsed.ec == std::errc() && parsed.ptr == end && value >= 0 && value <= 1e9;
        return fits ? std::string() : fmt::format("found {}, expected 0 to 1e9", Printable(text));
      });
  app.add_flag("--json", flags->json, "Print one JSON object");
  AddRoleFlags(app, &flags->embedding);
  AddVectorFlags(app, &flags->embedding);
  AddEngineFlags(app, &flags->embedding);
  app.footer(
      "Exit status: 0 within the tolerance, 1 beyond it (or after an error).\n"
      "\n"
      "Examples:\n"
      "  bge verify BAAI/bge-m3 --published\n"
      "  bge verify ./my-model --against reference.jsonl\n"
      "  bge verify --against vectors.npy --texts corpus.jsonl --tolerance 1e-4");
  app.callback([flags, action] {
    *action = [flags](const RunContext& context) { return Verify(*flags, context); };
  });
}

}  // namespace bge::cli
