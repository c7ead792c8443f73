#include "tokenizer/sentencepiece/tokenizer_class.h"

#include "base/error.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace bge::tokenizer {
namespace {

namespace fs = std::filesystem;

using Class = SentencePieceClass;
using ModelType = SentencePieceModel::ModelType;

struct NameRow {
  std::string_view name;
  Class value;
};

constexpr NameRow kByTokenizerClass[] = {{"XLMRobertaTokenizer", Class::kXlmRoberta},
                                         {"T5Tokenizer", Class::kT5},
                                         {"AlbertTokenizer", Class::kAlbert},
                                         {"LlamaTokenizer", Class::kLlama},
                                         {"Phi3Tokenizer", Class::kLlama},
                                         {"CodeLlamaTokenizer", Class::kCodeLlama},
                                         {"GemmaTokenizer", Class::kGemma},
                                         {"BloomTokenizer", Class::kPlain},
                                         {"PreTrainedTokenizer", Class::kPlain},
                                         {"PythonBackend", Class::kPlain},
                                         {"TokenizersBackend", Class::kPlain}};

// Models of no row here are TokenizersBackend's.
constexpr NameRow kByModelType[] = {{"xlm-roberta", Class::kXlmRoberta},
                                    {"t5", Class::kT5},
                                    {"mt5", Class::kT5},
                                    {"albert", Class::kAlbert},
                                    {"idefics", Class::kLlama},
                                    {"idefics2", Class::kLlama},
                                    {"code_llama", Class::kCodeLlama},
                                    {"diffusion_gemma", Class::kGemma},
                                    {"gemma", Class::kGemma},
                                    {"gemma2", Class::kGemma},
                                    {"gemma3", Class::kGemma},
                                    {"gemma3_text", Class::kGemma},
                                    {"gemma3n", Class::kGemma},
                                    {"gemma3n_text", Class::kGemma},
                                    {"recurrent_gemma", Class::kGemma},
                                    {"shieldgemma2", Class::kGemma},
                                    {"t5gemma", Class::kGemma},
                                    {"zaya", Class::kGemma}};

// Models that are registered with TokenizersBackend, which counts whatever class their files name
// (and with MistralCommonBackend, which is that without a tekken.json). A space on either side.
constexpr std::string_view kGenericModels =
    " EvollaModel arctic aria beam bigbird_pegasus camembertv2-base canary chatlm"
    " cohere_asr ernie4_5 ernie4_5_moe flex_olmo fuyu glm glm4 glm4_moe glm4_moe_lite"
    " glm4v glm4v_moe glm_image glmasr got_ocr2 gpt_bigcode gradium_phonon_tts granite"
    " granitemoe granitemoehybrid granitemoeshared h2ovl_chat hyperclovax hyperclovax_vlm"
    " internlm2 internlm3 iquestcoder jamba kimi_k25 kimi_linear kosmos-2 llava llava_next"
    " mimo_v2_flash minicpm3 minicpm_ocr minicpmv minicpmv4_6 minicpmv4_7 minimax_m2"
    " ministral ministral3 mistral mistral3 mistral_large4 mixtral modernbert"
    " modernbert-decoder molmo molmo2 nemo_speechlm nemotron nvfp4 nystromformer olmo2 olmo3"
    " olmo_hybrid opencua openvla paddleocr_vl pegasus_x persimmon phi3 phi3_v phimoe"
    " pix2struct pixtral pocket_tts smolvlm stablelm step3_vl umt5 vipllava voxtral"
    " voxtral_realtime xlm-roberta-xl ";

std::optional<Class> Find(std::span<const NameRow> rows, std::string_view name) {
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const NameRow& candidate) { return candidate.name == name; });
  return row == rows.end() ? std::nullopt : std::optional(row->value);
}

bool IsUnigramClass(Class value) {
  return value == Class::kXlmRoberta || value == Class::kT5 || value == Class::kAlbert;
}

// What the files of a directory say: `name` is tokenizer_config.json's, else config.json's.
struct Named {
  DocumentPtr model;  // config.json, which may be absent
  std::optional<json::Value> name, model_type;
};

Named ReadNamed(const fs::path& directory, const DocumentPtr& config) {
  Named named;
  if (!directory.empty()) named.model = LoadIfPresent(directory / "config.json");
  named.name = Member(config, "tokenizer_class");
  if (!named.name) named.name = Member(named.model, "tokenizer_class");
  named.model_type = Member(named.model, "model_type");
  return named;
}

std::string_view WithoutFast(std::string_view name) {
  // "PreTrainedTokenizerFast" is another name of the same.
  if (name.ends_with("Fast")) name.remove_suffix(4);
  return name;
}

std::optional<Class> ClassOfNames(const Named& named) {
  const std::string_view model_type =
      named.model_type ? named.model_type->AsString() : std::string_view();
  if (!named.name) return Find(kByModelType, model_type);
  const auto by_name = Find(kByTokenizerClass, WithoutFast(named.name->AsString()));
  // A class of Unigram models is what the file's pieces were made for, whatever the model is.
  const bool is_generic =
      !model_type.empty() && model_type.find(' ') == std::string_view::npos &&
      kGenericModels.find(" " + std::string(model_type) + " ") != std::string_view::npos;
  if (is_generic && !(by_name && IsUnigramClass(*by_name))) return Class::kPlain;
  return by_name;
}

}  // namespace

std::optional<Class> NamedClass(const fs::path& directory, const DocumentPtr& config) {
  return ClassOfNames(ReadNamed(directory, config));
}

Class ClassOf(const fs::path& file, ModelType model_type, const fs::path& directory,
              const DocumentPtr& config) {
  const Named named = ReadNamed(directory, config);
  const auto value = ClassOfNames(named);
  const bool is_unigram = model_type == ModelType::kUnigram;
  if (named.name && (!value || (is_unigram && value == Class::kPlain))) {
    Fail(ErrorCode::kUnsupported,
         "unknown tokenizer class '" + Printable(named.name->AsString(), 60) +
             "' of a SentencePiece file",
         named.name->Where(),
         is_unigram ? "this build knows XLMRobertaTokenizer, T5Tokenizer and AlbertTokenizer, and "
                      "those of BPE models, or save a tokenizer.json"
                    : "this build knows LlamaTokenizer, CodeLlamaTokenizer, GemmaTokenizer and "
                      "TokenizersBackend, and those of Unigram models, or save a tokenizer.json");
  }
  if (value && !is_unigram && IsUnigramClass(*value)) {
    Fail(ErrorCode::kUnsupported,
         "found a model of type BPE where the tokenizer class takes UNIGRAM",
         file.string() + ": field trainer_spec.model_type",
         "expected LlamaTokenizer, CodeLlamaTokenizer, GemmaTokenizer or TokenizersBackend as "
         "tokenizer_class, or save a tokenizer.json");
  }
  if (value) return *value;
  return is_unigram && file.filename() == "sentencepiece.bpe.model" ? Class::kXlmRoberta
                                                                    : Class::kPlain;
}

}  // namespace bge::tokenizer
