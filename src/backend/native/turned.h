// A matrix turned over in AVX-512 registers, sixteen by sixteen numbers at a time.
#pragma once

#include "tiles.h"

#ifdef RLPD_AVX512

namespace rlpd::tiles {

// Up to 16 rows of up to 16 floats, `stride` apart, to up to 16 rows `toStride` apart.
inline void turnSquare(const float* from, int64_t stride, int64_t rows, int64_t columns, float* to, int64_t toStride) {
  const auto inside = static_cast<__mmask16>((1u << columns) - 1), outside = static_cast<__mmask16>((1u << rows) - 1);
  __m512 a[16], b[16];
  for (int r = 0; r < 16; r++) a[r] = r < rows ? _mm512_maskz_loadu_ps(inside, from + r * stride) : _mm512_setzero_ps();
  // Pairs of rows, then pairs of pairs within each quarter of a register; then the quarters change places.
  for (int r = 0; r < 16; r += 2) {
    b[r] = _mm512_unpacklo_ps(a[r], a[r + 1]);
    b[r + 1] = _mm512_unpackhi_ps(a[r], a[r + 1]);
  }
  for (int r = 0; r < 16; r += 4) {
    a[r] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(b[r]), _mm512_castps_pd(b[r + 2])));
    a[r + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(b[r]), _mm512_castps_pd(b[r + 2])));
    a[r + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(b[r + 1]), _mm512_castps_pd(b[r + 3])));
    a[r + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(b[r + 1]), _mm512_castps_pd(b[r + 3])));
  }
  for (int r = 0; r < 4; r++) {
    b[r] = _mm512_shuffle_f32x4(a[r], a[r + 4], 0x88);
    b[r + 4] = _mm512_shuffle_f32x4(a[r], a[r + 4], 0xdd);
    b[r + 8] = _mm512_shuffle_f32x4(a[r + 8], a[r + 12], 0x88);
    b[r + 12] = _mm512_shuffle_f32x4(a[r + 8], a[r + 12], 0xdd);
  }
  for (int r = 0; r < 8; r++) {
    a[r] = _mm512_shuffle_f32x4(b[r], b[r + 8], 0x88);
    a[r + 8] = _mm512_shuffle_f32x4(b[r], b[r + 8], 0xdd);
  }
  for (int c = 0; c < 16; c++)
    if (c < columns) _mm512_mask_storeu_ps(to + c * toStride, outside, a[c]);
}

// to[c][r] = from[r][c].
inline void turn(const float* from, int64_t rows, int64_t columns, int64_t stride, float* to, int64_t toStride) {
  for (int64_t r = 0; r < rows; r += 16)
    for (int64_t c = 0; c < columns; c += 16)
      turnSquare(from + r * stride + c, stride, std::min<int64_t>(16, rows - r), std::min<int64_t>(16, columns - c),
                 to + c * toStride + r, toStride);
}

}  // namespace rlpd::tiles

#endif
