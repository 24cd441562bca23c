// Matrix products in AVX-512 registers: a tile of C, up to 6 rows by 64 columns or 14 by 32, is held in registers while
// products of A's rows and B's columns are added to it. A's rows are pointers, so that the windows of a convolution
// are rows without a copy; B's rows are the floats (or pairs of bf16) of neighbouring columns.
#pragma once

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#define RLPD_AVX512 1
// On a processor with AMX, oneDNN's own bf16 kernels are faster than these.
#if defined(__AVX512BF16__) && !defined(__AMX_BF16__)
#define RLPD_AVX512_BF16 1
#endif

#include <ATen/ATen.h>
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace rlpd::tiles {

// Floats of a vector: a tile's columns are a multiple of it.
constexpr int64_t lanes = 16;

// Numbers of a factor that stand for one where tiles read pairs.
template <typename T>
constexpr int64_t perNumber = std::is_same_v<T, float> ? 1 : 2;

// The columns of one panel of B: V vectors, the last of which may be partly outside.
struct Columns {
  int64_t first;
  __mmask16 last;
};

template <int V>
inline Columns columnsAt(int64_t first, int64_t total) {
  const int64_t inLast = std::min<int64_t>(lanes, total - first - (V - 1) * lanes);
  return {first, static_cast<__mmask16>((1u << inLast) - 1)};
}

template <int V>
inline __mmask16 maskOf(const Columns& columns, int v) {
  return v == V - 1 ? columns.last : static_cast<__mmask16>(0xffff);
}

#define RLPD_INLINE __attribute__((always_inline))

// Calls body with the constants 0 … n − 1: an array that is only ever indexed by constants is registers to any
// compiler, where GCC writes one that is indexed in a loop back to memory at every turn.
template <typename Body, int... I>
RLPD_INLINE inline void eachOf(std::integer_sequence<int, I...>, Body&& body) {
  (body(std::integral_constant<int, I>()), ...);
}
template <int n, typename Body>
RLPD_INLINE inline void each(Body&& body) {
  eachOf(std::make_integer_sequence<int, n>(), body);
}

// R rows by V vectors of C, in registers.
template <int R, int V>
struct Tile {
  __m512 c[R * V];

  RLPD_INLINE void clear() {
    each<R * V>([&](auto i) RLPD_INLINE { c[i] = _mm512_setzero_ps(); });
  }

  RLPD_INLINE void load(const float* from, int64_t stride, const Columns& columns) {
    each<R * V>([&](auto i) RLPD_INLINE {
      c[i] = _mm512_maskz_loadu_ps(maskOf<V>(columns, i % V), from + i / V * stride + columns.first + i % V * lanes);
    });
  }

  RLPD_INLINE void store(float* to, int64_t stride, const Columns& columns) const {
    each<R * V>([&](auto i) RLPD_INLINE {
      _mm512_mask_storeu_ps(to + i / V * stride + columns.first + i % V * lanes, maskOf<V>(columns, i % V), c[i]);
    });
  }

  // The products of a number of each row, found by row(r), with the columns' numbers.
  template <typename Row>
  RLPD_INLINE void addStep(const Row& row, const float* numbers, const Columns& columns) {
    __m512 values[V];
    each<V>([&](auto v) RLPD_INLINE {
      values[v] = _mm512_maskz_loadu_ps(maskOf<V>(columns, v), numbers + v * lanes);
    });
    each<R>([&](auto r) RLPD_INLINE {
      const __m512 a = _mm512_set1_ps(*row(r));
      each<V>([&](auto v) RLPD_INLINE { c[r * V + v] = _mm512_fmadd_ps(a, values[v], c[r * V + v]); });
    });
  }

#ifdef RLPD_AVX512_BF16
  // The products of a pair of each row with the columns' pairs; or with two bytes of the rows' first numbers alone.
  template <int bytes = 4, typename Row>
  RLPD_INLINE void addStep(const Row& row, const at::BFloat16* pairs, const Columns& columns) {
    __m512bh values[V];
    each<V>([&](auto v) RLPD_INLINE {
      values[v] = (__m512bh)_mm512_maskz_loadu_epi32(maskOf<V>(columns, v), pairs + 2 * v * lanes);
    });
    each<R>([&](auto r) RLPD_INLINE {
      int32_t both = 0;
      std::memcpy(&both, row(r), bytes);
      const __m512bh a = (__m512bh)_mm512_set1_epi32(both);
      each<V>([&](auto v) RLPD_INLINE { c[r * V + v] = _mm512_dpbf16_ps(c[r * V + v], a, values[v]); });
    });
  }
#endif

  // C[r] += Σ_i Σ_k rows[r][i·step + k] · b[i·length + k], for `runs` runs of `length` numbers of each row; b's rows
  // are `ldb` numbers apart. In bf16 b holds pairs of rows, [k/2][column][2], an odd run's last pair filled with zero.
  template <typename T>
  RLPD_INLINE void add(const T* const* rows, int64_t runs, int64_t step, int64_t length, const T* b, int64_t ldb,
                       const Columns& columns) {
    constexpr int64_t width = perNumber<T>;
    const T* at[R];
    each<R>([&](auto r) RLPD_INLINE { at[r] = rows[r]; });
    const T* line = b + width * columns.first;
    for (int64_t run = 0; run < runs; run++) {
      int64_t k = 0;
      const auto row = [&](auto r) RLPD_INLINE { return at[r] + k; };
      for (; k + width <= length; k += width, line += width * ldb) addStep(row, line, columns);
      if constexpr (width == 2) {
        if (k < length) {
          addStep<2>(row, line, columns);
          line += width * ldb;
        }
      }
      each<R>([&](auto r) RLPD_INLINE { at[r] += step; });
    }
  }

  // C[r] += Σ_k a[places[k] + r] · b[k·stepB], the rows side by side; in bf16 every number of a and b is a pair.
  template <typename T, typename Places>
  RLPD_INLINE void addOuter(const T* a, const Places& places, int64_t length, const T* b, int64_t stepB,
                            const Columns& columns) {
    constexpr int64_t width = perNumber<T>;
    const T* line = b + width * columns.first;
    for (int64_t k = 0; k < length; k++, line += width * stepB) {
      const T* first = a + width * places(k);
      addStep([&](auto r) RLPD_INLINE { return first + width * r; }, line, columns);
    }
  }

  RLPD_INLINE void addBias(const float* bias, const Columns& columns) {
    each<V>([&](auto v) RLPD_INLINE {
      const __m512 b = _mm512_maskz_loadu_ps(maskOf<V>(columns, v), bias + columns.first + v * lanes);
      each<R>([&](auto r) RLPD_INLINE { c[r * V + v] = _mm512_add_ps(c[r * V + v], b); });
    });
  }

  // A NaN stays one: where either is NaN the second operand is taken.
  RLPD_INLINE void relu() {
    each<R * V>([&](auto i) RLPD_INLINE { c[i] = _mm512_max_ps(_mm512_setzero_ps(), c[i]); });
  }

  // Every row to an address of its own, found by row(r).
  template <typename Row>
  RLPD_INLINE void storeRows(const Row& row, const Columns& columns) const {
    each<R * V>([&](auto i) RLPD_INLINE {
      put(row(std::integral_constant<int, i / V>()) + columns.first + i % V * lanes, maskOf<V>(columns, i % V), c[i]);
    });
  }

 private:
  RLPD_INLINE static void put(float* to, __mmask16 mask, __m512 values) { _mm512_mask_storeu_ps(to, mask, values); }
#ifdef RLPD_AVX512_BF16
  RLPD_INLINE static void put(at::BFloat16* to, __mmask16 mask, __m512 values) {
    _mm256_mask_storeu_epi16(to, mask, (__m256i)_mm512_cvtneps_pbh(values));
  }
#endif
};

// Tiles whose rows lie anywhere: as many as there are registers for pointers to them.
struct ScatteredRows {
  static constexpr int widest = 4;
  template <int V>
  static constexpr int limit = V == 4 ? 6 : 8;
};

// Tiles whose rows lie side by side, one pointer for all: as many as the 32 vector registers hold beside two of
// columns, which reads the fewest bytes for a product.
struct NeighbourRows {
  static constexpr int widest = 2;
  template <int V>
  static constexpr int limit = 14;
};

// Calls body.template run<R, V>(row, columns) for rows in parts as equal as they can be.
template <typename Rows, int V, int R, typename Body>
RLPD_INLINE inline void runRows(int64_t row, int64_t count, const Columns& columns, Body& body) {
  if constexpr (R > 1) {
    if (count < R) return runRows<Rows, V, R - 1>(row, count, columns, body);
  }
  body.template run<R, V>(row, columns);
}

template <typename Rows, int V, typename Body>
void coverRows(int64_t rows, const Columns& columns, Body& body) {
  constexpr int limit = Rows::template limit<V>;
  const int64_t parts = (rows + limit - 1) / limit, small = rows / parts, larger = rows % parts;
  int64_t row = 0;
  for (int64_t part = 0; part < parts; part++) {
    const int64_t count = part < larger ? small + 1 : small;
    runRows<Rows, V, limit>(row, count, columns, body);
    row += count;
  }
}

// Calls body.template run<R, V>(row, columns) for tiles that cover rows × columns, columns outermost, so that a
// panel of B stays in cache while the rows pass by.
template <typename Rows, typename Body>
void cover(int64_t rows, int64_t columns, Body&& body) {
  if (rows == 0) return;
  for (int64_t first = 0; first < columns;) {
    const int64_t left = columns - first;
    if constexpr (Rows::widest == 4) {
      if (left > 3 * lanes) {
        coverRows<Rows, 4>(rows, columnsAt<4>(first, std::min(columns, first + 4 * lanes)), body);
        first += 4 * lanes;
        continue;
      }
    }
    if (left > lanes) {
      coverRows<Rows, 2>(rows, columnsAt<2>(first, std::min(columns, first + 2 * lanes)), body);
      first += 2 * lanes;
    } else {
      coverRows<Rows, 1>(rows, columnsAt<1>(first, columns), body);
      first += lanes;
    }
  }
}

}  // namespace rlpd::tiles

#endif
