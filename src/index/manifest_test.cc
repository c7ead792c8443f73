#include "index/manifest.h"

#include "base/hash.h"
#include "index/test_index.h"

#include <gmock/gmock.h>

#include <span>

namespace bge::index {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

Manifest Example() {
  Manifest manifest;
  manifest.dimension = 4;
  manifest.model = "BAAI/bge-small-en-v1.5";
  manifest.metadata = {{"pooling", "cls"}, {"quote", "\"\\\n\t\x7f 中"}};
  manifest.segment.name = "segment-0123456789abcdef";
  manifest.segment.count = 3;
  const std::string digest(64, 'a');
  manifest.segment.files = {{{48, digest}, {9, digest}, {32, digest}, {0, digest}, {32, digest}}};
  return manifest;
}

// `text` with `from` replaced by `to` once, under a checksum that is right again.
std::string Edited(const std::string& text, const std::string& from, const std::string& to) {
  std::string edited = text;
  const size_t at = edited.find(from);
  if (at == std::string::npos) throw std::runtime_error("not in the manifest: " + from);
  edited.replace(at, from.size(), to);
  edited.resize(edited.size() - 64 - 4);
  Sha256 hash;
  hash.Update(std::as_bytes(std::span(edited)));
  return edited + hash.Hex() + "\"\n}\n";
}

std::string ParseError(const std::string& text) {
  return ErrorOf([&] { ParseManifest(text, "dir/manifest.json"); });
}

TEST(Manifest, ReadsBackWhatItWrites) {
  const Manifest manifest = Example();
  const std::string text = FormatManifest(manifest);
  EXPECT_TRUE(LooksLikeManifest(text));
  const Manifest back = ParseManifest(text, "m");
  EXPECT_EQ(back.dimension, 4);
  EXPECT_EQ(back.model, manifest.model);
  EXPECT_EQ(back.metadata, manifest.metadata);
  EXPECT_EQ(back.segment.name, manifest.segment.name);
  EXPECT_EQ(back.segment.count, 3);
  for (size_t i = 0; i < kNumParts; ++i) {
    EXPECT_EQ(back.segment.files[i].bytes, manifest.segment.files[i].bytes);
    EXPECT_EQ(back.segment.files[i].sha256, manifest.segment.files[i].sha256);
  }
  EXPECT_EQ(FormatManifest(back), text);
}

TEST(Manifest, BytesAreThoseOfTheDocumentation) {
  Manifest manifest = Example();
  manifest.metadata.clear();
  // docs/formats/index.md shows this file.
  EXPECT_THAT(FormatManifest(manifest), StartsWith(R"({
  "format": "bge-index",
  "version": 1,
  "kind": "flat",
  "dtype": "float32",
  "metric": "inner_product",
  "dimension": 4,
  "model": "BAAI/bge-small-en-v1.5",
  "metadata": {},
  "segments": [
    {
      "name": "segment-0123456789abcdef",
      "count": 3,
      "files": {
        "vectors": {"bytes": 48, "sha256": "aaaaaaaaaaaaaaaa)"));
}

TEST(Manifest, EveryTruncationIsFound) {
  const std::string text = FormatManifest(Example());
  for (size_t size = 0; size < text.size(); ++size) {
    ASSERT_THAT(ParseError(text.substr(0, size)),
                StartsWith("corrupt_data: damaged index: dir/manifest.json: "))
        << size;
  }
}

TEST(Manifest, EveryFlippedBitIsFound) {
  const std::string text = FormatManifest(Example());
  for (size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = text;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      ASSERT_THAT(ParseError(flipped), StartsWith("corrupt_data: damaged index: ")) << i;
    }
  }
}

TEST(Manifest, ALaterVersionIsUnsupported) {
  const std::string text = FormatManifest(Example());
  EXPECT_THAT(ParseError(Edited(text, "\"version\": 1", "\"version\": 2")),
              AllOf(StartsWith("unsupported: this index is of another version: "),
                    HasSubstr("version: found 2, expected 1")));
  EXPECT_THAT(ParseError(Edited(text, "\"flat\"", "\"ivf\"")),
              AllOf(StartsWith("unsupported: "), HasSubstr("kind: found \"ivf\"")));
  EXPECT_THAT(ParseError(Edited(text, "\"float32\"", "\"int8\"")), StartsWith("unsupported: "));
  EXPECT_THAT(ParseError(Edited(text, "\"inner_product\"", "\"l2\"")), StartsWith("unsupported: "));
}

TEST(Manifest, FieldsOfTheWrongTypeOrRangeAreNamed) {
  const std::string text = FormatManifest(Example());
  const struct {
    std::string from, to, field;
  } cases[] = {
      {"\"version\": 1", "\"version\": \"1\"", "version"},
      {"\"version\": 1", "\"version\": 1.5", "version"},
      {"\"version\": 1", "\"wersion\": 1", "version"},
      {"\"kind\": \"flat\"", "\"kind\": 3", "kind"},
      {"\"dimension\": 4", "\"dimension\": 0", "dimension"},
      {"\"dimension\": 4", "\"dimension\": -4", "dimension"},
      {"\"dimension\": 4", "\"dimension\": 1048577", "dimension"},
      {"\"dimension\": 4", "\"dimension\": 1e300", "dimension"},
      {"\"dimension\": 4", "\"dimension\": NaN", "dimension"},
      {"\"dimension\": 4", "\"dimension\": 5", "segments[0].files.vectors.bytes"},
      {"\"model\": \"", "\"model\": null, \"x\": \"", "model"},
      {"\"metadata\": {", "\"metadata\": [], \"x\": {", "metadata"},
      {"\"pooling\": \"cls\"", "\"pooling\": {}", "metadata.pooling"},
      {"\"segments\": [", "\"segments\": 7, \"x\": [", "segments"},
      {"\"segments\": [", "\"segments\": [1], \"x\": [", "segments[0]"},
      {"\"count\": 3", "\"count\": 2", "segments[0].files.vectors.bytes"},
      {"\"count\": 3", "\"count\": -1", "segments[0].count"},
      {"\"count\": 3", "\"count\": true", "segments[0].count"},
      {"\"count\": 3", "\"count\": 9223372036854775807", "segments[0].count"},
      {"\"count\": 3", "\"count\": 18446744073709551615", "segments[0].count"},
      {"\"count\": 3", "\"count\": 281474976710656", "segments[0].files.vectors.bytes"},
      {"\"bytes\": 48", "\"bytes\": 47", "segments[0].files.vectors.bytes"},
      {"\"bytes\": 9", "\"bytes\": -9", "segments[0].files.ids.bytes"},
      {"\"bytes\": 32", "\"bytes\": 24", "segments[0].files.id_offsets.bytes"},
      {"\"text_offsets\"", "\"text_offset\"", "text_offsets"},
      {"\"sha256\": \"a", "\"sha256\": \"A", "segments[0].files.vectors.sha256"},
      {"\"sha256\": \"a", "\"sha256\": \"", "segments[0].files.vectors.sha256"},
      {"segment-0123456789abcdef", "segment-0123456789abcde", "segments[0].name"},
      {"segment-0123456789abcdef", "../../../../../../passwd", "segments[0].name"},
      {"segment-0123456789abcdef", "segment-0123456789abcde/", "segments[0].name"},
      {"segment-0123456789abcdef", "segment-0123456789ab/../", "segments[0].name"},
      {"segment-0123456789abcdef", "segment-0123456789abcde\\u0000", "segments[0].name"},
      {"\"name\": \"segment-0123456789abcdef\"", "\"name\": [\"segment\"]", "segments[0].name"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(
        ParseError(Edited(text, c.from, c.to)),
        AllOf(StartsWith("corrupt_data: "), HasSubstr("dir/manifest.json"), HasSubstr(c.field)))
        << c.to;
  }
  EXPECT_THAT(ParseError(Edited(text, "\"segments\": [", "\"segments\": [], \"x\": [")),
              StartsWith("unsupported: "));
}

TEST(Manifest, CountsThatOverflowAreFound) {
  // 2^44 rows of 2^20 floats are 2^66 bytes: 0 where the product wraps.
  Manifest manifest = Example();
  manifest.dimension = 1 << 20;
  manifest.segment.count = int64_t{1} << 44;
  manifest.segment.files[0].bytes = 0;
  for (const size_t offsets : {2u, 4u}) {
    manifest.segment.files[offsets].bytes = ((uint64_t{1} << 44) + 1) * 8;
  }
  EXPECT_THAT(ParseError(FormatManifest(manifest)), HasSubstr("segments[0].files.vectors.bytes"));
}

TEST(Manifest, UnknownMembersAreIgnored) {
  const std::string text = FormatManifest(Example());
  EXPECT_EQ(ParseError(Edited(text, "\"kind\"", "\"later\": {\"a\": [1]}, \"kind\"")), "");
}

TEST(Manifest, KnowsTheNamesOfItsFiles) {
  EXPECT_EQ(Example().segment.FileName(Part::kIdOffsets), "segment-0123456789abcdef.id_offsets");
  for (const char* name : {"segment-0123456789abcdef.vectors", "segment-0123456789abcdef.texts",
                           "segment-0123456789abcdef.ids.tmp-12-0"}) {
    EXPECT_TRUE(IsSegmentFileName(name)) << name;
    EXPECT_TRUE(IsIndexFileName(name)) << name;
  }
  for (const char* name : {"manifest.json", "manifest.json.tmp-1-2", "write.lock"}) {
    EXPECT_FALSE(IsSegmentFileName(name)) << name;
    EXPECT_TRUE(IsIndexFileName(name)) << name;
  }
  for (const char* name : {"", "segment-", "segment-0123456789abcdef", "segment-0123456789abcdef.x",
                           "segment-0123456789ABCDEF.ids", "manifest.json2", "a.tmp-1"}) {
    EXPECT_FALSE(IsIndexFileName(name)) << name;
  }
}

}  // namespace
}  // namespace bge::index
