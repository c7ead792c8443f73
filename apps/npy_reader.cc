// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1.0
// to 3.0.
#include "apps/npy_reader.h"

#include "base/error.h"
#include "base/numeric.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace bge::cli {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
// NumPy's own reader stops at 10,000 bytes; a matrix needs about a hundred.
constexpr size_t kMaxHeaderBytes = 65536;

[[noreturn]] void FailIn(const std::string& path, std::string_view what) {
  Fail(ErrorCode::kCorruptData, what, path, "write the file again, for example with numpy.save");
}

struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<uint64_t>> shape;
};

// The header is a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& path) : text_(text), path_(path) {}

  Header Parse() {
    Header header;
    Expect('{');
    while (!Accept('}')) {
      const std::string key = String();
      Expect(':');
      if (key == "descr" && !header.descr) {
        header.descr = String();
      } else if (key == "fortran_order" && !header.fortran_order) {
        header.fortran_order = Boolean();
      } else if (key == "shape" && !header.shape) {
        header.shape = Shape();
      } else {
        FailHere(fmt::format("unexpected key '{}'", Printable(key)));
      }
      if (!Accept(',')) {
        Expect('}');
        break;
      }
    }
    SkipSpaces();
    if (at_ != text_.size()) FailHere("text behind the dictionary");
    return header;
  }

 private:
  [[noreturn]] void FailHere(std::string_view what) {
    FailIn(path_, fmt::format("{} at byte {} of the header", what, at_));
  }
  void SkipSpaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) {
      ++at_;
    }
  }
  bool Accept(char c) {
    SkipSpaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void Expect(char c) {
    if (!Accept(c)) FailHere(fmt::format("expected '{}'", c));
  }
  std::string String() {
    SkipSpaces();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    if (quote != '\'' && quote != '"') FailHere("expected a string");
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) FailHere("a string without its end");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  bool Boolean() {
    SkipSpaces();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    }
    FailHere("expected True or False");
  }
  std::vector<uint64_t> Shape() {
    std::vector<uint64_t> shape;
    Expect('(');
    while (!Accept(')')) {
      SkipSpaces();
      uint64_t size = 0;
      const char* const begin = text_.data() + at_;
      const auto parsed = std::from_chars(begin, text_.data() + text_.size(), size);
      if (parsed.ec != std::errc()) FailHere("expected a number of the shape");
      at_ += static_cast<size_t>(parsed.ptr - begin);
      shape.push_back(size);
      if (!Accept(',')) {
        Expect(')');
        break;
      }
    }
    return shape;
  }

  std::string_view text_;
  const std::string& path_;
  size_t at_ = 0;
};

size_t ValueBytes(const std::string& descr, const std::string& path) {
  if (descr == "<f4") return 4;
  if (descr == "<f2") return 2;
  if (descr == "<f8") return 8;
  Fail(ErrorCode::kUnsupported,
       fmt::format("field descr: found '{}', expected '<f4', '<f2' or '<f8'", Printable(descr)),
       path, "convert it with array.astype(\"<f4\")");
}

std::string ShapeText(const std::vector<uint64_t>& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size() && i < 8; ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", shape[i]);
  }
  return text + (shape.size() > 8 ? ", ...)" : ")");
}

}  // namespace

NpyMatrix NpyMatrix::Open(const std::string& path) {
  NpyMatrix matrix;
  matrix.file_ = MappedFile::Open(path);
  const auto bytes = matrix.file_->bytes();
  const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto byte = [&content](size_t i) {
    return static_cast<size_t>(static_cast<uint8_t>(content[i]));
  };

  if (!content.starts_with(kMagic))
    FailIn(path, "not a .npy file: it does not begin with \\x93NUMPY");
  if (content.size() < 10) FailIn(path, "the header is cut off");
  const size_t version = byte(6);
  if (version < 1 || version > 3) {
    Fail(ErrorCode::kUnsupported, fmt::format("format version {}, expected 1 to 3", version), path,
         "write the file with a current numpy.save");
  }
  size_t header_begin = 10;
  size_t header_bytes = byte(8) | byte(9) << 8;
  if (version > 1) {
    header_begin = 12;
    if (content.size() < header_begin) FailIn(path, "the header is cut off");
    header_bytes |= byte(10) << 16 | byte(11) << 24;
  }
  if (header_bytes > kMaxHeaderBytes) {
    FailIn(path,
           fmt::format("a header of {} bytes, expected at most {}", header_bytes, kMaxHeaderBytes));
  }
  if (content.size() - header_begin < header_bytes) {
    FailIn(path, fmt::format("the header is cut off: found {} bytes, expected {}",
                             content.size() - header_begin, header_bytes));
  }
  const Header header = HeaderParser(content.substr(header_begin, header_bytes), path).Parse();
  if (!header.descr || !header.fortran_order || !header.shape) {
    FailIn(path, "the header lacks one of descr, fortran_order and shape");
  }
  matrix.value_bytes_ = ValueBytes(*header.descr, path);
  if (*header.fortran_order) {
    Fail(ErrorCode::kUnsupported, "field fortran_order: found True, expected False", path,
         "convert it with numpy.ascontiguousarray");
  }
  const std::vector<uint64_t>& shape = *header.shape;
  if (shape.size() != 2) {
    Fail(ErrorCode::kUnsupported,
         fmt::format("field shape: found {}, expected two numbers", ShapeText(shape)), path,
         "give an array of one row a text");
  }
  matrix.data_offset_ = header_begin + header_bytes;
  const size_t data_bytes = content.size() - matrix.data_offset_;
  const auto values = CheckedMul(shape[0], shape[1]);
  const auto expected = values ? CheckedMul(*values, matrix.value_bytes_) : std::nullopt;
  // A shape with a zero in it says nothing about its other number, so that has a limit of its own.
  constexpr uint64_t kMost = uint64_t{1} << 40;
  if (!expected || *expected != data_bytes || shape[0] > kMost || shape[1] > kMost) {
    FailIn(path,
           fmt::format("field shape: {} of {} bytes each do not make the {} bytes of data found",
                       ShapeText(shape), matrix.value_bytes_, data_bytes));
  }
  matrix.rows_ = static_cast<int64_t>(shape[0]);
  matrix.columns_ = static_cast<int64_t>(shape[1]);
  return matrix;
}

void NpyMatrix::ReadRow(int64_t row, std::span<float> values) const {
  BGE_CHECK(row >= 0 && row < rows_ && values.size() == static_cast<size_t>(columns_));
  if (values.empty()) return;  // of no columns: memcpy wants no null pointer
  // memcpy: nothing promises that the data is aligned.
  const std::byte* at = file_->bytes().data() + data_offset_ +
                        static_cast<size_t>(row) * values.size() * value_bytes_;
  if (value_bytes_ == 4) {
    std::memcpy(values.data(), at, values.size_bytes());
    return;
  }
  for (float& value : values) {
    if (value_bytes_ == 2) {
      uint16_t bits;
      std::memcpy(&bits, at, sizeof bits);
      value = F16ToFloat(bits);
    } else {
      double wide;
      std::memcpy(&wide, at, sizeof wide);
      value = static_cast<float>(wide);
    }
    at += value_bytes_;
  }
}

}  // namespace bge::cli
