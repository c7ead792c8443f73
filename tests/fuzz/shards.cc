// model.safetensors.index.json beside two shards.
#include "tests/fuzz/test_fuzz.h"
#include "tests/safetensors_builder.h"
#include "weights/sharded.h"
#include "weights/weight_source.h"

namespace {

struct ShardFolder : bge::fuzz::FuzzedFolder {
  ShardFolder() {
    for (const char* name : {"a", "b"}) {
      bge::test::SafetensorsBuilder tensors;
      tensors.AddFloats(name, {2, 2}, {1, 2, 3, 4});
      Put(std::string(name) + ".safetensors", tensors.File());
    }
  }
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static ShardFolder folder;
  const std::string name = "model.safetensors.index.json";
  folder.Put(name, std::string_view(reinterpret_cast<const char*>(data), size));
  bge::fuzz::Expect([&] {
    const auto source = bge::OpenSharded(folder.path() / name);
    for (const std::string& tensor : source->Names()) {
      bge::fuzz::Expect([&] {
        if (const auto view = source->Find(tensor)) {
          bge::ToFloat32(*view);
          source->Release(*view);
        }
        source->FindStored(tensor);
      });
      source->FileOf(tensor);
    }
    source->Files();
    source->FileStates();
    source->Metadata();
  });
  return 0;
}
