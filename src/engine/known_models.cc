// The table follows FlagEmbedding's model_mapping.py (pooling, format) and the models' own READMEs
// (instructions), for encoders of the architectures that this build has.
#include "engine/known_models.h"

#include "base/error.h"
#include "base/file.h"
#include "hub/cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace bge {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kBgeEnglish =
    "Represent this sentence for searching relevant passages: ";
constexpr std::string_view kBgeChinese = "为这个句子生成表示以用于检索相关文章：";
constexpr std::string_view kE5Query = "query: ";
constexpr std::string_view kE5Passage = "passage: ";
constexpr std::string_view kNomicQuery = "search_query: ";
constexpr std::string_view kNomicDocument = "search_document: ";
constexpr std::string_view kSearchTask =
    "Given a web search query, retrieve relevant passages that answer the query";
constexpr std::string_view kInstructFormat = "Instruct: {}\nQuery: {}";
constexpr std::string_view kConcat = "{}{}";
constexpr int64_t kUnchecked = 0;
constexpr int64_t kMostAddedTokens = 4096;  // by a fine-tuning, at the vocabulary's end
constexpr Pooling kCls = Pooling::kCls;
constexpr Pooling kMean = Pooling::kMean;

constexpr KnownModel kKnownModels[] = {
    {"BAAI/bge-small-en-v1.5", "bert", 384, kCls, 512, kBgeEnglish, "", kConcat, 12, 30522},
    {"BAAI/bge-base-en-v1.5", "bert", 768, kCls, 512, kBgeEnglish, "", kConcat, 12, 30522},
    {"BAAI/bge-large-en-v1.5", "bert", 1024, kCls, 512, kBgeEnglish, "", kConcat, 24, 30522},
    {"BAAI/bge-small-zh-v1.5", "bert", 512, kCls, 512, kBgeChinese, "", kConcat, kUnchecked, 21128},
    {"BAAI/bge-base-zh-v1.5", "bert", 768, kCls, 512, kBgeChinese, "", kConcat, 12, 21128},
    {"BAAI/bge-large-zh-v1.5", "bert", 1024, kCls, 512, kBgeChinese, "", kConcat, 24, 21128},
    {"BAAI/bge-small-en", "bert", 384, kCls, 512, kBgeEnglish, "", kConcat, 12, 30522},
    {"BAAI/bge-base-en", "bert", 768, kCls, 512, kBgeEnglish, "", kConcat, 12, 30522},
    {"BAAI/bge-large-en", "bert", 1024, kCls, 512, kBgeEnglish, "", kConcat, 24, 30522},
    {"BAAI/bge-small-zh", "bert", 512, kCls, 512, kBgeChinese, "", kConcat, kUnchecked, 21128},
    {"BAAI/bge-base-zh", "bert", 768, kCls, 512, kBgeChinese, "", kConcat, 12, 21128},
    {"BAAI/bge-large-zh", "bert", 1024, kCls, 512, kBgeChinese, "", kConcat, 24, 21128},
    {"BAAI/bge-large-zh-noinstruct", "bert", 1024, kCls, 512, "", ""},
    {"BAAI/bge-m3", "xlm-roberta", 1024, kCls, 8192, "", ""},
    {"BAAI/llm-embedder", "bert", 768, kCls, 512,
     "Represent this query for retrieving relevant documents: ",
     "Represent this document for retrieval: "},
    {"intfloat/e5-small-v2", "bert", 384, kMean, 512, kE5Query, kE5Passage},
    {"intfloat/e5-base-v2", "bert", 768, kMean, 512, kE5Query, kE5Passage},
    {"intfloat/e5-large-v2", "bert", 1024, kMean, 512, kE5Query, kE5Passage},
    {"intfloat/e5-small", "bert", 384, kMean, 512, kE5Query, kE5Passage},
    {"intfloat/e5-base", "bert", 768, kMean, 512, kE5Query, kE5Passage},
    {"intfloat/e5-large", "bert", 1024, kMean, 512, kE5Query, kE5Passage},
    {"intfloat/multilingual-e5-small", "bert", 384, kMean, 512, kE5Query, kE5Passage},
    {"intfloat/multilingual-e5-base", "xlm-roberta", 768, kMean, 512, kE5Query, kE5Passage},
    {"intfloat/multilingual-e5-large", "xlm-roberta", 1024, kMean, 512, kE5Query, kE5Passage},
    {"intfloat/multilingual-e5-large-instruct", "xlm-roberta", 1024, kMean, 512, kSearchTask, "",
     kInstructFormat},
    {"thenlper/gte-small", "bert", 384, kMean, 512, "", ""},
    {"thenlper/gte-base", "bert", 768, kMean, 512, "", ""},
    {"thenlper/gte-large", "bert", 1024, kMean, 512, "", ""},
    {"thenlper/gte-small-zh", "bert", 512, kCls, 512, "", ""},
    {"thenlper/gte-base-zh", "bert", 768, kCls, 512, "", ""},
    {"thenlper/gte-large-zh", "bert", 1024, kCls, 512, "", ""},
    {"maidalun1020/bce-embedding-base_v1", "xlm-roberta", 768, kCls, 512, "", ""},
    {"Alibaba-NLP/gte-modernbert-base", "modernbert", 768, kCls, 8192, "", ""},
    {"nomic-ai/modernbert-embed-base", "modernbert", 768, kMean, 8192, kNomicQuery, kNomicDocument},
};

