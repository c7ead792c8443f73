// The pickle of a torch file, alone.
#include "weights/torch_pickle.h"

#include "tests/fuzz/test_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  bge::fuzz::Expect([&] {
    bge::ReadTorchPickle({reinterpret_cast<const std::byte*>(data), size}, "data.pkl");
  });
  return 0;
}
