// A layer between a program and its files that fails, for tools/fault_test.py (LD_PRELOAD). What
// changes files under $FAULT_DIR is an operation, and they are numbered from 1:
//
//   FAULT_LOG=FILE     a line is appended for each: its number, its name and the file
//   FAULT_AT=N         operation N fails; FAULT_FROM=N: all from N on
//   FAULT_ERROR=E      with this errno, a number (default: EIO)
//   FAULT_SHORT=1      a write takes half of what it is given
//
// Files of C streams are not seen: the program writes with system calls.
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>

namespace {

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

std::string Variable(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

long Number(const char* name, long otherwise) {
  const std::string value = Variable(name);
  return value.empty() ? otherwise : atol(value.c_str());
}

std::string PathOf(int fd) {
  char path[PATH_MAX];
  const ssize_t size =
      readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof(path));
  return size < 0 ? std::string() : std::string(path, static_cast<size_t>(size));
}

std::string PathOf(int folder, const char* path) {
  if (path[0] == '/' || folder == AT_FDCWD) return path;
  return PathOf(folder) + "/" + path;
}

// Whether this operation is to fail, with errno set.
bool Fails(const char* name, const std::string& path) {
  static const std::string folder = Variable("FAULT_DIR");
  static const long at = Number("FAULT_AT", 0);
  static const long from = Number("FAULT_FROM", LONG_MAX);
  static const int error = static_cast<int>(Number("FAULT_ERROR", EIO));
  static const std::string log = Variable("FAULT_LOG");
  static std::atomic<long> operations = 0;
  if (folder.empty() || path.compare(0, folder.size(), folder) != 0) return false;
  const long number = ++operations;
  if (!log.empty()) {
    const int fd =
        Next<int(const char*, int, ...)>("open")(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    const std::string line = std::to_string(number) + " " + name + " " + path + "\n";
    (void)!Next<ssize_t(int, const void*, size_t)>("write")(fd, line.data(), line.size());
    close(fd);
  }
  if (number != at && number < from) return false;
  errno = error;
  return true;
}

size_t Shortened(size_t size) {
  static const bool half = Number("FAULT_SHORT", 0) != 0;
  return half && size > 1 ? size / 2 : size;
}

bool Creates(int flags) { return (flags & (O_CREAT | O_TRUNC)) != 0; }

mode_t Mode(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

#define OPEN(name)                                                     \
  int name(const char* path, int flags, ...) {                         \
    va_list arguments;                                                 \
    va_start(arguments, flags);                                        \
    const mode_t mode = Mode(flags, arguments);                        \
    va_end(arguments);                                                 \
    if (Creates(flags) && Fails("open", path)) return -1;              \
    return Next<int(const char*, int, ...)>(#name)(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                \
  int name(int folder, const char* path, int flags, ...) {                          \
    va_list arguments;                                                              \
    va_start(arguments, flags);                                                     \
    const mode_t mode = Mode(flags, arguments);                                     \
    va_end(arguments);                                                              \
    if (Creates(flags) && Fails("open", PathOf(folder, path))) return -1;           \
    return Next<int(int, const char*, int, ...)>(#name)(folder, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void* data, size_t size) {
  if (Fails("write", PathOf(fd))) return -1;
  return Next<ssize_t(int, const void*, size_t)>("write")(
      fd, data, PathOf(fd).find(Variable("FAULT_DIR")) == 0 ? Shortened(size) : size);
}

#define PWRITE(name)                                                                        \
  ssize_t name(int fd, const void* data, size_t size, off_t offset) {                       \
    if (Fails("write", PathOf(fd))) return -1;                                              \
    return Next<ssize_t(int, const void*, size_t, off_t)>(#name)(fd, data, Shortened(size), \
                                                                 offset);                   \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t writev(int fd, const struct iovec* parts, int count) {
  if (Fails("write", PathOf(fd))) return -1;
  return Next<ssize_t(int, const struct iovec*, int)>("writev")(
      fd, parts, std::max(1, static_cast<int>(Shortened(static_cast<size_t>(count)))));
}

#define OF_FILE(name)                        \
  int name(int fd) {                         \
    if (Fails(#name, PathOf(fd))) return -1; \
    return Next<int(int)>(#name)(fd);        \
  }
OF_FILE(fsync)
OF_FILE(fdatasync)

#define TRUNCATE(name)                             \
  int name(int fd, off_t size) {                   \
    if (Fails("ftruncate", PathOf(fd))) return -1; \
    return Next<int(int, off_t)>(#name)(fd, size); \
  }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define ALLOCATE(name)                                           \
  int name(int fd, off_t begin, off_t size) {                    \
    if (Fails("allocate", PathOf(fd))) return errno;             \
    return Next<int(int, off_t, off_t)>(#name)(fd, begin, size); \
  }
ALLOCATE(posix_fallocate)
ALLOCATE(posix_fallocate64)

int rename(const char* from, const char* to) {
  if (Fails("rename", to)) return -1;
  return Next<int(const char*, const char*)>("rename")(from, to);
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  if (Fails("rename", PathOf(to_folder, to))) return -1;
  return Next<int(int, const char*, int, const char*)>("renameat")(from_folder, from, to_folder,
                                                                   to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  if (Fails("rename", PathOf(to_folder, to))) return -1;
  return Next<int(int, const char*, int, const char*, unsigned)>("renameat2")(from_folder, from,
                                                                              to_folder, to, flags);
}

#define OF_PATH(name, shown)                    \
  int name(const char* path) {                  \
    if (Fails(shown, path)) return -1;          \
    return Next<int(const char*)>(#name)(path); \
  }
OF_PATH(unlink, "remove")
OF_PATH(remove, "remove")
OF_PATH(rmdir, "remove")

int unlinkat(int folder, const char* path, int flags) {
  if (Fails("remove", PathOf(folder, path))) return -1;
  return Next<int(int, const char*, int)>("unlinkat")(folder, path, flags);
}

int mkdir(const char* path, mode_t mode) {
  if (Fails("mkdir", path)) return -1;
  return Next<int(const char*, mode_t)>("mkdir")(path, mode);
}

int link(const char* from, const char* to) {
  if (Fails("link", to)) return -1;
  return Next<int(const char*, const char*)>("link")(from, to);
}

int symlink(const char* target, const char* path) {
  if (Fails("link", path)) return -1;
  return Next<int(const char*, const char*)>("symlink")(target, path);
}

}  // extern "C"
