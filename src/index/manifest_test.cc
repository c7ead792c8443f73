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
  manifest.generation = 1;
  manifest.rows_added = 3;
  manifest.dimension = 4;
  manifest.model = "BAAI/bge-small-en-v1.5";
  manifest.metadata = {{"pooling", "cls"}, {"quote", "\"\\\n\t\x7f 中"}};
  manifest.segments.resize(1);
  manifest.segments[0].name = "segment-0123456789abcdef";
  manifest.segments[0].count = 3;
  const std::string digest(64, 'a');
  manifest.segments[0].files = {
      {{48, digest}, {9, digest}, {32, digest}, {0, digest}, {32, digest}}};
  return manifest;
}

// A second segment, two of whose nine rows are deleted.
Manifest ExampleOfTwo() {
  Manifest manifest = Example();
  const std::string digest(64, 'b');
  Segment segment;
  segment.name = "segment-fedcba9876543210";
  segment.count = 9;
  segment.files = {{{144, digest}, {9, digest}, {80, digest}, {0, digest}, {80, digest}}};
  segment.deleted = DeletedRecord{"deleted-0011223344556677", 2, {2, digest}};
  manifest.segments.push_back(segment);
  manifest.generation = 7;
  manifest.rows_added = 20;
  return manifest;
}

// As version 1 wrote it.
std::string TextOfVersion1() {
  Manifest manifest = Example();
  std::string text = FormatManifest(manifest);
  const size_t at = text.find("  \"generation\"");
  text.erase(at, text.find("  \"dimension\"") - at);
  return text;
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
  EXPECT_EQ(back.segments[0].name, manifest.segments[0].name);
  EXPECT_EQ(back.segments[0].count, 3);
  for (size_t i = 0; i < kNumParts; ++i) {
    EXPECT_EQ(back.segments[0].files[i].bytes, manifest.segments[0].files[i].bytes);
    EXPECT_EQ(back.segments[0].files[i].sha256, manifest.segments[0].files[i].sha256);
  }
  EXPECT_EQ(FormatManifest(back), text);
}

TEST(Manifest, ReadsBackSeveralSegments) {
  const Manifest manifest = ExampleOfTwo();
  const std::string text = FormatManifest(manifest);
  const Manifest back = ParseManifest(text, "m");
  EXPECT_EQ(back.generation, 7);
  EXPECT_EQ(back.rows_added, 20);
  ASSERT_EQ(back.segments.size(), 2u);
  EXPECT_FALSE(back.segments[0].deleted);
  ASSERT_TRUE(back.segments[1].deleted);
  EXPECT_EQ(back.segments[1].deleted->count, 2);
  EXPECT_EQ(back.segments[1].live(), 7);
  EXPECT_EQ(back.segments[1].DeletedFileName(),
            "segment-fedcba9876543210.deleted-0011223344556677");
  EXPECT_EQ(FormatManifest(back), text);

  Manifest none = manifest;
  none.segments.clear();
  EXPECT_TRUE(ParseManifest(FormatManifest(none), "m").segments.empty());
}

TEST(Manifest, ReadsVersion1) {
  const std::string text = Edited(TextOfVersion1(), "\"version\": 2", "\"version\": 1");
  const Manifest manifest = ParseManifest(text, "m");
  EXPECT_EQ(manifest.generation, 1);
  EXPECT_EQ(manifest.rows_added, 3);
  EXPECT_EQ(manifest.model, Example().model);
  EXPECT_EQ(manifest.segments.at(0).count, 3);
  // A reader of version 1 ignored members that it did not know.
  EXPECT_FALSE(
      ParseManifest(Edited(text, "\"files\"", "\"deleted\": {\"count\": 1}, \"files\""), "m")
          .segments[0]
          .deleted);
}

