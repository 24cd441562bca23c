// Matrix products of plain tfjs tensors.
#include "engine.h"

using rlpd::Tensor;

namespace {

// Attributes transposeA, transposeB; leading axes broadcast.
Tensor product(rlpd::Call& call) {
  const Tensor a = call.input(0);
  const Tensor b = call.input(1);
  const bool transposeA = call.flag();
  const bool transposeB = call.flag();
  const Tensor left = transposeA ? a.transpose(-2, -1) : a;
  const Tensor result = at::matmul(left, transposeB ? b.transpose(-2, -1) : b);
  call.flops = 2.0 * static_cast<double>(result.numel()) * static_cast<double>(left.size(-1));
  return result;
}

}  // namespace

RLPD_KERNEL(BatchMatMul) { call.output(product(call)); }

// Inputs a, b, bias; the activation is applied by its own kernel.
RLPD_KERNEL(MatMulBias) { call.output(product(call).add_(call.input(2))); }
