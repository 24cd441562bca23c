// Dense layers of an ensemble in float32 as products of tiles, with the bias and the ReLU applied while the sums are
// in registers. Blocks of rows and panels of columns of all members are dealt out to the threads; a sum is always
// taken whole by one of them, so that nothing depends on their number.
#pragma once

#include "parallel.h"
#include "tiles.h"
#include "turned.h"

#ifdef RLPD_AVX512

#include <vector>

namespace rlpd {

struct DenseShape {
  int64_t members, rows, inputs, outputs;
  // x is [rows, inputs] for all members alike, or [members, rows, inputs].
  bool shared;

  int64_t xOffset(int64_t member) const { return shared ? 0 : member * rows * inputs; }
};

// Where gradients go, [members, inputs, outputs], [members, outputs] (both or neither) and like x; null: not wanted.
struct DenseGradients {
  float *weight = nullptr, *bias = nullptr, *input = nullptr;
};

namespace tiles {

constexpr int64_t denseBlockRows = 48;
constexpr int64_t densePanel = 64;

// Items of one member each: `blocks` blocks of at most denseBlockRows rows times `panels` panels of columns.
struct DenseItems {
  int64_t members, rows, columns;
  int64_t blocks = (rows + denseBlockRows - 1) / denseBlockRows, panels = (columns + densePanel - 1) / densePanel;

  int64_t count() const { return members * blocks * panels; }

  struct Item {
    int64_t member, row, rows, column, columns;
  };

  Item at(int64_t number) const {
    const int64_t row = number / panels % blocks * denseBlockRows, column = number % panels * densePanel;
    return {number / (blocks * panels), row, std::min(denseBlockRows, rows - row), column,
            std::min(densePanel, columns - column)};
  }
};

struct DenseBlock {
  const float* x;
  int64_t inputs, outputs;
  // From here on the item's own columns.
  const float* weight;
  const float* bias;
  bool relu;
  float* y;

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    const float* rows[R];
    for (int r = 0; r < R; r++) rows[r] = x + (row + r) * inputs;
    Tile<R, V> tile;
    tile.clear();
    tile.add(rows, 1, 0, inputs, weight, outputs, columns);
    tile.addBias(bias, columns);
    if (relu) tile.relu();
    tile.store(y + row * outputs, outputs, columns);
  }
};

// Σ a[i]·b[i].
inline float dot(const float* a, const float* b, int64_t length) {
  __m512 sums[4];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  int64_t i = 0;
  for (; i + 4 * lanes <= length; i += 4 * lanes)
    for (int v = 0; v < 4; v++)
      sums[v] = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + v * lanes), _mm512_loadu_ps(b + i + v * lanes), sums[v]);
  for (; i < length; i += lanes) {
    const Columns rest = columnsAt<1>(i, std::min(length, i + lanes));
    sums[0] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(rest.last, a + i), _mm512_maskz_loadu_ps(rest.last, b + i), sums[0]);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
}

inline void dense(const DenseShape& s, const float* x, const float* weight, const float* bias, bool relu, float* y,
                  int threads) {
  const DenseItems items{s.members, s.rows, s.outputs};
  forEachItem(threads, items.count(), [&](int64_t number) {
    const DenseItems::Item item = items.at(number);
    const float* xRows = x + s.xOffset(item.member) + item.row * s.inputs;
    const float* member = weight + item.member * s.inputs * s.outputs;
    float* out = y + (item.member * s.rows + item.row) * s.outputs;
    if (s.outputs == 1) {
      // A column alone would fill one lane of a tile's sixteen.
      for (int64_t row = 0; row < item.rows; row++) {
        const float value = dot(xRows + row * s.inputs, member, s.inputs) + bias[item.member];
        out[row] = relu && value < 0 ? 0 : value;
      }
      return;
    }
    DenseBlock block{xRows,
                     s.inputs,
                     s.outputs,
                     member + item.column,
                     bias + item.member * s.outputs + item.column,
                     relu,
                     out + item.column};
    cover(item.rows, item.columns, block);
  });
}

// aᵀ·b over `count` rows: a's columns are the rows of the product, and b [count, width] gives a panel of its columns.
struct OuterBlock {
  const float* a;
  // Between a's rows.
  int64_t stride, count;
  const float* b;
  int64_t width;
  float* product;

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    Tile<R, V> tile;
    tile.clear();
    tile.addOuter(a + row, stride, count, b, width, columns);
    tile.store(product + row * width, width, columns);
  }
};

