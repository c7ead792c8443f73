// Small SentencePiece tokenizers for unit tests: charsmaps, model files, tokenizer.json.
#ifndef BGE_TOKENIZER_TEST_SENTENCEPIECE_H_
#define BGE_TOKENIZER_TEST_SENTENCEPIECE_H_

#include "tokenizer/test_tokenizers.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

inline void AppendU32(uint32_t value, std::string* bytes) {
  for (int i = 0; i < 4; ++i) bytes->push_back(static_cast<char>(value >> 8 * i & 0xFF));
}

using Rules = std::map<std::string, std::string>;

/// Makes a precompiled_charsmap: a double array in which each node's children lie where there is
/// room for all of them.
class TestCharsmap {
 public:
  explicit TestCharsmap(const Rules& map) {
    std::string strings;
    for (const auto& [from, to] : map) {
      values_[from] = static_cast<uint32_t>(strings.size());
      strings += to;
      strings += '\0';
    }
    taken_.insert(0);
    Place(0, "");
    const size_t units = std::bit_ceil(units_.rbegin()->first + 1024u);
    AppendU32(static_cast<uint32_t>(units * 4), &bytes_);
    for (uint32_t i = 0; i < units; ++i) {
      const auto unit = units_.find(i);
      AppendU32(unit == units_.end() ? 0 : unit->second, &bytes_);
    }
    bytes_ += strings;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Place(uint32_t node, const std::string& prefix) {
    std::set<unsigned char> labels;
    for (const auto& [from, value] : values_) {
      if (from.size() > prefix.size() && from.starts_with(prefix)) {
        labels.insert(static_cast<unsigned char>(from[prefix.size()]));
      }
    }
    const auto leaf = values_.find(prefix);
    std::set<unsigned char> wanted = labels;
    if (leaf != values_.end()) wanted.insert(0);
    uint32_t offset = 256;
    const auto is_taken = [&](unsigned char label) {
      return taken_.contains(node ^ offset ^ label);
    };
    while (std::any_of(wanted.begin(), wanted.end(), is_taken)) ++offset;
    units_[node] |= offset << 10 | (leaf != values_.end() ? 1u << 8 : 0u);
    for (const unsigned char label : wanted) taken_.insert(node ^ offset ^ label);
    if (leaf != values_.end()) units_[node ^ offset] = 1u << 31 | leaf->second;
    for (const unsigned char label : labels) units_[node ^ offset ^ label] = label;
    for (const unsigned char label : labels) {
      Place(node ^ offset ^ label, prefix + static_cast<char>(label));
    }
  }

  std::map<std::string, uint32_t> values_;
  std::map<uint32_t, uint32_t> units_;
  std::set<uint32_t> taken_;
  std::string bytes_;
};

inline std::string Base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t value = 0;
    for (size_t k = 0; k < 3; ++k) {
      value = value << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (size_t k = 0; k < 4; ++k) {
      text += i + k > bytes.size() ? '=' : kAlphabet[value >> (18 - 6 * k) & 63];
    }
  }
  return text;
}

/// What sentencepiece's rules do, in small.
inline const Rules& TestRules() {
  static const Rules rules = {{"\t", " "},           {"\n", " "},       {"\r", " "},
                              {"\u00a0", " "},       {"\u3000", " "},   {"\x01", ""},
                              {"\u200b", ""},        {"ﬁ", "fi"},       {"Ａ", "A"},
                              {"e\u0301", "é"},      {"\u2026", "..."}, {"㍿", "株式会社"},
                              {"\u0130", "I\u0307"}, {"ab\u0301", "x"}};
  return rules;
}

inline std::string PrecompiledJson(const Rules& rules = TestRules()) {
  return R"({"type":"Precompiled","precompiled_charsmap":")" + Base64(TestCharsmap(rules).bytes()) +
         "\"}";
}

inline constexpr std::string_view kWhitespaceMetaspace =
    R"({"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}]})";

inline constexpr std::string_view kXlmrTokens =
    R"([{"id":0,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
  {"id":2,"content":"</s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
  {"id":99,"content":"<mask>","single_word":false,"lstrip":true,"rstrip":false,"normalized":false,"special":true}])";

inline constexpr std::string_view kUnigramModel =
    R"({"type":"Unigram","unk_id":3,"byte_fallback":false,"vocab":[["<s>",0],["<pad>",0],["</s>",0],["<unk>",0],
  ["▁",-2],["a",-4],["b",-4],["ab",-5],["▁a",-3.5],["aa",-4],["▁ab",-6],["hello",-7.25],["▁hello",-7],["hel",-5],["lo",-5],
  ["l",-4],["o",-4],["h",-4],["e",-4],["é",-6],["中",-5],["文",-5],["中文",-6],["ก",-5],["ั",-5],["กั",-8],["x",-5],["y",-5.5],
  [".",-3],["...",-5],["f",-5],["i",-5],["fi",-7],["I",-5],["̇",-5],["▁▁",-9],["aab",-8],["baa",-8],["aba",-8],["ÿÿ",-9]]})";

/// A tokenizer.json of XLM-R's kind.
inline std::string UnigramJson(std::string_view normalizer, std::string_view pre_tokenizer,
                               std::string_view added_tokens = kXlmrTokens,
                               std::string_view model = kUnigramModel) {
  return R"({"version":"1.0","added_tokens":)" + std::string(added_tokens) + R"(,"normalizer":)" +
         std::string(normalizer) + R"(,"pre_tokenizer":)" + std::string(pre_tokenizer) +
         R"(,"post_processor":{"type":"TemplateProcessing",
  "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"</s>","type_id":0}}],
  "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":0}}],
  "special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]},"</s>":{"id":"</s>","ids":[2],"tokens":["</s>"]}}},
  "decoder":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true},"model":)" +
         std::string(model) + "}";
}

/// Writes the messages of sentencepiece_model.proto.
class TestProto {
 public:
  TestProto& Varint(uint32_t field, uint64_t value) {
    Raw(field << 3);
    return RawVarint(value);
  }
  TestProto& Bytes(uint32_t field, std::string_view value) {
    Raw(field << 3 | 2);
    RawVarint(value.size());
    bytes_ += value;
    return *this;
  }
  TestProto& Float(uint32_t field, float value) {
    Raw(field << 3 | 5);
    AppendU32(std::bit_cast<uint32_t>(value), &bytes_);
    return *this;
  }
  TestProto& Piece(std::string_view text, float score, int type = 1) {
    TestProto piece;
    piece.Bytes(1, text).Float(2, score);
    if (type != 1) piece.Varint(3, static_cast<uint64_t>(type));
    return Bytes(1, piece.bytes());
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Raw(uint64_t value) { RawVarint(value); }
  TestProto& RawVarint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
    return *this;
  }

  std::string bytes_;
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_TEST_SENTENCEPIECE_H_
