// Work in items that threads take one by one, so that a thread which the system holds up delays one item only.
#pragma once

#include <cstdint>
#include <exception>

namespace rlpd {

// Calls body(item) for every item in [0, count). The first exception is thrown again once all threads are done.
template <typename Body>
void forEachItem(int threads, int64_t count, const Body& body) {
  std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (count > 1 && threads > 1)
  for (int64_t item = 0; item < count; item++) {
    try {
      body(item);
    } catch (...) {
#pragma omp critical(rlpdFailure)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

// The same over ranges [begin, end) of at most `grain` items.
template <typename Body>
void forEachRange(int threads, int64_t count, int64_t grain, const Body& body) {
  forEachItem(threads, (count + grain - 1) / grain, [&](int64_t range) {
    const int64_t begin = range * grain;
    body(begin, begin + grain < count ? begin + grain : count);
  });
}

}  // namespace rlpd
