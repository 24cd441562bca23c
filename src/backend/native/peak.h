// What this processor can do at most, so that a bench can say how much of it an update gets.
#pragma once

#include <array>

namespace rlpd {

// [float32 FLOP/s, bf16 FLOP/s, bytes/s read from memory], each the best of a few short runs on all threads; 0 for
// products that the engine has no instructions of its own for.
std::array<double, 3> measurePeak(int threads);

}  // namespace rlpd
