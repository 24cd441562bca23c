// y[e] = activation(x·W[e] + b[e]) for every member e of an ensemble, and its gradient.
// x is [B,I], shared by all members, or [E,B,I].
#include "fused.h"

using rlpd::Tensor;

namespace {

Tensor perMember(const Tensor& x, int64_t members) {
  return x.dim() == 2 ? x.unsqueeze(0).expand({members, x.size(0), x.size(1)}) : x;
}

}  // namespace

RLPD_KERNEL(RlpdEnsembleDense) {
  const at::ScalarType type = rlpd::computeType(call.settings);
  const Tensor weight = call.held(1).to(type);
  const Tensor x = perMember(call.held(0).to(type), weight.size(0));
  const auto activation = rlpd::readActivation(call);
  Tensor y = at::bmm(x, weight).add_(call.held(2).to(type).unsqueeze(1));
  rlpd::activate(y, activation);
  call.output(y);
}

// Inputs x, weight, y, dy.
RLPD_KERNEL(RlpdEnsembleDenseGrad) {
  const at::ScalarType type = rlpd::computeType(call.settings);
  const Tensor weight = call.held(1).to(type);
  const bool shared = call.held(0).dim() == 2;
  const Tensor x = perMember(call.held(0).to(type), weight.size(0));
  const auto activation = rlpd::readActivation(call);
  const bool needsInputGradient = call.flag();
  const Tensor g = rlpd::activationGradient(call.held(3).to(type), call.held(2).to(type), activation);
  call.output(at::bmm(x.transpose(1, 2), g).to(at::kFloat));
  call.output(at::sum(g, {1}, false, at::kFloat));
  if (needsInputGradient) {
    const Tensor dx = at::bmm(g, weight.transpose(1, 2));
    call.output(shared ? at::sum(dx, {0}) : dx);
  }
}
