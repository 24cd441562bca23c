// Dense layers of an ensemble in float32 as products of tiles: bias and ReLU while the sums are in registers, blocks
// of rows of all members dealt out to the threads.
#pragma once

#include "parallel.h"
#include "tiles.h"

#ifdef RLPD_AVX512

#include <vector>

namespace rlpd {

struct DenseShape {
  int64_t members, rows, inputs, outputs;
  // x is [rows, inputs] for all members alike, or [members, rows, inputs].
  bool shared;

  int64_t xOffset(int64_t member) const { return shared ? 0 : member * rows * inputs; }
};

namespace tiles {

constexpr int64_t denseBlockRows = 48;

struct DenseBlock {
  const float* const* rows;
  int64_t inputs, outputs;
  const float* weight;
  const float* bias;
  bool relu;
  float* y;

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    Tile<R, V> tile;
    tile.clear();
    tile.add(rows + row, 0, inputs, weight, outputs, columns);
    tile.addBias(bias, columns);
    if (relu) tile.relu();
    tile.store(y + row * outputs, outputs, columns);
  }
};

// Pointers to the rows of a block that starts at `first`, each `width` long.
struct RowPointers {
  const float* at[denseBlockRows];
  RowPointers(const float* first, int64_t count, int64_t width) {
    for (int64_t r = 0; r < count; r++) at[r] = first + r * width;
  }
};

inline void dense(const DenseShape& s, const float* x, const float* weight, const float* bias, bool relu, float* y,
                  int threads) {
  const int64_t blocks = (s.rows + denseBlockRows - 1) / denseBlockRows;
  forEachItem(threads, s.members * blocks, [&](int64_t item) {
    const int64_t member = item / blocks, first = item % blocks * denseBlockRows;
    const int64_t count = std::min(denseBlockRows, s.rows - first);
    const RowPointers rows(x + s.xOffset(member) + first * s.inputs, count, s.inputs);
    DenseBlock block{rows.at,
                     s.inputs,
                     s.outputs,
                     weight + member * s.inputs * s.outputs,
                     bias + member * s.outputs,
                     relu,
                     y + (member * s.rows + first) * s.outputs};
    cover(count, s.outputs, block);
  });
}

struct DenseWeightBlock {
  const DenseShape& s;
  const float* x;
  const float* g;
  float* dWeight;

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    Tile<R, V> tile;
    tile.clear();
    tile.addOuter(x + row, s.inputs, s.rows, g, s.outputs, columns);
    tile.store(dWeight + row * s.outputs, s.outputs, columns);
  }
};

// dW[e] = xᵀ·g[e].
inline void denseWeightGradient(const DenseShape& s, const float* x, const float* g, float* dWeight, int threads) {
  const int64_t blocks = (s.inputs + denseBlockRows - 1) / denseBlockRows;
  forEachItem(threads, s.members * blocks, [&](int64_t item) {
    const int64_t member = item / blocks, first = item % blocks * denseBlockRows;
    DenseWeightBlock block{s, x + s.xOffset(member) + first, g + member * s.rows * s.outputs,
                           dWeight + (member * s.inputs + first) * s.outputs};
    cover(std::min(denseBlockRows, s.inputs - first), s.outputs, block);
  });
}

struct DenseInputBlock {
  const DenseShape& s;
  // The rows of g and the turned weights of each member that adds to this block of dx.
  std::vector<RowPointers> rows;
  std::vector<const float*> turned;
  float* dx;

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    Tile<R, V> tile;
    tile.clear();
    for (size_t member = 0; member < turned.size(); member++)
      tile.add(rows[member].at + row, 0, s.outputs, turned[member], s.inputs, columns);
    tile.store(dx + row * s.inputs, s.inputs, columns);
  }
};

// dx = g[e]·W[e]ᵀ, summed over the members where they share x. `turned` is [members, outputs, inputs].
inline void denseInputGradient(const DenseShape& s, const float* g, const float* turned, float* dx, int threads) {
  const int64_t blocks = (s.rows + denseBlockRows - 1) / denseBlockRows;
  const int64_t results = s.shared ? 1 : s.members;
  forEachItem(threads, results * blocks, [&](int64_t item) {
    const int64_t result = item / blocks, first = item % blocks * denseBlockRows;
    const int64_t count = std::min(denseBlockRows, s.rows - first);
    DenseInputBlock block{s, {}, {}, dx + (result * s.rows + first) * s.inputs};
    for (int64_t member = 0; member < s.members; member++) {
      if (!s.shared && member != result) continue;
      block.rows.emplace_back(g + (member * s.rows + first) * s.outputs, count, s.outputs);
      block.turned.push_back(turned + member * s.outputs * s.inputs);
    }
    cover(count, s.inputs, block);
  });
}

}  // namespace tiles
}  // namespace rlpd

#endif
