// g = dy·act′ from y, and its sums over rows (a bias's gradient), in one pass.
#pragma once

#include <algorithm>
#include <vector>

#include "fused.h"
#include "parallel.h"
#include "rows.h"
#include "tiles.h"

namespace rlpd {

#ifdef RLPD_AVX512

// Columns of g = y > 0 ? dy : 0, up to V vectors of them, and their sums, which stay in registers over the rows.
template <int V, typename T>
void maskColumns(const T* dy, const T* y, int64_t rows, int64_t stride, const tiles::Columns& columns, T* g,
                 float* sums) {
  using namespace tiles;
  __m512 sum[V];
  each<V>([&](auto v) RLPD_INLINE {
    sum[v] = _mm512_maskz_loadu_ps(maskOf<V>(columns, v), sums + columns.first + v * lanes);
  });
  for (int64_t row = 0; row < rows; row++) {
    const int64_t place = row * stride + columns.first;
    each<V>([&](auto v) RLPD_INLINE {
      const __mmask16 inside = maskOf<V>(columns, v);
      const int64_t at = place + v * lanes;
      if constexpr (std::is_same_v<T, float>) {
        const __mmask16 open = _mm512_mask_cmp_ps_mask(inside, _mm512_maskz_loadu_ps(inside, y + at),
                                                       _mm512_setzero_ps(), _CMP_GT_OQ);
        const __m512 masked = _mm512_maskz_loadu_ps(open, dy + at);
        _mm512_mask_storeu_ps(g + at, inside, masked);
        sum[v] = _mm512_add_ps(sum[v], masked);
      } else {
        // Greater than zero and no NaN, as whole numbers.
        const __m256i outputs = _mm256_maskz_loadu_epi16(inside, y + at);
        const __mmask16 open = _mm256_mask_cmpgt_epi16_mask(inside, outputs, _mm256_setzero_si256()) &
                               _mm256_cmple_epi16_mask(outputs, _mm256_set1_epi16(0x7f80));
        const __m256i masked = _mm256_maskz_loadu_epi16(open, dy + at);
        _mm256_mask_storeu_epi16(g + at, inside, masked);
        sum[v] = _mm512_add_ps(
            sum[v], _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(masked), 16)));
      }
    });
  }
  each<V>([&](auto v) RLPD_INLINE {
    _mm512_mask_storeu_ps(sums + columns.first + v * lanes, maskOf<V>(columns, v), sum[v]);
  });
}

#endif

// Adds the columns of `rows` rows to sums; g as below.
template <typename T>
void maskRows(const T* dy, const T* y, Activation activation, int64_t rows, int64_t columns, T* g, float* sums) {
#ifdef RLPD_AVX512
  if (activation == Activation::relu) {
    int64_t first = 0;
    for (; columns - first > tiles::lanes; first += 2 * tiles::lanes)
      maskColumns<2>(dy, y, rows, columns, tiles::columnsAt<2>(first, std::min(columns, first + 2 * tiles::lanes)), g,
                     sums);
    if (first < columns) maskColumns<1>(dy, y, rows, columns, tiles::columnsAt<1>(first, columns), g, sums);
    return;
  }
#endif
  std::vector<float> gradient(static_cast<size_t>(columns)), output(static_cast<size_t>(columns));
  for (int64_t row = 0; row < rows; row++) {
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
    for (int64_t i = 0; i < columns; i++) sums[i] += d[i];
  }
}

// dy, y [members·rows, columns] → g like dy, sums [members, columns]. Rows are summed in fixed blocks, in order. Where
// nothing is masked g is not written: it is dy.
template <typename T>
void maskedGradient(const T* dy, const T* y, Activation activation, int64_t members, int64_t rows, int64_t columns,
                    T* g, float* sums, int threads) {
  const int64_t blockRows = std::clamp<int64_t>(16384 / columns, 16, 1024);
  const int64_t blocks = (rows + blockRows - 1) / blockRows;
  std::vector<float> partial(static_cast<size_t>(members * blocks * columns), 0.0f);
  forEachItem(threads, members * blocks, [&](int64_t item) {
    const int64_t first = item / blocks * rows + item % blocks * blockRows;
    const int64_t last = std::min(first + blockRows, (item / blocks + 1) * rows);
    maskRows(dy + first * columns, y + first * columns, activation, last - first, columns, g + first * columns,
             partial.data() + item * columns);
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
