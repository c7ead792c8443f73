// Who published, and texts of BGE-M3's documentation, spelled as they are there: of both parts of
// the table.
#ifndef BGE_APPS_PUBLISHED_TEXTS_H_
#define BGE_APPS_PUBLISHED_TEXTS_H_

#include <string_view>

namespace bge::cli {

inline constexpr std::string_view kFastEmbed =
    "qdrant/fastembed, tests/test_text_onnx_embeddings.py";
inline constexpr std::string_view kFastEmbedPairs =
    "qdrant/fastembed, tests/test_text_cross_encoder.py";
inline constexpr std::string_view kFastEmbedRs = "Anush008/fastembed-rs, tests/text-embeddings.rs";

inline constexpr std::string_view kM3First = "What is BGE M3?";
inline constexpr std::string_view kM3Second = "Defination of BM25";
inline constexpr std::string_view kM3Third =
    "BGE M3 is an embedding model supporting dense retrieval, lexical matching and multi-vector "
    "interaction.";
inline constexpr std::string_view kM3Fourth =
    "BM25 is a bag-of-words retrieval function that ranks a set of documents based on the query "
    "terms appearing in each document";

}  // namespace bge::cli

#endif  // BGE_APPS_PUBLISHED_TEXTS_H_
