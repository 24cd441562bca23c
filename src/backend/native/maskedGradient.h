// g = dy·act′ from y, and its sums over rows (a bias's gradient), in one pass.
#pragma once

#include <algorithm>
#include <vector>

#include "fused.h"
#include "parallel.h"
#include "rows.h"

namespace rlpd {

// dy, y [members·rows, columns] → g like dy, sums [members, columns]. Rows are summed in fixed blocks, in order.
template <typename T>
void maskedGradient(const T* dy, const T* y, Activation activation, int64_t members, int64_t rows, int64_t columns,
                    T* g, float* sums, int threads) {
  const int64_t blockRows = std::clamp<int64_t>(16384 / columns, 16, 1024);
  const int64_t blocks = (rows + blockRows - 1) / blockRows;
  std::vector<float> partial(static_cast<size_t>(members * blocks * columns), 0.0f);
  forEachItem(threads, members * blocks, [&](int64_t item) {
    std::vector<float> gradient(static_cast<size_t>(columns)), output(static_cast<size_t>(columns));
    float* d = gradient.data();
    float* o = output.data();
    float* sum = partial.data() + item * columns;
    const int64_t first = item / blocks * rows + item % blocks * blockRows;
    const int64_t last = std::min(first + blockRows, (item / blocks + 1) * rows);
    for (int64_t row = first; row < last; row++) {
      widen(dy + row * columns, d, columns);
      if (activation == Activation::relu) {
        widen(y + row * columns, o, columns);
#pragma omp simd
        for (int64_t i = 0; i < columns; i++) d[i] = o[i] > 0 ? d[i] : 0.0f;
      } else if (activation == Activation::tanh) {
        widen(y + row * columns, o, columns);
#pragma omp simd
        for (int64_t i = 0; i < columns; i++) d[i] *= 1.0f - o[i] * o[i];
      }
#pragma omp simd
      for (int64_t i = 0; i < columns; i++) sum[i] += d[i];
      narrow(d, g + row * columns, columns);
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
