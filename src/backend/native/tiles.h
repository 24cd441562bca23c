// Matrix products in AVX-512 registers: a tile of up to 8 rows by up to 64 columns of C is held in registers while
// products of A's rows and B's columns are added to it. A's rows are pointers, so that the windows of a convolution
// are rows without a copy; B's rows are the floats (or pairs of bf16) of up to 64 neighbouring columns.
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
#include <utility>

namespace rlpd::tiles {

// Vectors of 16 columns in a tile, and its rows: as many as the 32 registers hold, or as there are registers for
// pointers to them.
constexpr int64_t lanes = 16;
template <int V>
constexpr int rowLimit = V == 4 ? 6 : 8;

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

#ifdef RLPD_AVX512_BF16

// Calls body with the constants 0 … n − 1: an array that is only ever indexed by constants is registers to any
// compiler, where GCC writes one that is indexed in a loop back to memory at every turn.
template <typename Body, int... I>
__attribute__((always_inline)) inline void eachOf(std::integer_sequence<int, I...>, Body&& body) {
  (body(std::integral_constant<int, I>()), ...);
}
template <int n, typename Body>
__attribute__((always_inline)) inline void each(Body&& body) {
  eachOf(std::make_integer_sequence<int, n>(), body);
}

// A tile's sums while pairs of bf16 are added to them.
template <int R, int V>
struct PairSums {
  __m512 c[R * V];

  __attribute__((always_inline)) explicit PairSums(const __m512 (&from)[R][V]) {
    each<R * V>([&](auto i) __attribute__((always_inline)) { c[i] = from[i / V][i % V]; });
  }

  __attribute__((always_inline)) void store(__m512 (&to)[R][V]) const {
    each<R * V>([&](auto i) __attribute__((always_inline)) { to[i / V][i % V] = c[i]; });
  }

  // The products of a pair of each row, found by row(r), with the columns' pairs; or with two bytes of the rows' first
  // numbers alone.
  template <int bytes, typename Row>
  __attribute__((always_inline)) void add(const Row& row, const at::BFloat16* pairs, const Columns& columns) {
    __m512bh values[V];
    each<V>([&](auto v) __attribute__((always_inline)) {
      values[v] = (__m512bh)_mm512_maskz_loadu_epi32(maskOf<V>(columns, v), pairs + 2 * v * lanes);
    });
    each<R>([&](auto r) __attribute__((always_inline)) {
      int32_t both = 0;
      std::memcpy(&both, row(r), bytes);
      const __m512bh a = (__m512bh)_mm512_set1_epi32(both);
      each<V>([&](auto v) __attribute__((always_inline)) {
        c[r * V + v] = _mm512_dpbf16_ps(c[r * V + v], a, values[v]);
      });
    });
  }
};

#endif

template <int R, int V>
struct Tile {
  __m512 c[R][V];

  void clear() {
    for (int r = 0; r < R; r++)
      for (int v = 0; v < V; v++) c[r][v] = _mm512_setzero_ps();
  }

  void load(const float* from, int64_t stride, const Columns& columns) {
    for (int r = 0; r < R; r++)
      for (int v = 0; v < V; v++)
        c[r][v] = _mm512_maskz_loadu_ps(maskOf<V>(columns, v), from + r * stride + columns.first + v * lanes);
  }

  void store(float* to, int64_t stride, const Columns& columns) const {
    for (int r = 0; r < R; r++)
      for (int v = 0; v < V; v++)
        _mm512_mask_storeu_ps(to + r * stride + columns.first + v * lanes, maskOf<V>(columns, v), c[r][v]);
  }

