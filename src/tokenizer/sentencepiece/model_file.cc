#include "tokenizer/sentencepiece/model_file.h"

#include "base/error.h"
#include "tokenizer/utf8.h"

#include <bit>

namespace bge::tokenizer {
namespace {

// The largest known vocabularies have a million pieces.
constexpr size_t kMostPieces = size_t{1} << 22;

// A message of a protocol buffer, read from its start to its end. Messages in it are views of the
// same kind, so that nothing recurses.
class Message {
 public:
  // `name` is the message's in errors: "trainer_spec".
  Message(std::string_view bytes, std::string_view file, std::string name)
      : bytes_(bytes), file_(file), name_(std::move(name)) {}

  enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  // Moves to the next field; false at the end.
  bool Next() {
    if (at_ == bytes_.size()) return false;
    const uint64_t tag = ReadVarint();
    field_ = tag >> 3;
    wire_type_ = static_cast<uint32_t>(tag & 7);
    if (field_ == 0 || field_ >= uint64_t{1} << 29) {
      FailHere("found field number " + std::to_string(field_), "expected 1 to 536870911");
    }
    switch (wire_type_) {
      case kVarint:
        number_ = ReadVarint();
        break;
      case kFixed64:
        number_ = ReadFixed(8);
        break;
      case kBytes: {
        const uint64_t size = ReadVarint();
        if (size > bytes_.size() - at_) {
          FailHere("found a length of " + std::to_string(size) + " bytes where " +
                       std::to_string(bytes_.size() - at_) + " are left",
                   "the file may be cut off");
        }
        value_ = bytes_.substr(at_, static_cast<size_t>(size));
        at_ += static_cast<size_t>(size);
        break;
      }
      case kFixed32:
        number_ = ReadFixed(4);
        break;
      default:
        FailHere("found wire type " + std::to_string(wire_type_), "expected 0, 1, 2 or 5");
    }
    return true;
  }

  uint64_t field() const { return field_; }

  // The field's value; `name` is its name in errors.
  std::string_view AsBytes(std::string_view name) const {
    Require(kBytes, name, "bytes");
    return value_;
  }
  std::string_view AsString(std::string_view name) const {
    const std::string_view text = AsBytes(name);
    if (const size_t valid = ValidUtf8Prefix(text); valid < text.size()) {
      FailAt(name, "byte " + std::to_string(valid) + " is not UTF-8", "expected a string");
    }
    return text;
  }
  Message AsMessage(std::string_view name) const { return {AsBytes(name), file_, Path(name)}; }
  bool AsBool(std::string_view name) const {
    Require(kVarint, name, "a number");
    return number_ != 0;
  }
  int32_t AsInt(std::string_view name) const {
    Require(kVarint, name, "a number");
    return static_cast<int32_t>(static_cast<uint32_t>(number_));
  }
  float AsFloat(std::string_view name) const {
    Require(kFixed32, name, "four bytes");
    return std::bit_cast<float>(static_cast<uint32_t>(number_));
  }

  [[noreturn]] void FailAt(std::string_view name, std::string_view problem,
                           std::string_view fix) const {
    Fail(ErrorCode::kCorruptData, problem, std::string(file_) + ": field " + Path(name), fix);
  }

 private:
  std::string Path(std::string_view name) const {
    return name_.empty() ? std::string(name) : name_ + "." + std::string(name);
  }
  [[noreturn]] void FailHere(std::string_view problem, std::string_view fix) const {
    Fail(ErrorCode::kCorruptData, problem,
         std::string(file_) + ": " + (name_.empty() ? "the model" : "field " + name_) + ", byte " +
             std::to_string(at_),
         fix);
  }

  void Require(WireType type, std::string_view name, std::string_view expected) const {
    if (wire_type_ != type) {
      FailAt(name, "found wire type " + std::to_string(wire_type_),
             "expected " + std::string(expected));
    }
  }

