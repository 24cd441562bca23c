// Rows of float32 or bf16 numbers, in forms that compilers turn into vector code.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <cstring>

namespace rlpd {

inline void widen(const at::BFloat16* from, float* to, int64_t count) {
  const auto* bits = reinterpret_cast<const uint16_t*>(from);
  auto* out = reinterpret_cast<uint32_t*>(to);
#pragma omp simd
  for (int64_t i = 0; i < count; i++) out[i] = static_cast<uint32_t>(bits[i]) << 16;
}

// Rounds to nearest, ties to even; a NaN stays one.
inline void narrow(const float* from, at::BFloat16* to, int64_t count) {
  const auto* bits = reinterpret_cast<const uint32_t*>(from);
  auto* out = reinterpret_cast<uint16_t*>(to);
#pragma omp simd
  for (int64_t i = 0; i < count; i++) {
    const uint32_t rounded = (bits[i] + 0x7fff + ((bits[i] >> 16) & 1)) >> 16;
    const uint32_t quiet = bits[i] >> 16 | 0x40;
    out[i] = static_cast<uint16_t>((bits[i] & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
  }
}

// A row to read as float32: itself, or a widened copy of it in `scratch`.
inline const float* widened(const float* row, float*, int64_t) { return row; }
inline const float* widened(const at::BFloat16* row, float* scratch, int64_t count) {
  widen(row, scratch, count);
  return scratch;
}

// Where a row is to be written as float32, for `settle` to bring it into place: the row itself, or `scratch`.
inline float* writable(float* row, float*) { return row; }
inline float* writable(at::BFloat16*, float* scratch) { return scratch; }
inline void settle(const float*, float*, int64_t) {}
inline void settle(const float* written, at::BFloat16* row, int64_t count) { narrow(written, row, count); }

}  // namespace rlpd
