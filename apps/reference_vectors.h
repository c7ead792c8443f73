// Texts with the vectors that somebody else computed for them: what bge verify compares with.
#ifndef BGE_APPS_REFERENCE_VECTORS_H_
#define BGE_APPS_REFERENCE_VECTORS_H_

#include "apps/text_reader.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bge::cli {

/// A stream of texts with vectors. Single thread.
class ReferenceReader {
 public:
  virtual ~ReferenceReader() = default;
  /// Fills both and returns true, or returns false at the end. Error naming file and line or row.
  virtual bool Next(TextRecord* record, std::vector<float>* vector) = 0;
};

/// Lines of JSON with the text (as options say) and `embedding`, a list of numbers.
std::unique_ptr<ReferenceReader> ReadReferenceJsonl(const std::string& path,
                                                    const TextReaderOptions& options, int stop_fd);

/// Rows of a .npy file for the texts of `texts`, one for one.
std::unique_ptr<ReferenceReader> ReadReferenceNpy(const std::string& path,
                                                  std::unique_ptr<TextReader> texts);

}  // namespace bge::cli

#endif  // BGE_APPS_REFERENCE_VECTORS_H_
