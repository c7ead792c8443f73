// How long something takes when nothing is in its way.
#ifndef BGE_BENCH_BEST_TIME_H_
#define BGE_BENCH_BEST_TIME_H_

#include "base/parallel.h"

#include <cstdint>

namespace bge {

/// Seconds from the first beginning to the last end of work(0) ... work(threads - 1), which begin
/// together, each on a thread of the pool. Not to be called from inside a loop of the pool.
double TimeTogether(ThreadPool& pool, FunctionRef<void(int64_t)> work);

/// Seconds of one round in the fastest of several trials. time_rounds(n) does n rounds and returns
/// the seconds they took; it is called with as many as take some milliseconds, for about
/// `budget_seconds`.
double BestRoundSeconds(double budget_seconds, FunctionRef<double(int64_t)> time_rounds);

}  // namespace bge

#endif  // BGE_BENCH_BEST_TIME_H_
