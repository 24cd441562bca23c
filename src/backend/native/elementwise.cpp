// Element by element: arithmetic, functions, comparisons, logic, selection, casts.
#include "engine.h"

using rlpd::Tensor;

#define BINARY(Name, expression)            \
  RLPD_KERNEL(Name) {                       \
    const Tensor a = call.input(0);         \
    const Tensor b = call.input(1);         \
    call.output(expression);                \
  }
#define UNARY(Name, expression)             \
  RLPD_KERNEL(Name) {                       \
    const Tensor x = call.input(0);         \
    call.output(expression);                \
  }

BINARY(Add, at::add(a, b))
BINARY(Sub, at::sub(a, b))
BINARY(Multiply, at::mul(a, b))
BINARY(RealDiv, at::div(a, b))
BINARY(FloorDiv, at::div(a, b, "floor"))
BINARY(Mod, at::remainder(a, b))
BINARY(Maximum, at::maximum(a, b))
BINARY(Minimum, at::minimum(a, b))
BINARY(SquaredDifference, at::sub(a, b).square_())
BINARY(Pow, at::pow(a, b))
BINARY(Atan2, at::atan2(a, b))
BINARY(EluGrad, at::where(b.ge(0), a, a * (b + 1)))
BINARY(Prelu, at::where(a.ge(0), a, a * b))

BINARY(Equal, at::eq(a, b))
BINARY(NotEqual, at::ne(a, b))
BINARY(Greater, at::gt(a, b))
BINARY(GreaterEqual, at::ge(a, b))
BINARY(Less, at::lt(a, b))
BINARY(LessEqual, at::le(a, b))
BINARY(LogicalAnd, at::logical_and(a, b))
BINARY(LogicalOr, at::logical_or(a, b))
UNARY(LogicalNot, at::logical_not(x))

UNARY(Abs, at::abs(x))
UNARY(Neg, at::neg(x))
UNARY(Sign, at::sign(x))
UNARY(Square, at::square(x))
UNARY(Sqrt, at::sqrt(x))
UNARY(Rsqrt, at::rsqrt(x))
UNARY(Reciprocal, at::reciprocal(x))
UNARY(Exp, at::exp(x))
UNARY(Expm1, at::expm1(x))
UNARY(Log, at::log(x))
UNARY(Log1p, at::log1p(x))
UNARY(Softplus, at::softplus(x))
UNARY(Sin, at::sin(x))
UNARY(Cos, at::cos(x))
UNARY(Tan, at::tan(x))
UNARY(Asin, at::asin(x))
UNARY(Acos, at::acos(x))
UNARY(Atan, at::atan(x))
UNARY(Sinh, at::sinh(x))
UNARY(Cosh, at::cosh(x))
UNARY(Tanh, at::tanh(x))
UNARY(Asinh, at::asinh(x))
UNARY(Acosh, at::acosh(x))
UNARY(Atanh, at::atanh(x))
UNARY(Erf, at::erf(x))
UNARY(Sigmoid, at::sigmoid(x))
UNARY(Relu, at::relu(x))
UNARY(Relu6, at::clamp(x, 0, 6))
UNARY(Elu, at::elu(x))
UNARY(Selu, at::selu(x))
UNARY(Floor, at::floor(x))
UNARY(Ceil, at::ceil(x))
UNARY(Round, at::round(x))
UNARY(IsNan, at::isnan(x))
UNARY(IsInf, at::isinf(x))
UNARY(IsFinite, at::isfinite(x))
UNARY(Step, at::where(x.isnan(), x, at::where(x.gt(0), at::ones({}, x.options()), at::full({}, call.number(), x.options()))))
UNARY(LeakyRelu, at::leaky_relu(x, call.number()))

RLPD_KERNEL(ClipByValue) {
  const Tensor x = call.input(0);
  const double low = call.number();
  const double high = call.number();
  call.output(at::clamp(x, low, high));
}

RLPD_KERNEL(Cast) {
  const at::ScalarType type = call.dtype();
  const Tensor& x = call.held(0);
  if (type == at::kBool) return call.output(x.ne(0));
  // bf16 is float32 to tfjs: such a cast changes nothing and need not widen.
  if (type == at::kFloat && x.scalar_type() == at::kBFloat16) return call.output(x);
  call.output(x.to(type));
}

RLPD_KERNEL(Select) {
  call.output(at::where(call.held(0).to(at::kBool), call.input(1), call.input(2)));
}

RLPD_KERNEL(AddN) {
  Tensor sum = call.input(0).clone();
  for (size_t i = 1; i < call.inputCount(); i++) sum.add_(call.input(i));
  call.output(sum);
}
