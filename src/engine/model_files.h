// The JSON files of a model directory, read as they are asked for.
#ifndef BGE_ENGINE_MODEL_FILES_H_
#define BGE_ENGINE_MODEL_FILES_H_

#include "base/json.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bge {

/// Reads configuration files of one directory and remembers which. Single thread.
class ModelFiles {
 public:
  /// `dir` is an existing directory. Error(kInvalidArgument) where links lead out of it
  /// (base/links.h).
  explicit ModelFiles(std::filesystem::path dir);

  const std::filesystem::path& dir() const { return dir_; }

  /// The parsed file, whose root is an object or an array; nullptr where there is none. Error(kIo,
  /// kCorruptData), also for a link that leads nowhere.
  std::shared_ptr<const json::Document> Find(const std::filesystem::path& relative);
  /// As Find, but Error(kNotFound) saying `why` the file is needed.
  std::shared_ptr<const json::Document> Get(const std::filesystem::path& relative,
                                            std::string_view why);

  /// Whether something with this name is there.
  bool Has(const std::filesystem::path& relative) const;

  /// Relative paths of the files read so far.
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::filesystem::path dir_;
  std::vector<std::string> names_;
};

/// The file that a tokenizer of `dir` is read from; nullopt where there is none.
std::optional<std::filesystem::path> TokenizerFile(const std::filesystem::path& dir);

/// What to do about a file that a model directory lacks.
std::string HowToComplete(const std::filesystem::path& dir);

}  // namespace bge

#endif  // BGE_ENGINE_MODEL_FILES_H_
