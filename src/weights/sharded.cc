// model.safetensors.index.json and pytorch_model.bin.index.json:
// {"metadata": {...}, "weight_map": {tensor name: shard file name}}.
#include "weights/sharded.h"

#include "base/error.h"
#include "base/json.h"
#include "weights/torch_file.h"

#include <fmt/format.h>

#include <algorithm>

namespace bge {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kMaxIndexBytes = 64 << 20;  // hundreds of thousands of tensors

// A shard's name must not lead out of the model directory.
bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

class ShardedWeights final : public WeightSource {
 public:
  explicit ShardedWeights(const fs::path& index) : index_(index) {
    const auto document = json::Document::Load(index.string(), kMaxIndexBytes);
    document->root().At("weight_map").ForEachMember([&](std::string_view name, json::Value value) {
      Add(name, value);
    });
    if (shard_of_.empty()) {
      document->root().At("weight_map").Fail("no tensors are listed", "download the file again");
    }
    for (const auto& [file, shard] : shards_) {
      for (const auto& [key, value] : shard->Metadata()) metadata_.emplace(key, value);
    }
  }

  std::optional<TensorView> Find(std::string_view name) const override {
    const auto it = shard_of_.find(name);
    return it == shard_of_.end() ? std::nullopt : it->second->Find(name);
  }

  std::optional<StoredTensor> FindStored(std::string_view name) const override {
    const auto it = shard_of_.find(name);
    return it == shard_of_.end() ? std::nullopt : it->second->FindStored(name);
  }

  std::vector<std::string> Names() const override {
    std::vector<std::string> names;
    names.reserve(shard_of_.size());
    for (const auto& [name, shard] : shard_of_) names.push_back(name);
    return names;
  }

  std::string FileOf(std::string_view name) const override {
    const auto it = shard_of_.find(name);
    return it == shard_of_.end() ? index_.string() : it->second->FileOf(name);
  }

  const std::map<std::string, std::string>& Metadata() const override { return metadata_; }

  std::vector<std::string> Files() const override {
    std::vector<std::string> files = {index_.filename().string()};
    for (const auto& [file, shard] : shards_) files.push_back(file);
    return files;
  }

  std::vector<std::string> FileStates() const override {
    std::vector<std::string> states;
    for (const auto& [file, shard] : shards_) {
      for (std::string& state : shard->FileStates()) states.push_back(std::move(state));
    }
    return states;
  }

  void Release(const TensorView& view) const override {
    // Only the shard that the view points into does anything.
    for (const auto& [file, shard] : shards_) shard->Release(view);
  }

 private:
  void Add(std::string_view name, json::Value value) {
    const std::string_view file = value.AsString();
    if (!IsPlainFileName(file)) {
      value.Fail(fmt::format("shard is not a plain file name: found \"{}\"", Printable(file, 80)),
                 "keep the shards beside the index and name them without a path");
    }
    const auto shard = shards_.find(file);
    const auto& source = shard != shards_.end()
                             ? shard->second
                             : shards_.emplace(file, Open(std::string(file), value)).first->second;
    const auto& names = names_[source.get()];
    if (!std::binary_search(names.begin(), names.end(), name)) {
      value.Fail(fmt::format("shard {} does not hold this tensor", Printable(file, 80)),
                 "download the model again");
    }
    if (!shard_of_.emplace(name, source.get()).second) {
      value.Fail("tensor name occurs twice", "download the file again");
    }
  }

  std::shared_ptr<const WeightSource> Open(const std::string& file, json::Value value) {
    const fs::path path = index_.parent_path() / file;
    std::error_code error;
    if (!fs::exists(path, error)) {
      const std::string reason = error ? ": " + error.message() : "";
      Fail(ErrorCode::kNotFound, "a shard of the weights is absent",
           fmt::format("{}{}: named by {}", Printable(path.string()), reason, value.Where()),
           "download the whole model again");
    }
    auto source = path.extension() == ".safetensors" ? OpenSafetensors(path) : OpenTorchFile(path);
    names_[source.get()] = source->Names();  // sorted
    return source;
  }

  fs::path index_;
  std::map<std::string, std::shared_ptr<const WeightSource>, std::less<>> shards_;  // by file name
  std::map<const WeightSource*, std::vector<std::string>> names_;
  std::map<std::string, const WeightSource*, std::less<>> shard_of_;  // by tensor name
  std::map<std::string, std::string> metadata_;
};

}  // namespace

std::shared_ptr<const WeightSource> OpenSharded(const fs::path& index) {
  return std::make_shared<const ShardedWeights>(index);
}

}  // namespace bge
