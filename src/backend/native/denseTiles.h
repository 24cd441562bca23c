// Dense layers of an ensemble as products of tiles, with the bias and the ReLU applied while the sums are in registers.
// Blocks of rows and panels of columns of all members are dealt out to the threads; a sum is always taken whole by one
// of them, so that nothing depends on their number. What bf16 tiles read in pairs has to be laid out so before.
#pragma once

#include "pairs.h"
#include "parallel.h"
#include "tiles.h"
#include "turned.h"

#ifdef RLPD_AVX512

#include <array>
#include <vector>

namespace rlpd {

struct DenseShape {
  int64_t members, rows, inputs, outputs;
  // x is [rows, inputs] for all members alike, or [members, rows, inputs].
  bool shared;
};

// Where gradients go, [members, inputs, outputs], [members, outputs] (both or neither) and like x; null: not wanted.
template <typename T>
struct DenseGradients {
  float *weight = nullptr, *bias = nullptr;
  T* input = nullptr;
};

// What the gradients are made of.
template <typename T>
struct DenseFactors {
  // As the products over rows read them: in bf16 pairs of rows.
  const T *x, *g;
  // [members, rows, outputs].
  const T* gRows;
  // [members, inputs, outputs]; in bf16 turned over, in pairs [members, outputs/2, inputs, 2].
  const T* weight;
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

// R rows of `width` numbers each, from the address of the first on.
template <int R, typename T>
std::array<T*, R> rowsFrom(T* first, int64_t width) {
  std::array<T*, R> rows;
  for (int r = 0; r < R; r++) rows[r] = first + r * width;
  return rows;
}

template <typename T>
struct DenseBlock {
  const T* x;
  int64_t inputs, outputs;
  // From here on the item's own columns.
  const T* weight;
  const float* bias;
  bool relu;
  T* y;

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    Tile<R, V> tile;
    tile.clear();
    tile.add(rowsFrom<R>(x + row * inputs, inputs).data(), 1, 0, inputs, weight, outputs, columns);
    tile.addBias(bias, columns);
    if (relu) tile.relu();
    T* first = y + row * outputs;
    tile.storeRows([&](auto r) RLPD_INLINE { return first + r * outputs; }, columns);
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

// `weight` is [members, inputs, outputs], in bf16 in pairs of rows.
template <typename T>
void dense(const DenseShape& s, const T* x, const T* weight, const float* bias, bool relu, T* y, int threads) {
  const DenseItems items{s.members, s.rows, s.outputs};
  forEachItem(threads, items.count(), [&](int64_t number) {
    const DenseItems::Item item = items.at(number);
    const T* xRows = x + ((s.shared ? 0 : item.member * s.rows) + item.row) * s.inputs;
    const T* member = weight + item.member * packedRows<T>(s.inputs) * s.outputs;
    T* out = y + (item.member * s.rows + item.row) * s.outputs;
    if constexpr (std::is_same_v<T, float>) {
      if (s.outputs == 1) {
        // A column alone would fill one lane of a tile's sixteen.
        for (int64_t row = 0; row < item.rows; row++) {
          const float value = dot(xRows + row * s.inputs, member, s.inputs) + bias[item.member];
          out[row] = relu && value < 0 ? 0 : value;
        }
        return;
      }
    }
    DenseBlock<T> block{xRows,
                        s.inputs,
                        s.outputs,
                        member + item.column * perNumber<T>,
                        bias + item.member * s.outputs + item.column,
                        relu,
                        out + item.column};
    cover<ScatteredRows>(item.rows, item.columns, block);
  });
}

// aᵀ·b over `count` rows (in bf16 pairs of them): a's columns are the rows of the product, and b [count, width] gives a
// panel of its columns.
template <typename T>
struct OuterBlock {
  const T* a;
  // Between a's rows.
  int64_t stride, count;
  const T* b;
  int64_t width;
  float* product;

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    Tile<R, V> tile;
    tile.clear();
    tile.addOuter(a + row * perNumber<T>, [&](int64_t k) RLPD_INLINE { return k * stride; }, count, b, width, columns);
    tile.store(product + row * width, width, columns);
  }
};

// dx of a panel of inputs: g·Wᵀ, added up over `members` that share x.
template <typename T>
struct DenseInputBlock {
  const DenseShape& s;
  int64_t members;
  const T* g;
  // The panel's rows of the first member's weights turned over, `width` numbers from one row to the next.
  const T* turned;
  int64_t width;
  T* dx;

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    Tile<R, V> tile;
    tile.clear();
    for (int64_t member = 0; member < members; member++)
      tile.add(rowsFrom<R>(g + (member * s.rows + row) * s.outputs, s.outputs).data(), 1, 0, s.outputs,
               turned + member * packedRows<T>(s.outputs) * width, width, columns);
    T* first = dx + row * s.inputs;
    tile.storeRows([&](auto r) RLPD_INLINE { return first + r * s.inputs; }, columns);
  }
};

// In float32 half as wide as the other panels: turned over it has to stay in the first cache while all rows pass by.
template <typename T>
constexpr int64_t turnedPanel = std::is_same_v<T, float> ? densePanel / 2 : densePanel;

template <typename T>
void denseInputPanel(const DenseShape& s, const DenseFactors<T>& factors, int64_t result, int64_t first, T* dx) {
  const int64_t members = s.shared ? s.members : 1;
  const int64_t width = std::min(turnedPanel<T>, s.inputs - first);
  const T* g = factors.gRows + result * s.rows * s.outputs;
  T* to = dx + result * s.rows * s.inputs + first;
  if constexpr (std::is_same_v<T, float>) {
    std::vector<float> turned(static_cast<size_t>(members * s.outputs * width));
    for (int64_t member = 0; member < members; member++)
      turn(factors.weight + ((result + member) * s.inputs + first) * s.outputs, width, s.outputs, s.outputs,
           turned.data() + member * s.outputs * width, width);
    DenseInputBlock<T> block{s, members, g, turned.data(), width, to};
    cover<ScatteredRows>(s.rows, width, block);
  } else {
    const T* turned = factors.weight + result * packedRows<T>(s.outputs) * s.inputs + first * perNumber<T>;
    DenseInputBlock<T> block{s, members, g, turned, s.inputs, to};
    cover<ScatteredRows>(s.rows, width, block);
  }
}

// dW[e] = xᵀ·g[e] and dBias[e] = Σ g[e] over the rows, of one item.
template <typename T>
void denseWeightItem(const DenseShape& s, const DenseItems::Item& item, const DenseFactors<T>& factors,
                     const DenseGradients<T>& gradients) {
  const bool single = s.outputs == 1;
  const int64_t count = packedRows<T>(s.rows) / perNumber<T>;
  const T* x = factors.x + (s.shared ? 0 : item.member * packedRows<T>(s.rows) * s.inputs);
  const T* g = factors.g + item.member * packedRows<T>(s.rows) * s.outputs;
  float* dWeight = gradients.weight + item.member * s.inputs * s.outputs;
  if (item.row == 0 && (!single || item.column == 0)) {
    const int64_t first = single ? 0 : item.column;
    // A sum over rows is the product with a column of ones: one, read again and again.
    const T ones[] = {T(1.0f), T(1.0f)};
    OuterBlock<T> sum{ones,      0, count, g + first * perNumber<T>,
                      s.outputs, gradients.bias + item.member * s.outputs + first};
    cover<NeighbourRows>(1, single ? 1 : item.columns, sum);
  }
  if (single) {
    // The inputs are the columns: an output alone would fill one lane of a tile's sixteen.
    OuterBlock<T> block{g, 1, count, x + item.column * perNumber<T>, s.inputs, dWeight + item.column};
    cover<NeighbourRows>(1, item.columns, block);
  } else {
    OuterBlock<T> block{x + item.row * perNumber<T>,
                        s.inputs,
                        count,
                        g + item.column * perNumber<T>,
                        s.outputs,
                        dWeight + item.row * s.outputs + item.column};
    cover<NeighbourRows>(item.rows, item.columns, block);
  }
}

// The weights' gradients, and dx = g[e]·W[e]ᵀ, summed over the members where they share x.
template <typename T>
void denseGradient(const DenseShape& s, const DenseFactors<T>& factors, const DenseGradients<T>& gradients,
                   int threads) {
  const bool single = s.outputs == 1;
  const DenseItems items{s.members, single ? 1 : s.inputs, single ? s.inputs : s.outputs};
  const int64_t inputPanels = gradients.input == nullptr ? 0 : (s.inputs + turnedPanel<T> - 1) / turnedPanel<T>;
  // Before all others where the members share dx; else member by member, so that g is still in cache.
  const int64_t sharedItems = s.shared ? inputPanels : 0, ownItems = s.shared ? 0 : inputPanels;
  const int64_t weightItems = gradients.weight == nullptr ? 0 : items.count() / s.members;
  const int64_t perMember = ownItems + weightItems;
  forEachItem(threads, sharedItems + s.members * perMember, [&](int64_t number) {
    if (number < sharedItems)
      return denseInputPanel(s, factors, 0, number * turnedPanel<T>, gradients.input);
    const int64_t member = (number - sharedItems) / perMember, own = (number - sharedItems) % perMember;
    if (own < ownItems) return denseInputPanel(s, factors, member, own * turnedPanel<T>, gradients.input);
    denseWeightItem(s, items.at(member * weightItems + own - ownItems), factors, gradients);
  });
}

}  // namespace tiles
}  // namespace rlpd

#endif
