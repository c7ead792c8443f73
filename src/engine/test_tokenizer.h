// A tokenizer of two words for tests of the engine.
#ifndef BGE_ENGINE_TEST_TOKENIZER_H_
#define BGE_ENGINE_TEST_TOKENIZER_H_

#include "bge/tokenizer.h"

#include "tests/temp_dir.h"

#include <string>

namespace bge::test {

/// [UNK] 0, [CLS] 1, [SEP] 2, "a" 3, "b" 4; words end at white space.
inline Tokenizer TwoWordTokenizer() {
  const TempDir dir;
  return Tokenizer::Load(dir.Write("tokenizer.json", R"({"added_tokens":[],"normalizer":null,
      "pre_tokenizer":{"type":"WhitespaceSplit"},
      "post_processor":{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]},
      "model":{"type":"WordLevel","vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"a":3,"b":4},
               "unk_token":"[UNK]"}})"));
}

/// A text of n words: n + 2 tokens.
inline std::string Words(int n) {
  std::string text;
  for (int i = 0; i < n; ++i) text += "a ";
  return text;
}

}  // namespace bge::test

#endif  // BGE_ENGINE_TEST_TOKENIZER_H_
