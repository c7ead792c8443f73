#include "base/file_operations.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

namespace bge {
namespace {

std::atomic<FileOperations*> in_use = nullptr;

}  // namespace

int FileOperations::Open(const char* path, int flags, mode_t mode) {
  return ::open(path, flags, mode);
}
ssize_t FileOperations::PWrite(int fd, const void* data, size_t size, off_t offset) {
  return ::pwrite(fd, data, size, offset);
}
int FileOperations::FSync(int fd) { return ::fsync(fd); }
int FileOperations::Rename(const char* from, const char* to) { return ::rename(from, to); }
int FileOperations::Unlink(const char* path) { return ::unlink(path); }
int FileOperations::MkDir(const char* path, mode_t mode) { return ::mkdir(path, mode); }
int FileOperations::RmDir(const char* path) { return ::rmdir(path); }

FileOperations& FileOperations::Current() {
  static FileOperations system;
  FileOperations* const operations = in_use.load();
  return operations != nullptr ? *operations : system;
}

void FileOperations::Use(FileOperations* operations) { in_use.store(operations); }

}  // namespace bge
