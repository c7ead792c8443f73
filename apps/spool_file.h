// Bytes set aside until it is known what stands in front of them.
#ifndef BGE_APPS_SPOOL_FILE_H_
#define BGE_APPS_SPOOL_FILE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace bge::cli {

/// A temporary file without a name, gone with the process whatever ends it. Single thread.
class SpoolFile {
 public:
  /// In `folder`, which must have room for it. Error(kIo).
  explicit SpoolFile(const std::string& folder);
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;
  ~SpoolFile();

  void Append(std::string_view bytes);
  uint64_t size() const { return size_; }
  /// Calls f(std::string_view) with all that was appended, piece by piece.
  void ForEachPiece(const std::function<void(std::string_view)>& f);

 private:
  void Flush();

  std::string folder_;
  int fd_ = -1;
  std::string buffer_;  // appended, not written
  uint64_t size_ = 0;
};

}  // namespace bge::cli

#endif  // BGE_APPS_SPOOL_FILE_H_
