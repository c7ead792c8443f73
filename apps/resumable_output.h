// An output whose finished part outlives the process: `bge embed --resume`.
#ifndef BGE_APPS_RESUMABLE_OUTPUT_H_
#define BGE_APPS_RESUMABLE_OUTPUT_H_

#include "apps/output_stream.h"
#include "apps/text_reader.h"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

namespace bge::cli {

/// What an earlier run must agree with: names and values, for messages too.
using ResumeSettings = std::map<std::string, std::string>;

/// Writes PATH.part, and beside it PATH.part.json, which says how much of it counts: the rows whose
/// bytes are on disk, a digest of the texts they were made of, and the settings. Commit() syncs the
/// part, renames it to PATH and removes the other. What is cut off in between, by kill or by power,
/// goes on at the last checkpoint. Holds a lock while it lives: one run at a time. Single thread.
class ResumableOutput : public OutputStream {
 public:
  /// Continues the part of an earlier run, if there is one. `path` is that of a regular file, or of
  /// none, or a link to such. Error(kInvalidArgument) where that run had other settings or is still
  /// running, and where PATH.part is no such run's; kIo; kCorruptData.
  ResumableOutput(const std::string& path, const ResumeSettings& settings);
  ~ResumableOutput() override;

  /// Rows that the part already has.
  int64_t rows() const { return rows_; }
  /// Reads past the records of those rows. Error(kInvalidArgument) where they are not the same
  /// texts as then.
  void SkipDone(TextReader* reader);

  /// To be called with the records whose rows have been written: makes them count, every second or
  /// so.
  void Written(std::span<const TextRecord> records);

  void Write(std::string_view bytes) override;
  void WriteAt(uint64_t offset, std::string_view bytes) override;
  bool seekable() const override { return true; }
  bool is_terminal() const override { return false; }
  void Flush() override {}
  void Commit() override;
  const std::string& name() const override { return path_; }

 private:
  using Clock = std::chrono::steady_clock;

  void OpenPart(mode_t mode);
  bool ReadState(const ResumeSettings& settings);
  void Forget();
  void Checkpoint();
  void AddToDigest(const TextRecord& record);
  void WriteBuffer();
  void WriteThrough(uint64_t offset, std::string_view bytes);

  std::string path_;
  std::string part_;   // PATH.part
  std::string state_;  // PATH.part.json
  ResumeSettings settings_;
  int fd_ = -1;
  std::string buffer_;
  uint64_t bytes_ = 0;  // in the file, without the buffer
  int64_t rows_ = 0;
  std::string digest_;  // SHA-256 of the last digest and record, in hexadecimal; empty: no record
  Clock::time_point last_checkpoint_;
};

}  // namespace bge::cli

#endif  // BGE_APPS_RESUMABLE_OUTPUT_H_
