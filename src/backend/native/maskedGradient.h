// g = dy·act′ from y, and its sums over rows (a bias's gradient), in one pass.
#pragma once

#include <algorithm>
#include <vector>

#include "fused.h"
#include "parallel.h"
#include "rows.h"

namespace rlpd {

// dy, y [members·rows, columns] → g like dy, sums [members, columns]. Rows are summed in fixed blocks, in order. Where
// nothing is masked g is not written: it is dy.
template <typename T>
void maskedGradient(const T* dy, const T* y, Activation activation, int64_t members, int64_t rows, int64_t columns,
                    T* g, float* sums, int threads) {
  const int64_t blockRows = std::clamp<int64_t>(16384 / columns, 16, 1024);
  const int64_t blocks = (rows + blockRows - 1) / blockRows;
  std::vector<float> partial(static_cast<size_t>(members * blocks * columns), 0.0f);
  forEachItem(threads, members * blocks, [&](int64_t item) {
    std::vector<float> gradient(static_cast<size_t>(columns)), output(static_cast<size_t>(columns));
    float* sum = partial.data() + item * columns;
    const int64_t first = item / blocks * rows + item % blocks * blockRows;
    const int64_t last = std::min(first + blockRows, (item / blocks + 1) * rows);
    for (int64_t row = first; row < last; row++) {
      const float* d = widened(dy + row * columns, gradient.data(), columns);
      if (activation != Activation::linear) {
        const float* o = widened(y + row * columns, output.data(), columns);
        float* masked = writable(g + row * columns, gradient.data());
        if (activation == Activation::relu) {
#pragma omp simd
          for (int64_t i = 0; i < columns; i++) masked[i] = o[i] > 0 ? d[i] : 0.0f;
        } else {
#pragma omp simd
          for (int64_t i = 0; i < columns; i++) masked[i] = d[i] * (1.0f - o[i] * o[i]);
        }
        settle(masked, g + row * columns, columns);
        d = masked;
      }
#pragma omp simd
      for (int64_t i = 0; i < columns; i++) sum[i] += d[i];
    }
  });
  for (int64_t member = 0; member < members; member++)
    for (int64_t i = 0; i < columns; i++) {
      float sum = 0;
      for (int64_t block = 0; block < blocks; block++)
        sum += partial[static_cast<size_t>((member * blocks + block) * columns + i)];
      sums[member * columns + i] = sum;
    }
}

}  // namespace rlpd
