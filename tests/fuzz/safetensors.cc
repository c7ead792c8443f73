// A .safetensors file, and every tensor that it says it has.
#include "tests/fuzz/test_fuzz.h"
#include "weights/weight_source.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bge::test::MemoryFile file;
  bge::fuzz::Expect([&] {
    const auto source = bge::OpenSafetensors(
        file.Write(std::string_view(reinterpret_cast<const char*>(data), size)));
    for (const std::string& name : source->Names()) {
      bge::fuzz::Expect([&] {
        if (const auto view = source->Find(name)) {
          bge::ToFloat32(*view);
          source->Release(*view);
        }
      });
      bge::fuzz::Expect([&] { source->FindStored(name); });
    }
    source->Metadata();
    source->Files();
    source->FileStates();
    bge::HoldsInt8(*source);
    bge::fuzz::Expect([&] { bge::PrefixedWeights(source, "w").GetRank("w", 2); });
  });
  return 0;
}
