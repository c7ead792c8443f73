// model.safetensors.index.json beside two shards.
#include "tests/fuzz/test_fuzz.h"
#include "tests/safetensors_builder.h"
#include "weights/sharded.h"
#include "weights/weight_source.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& folder = *[] {
    auto* const made = new bge::test::TempDir();
    for (const char* name : {"a", "b"}) {
      bge::test::SafetensorsBuilder tensors;
      tensors.AddFloats(name, {2, 2}, {1, 2, 3, 4});
      made->Write(std::string(name) + ".safetensors", tensors.File());
    }
    return made;
  }();
  const auto index = folder.Write("model.safetensors.index.json",
                                  std::string_view(reinterpret_cast<const char*>(data), size));
  bge::fuzz::Expect([&] {
    const auto source = bge::OpenSharded(index);
    for (const std::string& name : source->Names()) {
      bge::fuzz::Expect([&] {
        if (const auto view = source->Find(name)) bge::ToFloat32(*view);
      });
      source->FileOf(name);
    }
    source->Files();
  });
  return 0;
}