TEST(Manifest, BytesAreThoseOfTheDocumentation) {
  Manifest manifest = Example();
  manifest.metadata.clear();
  // docs/formats/index.md shows this file.
  EXPECT_THAT(FormatManifest(manifest), StartsWith(R"({
  "format": "bge-index",
  "version": 2,
  "kind": "flat",
  "dtype": "float32",
  "metric": "inner_product",
  "generation": 1,
  "rows_added": 3,
  "dimension": 4,
  "model": "BAAI/bge-small-en-v1.5",
  "metadata": {},
  "segments": [
    {
      "name": "segment-0123456789abcdef",
      "count": 3,
      "files": {
        "vectors": {"bytes": 48, "sha256": "aaaaaaaaaaaaaaaa)"));
  EXPECT_THAT(FormatManifest(ExampleOfTwo()), HasSubstr(R"("}
      },
      "deleted": {"name": "deleted-0011223344556677", "count": 2, "bytes": 2, "sha256": "bbb)"));
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
  EXPECT_THAT(ParseError(Edited(text, "\"version\": 2", "\"version\": 3")),
              AllOf(StartsWith("unsupported: this index is of another version: "),
                    HasSubstr("version: found 3, expected 1 to 2")));
  EXPECT_THAT(ParseError(Edited(text, "\"version\": 2", "\"version\": 0")),
              HasSubstr("version: found 0, expected 1 to 2"));
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
      {"\"version\": 2", "\"version\": \"2\"", "version"},
      {"\"version\": 2", "\"version\": 1.5", "version"},
      {"\"version\": 2", "\"wersion\": 2", "version"},
      {"\"generation\": 1", "\"generation\": 0", "generation"},
      {"\"generation\": 1", "\"generation\": \"1\"", "generation"},
      {"\"generation\": 1", "\"generations\": 1", "generation"},
      {"\"rows_added\": 3", "\"rows_added\": -3", "rows_added"},
      {"\"rows_added\": 3", "\"rows\": 3", "rows_added"},
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
  const std::string version1 = Edited(text, "\"version\": 2", "\"version\": 1");
  EXPECT_THAT(ParseError(Edited(version1, "\"segments\": [", "\"segments\": [], \"x\": [")),
              StartsWith("unsupported: "));
}

TEST(Manifest, SegmentsThatContradictEachOtherAreNamed) {
  const std::string text = FormatManifest(ExampleOfTwo());
  const struct {
    std::string from, to, field;
  } cases[] = {
      {"segment-fedcba9876543210", "segment-0123456789abcdef", "segments"},
      {"\"count\": 9", "\"count\": 8", "segments[1].files.vectors.bytes"},
      {"\"deleted\": {", "\"deleted\": 3, \"x\": {", "segments[1].deleted"},
      {"\"deleted\": {", "\"deleted\": null, \"x\": {", "segments[1].deleted"},
      {"deleted-0011223344556677", "deleted-001122334455667", "segments[1].deleted.name"},
      {"deleted-0011223344556677", "../../../etc/passwd/aaaa", "segments[1].deleted.name"},
      {"deleted-0011223344556677", "segment-0011223344556677", "segments[1].deleted.name"},
      {"\"count\": 2", "\"count\": 0", "segments[1].deleted.count"},
      {"\"count\": 2", "\"count\": 10", "segments[1].deleted.count"},
      {"\"count\": 2", "\"count\": -1", "segments[1].deleted.count"},
      {"\"bytes\": 2", "\"bytes\": 3", "segments[1].deleted.bytes"},
      {"\"bytes\": 2, \"sha256\": \"b", "\"bytes\": 2, \"sha256\": \"",
       "segments[1].deleted.sha256"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(
        ParseError(Edited(text, c.from, c.to)),
        AllOf(StartsWith("corrupt_data: "), HasSubstr("dir/manifest.json"), HasSubstr(c.field)))
        << c.to;
  }
}

TEST(Manifest, TooManySegmentsAreRefused) {
  Manifest manifest = Example();
  const Segment segment = manifest.segments[0];
  manifest.segments.clear();
  for (int64_t i = 0; i <= kMaxSegments; ++i) {
    manifest.segments.push_back(segment);
    std::string& name = manifest.segments.back().name;
    for (size_t digit = 0; digit < 4; ++digit) {
      name[name.size() - 1 - digit] = "0123456789abcdef"[i >> (4 * digit) & 15];
    }
  }
  EXPECT_THAT(ParseError(FormatManifest(manifest)),
              HasSubstr("found 4097 segments, expected at most 4096"));
  manifest.segments.pop_back();
  EXPECT_EQ(ParseError(FormatManifest(manifest)), "");
}

TEST(Manifest, CountsThatOverflowAreFound) {
  // 2^44 rows of 2^20 floats are 2^66 bytes: 0 where the product wraps.
  Manifest manifest = Example();
  manifest.dimension = 1 << 20;
  manifest.segments[0].count = int64_t{1} << 44;
  manifest.segments[0].files[0].bytes = 0;
  for (const size_t offsets : {2u, 4u}) {
    manifest.segments[0].files[offsets].bytes = ((uint64_t{1} << 44) + 1) * 8;
  }
  EXPECT_THAT(ParseError(FormatManifest(manifest)), HasSubstr("segments[0].files.vectors.bytes"));
}

TEST(Manifest, UnknownMembersAreIgnored) {
  const std::string text = FormatManifest(Example());
  EXPECT_EQ(ParseError(Edited(text, "\"kind\"", "\"later\": {\"a\": [1]}, \"kind\"")), "");
}

TEST(Manifest, KnowsTheNamesOfItsFiles) {
  EXPECT_EQ(Example().segments[0].FileName(Part::kIdOffsets),
            "segment-0123456789abcdef.id_offsets");
  for (const char* name : {"segment-0123456789abcdef.vectors", "segment-0123456789abcdef.texts",
                           "segment-0123456789abcdef.deleted-0123456789abcdef",
                           "segment-0123456789abcdef.ids.tmp-12-0"}) {
    EXPECT_TRUE(IsSegmentFileName(name)) << name;
    EXPECT_TRUE(IsIndexFileName(name)) << name;
  }
  for (const char* name : {"manifest.json", "manifest.json.tmp-1-2", "write.lock"}) {
    EXPECT_FALSE(IsSegmentFileName(name)) << name;
    EXPECT_TRUE(IsIndexFileName(name)) << name;
  }
  for (const char* name :
       {"", "segment-", "segment-0123456789abcdef", "segment-0123456789abcdef.x",
        "segment-0123456789ABCDEF.ids", "manifest.json2", "a.tmp-1", "deleted-0123456789abcdef",
        "segment-0123456789abcdef.deleted-0123456789abcde", "segment-0123456789abcdef.deleted"}) {
    EXPECT_FALSE(IsIndexFileName(name)) << name;
  }
}

}  // namespace
}  // namespace bge::index
