#include "apps/array_file.h"

#include "apps/json_text.h"
#include "apps/npy_header.h"
#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace bge::cli {
namespace {

static_assert(std::endian::native == std::endian::little, "the formats are little-endian");

struct TypeNames {
  std::string_view numpy;
  std::string_view safetensors;
  uint64_t bytes;
};

TypeNames NamesOf(ArrayType type) {
  switch (type) {
    case ArrayType::kFloat32:
      return {"<f4", "F32", 4};
    case ArrayType::kFloat16:
      return {"<f2", "F16", 2};
    case ArrayType::kInt32:
      return {"<i4", "I32", 4};
    case ArrayType::kInt64:
      break;
  }
  return {"<i8", "I64", 8};
}

// The checksum of ZIP (ISO 3309), a byte at a time: a tenth of what computing the vectors takes.
class Crc32 {
 public:
  void Update(std::string_view bytes) {
    static const std::array<uint32_t, 256> table = MakeTable();
    for (const char c : bytes) crc_ = table[(crc_ ^ static_cast<uint8_t>(c)) & 0xff] ^ (crc_ >> 8);
  }
  uint32_t value() const { return ~crc_; }

 private:
  static std::array<uint32_t, 256> MakeTable() {
    std::array<uint32_t, 256> table;
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xedb88320u ^ (c >> 1) : c >> 1;
      table[i] = c;
    }
    return table;
  }

  uint32_t crc_ = 0xffffffff;
};

void AppendNumber(uint64_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

// A stored member of a ZIP file, its sizes always in ZIP64's fields, as NumPy writes it.
struct ZipMember {
  std::string name;
  uint32_t crc;
  uint64_t size;
  uint64_t offset;  // of its local header

  // What local header and directory entry have in common.
  void AppendCommon(std::string* out) const {
    AppendNumber(45, 2, out);    // version that ZIP64 needs
    AppendNumber(0, 2, out);     // flags
    AppendNumber(0, 2, out);     // stored
    AppendNumber(0, 2, out);     // time
    AppendNumber(0x21, 2, out);  // date: the first of January 1980
    AppendNumber(crc, 4, out);
    AppendNumber(0xffffffff, 4, out);
    AppendNumber(0xffffffff, 4, out);
    AppendNumber(name.size(), 2, out);
  }
  std::string LocalHeader() const {
    std::string out("PK\x03\x04", 4);
    AppendCommon(&out);
    AppendNumber(20, 2, &out);
    out += name;
    AppendNumber(1, 2, &out);
    AppendNumber(16, 2, &out);
    AppendNumber(size, 8, &out);
    AppendNumber(size, 8, &out);
    return out;
  }
  std::string DirectoryEntry() const {
    std::string out("PK\x01\x02", 4);
    AppendNumber(45, 2, &out);
    AppendCommon(&out);
    AppendNumber(28, 2, &out);
    AppendNumber(0, 2, &out);  // comment
    AppendNumber(0, 2, &out);  // disk
    AppendNumber(0, 2, &out);
    AppendNumber(0, 4, &out);
    AppendNumber(0xffffffff, 4, &out);
    out += name;
    AppendNumber(1, 2, &out);
    AppendNumber(24, 2, &out);
    AppendNumber(size, 8, &out);
    AppendNumber(size, 8, &out);
    AppendNumber(offset, 8, &out);
    return out;
  }
};

std::string JsonOf(const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  for (const auto& [key, value] : metadata) {
    if (text.size() > 1) text += ',';
    AppendJsonString(key, &text);
    text += ':';
    AppendJsonString(value, &text);
  }
  return text + '}';
}

std::string ZipEnd(uint64_t members, uint64_t directory, uint64_t directory_size,
                   std::string_view comment) {
  std::string out("PK\x06\x06", 4);
  AppendNumber(44, 8, &out);
  AppendNumber(45, 2, &out);
  AppendNumber(45, 2, &out);
  AppendNumber(0, 4, &out);
  AppendNumber(0, 4, &out);
  AppendNumber(members, 8, &out);
  AppendNumber(members, 8, &out);
  AppendNumber(directory_size, 8, &out);
  AppendNumber(directory, 8, &out);
  out.append("PK\x06\x07", 4);
  AppendNumber(0, 4, &out);
  AppendNumber(directory + directory_size, 8, &out);
  AppendNumber(1, 4, &out);
  out.append("PK\x05\x06", 4);
  AppendNumber(0, 4, &out);
  AppendNumber(0xffff, 2, &out);
  AppendNumber(0xffff, 2, &out);
  AppendNumber(0xffffffff, 4, &out);
  AppendNumber(0xffffffff, 4, &out);
  AppendNumber(comment.size(), 2, &out);
  out += comment;
  return out;
}

}  // namespace

