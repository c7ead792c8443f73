// See manifest.h.
#include "index/manifest.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/json_text.h"
#include "base/numeric.h"

#include <algorithm>
#include <optional>
#include <span>

namespace bge::index {
namespace {

constexpr std::string_view kBeginning = "{\n  \"format\": \"bge-index\",\n";
constexpr std::string_view kBeforeChecksum = "  \"checksum\": \"";
constexpr std::string_view kEnd = "\"\n}\n";
constexpr size_t kHexDigits = 64;
constexpr std::string_view kSegmentPrefix = "segment-";
constexpr size_t kSegmentDigits = 16;
// More rows than any disk holds, and small enough for every product of sizes to be checked simply.
constexpr int64_t kMaxCount = int64_t{1} << 48;

constexpr std::string_view kRebuild = "build the index again";

bool IsHex(std::string_view s) {
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsSegmentName(std::string_view name) {
  return name.size() == kSegmentPrefix.size() + kSegmentDigits &&
         name.starts_with(kSegmentPrefix) && IsHex(name.substr(kSegmentPrefix.size()));
}

// Without the ending that AtomicFile gives to a file that is being written.
std::string_view WithoutTemporaryEnding(std::string_view name) {
  const size_t at = name.find(".tmp-");
  return at == std::string_view::npos ? name : name.substr(0, at);
}

std::string HexOf(std::string_view text) {
  Sha256 hash;
  hash.Update(std::as_bytes(std::span(text)));
  return hash.Hex();
}

std::string Quoted(std::string_view value) {
  std::string out;
  json::AppendString(value, &out);
  return out;
}

// The checksum covers every byte before its own 64 digits; what follows them is fixed.
void CheckChecksum(std::string_view text, const std::string& path) {
  const size_t tail = kHexDigits + kEnd.size();
  const bool well_formed =
      LooksLikeManifest(text) && text.size() >= kBeginning.size() + kBeforeChecksum.size() + tail &&
      text.ends_with(kEnd) && text.substr(0, text.size() - tail).ends_with(kBeforeChecksum);
  if (!well_formed) {
    Fail(ErrorCode::kCorruptData, "damaged index",
         path + ": expected a JSON object from \"format\": \"bge-index\" to \"checksum\", found " +
             std::to_string(text.size()) + " bytes that are not one",
         kRebuild);
  }
  const std::string_view stored = text.substr(text.size() - tail, kHexDigits);
  const std::string computed = HexOf(text.substr(0, text.size() - tail));
  if (stored != computed) {
    Fail(ErrorCode::kCorruptData, "damaged index",
         path + ": field checksum: found " + std::string(stored) + ", expected " + computed,
         kRebuild);
  }
}

void RequireString(const json::Value& object, std::string_view key, std::string_view expected) {
  const json::Value value = object.At(key);
  const std::string_view found = value.AsString();
  if (found == expected) return;
  Fail(ErrorCode::kUnsupported, "this index cannot be read",
       value.Where() + ": found " + Quoted(found) + ", expected " + Quoted(expected),
       "use the version of bge that wrote it, or build the index again");
}

uint64_t ExpectedBytes(Part part, int64_t count, int64_t dimension) {
  const auto rows = static_cast<uint64_t>(count);
  // count < 2^48 and dimension <= 2^20: the first product may not fit, the second always does.
  if (part != Part::kVectors) return (rows + 1) * 8;
  const std::optional<uint64_t> values = CheckedMul(rows, static_cast<uint64_t>(dimension) * 4);
  return values.value_or(UINT64_MAX);
}

FileRecord ParseFile(const json::Value& files, Part part, int64_t count, int64_t dimension) {
  const json::Value value = files.At(kPartNames[static_cast<size_t>(part)]);
  FileRecord record;
  const json::Value bytes = value.At("bytes");
  record.bytes = static_cast<uint64_t>(bytes.AsIntIn(0, INT64_MAX));
  if (part != Part::kIds && part != Part::kTexts) {
    const uint64_t expected = ExpectedBytes(part, count, dimension);
    if (record.bytes != expected) {
      bytes.Fail("found " + std::to_string(record.bytes) + ", expected " +
                     std::to_string(expected) + " for " + std::to_string(count) + " rows of " +
                     std::to_string(dimension),
                 kRebuild);
    }
  }
  const json::Value sha256 = value.At("sha256");
  record.sha256 = sha256.AsString();
  if (record.sha256.size() != kHexDigits || !IsHex(record.sha256)) {
    sha256.Fail("found " + Quoted(record.sha256) + ", expected 64 hexadecimal digits", kRebuild);
  }
  return record;
}

Segment ParseSegment(const json::Value& value, int64_t dimension) {
  Segment segment;
  const json::Value name = value.At("name");
  segment.name = name.AsString();
  if (!IsSegmentName(segment.name)) {
    name.Fail("found " + Quoted(segment.name) + ", expected \"segment-\" and 16 hexadecimal digits",
              kRebuild);
  }
  segment.count = value.At("count").AsIntIn(0, kMaxCount);
  const json::Value files = value.At("files");
  for (size_t i = 0; i < kNumParts; ++i) {
    segment.files[i] = ParseFile(files, static_cast<Part>(i), segment.count, dimension);
  }
  return segment;
}

}  // namespace

std::string Segment::FileName(Part part) const {
  return name + "." + std::string(kPartNames[static_cast<size_t>(part)]);
}

bool LooksLikeManifest(std::string_view text) { return text.starts_with(kBeginning); }

Manifest ParseManifest(std::string_view text, const std::string& path) {
  CheckChecksum(text, path);
  const auto document = json::Document::Parse(text, path);
  const json::Value root = document->root();
  const json::Value version = root.At("version");
  if (version.AsInt() != kFormatVersion) {
    Fail(ErrorCode::kUnsupported, "this index is of another version",
         version.Where() + ": found " + std::to_string(version.AsInt()) + ", expected " +
             std::to_string(kFormatVersion),
         "use the version of bge that wrote it, or build the index again");
  }
  RequireString(root, "kind", "flat");
  RequireString(root, "dtype", "float32");
  RequireString(root, "metric", "inner_product");

  Manifest manifest;
  manifest.dimension = root.At("dimension").AsIntIn(1, kMaxDimension);
  manifest.model = root.At("model").AsString();
  for (const json::Value::Member& member : root.At("metadata").Members()) {
    manifest.metadata.emplace(member.key, member.value.AsString());
  }
  const json::Value segments = root.At("segments");
  const std::vector<json::Value> elements = segments.Elements();
  if (elements.size() != 1) {
    Fail(ErrorCode::kUnsupported, "this index cannot be read",
         segments.Where() + ": found " + std::to_string(elements.size()) + " segments, expected 1",
         "use the version of bge that wrote it, or build the index again");
  }
  manifest.segment = ParseSegment(elements.front(), manifest.dimension);
  return manifest;
}

std::string FormatManifest(const Manifest& manifest) {
  std::string out(kBeginning);
  out += "  \"version\": " + std::to_string(kFormatVersion) + ",\n";
  out += "  \"kind\": \"flat\",\n  \"dtype\": \"float32\",\n  \"metric\": \"inner_product\",\n";
  out += "  \"dimension\": " + std::to_string(manifest.dimension) + ",\n";
  out += "  \"model\": " + Quoted(manifest.model) + ",\n";
  out += "  \"metadata\": {";
  const char* separator = "\n";
  for (const auto& [key, value] : manifest.metadata) {
    out += separator;
    out += "    " + Quoted(key) + ": " + Quoted(value);
    separator = ",\n";
  }
  out += manifest.metadata.empty() ? "},\n" : "\n  },\n";
  const Segment& segment = manifest.segment;
  out += "  \"segments\": [\n    {\n      \"name\": " + Quoted(segment.name) + ",\n";
  out += "      \"count\": " + std::to_string(segment.count) + ",\n      \"files\": {";
  separator = "\n";
  for (size_t i = 0; i < kNumParts; ++i) {
    out += separator;
    out += "        " + Quoted(kPartNames[i]) +
           ": {\"bytes\": " + std::to_string(segment.files[i].bytes) +
           ", \"sha256\": " + Quoted(segment.files[i].sha256) + "}";
    separator = ",\n";
  }
  out += "\n      }\n    }\n  ],\n";
  out += kBeforeChecksum;
  out += HexOf(out);
  out += kEnd;
  return out;
}

bool IsSegmentFileName(std::string_view name) {
  name = WithoutTemporaryEnding(name);
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || !IsSegmentName(name.substr(0, dot))) return false;
  return std::find(kPartNames.begin(), kPartNames.end(), name.substr(dot + 1)) != kPartNames.end();
}

bool IsIndexFileName(std::string_view name) {
  return IsSegmentFileName(name) || name == kLockName ||
         WithoutTemporaryEnding(name) == kManifestName;
}

}  // namespace bge::index