  uint64_t ReadVarint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) FailHere("found the end in a number", "the file may be cut off");
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    FailHere("found a number of more than ten bytes", "expected a SentencePiece model");
  }

  uint64_t ReadFixed(size_t size) {
    if (bytes_.size() - at_ < size)
      FailHere("found the end in a number", "the file may be cut off");
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes_[at_ + i])) << 8 * i;
    }
    at_ += size;
    return value;
  }

  std::string_view bytes_, file_;
  std::string name_;
  size_t at_ = 0;
  uint64_t field_ = 0;
  uint32_t wire_type_ = 0;
  uint64_t number_ = 0;
  std::string_view value_;
};

SentencePieceModel::Piece ReadPiece(Message message) {
  SentencePieceModel::Piece piece;
  while (message.Next()) {
    switch (message.field()) {
      case 1:
        piece.text = message.AsString("piece");
        break;
      case 2:
        piece.score = message.AsFloat("score");
        break;
      case 3: {
        const int32_t type = message.AsInt("type");
        if (type < 1 || type > static_cast<int32_t>(SentencePieceModel::PieceType::kByte)) {
          message.FailAt("type", "found " + std::to_string(type), "expected 1 to 6");
        }
        piece.type = static_cast<SentencePieceModel::PieceType>(type);
        break;
      }
      default:
        break;
    }
  }
  return piece;
}

void ReadTrainerSpec(Message message, SentencePieceModel* model) {
  while (message.Next()) {
    switch (message.field()) {
      case 3: {
        const int32_t type = message.AsInt("model_type");
        if (type < 1 || type > static_cast<int32_t>(SentencePieceModel::ModelType::kChar)) {
          message.FailAt("model_type", "found " + std::to_string(type), "expected 1 to 4");
        }
        model->model_type = static_cast<SentencePieceModel::ModelType>(type);
        break;
      }
      case 35:
        model->byte_fallback = message.AsBool("byte_fallback");
        break;
      case 40:
        model->unk_id = message.AsInt("unk_id");
        break;
      case 41:
        model->bos_id = message.AsInt("bos_id");
        break;
      case 42:
        model->eos_id = message.AsInt("eos_id");
        break;
      case 45:
        model->unk_piece = message.AsString("unk_piece");
        break;
      case 46:
        model->bos_piece = message.AsString("bos_piece");
        break;
      case 47:
        model->eos_piece = message.AsString("eos_piece");
        break;
      default:
        break;
    }
  }
}

void ReadNormalizerSpec(Message message, SentencePieceModel* model) {
  while (message.Next()) {
    switch (message.field()) {
      case 2:
        model->precompiled_charsmap = message.AsBytes("precompiled_charsmap");
        break;
      case 3:
        model->add_dummy_prefix = message.AsBool("add_dummy_prefix");
        break;
      case 4:
        model->remove_extra_whitespaces = message.AsBool("remove_extra_whitespaces");
        break;
      default:
        break;
    }
  }
}

}  // namespace

SentencePieceModel ParseSentencePieceModel(std::string_view bytes, std::string_view where) {
  SentencePieceModel model;
  Message message(bytes, where, "");
  while (message.Next()) {
    switch (message.field()) {
      case 1:
        if (model.pieces.size() >= kMostPieces) {
          message.FailAt("pieces", "found more than 4 million pieces", "expected a vocabulary");
        }
        model.pieces.push_back(
            ReadPiece(message.AsMessage("pieces[" + std::to_string(model.pieces.size()) + "]")));
        break;
      case 2:
        ReadTrainerSpec(message.AsMessage("trainer_spec"), &model);
        break;
      case 3:
        ReadNormalizerSpec(message.AsMessage("normalizer_spec"), &model);
        break;
      default:
        break;
    }
  }
  if (model.pieces.empty()) {
    message.FailAt("pieces", "found no pieces", "expected a SentencePiece model");
  }
  return model;
}

}  // namespace bge::tokenizer
