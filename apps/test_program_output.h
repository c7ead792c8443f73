// What tests expect of the command's output.
#ifndef BGE_APPS_TEST_PROGRAM_OUTPUT_H_
#define BGE_APPS_TEST_PROGRAM_OUTPUT_H_

#include "apps/run_program.h"
#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace bge::cli {

inline std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Standard output of a run that must succeed.
inline std::string OutputOf(const std::vector<std::string>& arguments,
                            const ProgramOptions& options = {}) {
  const ProgramResult result = RunBge(arguments, options);
  EXPECT_EQ(result.status, 0) << result.err;
  return result.out;
}

inline std::shared_ptr<const json::Document> Parse(const std::string& line) {
  return json::Document::Parse(line, "output");
}

// Wrong usage: status 2, one line on standard error, nothing on standard output.
inline void ExpectUsageError(const ProgramResult& result, const std::string& part) {
  EXPECT_EQ(result.status, 2) << result.err;
  EXPECT_THAT(result.out, testing::IsEmpty());
  EXPECT_THAT(result.err,
              testing::AllOf(testing::StartsWith("bge: error: "), testing::HasSubstr(part)));
  EXPECT_EQ(Lines(result.err).size(), 1u) << result.err;
}

// A failure: status 1, one line on standard error.
inline void ExpectFailure(const ProgramResult& result, const std::string& part) {
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_THAT(result.err,
              testing::AllOf(testing::StartsWith("bge: error: "), testing::HasSubstr(part)));
  EXPECT_EQ(Lines(result.err).size(), 1u) << result.err;
}

}  // namespace bge::cli

#endif  // BGE_APPS_TEST_PROGRAM_OUTPUT_H_