  // C[r] += Σ_i Σ_k rows[r][i·step + k] · b[i·length + k], for `runs` runs of `length` numbers of each row; b's rows
  // are `ldb` floats apart.
  void add(const float* const* rows, int64_t runs, int64_t step, int64_t length, const float* b, int64_t ldb,
           const Columns& columns) {
    // Sums and pointers of its own: through `this` the compiler would keep them in memory.
    Tile sums = *this;
    const float* at[R];
    for (int r = 0; r < R; r++) at[r] = rows[r];
    const float* row = b + columns.first;
    for (int64_t run = 0; run < runs; run++) {
      for (int64_t k = 0; k < length; k++, row += ldb) {
        __m512 values[V];
        for (int v = 0; v < V; v++) values[v] = _mm512_maskz_loadu_ps(maskOf<V>(columns, v), row + v * lanes);
        for (int r = 0; r < R; r++) {
          const __m512 a = _mm512_set1_ps(at[r][k]);
          for (int v = 0; v < V; v++) sums.c[r][v] = _mm512_fmadd_ps(a, values[v], sums.c[r][v]);
        }
      }
      for (int r = 0; r < R; r++) at[r] += step;
    }
    *this = sums;
  }

  // C[r] += Σ_k a[k·stepA + r] · b[k·stepB]: the rows lie side by side.
  void addOuter(const float* a, int64_t stepA, int64_t length, const float* b, int64_t stepB, const Columns& columns) {
    Tile sums = *this;
    const float* row = b + columns.first;
    for (int64_t k = 0; k < length; k++, a += stepA, row += stepB) {
      __m512 values[V];
      for (int v = 0; v < V; v++) values[v] = _mm512_maskz_loadu_ps(maskOf<V>(columns, v), row + v * lanes);
      for (int r = 0; r < R; r++) {
        const __m512 x = _mm512_set1_ps(a[r]);
        for (int v = 0; v < V; v++) sums.c[r][v] = _mm512_fmadd_ps(x, values[v], sums.c[r][v]);
      }
    }
    *this = sums;
  }

  // C[r] += Σ_k a[places[k] + row + r] · b[k·stepB].
  void addOuterAt(const float* a, int64_t row, const int64_t* places, int64_t length, const float* b, int64_t stepB,
                  const Columns& columns) {
    Tile sums = *this;
    a += row;
    b += columns.first;
    for (int64_t k = 0; k < length; k++, b += stepB) {
      __m512 values[V];
      for (int v = 0; v < V; v++) values[v] = _mm512_maskz_loadu_ps(maskOf<V>(columns, v), b + v * lanes);
      const float* at = a + places[k];
      for (int r = 0; r < R; r++) {
        const __m512 x = _mm512_set1_ps(at[r]);
        for (int v = 0; v < V; v++) sums.c[r][v] = _mm512_fmadd_ps(x, values[v], sums.c[r][v]);
      }
    }
    *this = sums;
  }

#ifdef RLPD_AVX512_BF16
  // The same in bf16: b holds pairs of rows, [k/2][column][2], an odd run's last pair filled with zero.
  void add(const at::BFloat16* const* rows, int64_t runs, int64_t step, int64_t length, const at::BFloat16* b,
           int64_t ldb, const Columns& columns) {
    PairSums<R, V> sums(c);
    const at::BFloat16* at[R];
    for (int r = 0; r < R; r++) at[r] = rows[r];
    const at::BFloat16* pairs = b + 2 * columns.first;
    for (int64_t run = 0; run < runs; run++) {
      int64_t k = 0;
      const auto row = [&](int r) __attribute__((always_inline)) { return at[r] + k; };
      for (; k + 1 < length; k += 2, pairs += 2 * ldb) sums.template add<4>(row, pairs, columns);
      if (k < length) {
        sums.template add<2>(row, pairs, columns);
        pairs += 2 * ldb;
      }
      for (int r = 0; r < R; r++) at[r] += step;
    }
    sums.store(c);
  }

