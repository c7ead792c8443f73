// Files are looked for with lstat, so that a link to nowhere is an error instead of an absence.
#include "engine/model_files.h"

#include "base/error.h"
#include "base/links.h"
#include "hub/cache.h"

#include <algorithm>

namespace bge {

namespace fs = std::filesystem;

namespace {
// tokenizer_config.json with thousands of added tokens is the largest: a few MB.
constexpr uint64_t kMaxConfigBytes = 16 << 20;
}  // namespace

ModelFiles::ModelFiles(fs::path dir) : dir_(std::move(dir)) { RefuseLinksOutside(dir_); }

bool ModelFiles::Has(const fs::path& relative) const {
  // A dangling link (a hub cache whose blob is gone) is something that is there and cannot be read.
  std::error_code ignored;
  return fs::exists(fs::symlink_status(dir_ / relative, ignored));
}

std::shared_ptr<const json::Document> ModelFiles::Find(const fs::path& relative) {
  if (!Has(relative)) return nullptr;
  auto document = json::Document::Load((dir_ / relative).string(), kMaxConfigBytes);
  const std::string name = relative.lexically_normal().string();
  if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.push_back(name);
  return document;
}

std::shared_ptr<const json::Document> ModelFiles::Get(const fs::path& relative,
                                                      std::string_view why) {
  if (auto document = Find(relative)) return document;
  Fail(ErrorCode::kNotFound, "a file of the model is absent",
       (dir_ / relative).string() + ": " + std::string(why), HowToComplete(dir_));
}

std::optional<fs::path> TokenizerFile(const fs::path& dir) {
  // The first that is there is the one that is read.
  for (const char* file : {"tokenizer.json", "vocab.txt", "sentencepiece.bpe.model", "spiece.model",
                           "tokenizer.model"}) {
    if (fs::exists(dir / file)) return dir / file;
  }
  return std::nullopt;
}

std::string HowToComplete(const fs::path& dir) {
  if (const auto repo = RepoOfSnapshot(dir)) {
    return "complete it with `hf download " + *repo + "`";
  }
  return "give the directory of a whole Hugging Face model, or download it again";
}

}  // namespace bge