constexpr uint64_t kMaxReadmeBytes = 4 << 20;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Components of a path, empty ones left out.
std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find_first_of("/\\", begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// "checkpoint-500", which trainers name the folders inside of the model's.
bool IsCheckpoint(std::string_view folder) {
  constexpr std::string_view kPrefix = "checkpoint-";
  return folder.starts_with(kPrefix) && folder.size() > kPrefix.size() &&
         folder.find_first_not_of("0123456789", kPrefix.size()) == std::string_view::npos;
}

// What README.md's front matter says of names. Only the lines that sentence-transformers and the
// hub write are understood: this is a hint, not YAML.
struct ReadmeNames {
  std::string model_index;
  std::string base_model;
};

std::string_view Unquoted(std::string_view text) {
  while (!text.empty() && std::string_view(" \t\r\"'").find(text.back()) != text.npos) {
    text.remove_suffix(1);
  }
  while (!text.empty() && std::string_view(" \t\"'").find(text.front()) != text.npos) {
    text.remove_prefix(1);
  }
  return text;
}

ReadmeNames ReadReadme(const fs::path& path) {
  ReadmeNames names;
  std::string text;
  try {
    text = ReadFile(path, kMaxReadmeBytes);
  } catch (const std::exception&) {
    return names;  // absent or unreadable: a hint less
  }
  std::string_view rest = text;
  std::string_view section;
  for (size_t line_number = 0; !rest.empty(); ++line_number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const bool fence = Unquoted(line) == "---";
    if (fence != (line_number == 0)) break;  // no front matter, or its end
    if (fence || line.empty()) continue;
    std::string_view item = Unquoted(line);
    if (line.front() != ' ' && line.front() != '-') {
      section = item.substr(0, item.find(':'));
      item = Unquoted(item.substr(std::min(section.size() + 1, item.size())));
      if (section == "base_model" && !item.empty()) names.base_model = item;
      continue;
    }
    if (!item.starts_with("- ")) continue;
    item = Unquoted(item.substr(2));
    if (section == "base_model" && names.base_model.empty()) names.base_model = item;
    if (section == "model-index" && names.model_index.empty() && item.starts_with("name:")) {
      names.model_index = Unquoted(item.substr(5));
    }
  }
  return names;
}

// Whether `text` names a model that is not of the table. The path that a model was trained from
// says nothing; neither does a name without organisation, unless it is an old model's
// ("bert-base-uncased").
bool IsNameOfAnother(std::string_view text, std::string_view model_type) {
  if (!ParseModelName(text) || FindKnownModel(text) != nullptr) return false;
  const size_t slash = text.find('/');
  if (slash != std::string_view::npos) return !IsCheckpoint(text.substr(slash + 1));
  return text.starts_with(model_type) && text.substr(model_type.size()).starts_with('-');
}

// Whether config.json's architectures are of that model_type, as far as it says: "BertModel",
// "BertForMaskedLM", but not "NomicBertModel".
bool IsArchitectureOf(json::Value config, std::string_view model_type) {
  const auto architectures = config.FindNonNull("architectures");
  if (!architectures || !architectures->is_array()) return true;
  const std::string_view prefix = model_type == "xlm-roberta"  ? "XLMRoberta"
                                  : model_type == "modernbert" ? "ModernBert"
                                                               : "Bert";
  const auto elements = architectures->Elements();
  return std::all_of(elements.begin(), elements.end(), [prefix](json::Value element) {
    return element.is_string() && element.AsString().starts_with(prefix);
  });
}

std::string StringIn(json::Value config, std::string_view key) {
  const auto value = config.Find(key);
  return value && value->is_string() ? std::string(value->AsString()) : "";
}

}  // namespace

std::string KnownModel::QueryPrefix() const {
  std::string prefix(query_format);
  prefix.replace(prefix.find("{}"), 2, query_instruction);
  prefix.erase(prefix.rfind("{}"));
  return prefix;
}

