// What this processor or the GPU can do at most, so that a bench can say how much of it an update gets.
#pragma once

#include <array>

#include "engine.h"

namespace rlpd {

// [float32 FLOP/s, bf16 FLOP/s, bytes/s read from memory], each the best of a few short runs: on all threads, in
// registers, 0 for products that the engine has no instructions of its own for; on a GPU in products of large matrices,
// those of float32 as the engine computes them, and in copying.
std::array<double, 3> measurePeak(const Settings& settings);

}  // namespace rlpd
