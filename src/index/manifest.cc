// See manifest.h.
#include "index/manifest.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/json_text.h"
#include "base/numeric.h"
#include "index/deleted_rows.h"

#include <algorithm>
#include <optional>
#include <random>
#include <set>
#include <span>

namespace bge::index {
namespace {

constexpr std::string_view kBeginning = "{\n  \"format\": \"bge-index\",\n";
constexpr std::string_view kBeforeChecksum = "  \"checksum\": \"";
constexpr std::string_view kEnd = "\"\n}\n";
constexpr size_t kHexDigits = 64;
constexpr std::string_view kSegmentPrefix = "segment-";
constexpr std::string_view kDeletedPrefix = "deleted-";
constexpr size_t kNameDigits = 16;
// More rows than any disk holds, and small enough for every product of sizes to be checked simply.
constexpr int64_t kMaxCount = int64_t{1} << 48;

constexpr std::string_view kRebuild = "build the index again";

bool IsHex(std::string_view s) {
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The prefix and 16 digits.
bool IsName(std::string_view name, std::string_view prefix) {
  return name.size() == prefix.size() + kNameDigits && name.starts_with(prefix) &&
         IsHex(name.substr(prefix.size()));
}

std::string NewName(std::string_view prefix) {
  constexpr char kHex[] = "0123456789abcdef";
  std::random_device random;
  std::string name(prefix);
  for (size_t i = 0; i < kNameDigits; ++i) name += kHex[random() % 16];
  return name;
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

// A file's record, of `expected` bytes where that is known: those of `rows`.
FileRecord ParseFile(const json::Value& value, std::optional<uint64_t> expected,
                     const std::string& rows) {
  FileRecord record;
  const json::Value bytes = value.At("bytes");
  record.bytes = static_cast<uint64_t>(bytes.AsIntIn(0, INT64_MAX));
  if (expected && record.bytes != *expected) {
    bytes.Fail("found " + std::to_string(record.bytes) + ", expected " + std::to_string(*expected) +
                   " for " + rows,
               kRebuild);
  }
  const json::Value sha256 = value.At("sha256");
  record.sha256 = sha256.AsString();
  if (record.sha256.size() != kHexDigits || !IsHex(record.sha256)) {
    sha256.Fail("found " + Quoted(record.sha256) + ", expected 64 hexadecimal digits", kRebuild);
  }
  return record;
}

std::string ParseName(const json::Value& value, std::string_view prefix) {
  std::string name(value.AsString());
  if (!IsName(name, prefix)) {
    value.Fail(
        "found " + Quoted(name) + ", expected " + Quoted(prefix) + " and 16 hexadecimal digits",
        kRebuild);
  }
  return name;
}

Segment ParseSegment(const json::Value& value, int64_t dimension, bool may_have_deleted) {
  Segment segment;
  segment.name = ParseName(value.At("name"), kSegmentPrefix);
  segment.count = value.At("count").AsIntIn(0, kMaxCount);
  const std::string rows = std::to_string(segment.count) + " rows of " + std::to_string(dimension);
  const json::Value files = value.At("files");
  for (size_t i = 0; i < kNumParts; ++i) {
    const Part part = static_cast<Part>(i);
    std::optional<uint64_t> expected;
    if (part != Part::kIds && part != Part::kTexts) {
      expected = ExpectedBytes(part, segment.count, dimension);
    }
    segment.files[i] = ParseFile(files.At(kPartNames[i]), expected, rows);
  }
  const std::optional<json::Value> deleted = value.Find("deleted");
  if (deleted && may_have_deleted) {
    segment.deleted.emplace();
    segment.deleted->name = ParseName(deleted->At("name"), kDeletedPrefix);
    segment.deleted->count = deleted->At("count").AsIntIn(1, segment.count);
    segment.deleted->file = ParseFile(*deleted, DeletedRows::FileBytes(segment.count), rows);
  }
  return segment;
}

void CheckSegments(const json::Value& segments, const Manifest& manifest) {
  std::set<std::string_view> names;
  int64_t rows = 0;
  for (const Segment& segment : manifest.segments) {
    rows += segment.count;  // at most 2^48 and 2^48 more
    if (!names.insert(segment.name).second) {
      segments.Fail("found " + Quoted(segment.name) + " twice, expected other names", kRebuild);
    }
    if (rows > kMaxCount) {
      segments.Fail("found more than " + std::to_string(kMaxCount) + " rows", kRebuild);
    }
  }
}

void AppendFile(const FileRecord& file, std::string* out) {
  *out += "\"bytes\": " + std::to_string(file.bytes) + ", \"sha256\": " + Quoted(file.sha256) + "}";
}

void AppendSegment(const Segment& segment, std::string* out) {
  *out += "    {\n      \"name\": " + Quoted(segment.name) + ",\n";
  *out += "      \"count\": " + std::to_string(segment.count) + ",\n      \"files\": {";
  const char* separator = "\n";
  for (size_t i = 0; i < kNumParts; ++i) {
    *out += separator;
    *out += "        " + Quoted(kPartNames[i]) + ": {";
    AppendFile(segment.files[i], out);
    separator = ",\n";
  }
  *out += "\n      }";
  if (segment.deleted) {
    *out += ",\n      \"deleted\": {\"name\": " + Quoted(segment.deleted->name) +
            ", \"count\": " + std::to_string(segment.deleted->count) + ", ";
    AppendFile(segment.deleted->file, out);
  }
  *out += "\n    }";
}

}  // namespace

std::string Segment::FileName(Part part) const {
  return name + "." + std::string(kPartNames[static_cast<size_t>(part)]);
}

std::string Segment::DeletedFileName() const { return name + "." + deleted->name; }

std::string NewSegmentName() { return NewName(kSegmentPrefix); }
std::string NewDeletedName() { return NewName(kDeletedPrefix); }

bool LooksLikeManifest(std::string_view text) { return text.starts_with(kBeginning); }

Manifest ParseManifest(std::string_view text, const std::string& path) {
  CheckChecksum(text, path);
  const auto document = json::Document::Parse(text, path);
  const json::Value root = document->root();
  const json::Value version_value = root.At("version");
  const int64_t version = version_value.AsInt();
  if (version < 1 || version > kFormatVersion) {
    Fail(ErrorCode::kUnsupported, "this index is of another version",
         version_value.Where() + ": found " + std::to_string(version) + ", expected 1 to " +
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
  if (version == 1 && elements.size() != 1) {
    Fail(ErrorCode::kUnsupported, "this index cannot be read",
         segments.Where() + ": found " + std::to_string(elements.size()) + " segments, expected 1",
         "use the version of bge that wrote it, or build the index again");
  }
  if (elements.size() > static_cast<size_t>(kMaxSegments)) {
    segments.Fail("found " + std::to_string(elements.size()) + " segments, expected at most " +
                      std::to_string(kMaxSegments),
                  kRebuild);
  }
  for (const json::Value& element : elements) {
    manifest.segments.push_back(ParseSegment(element, manifest.dimension, version > 1));
  }
  CheckSegments(segments, manifest);
  if (version == 1) {
    manifest.generation = 1;
    manifest.rows_added = manifest.segments.front().count;
  } else {
    manifest.generation = root.At("generation").AsIntIn(1, kMaxCount);
    manifest.rows_added = root.At("rows_added").AsIntIn(0, kMaxCount);
  }
  return manifest;
}

std::string FormatManifest(const Manifest& manifest) {
  std::string out(kBeginning);
  out += "  \"version\": " + std::to_string(kFormatVersion) + ",\n";
  out += "  \"kind\": \"flat\",\n  \"dtype\": \"float32\",\n  \"metric\": \"inner_product\",\n";
  out += "  \"generation\": " + std::to_string(manifest.generation) + ",\n";
  out += "  \"rows_added\": " + std::to_string(manifest.rows_added) + ",\n";
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
  out += "  \"segments\": [";
  separator = "\n";
  for (const Segment& segment : manifest.segments) {
    out += separator;
    AppendSegment(segment, &out);
    separator = ",\n";
  }
  out += manifest.segments.empty() ? "],\n" : "\n  ],\n";
  out += kBeforeChecksum;
  out += HexOf(out);
  out += kEnd;
  return out;
}

bool IsSegmentFileName(std::string_view name) {
  name = WithoutTemporaryEnding(name);
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || !IsName(name.substr(0, dot), kSegmentPrefix)) return false;
  name.remove_prefix(dot + 1);
  return IsName(name, kDeletedPrefix) ||
         std::find(kPartNames.begin(), kPartNames.end(), name) != kPartNames.end();
}

bool IsIndexFileName(std::string_view name) {
  return IsSegmentFileName(name) || name == kLockName ||
         WithoutTemporaryEnding(name) == kManifestName;
}

}  // namespace bge::index
