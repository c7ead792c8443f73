// A WeightSource made of tensors in memory, for tests.
#ifndef BGE_TESTS_MEMORY_WEIGHTS_H_
#define BGE_TESTS_MEMORY_WEIGHTS_H_

#include "weights/weight_source.h"

#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bge {

class MemoryWeights : public WeightSource {
 public:
  /// Normal values of this standard deviation around `mean`.
  void AddRandom(const std::string& name, const Shape& shape, float deviation, float mean = 0) {
    std::normal_distribution<float> normal(mean, deviation);
    std::vector<float> values(static_cast<size_t>(shape.num_elements()));
    for (float& v : values) v = normal(random_);
    Add(name, shape, std::move(values));
  }
  void Add(const std::string& name, const Shape& shape, std::vector<float> values) {
    tensors_[name] = {shape, std::move(values)};
  }
  void Remove(const std::string& name) { tensors_.erase(name); }
  std::vector<float>& Values(const std::string& name) { return tensors_.at(name).second; }

  std::optional<TensorView> Find(std::string_view name) const override {
    const auto it = tensors_.find(std::string(name));
    if (it == tensors_.end()) return std::nullopt;
    TensorView view;
    view.data = it->second.second.data();
    view.shape = it->second.first;
    return view;
  }
  std::optional<StoredTensor> FindStored(std::string_view) const override { return std::nullopt; }
  std::vector<std::string> Names() const override {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors_) names.push_back(name);
    return names;
  }
  std::string FileOf(std::string_view) const override { return "memory"; }
  const std::map<std::string, std::string>& Metadata() const override { return metadata_; }
  std::vector<std::string> Files() const override { return {}; }
  std::vector<std::string> FileStates() const override { return {}; }
  void Release(const TensorView&) const override {}

 private:
  std::mt19937 random_{7};
  std::map<std::string, std::pair<Shape, std::vector<float>>> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace bge

#endif  // BGE_TESTS_MEMORY_WEIGHTS_H_