std::span<const KnownModel> KnownModels() { return kKnownModels; }

const KnownModel* FindKnownModel(std::string_view name_or_path) {
  const std::string lower = Lower(name_or_path);
  std::vector<std::string_view> parts = Split(lower);
  // A snapshot in a hub cache is named by the folder two above it.
  if (parts.size() >= 3 && parts[parts.size() - 2] == "snapshots") {
    parts.resize(parts.size() - 2);
    if (parts.back().starts_with("models--")) parts.back().remove_prefix(8);
  }
  while (!parts.empty() && IsCheckpoint(parts.back())) parts.pop_back();
  if (parts.empty()) return nullptr;
  for (const KnownModel& model : kKnownModels) {
    const std::string repo = Lower(model.repo);
    const size_t slash = repo.find('/');
    const std::string organization = repo.substr(0, slash);
    const std::string base = repo.substr(slash + 1);
    if (parts.back() == base) return &model;
    for (const char* between : {"_", "__", "--", "-"}) {
      if (parts.back() == fmt::format("{}{}{}", organization, between, base)) return &model;
    }
  }
  return nullptr;
}

std::optional<Recognition> RecognizeModel(const fs::path& dir, json::Value config,
                                          const WarningSink& on_warning) {
  // Whether the field is there and within [expected, expected + more].
  const auto is = [&](std::string_view key, int64_t expected, int64_t more = 0) {
    const auto value = config.Find(key);
    return value && value->is_number() && value->AsDouble() >= static_cast<double>(expected) &&
           value->AsDouble() <= static_cast<double>(expected + more);
  };
  // The encoder requires these fields, so that a file without them is no model anyway.
  const auto may_be = [&](std::string_view key, int64_t expected, int64_t more = 0) {
    return expected == kUnchecked || !config.Find(key) || is(key, expected, more);
  };
  const auto fits = [&](const KnownModel* model) {
    return model != nullptr && StringIn(config, "model_type") == model->model_type &&
           IsArchitectureOf(config, model->model_type) && is("hidden_size", model->hidden_size) &&
           may_be("num_hidden_layers", model->num_layers) &&
           may_be("vocab_size", model->vocab_size, kMostAddedTokens);
  };
  const auto recognize = [&](std::string_view text, std::string_view by,
                             std::string name = "") -> std::optional<Recognition> {
    const KnownModel* model = FindKnownModel(text);
    if (!fits(model)) return std::nullopt;
    return Recognition{name.empty() ? std::string(model->repo) : std::move(name), model,
                       fmt::format("known model {} (by {})", model->repo, by)};
  };

  const auto repo = RepoOfSnapshot(dir);
  if (repo) {
    if (auto found = recognize(*repo, "its place in the hub cache", *repo)) return found;
  }
  // What the files say.
  struct Origin {
    std::string text;
    std::string_view where;
  };
  const ReadmeNames readme = ReadReadme(dir / "README.md");
  const Origin index{readme.model_index, "README.md model-index"};
  const Origin trained_from{StringIn(config, "_name_or_path"), "config.json _name_or_path"};
  const Origin base{readme.base_model, "README.md base_model"};

  std::error_code ignored;
  for (const fs::path& path :
       {fs::absolute(dir, ignored).lexically_normal(), fs::weakly_canonical(dir, ignored)}) {
    auto by_folder = recognize(path.string(), "its folder name");
    if (!by_folder) continue;
    // Anybody may rename a folder. A model trained from a row keeps that row's pooling, so that
    // where the two differ in it, the name is wrong; where they do not, the name is nearer to the
    // model. One that is not in the table has mean pooling, as far as anybody knows.
    for (const Origin* origin : {&trained_from, &index, &base}) {
      auto by_origin = recognize(origin->text, origin->where);
      if (!by_origin && !IsNameOfAnother(origin->text, by_folder->model->model_type)) continue;
      if ((by_origin ? by_origin->model->pooling : kMean) == by_folder->model->pooling) break;
      if (on_warning) {
        on_warning(
            fmt::format("{}: the folder's name says {}, but {} says {}: {}; rename the folder",
                        Printable(dir.string()), by_folder->model->repo, origin->where,
                        Printable(origin->text, 100),
                        by_origin ? "taking it for the latter" : "taking it for an unknown model"));
      }
      return by_origin;
    }
    return by_folder;
  }
  for (const Origin* origin : {&index, &trained_from, &base}) {
    if (auto found = recognize(origin->text, origin->where)) return found;
  }
  return std::nullopt;
}

}  // namespace bge
