// Rows of float32 or bf16 numbers, in forms that compilers turn into vector code.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <cstring>

namespace rlpd {

inline void widen(const float* from, float* to, int64_t count) { std::memcpy(to, from, count * sizeof(float)); }

inline void widen(const at::BFloat16* from, float* to, int64_t count) {
  const auto* bits = reinterpret_cast<const uint16_t*>(from);
  auto* out = reinterpret_cast<uint32_t*>(to);
#pragma omp simd
  for (int64_t i = 0; i < count; i++) out[i] = static_cast<uint32_t>(bits[i]) << 16;
}

inline void narrow(const float* from, float* to, int64_t count) { std::memcpy(to, from, count * sizeof(float)); }

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

}  // namespace rlpd
