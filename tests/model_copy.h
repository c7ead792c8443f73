// A copy of a tiny model that a test may change.
#ifndef BGE_TESTS_MODEL_COPY_H_
#define BGE_TESTS_MODEL_COPY_H_

#include "base/file.h"
#include "base/json.h"
#include "base/json_text.h"
#include "tests/temp_dir.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace bge::test {

/// Of tests/data/models; gone with the object.
class ModelCopy {
 public:
  explicit ModelCopy(const std::string& name) {
    std::filesystem::copy(std::filesystem::path(BGE_TEST_DATA_DIR) / "models" / name, path(),
                          std::filesystem::copy_options::recursive);
  }
  std::filesystem::path path() const { return dir_->path() / "model"; }
  std::string name() const { return path().string(); }

  void Write(const std::string& file, std::string_view content) const {
    std::filesystem::remove(path() / file);
    dir_->Write(std::filesystem::path("model") / file, content);
  }
  /// Each member of `files` is a file's content; null: the file is removed.
  void WriteAll(json::Value files) const {
    files.ForEachMember([&](std::string_view file, json::Value content) {
      std::string text;
      json::AppendValue(content, 0, &text);
      if (content.is_null()) {
        std::filesystem::remove(path() / file);
      } else {
        Write(std::string(file), text);
      }
    });
  }
  /// Puts the transformer's files into a folder, which modules.json or the Router's documents then
  /// name.
  void MoveTransformer(const std::string& folder) const {
    std::filesystem::create_directory(path() / folder);
    for (const char* file : {"config.json", "model.safetensors", "tokenizer.json",
                             "tokenizer_config.json", "sentence_bert_config.json"}) {
      if (!std::filesystem::exists(path() / file)) continue;
      std::filesystem::rename(path() / file, path() / folder / file);
    }
    const bool routed = std::filesystem::exists(path() / "router_config.json");
    const std::string file = routed ? "router_config.json" : "modules.json";
    std::string text = ReadFile(path() / file, 1 << 20);
    // The only empty strings are the transformer's folder: of a Router twice.
    const std::string empty = routed ? "\"\"" : "\"path\": \"\"";
    for (size_t at; (at = text.find(empty)) != std::string::npos;) {
      text.insert(at + empty.size() - 1, folder);
    }
    Write(file, text);
  }

 private:
  std::unique_ptr<const TempDir> dir_ = std::make_unique<const TempDir>();
};

}  // namespace bge::test

#endif  // BGE_TESTS_MODEL_COPY_H_
