// bf16 numbers two by two, as the tiles multiply them: pairs of neighbouring rows of a matrix.
#pragma once

#include <type_traits>
#include <vector>

#include "rows.h"
#include "turned.h"

#ifdef RLPD_AVX512

namespace rlpd::tiles {

// Numbers of a packed run of `length` rows.
template <typename T>
int64_t packedRows(int64_t length) {
  return std::is_same_v<T, float> ? length : (length + 1) / 2 * 2;
}

// Neighbouring rows of a [rows, columns] matrix as pairs, [ceil(rows/2), columns, 2]; zeros stand in for a last row's
// neighbour.
inline void pairRows(const float* from, int64_t rows, int64_t columns, at::BFloat16* to) {
  auto* bits = reinterpret_cast<uint16_t*>(to);
  std::vector<at::BFloat16> pair(static_cast<size_t>(2 * columns));
  const auto* pairBits = reinterpret_cast<const uint16_t*>(pair.data());
  for (int64_t k = 0; k < rows; k += 2) {
    narrow(from + k * columns, pair.data(), columns);
    if (k + 1 < rows)
      narrow(from + (k + 1) * columns, pair.data() + columns, columns);
    else
      std::fill(pair.begin() + columns, pair.end(), at::BFloat16(0.0f));
    uint16_t* target = bits + k * columns;
#pragma omp simd
    for (int64_t i = 0; i < columns; i++) {
      target[2 * i] = pairBits[i];
      target[2 * i + 1] = pairBits[columns + i];
    }
  }
}

#ifdef RLPD_AVX512_BF16

// Two runs of bf16 numbers as one of pairs; without a second, zeros stand in for it.
inline void lace(const at::BFloat16* first, const at::BFloat16* second, int64_t count, at::BFloat16* to) {
  const auto* a = reinterpret_cast<const uint16_t*>(first);
  const auto* b = reinterpret_cast<const uint16_t*>(second);
  auto* pairs = reinterpret_cast<uint32_t*>(to);
  if (second == nullptr) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++) pairs[i] = a[i];
  } else {
#pragma omp simd
    for (int64_t i = 0; i < count; i++) pairs[i] = a[i] | static_cast<uint32_t>(b[i]) << 16;
  }
}

// The same of a matrix that is bf16 already.
inline void pairRows(const at::BFloat16* from, int64_t rows, int64_t columns, at::BFloat16* to) {
  for (int64_t row = 0; row < rows; row += 2)
    lace(from + row * columns, row + 1 < rows ? from + (row + 1) * columns : nullptr, columns, to + row * columns);
}

// A [rows, columns] float matrix turned over, in pairs: [ceil(columns/2), rows, 2], `stride` pairs from one row of them
// to the next.
inline void turnPairs(const float* from, int64_t rows, int64_t columns, at::BFloat16* to, int64_t stride) {
  // A pair in memory is a word, and words are turned over as floats are.
  const int64_t words = (columns + 1) / 2;
  std::vector<at::BFloat16> narrowed(static_cast<size_t>(16 * 2 * words), at::BFloat16(0.0f));
  for (int64_t row = 0; row < rows; row += 16) {
    const int64_t count = std::min<int64_t>(16, rows - row);
    for (int64_t r = 0; r < count; r++) narrow(from + (row + r) * columns, narrowed.data() + r * 2 * words, columns);
    turn(reinterpret_cast<const float*>(narrowed.data()), count, words, words, reinterpret_cast<float*>(to) + row,
         stride);
  }
}

#endif

}  // namespace rlpd::tiles

#endif
