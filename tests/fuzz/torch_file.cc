// A file of torch.save: the ZIP archive, the pickle in it, the storages that it names.
#include "weights/torch_file.h"

#include "tests/fuzz/test_fuzz.h"
#include "weights/weight_source.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bge::test::MemoryFile file;
  bge::fuzz::Expect([&] {
    const auto source =
        bge::OpenTorchFile(file.Write(std::string_view(reinterpret_cast<const char*>(data), size)));
    for (const std::string& name : source->Names()) {
      bge::fuzz::Expect([&] {
        if (const auto view = source->Find(name)) bge::ToFloat32(*view);
      });
    }
  });
  return 0;
}
