// What the fused layers share: the type they compute in and their activations.
#pragma once

#include <c10/util/StringUtil.h>

#include "engine.h"

namespace rlpd {

// The fused kernels read plain memory: a shape that does not fit must be an error before they do.
inline void requireShape(const Tensor& tensor, at::IntArrayRef shape, const char* what) {
  if (tensor.sizes() != shape)
    throw std::invalid_argument(c10::str(what, " is of shape ", tensor.sizes(), ", expected ", shape));
}

inline at::ScalarType computeType(const Settings& settings) {
  return settings.bfloat16 ? at::kBFloat16 : at::kFloat;
}

enum class Activation { linear = 0, relu = 1, tanh = 2 };

inline Activation readActivation(Call& call) {
  const int64_t code = call.integer();
  if (code < 0 || code > 2) throw std::invalid_argument("unknown activation code " + std::to_string(code));
  return static_cast<Activation>(code);
}

inline void activate(Tensor& y, Activation activation) {
  if (activation == Activation::relu) y.relu_();
  if (activation == Activation::tanh) y.tanh_();
}

// dL/d(pre-activation), from dL/dy and y alone.
inline Tensor activationGradient(const Tensor& dy, const Tensor& y, Activation activation) {
  if (activation == Activation::relu) return at::threshold_backward(dy, y, 0);
  if (activation == Activation::tanh) return at::tanh_backward(dy, y);
  return dy;
}

}  // namespace rlpd
