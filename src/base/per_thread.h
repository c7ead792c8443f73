// A variable of each thread that may need memory.
#ifndef BGE_BASE_PER_THREAD_H_
#define BGE_BASE_PER_THREAD_H_

#include <pthread.h>

#include <atomic>
#include <new>
#include <optional>
#include <utility>

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
  // A library that is unloaded must not be called back. If threads end later, such as those of a
  // static object that is destroyed after this one, the list stays: nobody can say whether they
  // still use what they have.
  ~PerThread() {
    Destroy(::pthread_getspecific(key_));
    ::pthread_key_delete(key_);
    for (const Entry* entry = first_; entry != nullptr; entry = entry->next) {
      if (entry->taken) return;
    }
    // Who asks from now on finds none of them.
    for (Entry* entry = first_.exchange(nullptr); entry != nullptr;) {
      delete std::exchange(entry, entry->next);
    }
  }
  PerThread(const PerThread&) = delete;
  PerThread& operator=(const PerThread&) = delete;

  T& Get() {
    if (void* const found = ::pthread_getspecific(key_)) return *static_cast<Entry*>(found)->value;
    Entry* const entry = Claim();
    try {
      entry->value.emplace();
      if (::pthread_setspecific(key_, entry) != 0) throw std::bad_alloc();
    } catch (...) {
      Destroy(entry);
      throw;
    }
    return *entry->value;
  }

 private:
  // Once made it stays, for one thread after the other. Without a lock, which a fork might find
  // taken.
  struct Entry {
    std::atomic<bool> taken = true;
    std::optional<T> value;
    Entry* next = nullptr;
  };

  Entry* Claim() {
    for (Entry* entry = first_; entry != nullptr; entry = entry->next) {
      if (!entry->taken.exchange(true)) return entry;
    }
    auto* const made = new Entry;
    made->next = first_;
    while (!first_.compare_exchange_weak(made->next, made)) {
    }
    return made;
  }

  static void Destroy(void* object) {
    if (object == nullptr) return;
    auto* const entry = static_cast<Entry*>(object);
    entry->value.reset();
    entry->taken = false;
  }

  pthread_key_t key_ = 0;
  std::atomic<Entry*> first_ = nullptr;
};

}  // namespace bge

#endif  // BGE_BASE_PER_THREAD_H_
