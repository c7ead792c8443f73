// A variable of each thread that may need memory.
#ifndef BGE_BASE_PER_THREAD_H_
#define BGE_BASE_PER_THREAD_H_

#include <pthread.h>

#include <memory>
#include <new>

namespace bge {

/// One T for each thread that asks, made by its first Get() and destroyed when the thread ends. For
/// static storage. In place of `thread_local T` with a destructor: where glibc has no memory to
/// note that one, it ends the process (__cxa_thread_atexit_impl); this throws std::bad_alloc.
template <class T>
class PerThread {
 public:
  PerThread() {
    if (::pthread_key_create(&key_, Destroy) != 0) throw std::bad_alloc();
  }
  // A library that is unloaded must not be called back.
  ~PerThread() {
    Destroy(::pthread_getspecific(key_));
    ::pthread_key_delete(key_);
  }
  PerThread(const PerThread&) = delete;
  PerThread& operator=(const PerThread&) = delete;

  T& Get() {
    if (void* const found = ::pthread_getspecific(key_)) return *static_cast<T*>(found);
    auto made = std::make_unique<T>();
    if (::pthread_setspecific(key_, made.get()) != 0) throw std::bad_alloc();
    return *made.release();
  }

 private:
  static void Destroy(void* object) { delete static_cast<T*>(object); }

  pthread_key_t key_ = 0;
};

}  // namespace bge

#endif  // BGE_BASE_PER_THREAD_H_
