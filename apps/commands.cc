// The table of commands.
#include "apps/commands.h"

#include <array>

namespace bge::cli {
namespace {

constexpr std::array kCommands = {
    Command{"embed", "Compute vectors of texts", SetUpEmbed},
    Command{"similarity", "Compare one text with others", SetUpSimilarity},
    Command{"tokenize", "Show the tokens of texts", SetUpTokenize},
    Command{"index", "Build, change, describe and check an index of texts", SetUpIndex},
    Command{"search", "Find the texts of an index that are nearest to a query", SetUpSearch},
    Command{"rerank", "Score passages for a query, or pairs of texts, with a reranker",
            SetUpRerank},
    Command{"score", "Compare two texts by BGE-M3's three kinds of vectors, or by MaxSim",
            SetUpScore},
    Command{"info", "Describe a model and where each setting came from", SetUpInfo},
    Command{"pull", "Download a model from the Hugging Face hub into its cache", SetUpPull},
    Command{"verify", "Compare a model's vectors with reference vectors", SetUpVerify},
    Command{"quantize", "Write a model whose weights take less space", SetUpQuantize},
    Command{"bench", "Measure how fast a model is, and where the time goes", SetUpBench},
    Command{"completion", "Print a script that makes a shell complete commands and options",
            SetUpCompletion},
    Command{"man", "Print a manual page", SetUpMan},
};

}  // namespace

std::span<const Command> Commands() { return kCommands; }

}  // namespace bge::cli
