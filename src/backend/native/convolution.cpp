// Plain tfjs convolutions, NHWC with [kh, kw, in, out] filters, as ATen's in channels-last memory.
#include "engine.h"

using rlpd::Tensor;

namespace {

// Attributes: strides, dilations (height, width), paddings (top, bottom, left, right).
struct Geometry {
  std::vector<int64_t> strides, dilations, paddings;
  bool symmetric() const { return paddings[0] == paddings[1] && paddings[2] == paddings[3]; }
};

Geometry readGeometry(rlpd::Call& call) { return {call.integers(), call.integers(), call.integers()}; }

// [kh, kw, in, out] as OIHW, contiguous in channels-last memory (oneDNN's fast path).
Tensor oihw(const Tensor& filter) {
  return filter.permute({3, 2, 0, 1}).contiguous(at::MemoryFormat::ChannelsLast);
}

Tensor padded(const Tensor& x, const Geometry& g) {
  return at::constant_pad_nd(x, {g.paddings[2], g.paddings[3], g.paddings[0], g.paddings[1]});
}

std::tuple<Tensor, Tensor> backward(const Tensor& dy, const Tensor& x, const Tensor& weight, const Geometry& g,
                                    bool wantInput) {
  const bool symmetric = g.symmetric();
  const std::vector<int64_t> padding =
      symmetric ? std::vector<int64_t>{g.paddings[0], g.paddings[2]} : std::vector<int64_t>{0, 0};
  auto [dx, dw, db] = at::convolution_backward(dy, symmetric ? x : padded(x, g), weight, {}, g.strides,
                                               padding, g.dilations, false, {0, 0}, 1, {wantInput, !wantInput, false});
  if (wantInput && !symmetric)
    dx = dx.narrow(2, g.paddings[0], x.size(2)).narrow(3, g.paddings[2], x.size(3));
  return {dx, dw};
}

}  // namespace

RLPD_KERNEL(Conv2D) {
  const Tensor x = rlpd::nchw(call.input(0));
  const Tensor weight = oihw(call.input(1));
  const Geometry g = readGeometry(call);
  if (g.symmetric()) {
    call.output(rlpd::nhwc(at::conv2d(x, weight, {}, g.strides, {g.paddings[0], g.paddings[2]}, g.dilations)));
  } else {
    const std::vector<int64_t> none{0, 0};
    call.output(rlpd::nhwc(at::conv2d(padded(x, g), weight, {}, g.strides, none, g.dilations)));
  }
}

// Inputs x, dy; attributes as the forward's, then the filter's shape.
RLPD_KERNEL(Conv2DBackpropFilter) {
  const Tensor x = rlpd::nchw(call.input(0));
  const Tensor dy = rlpd::nchw(call.input(1));
  const Geometry g = readGeometry(call);
  const Tensor weight = oihw(at::empty(call.integers(), call.options(at::kFloat)));
  const Tensor dw = std::get<1>(backward(dy, x, weight, g, false));
  call.output(dw.permute({2, 3, 1, 0}));
}

// Inputs dy, filter; attributes as the forward's, then the input's shape.
RLPD_KERNEL(Conv2DBackpropInput) {
  const Tensor dy = rlpd::nchw(call.input(0));
  const Tensor weight = oihw(call.input(1));
  const Geometry g = readGeometry(call);
  const Tensor x = rlpd::nchw(at::empty(call.integers(), call.options(at::kFloat)));
  const Tensor dx = std::get<0>(backward(dy, x, weight, g, true));
  call.output(rlpd::nhwc(dx));
}
