// The system calls that change what is on disk, in one place, so that tests can let them fail.
#ifndef BGE_BASE_FILE_OPERATIONS_H_
#define BGE_BASE_FILE_OPERATIONS_H_

#include <sys/types.h>

#include <cstddef>

namespace bge {

/// Each method is the system call of that name: its result, and errno. Thread-safe.
class FileOperations {
 public:
  FileOperations() = default;
  virtual ~FileOperations() = default;
  FileOperations(const FileOperations&) = delete;
  FileOperations& operator=(const FileOperations&) = delete;

  virtual int Open(const char* path, int flags, mode_t mode);
  virtual ssize_t PWrite(int fd, const void* data, size_t size, off_t offset);
  virtual int FSync(int fd);
  virtual int Rename(const char* from, const char* to);
  virtual int Unlink(const char* path);
  virtual int MkDir(const char* path, mode_t mode);
  virtual int RmDir(const char* path);

  /// Those in use: the system's, unless a test has put its own there.
  static FileOperations& Current();
  /// For tests, which own `operations`; null: the system's. Not while another thread writes files.
  static void Use(FileOperations* operations);
};

}  // namespace bge

#endif  // BGE_BASE_FILE_OPERATIONS_H_
