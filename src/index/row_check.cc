#include "index/row_check.h"

#include "base/error.h"

#include <cmath>

namespace bge::index {
namespace {

std::string Describe(int64_t row, std::string_view id) {
  return "row " + std::to_string(row) + ", id '" + Printable(id, 80) + "'";
}

}  // namespace

void CheckRow(int64_t row, std::string_view id, std::span<const float> vector, int64_t dimension) {
  if (static_cast<int64_t>(vector.size()) != dimension) {
    Fail(ErrorCode::kInvalidArgument, "a vector has the wrong length",
         Describe(row, id) + ": found " + std::to_string(vector.size()) + " values, expected " +
             std::to_string(dimension),
         "give vectors of the index's dimension");
  }
  for (size_t i = 0; i < vector.size(); ++i) {
    if (std::isfinite(vector[i])) continue;
    Fail(ErrorCode::kInvalidArgument, "a vector is not finite",
         Describe(row, id) + ": found " + std::to_string(vector[i]) + " at value " +
             std::to_string(i),
         "check the model's weights");
  }
}

void FailIdTwice(int64_t row, std::string_view id, const std::string& where) {
  Fail(ErrorCode::kInvalidArgument, "an id is there twice",
       Describe(row, id) + ": found in " + where, "give every row an id of its own");
}

}  // namespace bge::index