size_t ArrayFile::Add(std::string name, ArrayType type, int64_t columns) {
  arrays_.push_back({std::move(name), type, columns, std::make_unique<SpoolFile>(spool_folder_)});
  return arrays_.size() - 1;
}

std::vector<int64_t> ArrayFile::ShapeOf(const Array& array) {
  const auto items = static_cast<int64_t>(array.data->size() / NamesOf(array.type).bytes);
  if (array.columns == 0) return {items};
  return {items / array.columns, array.columns};
}

void ArrayFile::ForEachPiece(const Array& array, const std::function<void(std::string_view)>& f) {
  array.data->ForEachPiece([&](std::string_view piece) {
    if (stop_.stop_requested()) {
      Fail(ErrorCode::kCancelled, "interrupted", output_->name(), "run the command again");
    }
    f(piece);
  });
}

void ArrayFile::WriteData(const Array& array) {
  ForEachPiece(array, [this](std::string_view piece) { output_->Write(piece); });
}

void ArrayFile::WriteNpz() {
  std::vector<ZipMember> members;
  uint64_t offset = 0;
  for (const Array& array : arrays_) {
    const std::string header = NpyHeader(NamesOf(array.type).numpy, ShapeOf(array));
    Crc32 crc;
    crc.Update(header);
    ForEachPiece(array, [&crc](std::string_view piece) { crc.Update(piece); });
    const ZipMember member = {array.name + ".npy", crc.value(), header.size() + array.data->size(),
                              offset};
    const std::string local = member.LocalHeader();
    output_->Write(local);
    output_->Write(header);
    WriteData(array);
    offset += local.size() + member.size;
    members.push_back(member);
  }
  std::string directory;
  for (const ZipMember& member : members) directory += member.DirectoryEntry();
  output_->Write(directory);
  const std::string comment = metadata_.empty() ? "" : JsonOf(metadata_);
  output_->Write(ZipEnd(members.size(), offset, directory.size(), comment));
}

void ArrayFile::WriteSafetensors() {
  // The widest numbers first, so that all are aligned.
  std::stable_sort(arrays_.begin(), arrays_.end(), [](const Array& a, const Array& b) {
    return NamesOf(a.type).bytes > NamesOf(b.type).bytes;
  });
  std::string header = "{";
  if (!metadata_.empty()) header += "\"__metadata__\":" + JsonOf(metadata_);
  uint64_t offset = 0;
  for (const Array& array : arrays_) {
    if (offset > 0 || header.size() > 1) header += ',';
    header += fmt::format(R"("{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                          array.name, NamesOf(array.type).safetensors,
                          fmt::join(ShapeOf(array), ","), offset, offset + array.data->size());
    offset += array.data->size();
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string length;
  AppendNumber(header.size(), 8, &length);
  output_->Write(length);
  output_->Write(header);
  for (const Array& array : arrays_) WriteData(array);
}

void ArrayFile::Finish(const std::stop_token& stop) {
  stop_ = stop;
  if (format_ == ArrayFormat::kNpz) {
    WriteNpz();
  } else {
    WriteSafetensors();
  }
  output_->Commit();
}

}  // namespace bge::cli