  // addOuter and addOuterAt where every number of a and b is a pair.
  void addOuter(const at::BFloat16* a, int64_t stepA, int64_t length, const at::BFloat16* b, int64_t stepB,
                const Columns& columns) {
    PairSums<R, V> sums(c);
    const at::BFloat16* pairs = b + 2 * columns.first;
    for (int64_t k = 0; k < length; k++, a += 2 * stepA, pairs += 2 * stepB)
      sums.template add<4>([&](int r) __attribute__((always_inline)) { return a + 2 * r; }, pairs, columns);
    sums.store(c);
  }

  void addOuterAt(const at::BFloat16* a, int64_t row, const int64_t* places, int64_t length, const at::BFloat16* b,
                  int64_t stepB, const Columns& columns) {
    PairSums<R, V> sums(c);
    const at::BFloat16* pairs = b + 2 * columns.first;
    for (int64_t k = 0; k < length; k++, pairs += 2 * stepB) {
      const at::BFloat16* first = a + 2 * (places[k] + row);
      sums.template add<4>([&](int r) __attribute__((always_inline)) { return first + 2 * r; }, pairs, columns);
    }
    sums.store(c);
  }
#endif

  void addBias(const float* bias, const Columns& columns) {
    for (int v = 0; v < V; v++) {
      const __m512 b = _mm512_maskz_loadu_ps(maskOf<V>(columns, v), bias + columns.first + v * lanes);
      for (int r = 0; r < R; r++) c[r][v] = _mm512_add_ps(c[r][v], b);
    }
  }

  // A NaN stays one: where either is NaN the second operand is taken.
  void relu() {
    for (int r = 0; r < R; r++)
      for (int v = 0; v < V; v++) c[r][v] = _mm512_max_ps(_mm512_setzero_ps(), c[r][v]);
  }

  void store(float* const* to, const Columns& columns) const {
    for (int r = 0; r < R; r++)
      for (int v = 0; v < V; v++)
        _mm512_mask_storeu_ps(to[r] + columns.first + v * lanes, maskOf<V>(columns, v), c[r][v]);
  }

#ifdef RLPD_AVX512_BF16
  void store(at::BFloat16* const* to, const Columns& columns) const {
    for (int r = 0; r < R; r++)
      for (int v = 0; v < V; v++)
        _mm256_mask_storeu_epi16(to[r] + columns.first + v * lanes, maskOf<V>(columns, v),
                                 (__m256i)_mm512_cvtneps_pbh(c[r][v]));
  }
#endif
};

// Calls body.template run<R, V>(row, columns) for tiles that cover rows × columns, columns outermost, so that a
// panel of B stays in cache while the rows pass by.
template <int V, typename Body>
void coverRows(int64_t rows, const Columns& columns, Body&& body) {
  constexpr int limit = rowLimit<V>;
  int64_t row = 0;
  for (; row + limit <= rows; row += limit) body.template run<limit, V>(row, columns);
  switch (rows - row) {
#define RLPD_REST(R)                                                          \
  case R:                                                                     \
    if constexpr (R < limit) body.template run<R < limit ? R : 1, V>(row, columns); \
    break;
    RLPD_REST(1) RLPD_REST(2) RLPD_REST(3) RLPD_REST(4) RLPD_REST(5) RLPD_REST(6) RLPD_REST(7)
#undef RLPD_REST
    default: break;
  }
}

template <typename Body>
void cover(int64_t rows, int64_t columns, Body&& body) {
  for (int64_t first = 0; first < columns;) {
    const int64_t left = columns - first;
    if (left > 3 * lanes) {
      coverRows<4>(rows, columnsAt<4>(first, std::min(columns, first + 4 * lanes)), body);
      first += 4 * lanes;
    } else if (left > lanes) {
      coverRows<2>(rows, columnsAt<2>(first, std::min(columns, first + 2 * lanes)), body);
      first += 2 * lanes;
    } else {
      coverRows<1>(rows, columnsAt<1>(first, columns), body);
      first += lanes;
    }
  }
}

}  // namespace rlpd::tiles

#endif
