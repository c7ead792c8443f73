// Small tokenizers for unit tests.
#ifndef BGE_TOKENIZER_TEST_TOKENIZERS_H_
#define BGE_TOKENIZER_TEST_TOKENIZERS_H_

#include "base/json.h"
#include "tokenizer/load.h"

#include <string>
#include <string_view>

namespace bge::tokenizer {

/// A BERT tokenizer.json with the given normalizer and added tokens (JSON).
inline std::string BertJson(std::string_view normalizer, std::string_view added_tokens = "[]") {
  return R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":)" +
         std::string(added_tokens) + R"(,"normalizer":)" + std::string(normalizer) +
         R"(,"pre_tokenizer":{"type":"BertPreTokenizer"},
  "post_processor":{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]},
  "decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
  "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
  "max_input_chars_per_word":100,"vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"a":3,"b":4,"c":5,"d":6,"e":7,
  "i":8,"s":9,"x":10,"ab":11,"##a":12,"##b":13,"##c":14,"##d":15,"##e":16,"##i":17,"##s":18,"##x":19,
  "##ab":20,".":21,",":22,"!":23,"[":24,"]":25,"中":26,"文":27,"##中":28,"É":29,"é":30,"A":31,"##B":32,
  "ß":33,"ᄀ":34,"##ᅡ":35,"##ᆨ":36,"σ":37,"##σ":38,"hello":39,"unable":40,"##able":41,"un":42,
  "internationalization":43,"##ization":44}}})";
}

inline constexpr std::string_view kUncased =
    R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true})";

inline constexpr std::string_view kMaskToken =
    R"([{"id":50,"content":"[MASK]","single_word":false,"lstrip":true,"rstrip":false,"normalized":false,"special":true}])";

inline Tokenizer FromJsonText(std::string_view text, bool allow_fast_path = true,
                              const LoadOptions& options = {}) {
  const auto document = json::Document::Parse(text, "tokenizer.json");
  Tokenizer::Impl::Stages stages = StagesFromJson(document->root());
  stages.allow_fast_path = allow_fast_path;
  return BuildTokenizer(std::move(stages), options);
}

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_TEST_TOKENIZERS_H_
