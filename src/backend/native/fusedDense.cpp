// y[e] = activation(x·W[e] + b[e]) for every member e of an ensemble, and its gradient; x is [B,I], shared by all
// members, or [E,B,I]. In float32 on AVX-512 through this engine's own tiles, elsewhere through ATen.
#include "denseTiles.h"
#include "fused.h"
#include "maskedGradient.h"

using rlpd::Activation;
using rlpd::Tensor;

namespace {

// A layer of a few outputs (Q, a mean) is nothing to compute and everything to keep: at Q = 200 the steps of bf16 are
// 1 apart, more than one action is better than another. It computes and returns float32 in either precision.
constexpr int64_t narrowOutputs = 32;

at::ScalarType denseType(const Tensor& weight, const rlpd::Settings& settings) {
  return weight.size(-1) <= narrowOutputs ? at::kFloat : rlpd::computeType(settings);
}

Tensor perMember(const Tensor& x, int64_t members) {
  return x.dim() == 2 ? x.unsqueeze(0).expand({members, x.size(0), x.size(1)}) : x;
}

void checkShapes(const Tensor& x, const Tensor& weight) {
  const bool members = x.dim() == 2 || (x.dim() == 3 && x.size(0) == weight.size(0));
  if (weight.dim() != 3 || !members || x.size(-1) != weight.size(1))
    throw std::invalid_argument(c10::str("x of shape ", x.sizes(), " and weight of shape ", weight.sizes(),
                                         " do not fit: [B, I] or [E, B, I], and [E, I, O], are expected"));
}

// Of x·W for every member.
double productFlops(const Tensor& x, const Tensor& weight) {
  return 2.0 * static_cast<double>(x.size(-2)) * static_cast<double>(weight.numel());
}

#ifdef RLPD_AVX512

rlpd::DenseShape shapeOf(const Tensor& x, const Tensor& weight) {
  return {weight.size(0), x.size(-2), weight.size(1), weight.size(2), x.dim() == 2};
}

#endif

// [dy·act′, its sums over rows: the gradient of the bias]
std::pair<Tensor, Tensor> masked(const Tensor& dy, const Tensor& y, Activation activation,
                                 const rlpd::Settings& settings) {
  if (settings.portable) {
    const Tensor g = rlpd::activationGradient(dy, y, activation);
    return {g, at::sum(g, {1}, false, at::kFloat)};
  }
  Tensor g = activation == Activation::linear ? dy : at::empty(y.sizes(), y.options());
  Tensor sums = at::empty({y.size(0), y.size(2)}, at::kFloat);
  if (y.scalar_type() == at::kFloat)
    rlpd::maskedGradient<float>(dy.data_ptr<float>(), y.data_ptr<float>(), activation, y.size(0), y.size(1), y.size(2),
                                g.data_ptr<float>(), sums.data_ptr<float>(), settings.threads);
  else
    rlpd::maskedGradient<at::BFloat16>(dy.data_ptr<at::BFloat16>(), y.data_ptr<at::BFloat16>(), activation, y.size(0),
                                       y.size(1), y.size(2), g.data_ptr<at::BFloat16>(), sums.data_ptr<float>(),
                                       settings.threads);
  return {g, sums};
}

}  // namespace

RLPD_KERNEL(RlpdEnsembleDense) {
  const at::ScalarType type = denseType(call.held(1), call.settings);
  const auto activation = rlpd::readActivation(call);
  checkShapes(call.held(0), call.held(1));
  rlpd::requireShape(call.held(2), {call.held(1).size(0), call.held(1).size(2)}, "bias");
  call.flops = productFlops(call.held(0), call.held(1));
  Tensor y;
#ifdef RLPD_AVX512
  if (type == at::kFloat && !call.settings.portable) {
    const Tensor x = call.input(0).contiguous(), weight = call.input(1).contiguous(), bias = call.input(2).contiguous();
    const rlpd::DenseShape s = shapeOf(x, weight);
    y = at::empty({s.members, s.rows, s.outputs}, at::kFloat);
    rlpd::tiles::dense(s, x.data_ptr<float>(), weight.data_ptr<float>(), bias.data_ptr<float>(),
                       activation == Activation::relu, y.data_ptr<float>(), call.settings.threads);
    if (activation == Activation::tanh) y.tanh_();
    return call.output(y);
  }
#endif
  const Tensor weight = call.held(1).to(type);
  y = at::bmm(perMember(call.held(0).to(type), weight.size(0)), weight).add_(call.held(2).to(type).unsqueeze(1));
  rlpd::activate(y, activation);
  call.output(y);
}

// Inputs x, weight, y, dy; attributes activation, whether dWeight and dBias are wanted, whether dx is.
RLPD_KERNEL(RlpdEnsembleDenseGrad) {
  const at::ScalarType type = denseType(call.held(1), call.settings);
  const auto activation = rlpd::readActivation(call);
  const bool wantWeights = call.flag(), wantInput = call.flag();
  checkShapes(call.held(0), call.held(1));
  const Tensor y = call.held(2).to(type).contiguous();
  const Tensor dy = call.held(3).to(type).contiguous();
  call.flops = (wantWeights + wantInput) * productFlops(call.held(0), call.held(1));
  const int64_t members = call.held(1).size(0);
  rlpd::requireShape(y, {members, call.held(0).size(-2), call.held(1).size(2)}, "y");
  rlpd::requireShape(dy, y.sizes(), "dy");
#ifdef RLPD_AVX512
  if (type == at::kFloat && !call.settings.portable) {
    const Tensor x = call.input(0).contiguous(), weight = call.input(1).contiguous();
    const Tensor g = rlpd::activationGradient(dy, y, activation);
    rlpd::DenseGradients gradients;
    const auto wanted = [](at::IntArrayRef shape, float*& to) {
      Tensor gradient = at::empty(shape, at::kFloat);
      to = gradient.data_ptr<float>();
      return gradient;
    };
    if (wantWeights) {
      call.output(wanted(weight.sizes(), gradients.weight));
      call.output(wanted({members, y.size(2)}, gradients.bias));
    }
    if (wantInput) call.output(wanted(x.sizes(), gradients.input));
    rlpd::tiles::denseGradient(shapeOf(x, weight), x.data_ptr<float>(), weight.data_ptr<float>(), g.data_ptr<float>(),
                               gradients, call.settings.threads);
    return;
  }
#endif
  const auto [g, dBias] = masked(dy, y, activation, call.settings);
  const bool shared = call.held(0).dim() == 2;
  if (wantWeights) {
    const Tensor x = perMember(call.held(0).to(type), members);
    call.output(at::bmm(x.transpose(1, 2), g).to(at::kFloat));
    call.output(dBias);
  }
  if (wantInput) {
    const Tensor dx = at::bmm(g, call.held(1).to(type).transpose(1, 2));
    call.output(shared ? at::sum(dx, {0}) : dx);
  }
}
