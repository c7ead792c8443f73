// Everything at once: #include <bge/bge.h>.
#ifndef BGE_BGE_H_
#define BGE_BGE_H_

#include "bge/embedder.h"
#include "bge/error.h"
#include "bge/identity.h"
#include "bge/index.h"
#include "bge/late_interaction.h"
#include "bge/model_directory.h"
#include "bge/model_tokenizer.h"
#include "bge/quantize.h"
#include "bge/representations.h"
#include "bge/reranker.h"
#include "bge/token_sequences.h"
#include "bge/tokenizer.h"
#include "bge/types.h"
#include "bge/vectors.h"
#include "bge/version.h"

#endif  // BGE_BGE_H_
