// Layout: views where a view will do, copies elsewhere.
#include <algorithm>
#include <cstring>

#include "engine.h"
#include "parallel.h"

using rlpd::Tensor;

namespace {

// Rows of `inner` bytes picked from each of `outer` matrices of `extent` rows, in pieces that threads share.
void pickRows(const char* from, const Tensor& indices, int64_t outer, int64_t extent, int64_t inner, char* to,
              int threads) {
  const int32_t* picked = indices.data_ptr<int32_t>();
  const int64_t count = indices.numel();
  for (int64_t i = 0; i < count; i++)
    if (picked[i] < 0 || picked[i] >= extent)
      throw std::out_of_range("index " + std::to_string(picked[i]) + " is outside [0, " + std::to_string(extent) + ")");
  constexpr int64_t pieceBytes = 1 << 16;
  const int64_t pieces = std::max<int64_t>(1, (inner + pieceBytes - 1) / pieceBytes);
  const int64_t grain = std::max<int64_t>(1, pieceBytes / std::max<int64_t>(1, inner));
  rlpd::forEachRange(threads, outer * count * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; item++) {
      const int64_t row = item / pieces, first = item % pieces * pieceBytes;
      std::memcpy(to + row * inner + first, from + (row / count * extent + picked[row % count]) * inner + first,
                  static_cast<size_t>(std::min(pieceBytes, inner - first)));
    }
  });
}

}  // namespace

RLPD_KERNEL(Reshape) { call.output(call.held(0).reshape(call.integers())); }

RLPD_KERNEL(Transpose) { call.output(call.held(0).permute(call.integers())); }

RLPD_KERNEL(Slice) {
  Tensor x = call.held(0);
  const auto begin = call.integers();
  const auto size = call.integers();
  for (size_t axis = 0; axis < begin.size(); axis++) {
    const auto dim = static_cast<int64_t>(axis);
    if (size[axis] != x.size(dim)) x = x.narrow(dim, begin[axis], size[axis]);
  }
  call.output(x);
}

// Begin, end and strides are dense and resolved (tfjs's own slice_util does it); strides may be negative.
RLPD_KERNEL(StridedSlice) {
  Tensor x = call.held(0);
  const auto begin = call.integers();
  const auto size = call.integers();
  const auto strides = call.integers();
  for (size_t axis = 0; axis < begin.size(); axis++) {
    const auto dim = static_cast<int64_t>(axis);
    if (strides[axis] > 0) {
      x = x.slice(dim, begin[axis], begin[axis] + (size[axis] - 1) * strides[axis] + 1, strides[axis]);
    } else {
      std::vector<int64_t> places;
      for (int64_t i = 0; i < size[axis]; i++) places.push_back(begin[axis] + i * strides[axis]);
      x = x.index_select(dim, at::tensor(places, at::kLong).to(x.device()));
    }
  }
  call.output(x);
}

RLPD_KERNEL(Concat) {
  const int64_t axis = call.integer();
  std::vector<Tensor> parts;
  for (size_t i = 0; i < call.inputCount(); i++) parts.push_back(call.input(i));
  call.output(at::cat(parts, axis));
}

RLPD_KERNEL(Pack) {
  const int64_t axis = call.integer();
  std::vector<Tensor> parts;
  for (size_t i = 0; i < call.inputCount(); i++) parts.push_back(call.input(i));
  call.output(at::stack(parts, axis));
}

RLPD_KERNEL(Unpack) {
  for (auto& part : call.held(0).unbind(call.integer())) call.output(part);
}

RLPD_KERNEL(SplitV) {
  const int64_t axis = call.integer();
  for (auto& part : call.held(0).split_with_sizes(call.integers(), axis)) call.output(part);
}

RLPD_KERNEL(Tile) { call.output(call.input(0).repeat(call.integers())); }

// Paddings come as before, after for each axis, first axis first; ATen wants the last axis first.
RLPD_KERNEL(PadV2) {
  const Tensor x = call.input(0);
  const auto paddings = call.integers();
  std::vector<int64_t> reversed;
  for (size_t axis = paddings.size() / 2; axis-- > 0;) {
    reversed.push_back(paddings[2 * axis]);
    reversed.push_back(paddings[2 * axis + 1]);
  }
  call.output(at::constant_pad_nd(x, reversed, call.number()));
}

RLPD_KERNEL(Reverse) { call.output(call.held(0).flip(call.integers())); }

// Indices of any rank along one axis; leading batchDims axes are shared by x and indices.
RLPD_KERNEL(GatherV2) {
  const Tensor x = call.input(0);
  const int64_t axis = call.integer();
  const int64_t batchDims = call.integer();
  std::vector<int64_t> shape(x.sizes().begin(), x.sizes().begin() + axis);
  shape.insert(shape.end(), call.held(1).sizes().begin() + batchDims, call.held(1).sizes().end());
  shape.insert(shape.end(), x.sizes().begin() + axis + 1, x.sizes().end());
  if (!call.settings.portable && batchDims == 0 && x.is_contiguous() && call.held(1).scalar_type() == at::kInt) {
    const auto extents = x.sizes();
    const int64_t outer = c10::multiply_integers(extents.begin(), extents.begin() + axis);
    const int64_t inner = c10::multiply_integers(extents.begin() + axis + 1, extents.end()) * x.itemsize();
    const Tensor picked = at::empty(shape, x.options());
    pickRows(static_cast<const char*>(x.data_ptr()), call.held(1).contiguous(), outer, x.size(axis), inner,
             static_cast<char*>(picked.data_ptr()), call.settings.threads);
    return call.output(picked);
  }
  const Tensor indices = call.held(1).to(at::kLong);
  if (batchDims == 0) return call.output(x.index_select(axis, indices.reshape({-1})).reshape(shape));
  int64_t batch = 1;
  for (int64_t i = 0; i < batchDims; i++) batch *= x.size(i);
  const Tensor flatX = x.flatten(0, batchDims - 1);
  const Tensor flatIndices = indices.reshape({batch, -1});
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < batch; i++) rows.push_back(flatX[i].index_select(axis - batchDims, flatIndices[i]));
  call.output(at::stack(rows).reshape(shape));
}

RLPD_KERNEL(Fill) {
  const auto shape = call.integers();
  const double value = call.number();
  call.output(at::full(shape, value, call.options(call.dtype())));
}

RLPD_KERNEL(ZerosLike) { call.output(at::zeros_like(call.input(0), at::MemoryFormat::Contiguous)); }

RLPD_KERNEL(OnesLike) { call.output(at::ones_like(call.input(0), at::MemoryFormat::Contiguous)); }

RLPD_KERNEL(OneHot) {
  const Tensor indices = call.held(0).to(at::kLong);
  const int64_t depth = call.integer();
  const double on = call.number();
  const double off = call.number();
  const at::ScalarType type = call.dtype();
  // An index outside [0, depth) gives a row of `off`, as in tfjs.
  const Tensor hot = indices.unsqueeze(-1).eq(at::arange(depth, call.options(at::kLong)));
  call.output(at::where(hot, at::full({}, on, call.options(type)), at::full({}, off, call.options(type))));
}

RLPD_KERNEL(Range) {
  const double start = call.number();
  const int64_t count = call.integer();
  const double step = call.number();
  const at::ScalarType type = call.dtype();
  call.output((at::arange(count, call.options(at::kDouble)) * step + start).to(type));
}
