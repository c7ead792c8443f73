// Texts of an input file: lines, JSON a line, tables. The first byte is the format and the options.
#include "apps/byte_source.h"
#include "apps/text_reader.h"
#include "tests/fuzz/test_fuzz.h"

#include <fcntl.h>

#include <array>
#include <memory>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bge::cli;
  if (size == 0) return 0;
  static const bge::test::MemoryFile file;
  constexpr std::array kFormats = {TextFormat::kLines, TextFormat::kJsonl, TextFormat::kCsv,
                                   TextFormat::kTsv};
  TextReaderOptions options;
  options.format = kFormats[data[0] % 4];
  options.pair = (data[0] & 4) != 0;
  if (*options.format != TextFormat::kLines) {  // which have no fields
    if ((data[0] & 8) != 0) options.field = "2";
    if ((data[0] & 16) != 0) options.field = "text";
  }
  options.max_record_bytes = (data[0] & 64) != 0 ? 64 : 4096;
  options.on_note = [](std::string_view) {};
  const auto path = file.Write(std::string_view(reinterpret_cast<const char*>(data + 1), size - 1));
  bge::fuzz::Expect([&] {
    // A buffer smaller than the records: their ends fall everywhere.
    const auto reader = MakeTextReader(
        std::make_unique<ByteSource>(::open(path.c_str(), O_RDONLY | O_CLOEXEC), true, "input", -1,
                                     (data[0] & 32) != 0 ? 7 : 4096),
        options);
    TextRecord record;
    while (reader->Next(&record)) {
    }
  });
  return 0;
}
