#include "engine/tokenized_texts.h"

#include <algorithm>
#include <string>

namespace bge {

namespace {

// A block takes some 200 us: as much as threads may wait for each other where no other work is
// left, and enough for what a block costs by itself not to count.
constexpr int64_t kTextsPerBlock = 64;
constexpr size_t kBytesPerBlock = 2048;

uint64_t HashOf(const TextTokenizer& tokenizer, const Encoding& encoding) {
  const auto hash = [&](const std::vector<int32_t>& ids) {
    return tokenizer.hash(std::as_bytes(std::span(ids)));
  };
  const auto& types = encoding.type_ids;
  const bool plain =
      std::all_of(types.begin(), types.end(), [](int32_t type) { return type == 0; });
  return plain ? hash(encoding.ids) : hash(encoding.ids) ^ (hash(types) << 1 | 1);
}

void Fill(const TextTokenizer::Filling& filling, Encoding* encoding) {
  const auto length = static_cast<size_t>(filling.length);
  if (encoding->ids.size() >= length) return;
  encoding->ids.resize(length, filling.token);
  encoding->type_ids.resize(length, 0);
  if (!encoding->offsets.empty()) encoding->offsets.resize(length);
  if (!encoding->special_tokens_mask.empty()) encoding->special_tokens_mask.resize(length, 1);
}

}  // namespace

int64_t EncodeText(const TextTokenizer& tokenizer, const TokenizeOptions& options, int64_t number,
                   std::string_view text, std::string* scratch, Encoding* encoding) {
  if (tokenizer.encode) {
    tokenizer.encode(number, encoding);
  } else {
    if (!tokenizer.prompt.empty()) {
      scratch->assign(tokenizer.prompt).append(text);
      text = *scratch;
    }
    tokenizer.tokenizer.EncodeInto(text, options, encoding);
  }
  const int64_t own_length = std::ssize(encoding->ids);
  if (tokenizer.filling) Fill(*tokenizer.filling, encoding);
  if (!tokenizer.typed) std::fill(encoding->type_ids.begin(), encoding->type_ids.end(), 0);
  return own_length;
}

TokenizedTexts::TokenizedTexts(std::span<const std::string_view> texts, int64_t begin, int64_t end)
    : texts_(texts), begin_(begin), entries_(static_cast<size_t>(end - begin)) {
  size_t bytes = 0;
  for (int64_t i = begin; i < end; ++i) {
    if (blocks_.empty() || bytes >= kBytesPerBlock || i - blocks_.back().begin >= kTextsPerBlock) {
      blocks_.emplace_back().begin = i;
      bytes = 0;
    }
    bytes += texts[static_cast<size_t>(i)].size();
    blocks_.back().end = i + 1;
  }
}

void TokenizedTexts::TokenizeBlock(const TextTokenizer& tokenizer, int64_t block_index) {
  Block& block = blocks_[static_cast<size_t>(block_index)];
  const TokenizeOptions options = tokenizer.Options(/*want_offsets=*/false);
  Encoding encoding;
  std::string prompted;
  for (int64_t i = block.begin; i < block.end; ++i) {
    const int64_t own_length =
        EncodeText(tokenizer, options, i, texts_[static_cast<size_t>(i)], &prompted, &encoding);
    tokenizer.check(encoding.ids);
    entries_[static_cast<size_t>(i - begin_)] = {
        .hash = HashOf(tokenizer, encoding),
        .block = static_cast<uint32_t>(block_index),
        .offset = static_cast<uint32_t>(block.ids.size()),
        .length = static_cast<int32_t>(encoding.ids.size()),
        .own_length = static_cast<int32_t>(own_length)};
    block.ids.insert(block.ids.end(), encoding.ids.begin(), encoding.ids.end());
    block.type_ids.insert(block.type_ids.end(), encoding.type_ids.begin(), encoding.type_ids.end());
    block.truncated += encoding.truncated ? 1 : 0;
  }
}

TokenizedTexts::Tokens TokenizedTexts::operator[](int64_t text) const {
  const Entry& found = entry(text);
  const Block& block = blocks_[found.block];
  const auto length = static_cast<size_t>(found.length);
  return {std::span(block.ids).subspan(found.offset, length),
          std::span(block.type_ids).subspan(found.offset, length), found.own_length};
}

int64_t TokenizedTexts::total_tokens() const {
  int64_t total = 0;
  for (const Block& block : blocks_) total += static_cast<int64_t>(block.ids.size());
  return total;
}

int64_t TokenizedTexts::truncated_texts() const {
  int64_t total = 0;
  for (const Block& block : blocks_) total += block.truncated;
  return total;
}

}  // namespace bge
