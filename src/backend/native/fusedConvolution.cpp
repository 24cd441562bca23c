// y = activation(conv2d(x, filter) + bias), VALID padding, and its gradient.
#include "fused.h"

using rlpd::Tensor;

namespace {

Tensor weightOf(const Tensor& filter, at::ScalarType type) {
  return filter.permute({3, 2, 0, 1}).to(type).contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

RLPD_KERNEL(RlpdConvBiasActivation) {
  const at::ScalarType type = rlpd::computeType(call.settings);
  const Tensor x = rlpd::nchw(call.held(0).to(type));
  const Tensor weight = weightOf(call.held(1), type);
  const std::vector<int64_t> strides = call.integers();
  const auto activation = rlpd::readActivation(call);
  Tensor y = at::conv2d(x, weight, call.held(2).to(type), strides);
  rlpd::activate(y, activation);
  call.output(rlpd::nhwc(y));
}

// Inputs x, filter, y, dy.
RLPD_KERNEL(RlpdConvBiasActivationGrad) {
  const at::ScalarType type = rlpd::computeType(call.settings);
  const Tensor x = rlpd::nchw(call.held(0).to(type));
  const Tensor weight = weightOf(call.held(1), type);
  const Tensor y = rlpd::nchw(call.held(2).to(type));
  const std::vector<int64_t> strides = call.integers();
  const auto activation = rlpd::readActivation(call);
  const bool needsInputGradient = call.flag();
  const Tensor g = rlpd::activationGradient(rlpd::nchw(call.held(3).to(type)), y, activation);
  const std::vector<int64_t> ones{1, 1}, zeros{0, 0}, biasShape{weight.size(0)};
  auto [dx, dWeight, dBias] = at::convolution_backward(g, x, weight, at::IntArrayRef(biasShape), strides, zeros, ones,
                                                       false, zeros, 1, {needsInputGradient, true, true});
  call.output(dWeight.permute({2, 3, 1, 0}).to(at::kFloat));
  call.output(dBias.to(at::kFloat));
  if (needsInputGradient) call.output(rlpd::nhwc(dx));
}
