// Work in items that threads take one by one, so that a thread which the system holds up delays one item only.
#pragma once

#include <cstdint>

namespace rlpd {

template <typename Body>
void forEachItem(int threads, int64_t count, const Body& body) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (count > 1 && threads > 1)
  for (int64_t item = 0; item < count; item++) body(item);
}

}  // namespace rlpd
