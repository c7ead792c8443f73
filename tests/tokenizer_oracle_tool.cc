// Tokenizes what it is sent, for tools/oracle/tokens_compare.py: a process is fed texts of any
// bytes.
//
//   tokenizer_oracle_tool [--general] [--lowercase-first] PATH
//
// Little-endian frames on standard input: u32 texts, i64 max_length (-1: none), u8 strategy, u8
// special tokens, u8 offsets, u8 pair; then for each text, or each of the two of a pair, u32 size
// and its bytes. Answer: for each text i32 tokens (-1: an error, and then u32 size and its
// message), the ids as i32, the type ids as i32, with offsets the offsets as 2 u32 each and the
// special-token mask as u8; u8 truncated. Frames with u32 0xFFFFFFFF decode instead: u32 ids, u8
// skip_special_tokens, the ids; answer: u32 size and the text. Frames with u32 0xFFFFFFFD ask for
// the merges of SentencePiece pieces: u32 pieces, u8 by score, for each f32 score, u32 size and its
// bytes; answer: u32 merges, for each of the two sides u32 size and its bytes.
#include "bge/error.h"
#include "bge/tokenizer.h"

#include "base/json.h"
#include "tokenizer/load.h"
#include "tokenizer/sentencepiece_bpe.h"

#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

namespace {

template <typename T>
bool Read(T* value) {
  return std::fread(value, sizeof(T), 1, stdin) == 1;
}

template <typename T>
void Write(const T& value) {
  std::fwrite(&value, sizeof(T), 1, stdout);
}

template <typename T>
void WriteAll(const std::vector<T>& values) {
  if (!values.empty()) std::fwrite(values.data(), sizeof(T), values.size(), stdout);
}

void WriteText(const std::string& text) {
  Write(static_cast<uint32_t>(text.size()));
  std::fwrite(text.data(), 1, text.size(), stdout);
}

bool ReadText(std::string* text) {
  uint32_t size;
  if (!Read(&size)) return false;
  text->resize(size);
  return std::fread(text->data(), 1, size, stdin) == size;
}

bool DecodeFrame(const bge::Tokenizer& tokenizer) {
  uint32_t count;
  uint8_t skip;
  if (!Read(&count) || !Read(&skip)) return false;
  std::vector<int32_t> ids(count);
  if (count > 0 && std::fread(ids.data(), sizeof(int32_t), count, stdin) != count) return false;
  WriteText(tokenizer.Decode(ids, skip != 0));
  return true;
}

bool MergesFrame() {
  uint32_t count;
  uint8_t by_score;
  if (!Read(&count) || !Read(&by_score)) return false;
  std::vector<std::string> texts(count);
  std::vector<bge::tokenizer::SentencePiecePiece> pieces(count);
  for (uint32_t i = 0; i < count; ++i) {
    if (!Read(&pieces[i].score) || !ReadText(&texts[i])) return false;
    pieces[i].text = texts[i];
  }
  const auto merges = bge::tokenizer::MergesOfPieces(
      pieces,
      by_score != 0 ? bge::tokenizer::MergeOrder::kByScore : bge::tokenizer::MergeOrder::kById,
      "standard input");
  Write(static_cast<uint32_t>(merges.size()));
  for (const auto& [left, right] : merges) {
    WriteText(std::string(left));
    WriteText(std::string(right));
  }
  return true;
}

int64_t CpuNanoseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

bool MeasureFrame(const bge::Tokenizer& tokenizer) {
  uint32_t count, rounds;
  uint8_t offsets;
  if (!Read(&count) || !Read(&rounds) || !Read(&offsets)) return false;
  std::vector<std::string> texts(count);
  for (std::string& text : texts) {
    if (!ReadText(&text)) return false;
  }
  bge::TokenizeOptions options;
  options.want_offsets = offsets != 0;
  bge::Encoding encoding;
  uint64_t tokens = 0;
  const int64_t start = CpuNanoseconds();
  for (uint32_t round = 0; round < rounds; ++round) {
    tokens = 0;
    for (const std::string& text : texts) {
      tokenizer.EncodeInto(text, options, &encoding);
      tokens += encoding.ids.size();
    }
  }
  Write(CpuNanoseconds() - start);
  Write(tokens);
  return true;
}

bool EncodeFrame(const bge::Tokenizer& tokenizer, uint32_t count) {
  int64_t max_length;
  uint8_t strategy, special, offsets, pair;
  if (!Read(&max_length) || !Read(&strategy) || !Read(&special) || !Read(&offsets) ||
      !Read(&pair)) {
    return false;
  }
  bge::TokenizeOptions options;
  options.add_special_tokens = special != 0;
  if (max_length >= 0) options.max_length = max_length;
  options.strategy = static_cast<bge::TruncationStrategy>(strategy);
  options.want_offsets = offsets != 0;
  std::string a, b;
  bge::Encoding encoding;
  for (uint32_t i = 0; i < count; ++i) {
    if (!ReadText(&a) || (pair != 0 && !ReadText(&b))) return false;
    try {
      if (pair != 0) {
        encoding = tokenizer.EncodePair(a, b, options);
      } else {
        tokenizer.EncodeInto(a, options, &encoding);
      }
    } catch (const bge::Error& error) {
      Write(int32_t{-1});
      WriteText(error.what());
      continue;
    }
    Write(static_cast<int32_t>(encoding.ids.size()));
    WriteAll(encoding.ids);
    WriteAll(encoding.type_ids);
    if (offsets != 0) {
      WriteAll(encoding.offsets);
      WriteAll(encoding.special_tokens_mask);
    }
    Write(static_cast<uint8_t>(encoding.truncated));
  }
  return true;
}

bool Answer(const bge::Tokenizer& tokenizer, uint32_t count) {
  if (count == 0xFFFFFFFF) return DecodeFrame(tokenizer);
  if (count == 0xFFFFFFFE) return MeasureFrame(tokenizer);
  if (count == 0xFFFFFFFD) return MergesFrame();
  return EncodeFrame(tokenizer, count);
}

}  // namespace

int main(int argc, char** argv) {
  bool general = false;
  bge::tokenizer::LoadOptions options;
  options.on_warning = [](std::string_view message) {
    std::fprintf(stderr, "warning: %.*s\n", static_cast<int>(message.size()), message.data());
  };
  const char* path = nullptr;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--general") == 0) {
      general = true;
    } else if (std::strcmp(argv[i], "--lowercase-first") == 0) {
      options.lowercase_first = true;
    } else {
      path = argv[i];
    }
  }
  if (path == nullptr) return 2;
  try {
    const bge::Tokenizer tokenizer = [&] {
      if (!general) return bge::tokenizer::LoadTokenizer(path, options);
      const auto document = bge::json::Document::Load(path);
      auto stages = bge::tokenizer::StagesFromJson(document->root());
      stages.allow_fast_path = false;
      return bge::tokenizer::BuildTokenizer(std::move(stages), options);
    }();
    uint32_t count;
    while (Read(&count)) {
      if (!Answer(tokenizer, count)) return 3;
      std::fflush(stdout);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
