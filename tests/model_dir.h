// Model directories built on the fly: configuration files only.
#ifndef BGE_TESTS_MODEL_DIR_H_
#define BGE_TESTS_MODEL_DIR_H_

#include "tests/temp_dir.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace bge::test {

constexpr std::string_view kBertConfig =
    R"({"architectures":["BertModel"],"model_type":"bert","hidden_size":8,)"
    R"("max_position_embeddings":512,"vocab_size":30})";

/// "{"idx":1,"name":"1","path":"1_Pooling","type":"..."}" for a modules.json.
inline std::string ModuleJson(int idx, std::string_view path, std::string_view type) {
  const std::string i = std::to_string(idx);
  return R"({"idx":)" + i + R"(,"name":")" + i + R"(","path":")" + std::string(path) +
         R"(","type":")" + std::string(type) + R"("})";
}

/// A directory of sentence-transformers with an 8-wide BERT and mean pooling; tests write over what
/// they are about. Its folder is called "model", so that no name is recognised by accident.
class ModelDir {
 public:
  ModelDir() {
    Write("config.json", kBertConfig);
    WriteModules(R"(,{"idx":2,"name":"2","path":"2_Normalize",)"
                 R"("type":"sentence_transformers.models.Normalize"})");
    Write("1_Pooling/config.json",
          R"({"word_embedding_dimension":8,"pooling_mode_mean_tokens":true})");
  }

  std::filesystem::path path() const { return temp_.path() / folder_; }
  /// Writes a file and gives its path.
  std::filesystem::path Write(std::string_view relative, std::string_view content) const {
    return temp_.Write(std::filesystem::path(folder_) / relative, content);
  }
  /// Transformer and Pooling of the old spelling, then `more` (",{...}").
  void WriteModules(std::string_view more) const {
    Write("modules.json", "[" + ModuleJson(0, "", "sentence_transformers.models.Transformer") +
                              "," +
                              ModuleJson(1, "1_Pooling", "sentence_transformers.models.Pooling") +
                              std::string(more) + "]");
  }
  void Remove(std::string_view relative) const { std::filesystem::remove_all(path() / relative); }
  /// Moves the directory to another place under the temporary folder.
  void MoveTo(const std::string& folder) {
    std::filesystem::create_directories((temp_.path() / folder).parent_path());
    std::filesystem::rename(path(), temp_.path() / folder);
    folder_ = folder;
  }

 private:
  TempDir temp_;
  std::string folder_ = "model";
};

}  // namespace bge::test

#endif  // BGE_TESTS_MODEL_DIR_H_
