#include "bench/best_time.h"

#include <sched.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <set>
#include <thread>
#include <vector>

namespace bge {

namespace {

// That threads do not begin at the very same moment (some 50 us) is then 1 %.
constexpr double kTrialSeconds = 5e-3;
// A single round of so long needs no second trial: it has met every short disturbance.
constexpr double kLongSeconds = 0.2;
constexpr double kLeastSeconds = 1e-9;  // below the clock's resolution

// A thread that was just woken may be on the CPU of the one that woke it, and stay there for longer
// than a trial, beside an idle CPU. Called by all threads at once, each with its index; sleeping,
// the later one of two is placed anew.
constexpr int kMostMoves = 50;
void SpreadOverCpus(size_t thread, std::barrier<>& together, std::vector<int>& cpus) {
  if (cpus.size() > std::thread::hardware_concurrency()) return;
  for (int move = 0; move < kMostMoves; ++move) {
    cpus[thread] = sched_getcpu();
    together.arrive_and_wait();
    const std::set<int> distinct(cpus.begin(), cpus.end());
    const auto same = std::find(cpus.begin(), cpus.end(), cpus[thread]);
    together.arrive_and_wait();
    if (distinct.size() == cpus.size()) return;
    if (same != cpus.begin() + static_cast<std::ptrdiff_t>(thread)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

}  // namespace

double TimeTogether(ThreadPool& pool, FunctionRef<void(int64_t)> work) {
  using Clock = std::chrono::steady_clock;
  const auto threads = static_cast<size_t>(pool.threads());
  std::vector<Clock::time_point> begins(threads);
  std::vector<Clock::time_point> ends(threads);
  // Where all wait for all, no thread can take the call of another that has not woken up yet.
  std::barrier<> together(static_cast<std::ptrdiff_t>(threads));
  std::vector<int> cpus(threads);
  pool.ParallelForEach(static_cast<int64_t>(threads), [&](int64_t i) {
    together.arrive_and_wait();
    SpreadOverCpus(static_cast<size_t>(i), together, cpus);
    together.arrive_and_wait();
    begins[static_cast<size_t>(i)] = Clock::now();
    work(i);
    ends[static_cast<size_t>(i)] = Clock::now();
  });
  return std::chrono::duration<double>(*std::max_element(ends.begin(), ends.end()) -
                                       *std::min_element(begins.begin(), begins.end()))
      .count();
}

double BestRoundSeconds(double budget_seconds, FunctionRef<double(int64_t)> time_rounds) {
  // The first trial is a warm-up, and tells how many rounds the others need.
  const double first = std::max(kLeastSeconds, time_rounds(1));
  if (first > kLongSeconds) return first;
  const auto rounds = static_cast<int64_t>(std::ceil(kTrialSeconds / first));
  double best = first;
  double spent = 0;
  do {
    const double seconds = std::max(kLeastSeconds, time_rounds(rounds));
    spent += seconds;
    best = std::min(best, seconds / static_cast<double>(rounds));
  } while (spent < budget_seconds);
  return best;
}

}  // namespace bge