// dx of a panel of inputs: g·Wᵀ, added up over `members` that share x.
struct DenseInputBlock {
  const DenseShape& s;
  int64_t members;
  const float* g;
  // [members, outputs, width], the panel's rows of the weights turned over.
  const float* turned;
  int64_t width;
  float* dx;

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    Tile<R, V> tile;
    tile.clear();
    for (int64_t member = 0; member < members; member++) {
      const float* rows[R];
      for (int r = 0; r < R; r++) rows[r] = g + (member * s.rows + row + r) * s.outputs;
      tile.add(rows, 1, 0, s.outputs, turned + member * s.outputs * width, width, columns);
    }
    tile.store(dx + row * s.inputs, s.inputs, columns);
  }
};

// Half as wide as the other panels: turned over it has to stay in the first cache while all rows pass by.
constexpr int64_t turnedPanel = 32;

inline void denseInputPanel(const DenseShape& s, const float* weight, const float* g, int64_t result, int64_t first,
                            float* dx) {
  const int64_t members = s.shared ? s.members : 1;
  const int64_t width = std::min(turnedPanel, s.inputs - first);
  std::vector<float> turned(static_cast<size_t>(members * s.outputs * width));
  for (int64_t member = 0; member < members; member++)
    turn(weight + ((result + member) * s.inputs + first) * s.outputs, width, s.outputs, s.outputs,
         turned.data() + member * s.outputs * width, width);
  DenseInputBlock block{s,     members, g + result * s.rows * s.outputs, turned.data(),
                        width, dx + result * s.rows * s.inputs + first};
  cover(s.rows, width, block);
}

// dW[e] = xᵀ·g[e] and dBias[e] = Σ g[e] over the rows, of one item.
inline void denseWeightItem(const DenseShape& s, const DenseItems::Item& item, const float* x, const float* g,
                            const DenseGradients& gradients) {
  const bool single = s.outputs == 1;
  x += s.xOffset(item.member);
  g += item.member * s.rows * s.outputs;
  float* dWeight = gradients.weight + item.member * s.inputs * s.outputs;
  if (item.row == 0 && (!single || item.column == 0)) {
    const int64_t first = single ? 0 : item.column;
    // A sum over rows is the product with a column of ones: one, read again and again.
    const float one = 1;
    OuterBlock sum{&one, 0, s.rows, g + first, s.outputs, gradients.bias + item.member * s.outputs + first};
    cover(1, single ? 1 : item.columns, sum);
  }
  if (single) {
    // The inputs are the columns: an output alone would fill one lane of a tile's sixteen.
    OuterBlock block{g, 1, s.rows, x + item.column, s.inputs, dWeight + item.column};
    cover(1, item.columns, block);
  } else {
    OuterBlock block{x + item.row, s.inputs, s.rows, g + item.column, s.outputs,
                     dWeight + item.row * s.outputs + item.column};
    cover(item.rows, item.columns, block);
  }
}

// The weights' gradients, and dx = g[e]·W[e]ᵀ, summed over the members where they share x.
inline void denseGradient(const DenseShape& s, const float* x, const float* weight, const float* g,
                          const DenseGradients& gradients, int threads) {
  const bool single = s.outputs == 1;
  const DenseItems items{s.members, single ? 1 : s.inputs, single ? s.inputs : s.outputs};
  const int64_t inputPanels = gradients.input == nullptr ? 0 : (s.inputs + turnedPanel - 1) / turnedPanel;
  // Before all others where the members share dx; else member by member, so that g is still in cache.
  const int64_t sharedItems = s.shared ? inputPanels : 0, ownItems = s.shared ? 0 : inputPanels;
  const int64_t weightItems = gradients.weight == nullptr ? 0 : items.count() / s.members;
  const int64_t perMember = ownItems + weightItems;
  forEachItem(threads, sharedItems + s.members * perMember, [&](int64_t number) {
    if (number < sharedItems)
      return denseInputPanel(s, weight, g, 0, number * turnedPanel, gradients.input);
    const int64_t member = (number - sharedItems) / perMember, own = (number - sharedItems) % perMember;
    if (own < ownItems) return denseInputPanel(s, weight, g, member, own * turnedPanel, gradients.input);
    denseWeightItem(s, items.at(member * weightItems + own - ownItems), x, g, gradients);
  });
}

}  // namespace tiles
}  // namespace rlpd

#endif
