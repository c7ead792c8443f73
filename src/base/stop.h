// Leaving long loops when a std::stop_token asks for it.
#ifndef BGE_BASE_STOP_H_
#define BGE_BASE_STOP_H_

#include <cstddef>
#include <stop_token>

namespace bge {

/// Error(kCancelled): what a caller gets whose stop token asked for it.
[[noreturn]] void FailStopped();

/// FailStopped() where `stop` asks; null never does. Some nanoseconds.
inline void ThrowIfStopped(const std::stop_token* stop) {
  if (stop != nullptr && stop->stop_requested()) FailStopped();
}

/// For steps too short to ask in each: asks in one of 65,536, which take milliseconds.
inline void ThrowIfStopped(const std::stop_token* stop, size_t step) {
  if (step % (1 << 16) == 0) ThrowIfStopped(stop);
}

}  // namespace bge

#endif  // BGE_BASE_STOP_H_
