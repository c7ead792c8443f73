// What an index demands of a row, and how it says so.
#ifndef BGE_INDEX_ROW_CHECK_H_
#define BGE_INDEX_ROW_CHECK_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bge::index {

/// Error(kInvalidArgument) unless the vector has `dimension` values, all finite. `row` and `id` are
/// for the message.
void CheckRow(int64_t row, std::string_view id, std::span<const float> vector, int64_t dimension);

/// Throws Error(kInvalidArgument) "an id is there twice: row <row>, id '<id>': found in <where>".
[[noreturn]] void FailIdTwice(int64_t row, std::string_view id, const std::string& where);

}  // namespace bge::index

#endif  // BGE_INDEX_ROW_CHECK_H_
