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

// Whether this engine's own tiles compute in the type; ATen does elsewhere.
bool isTiled(at::ScalarType type, const rlpd::Settings& settings) {
#ifdef RLPD_AVX512_BF16
  const bool pairs = type == at::kBFloat16;
#else
  const bool pairs = false;
#endif
  return !settings.portable && (type == at::kFloat || pairs);
}

#ifdef RLPD_AVX512_BF16

// Calls lay(member, its rows [begin, end), an even begin) for blocks of rows of every member.
template <typename Lay>
void forEachRows(int64_t members, int64_t rows, int threads, const Lay& lay) {
  constexpr int64_t step = 64;
  const int64_t blocks = (rows + step - 1) / step;
  rlpd::forEachItem(threads, members * blocks, [&](int64_t item) {
    const int64_t begin = item % blocks * step;
    lay(item / blocks, begin, std::min(begin + step, rows));
  });
}

// [members, rows, columns], or without members, of T as pairs of rows.
template <typename T>
Tensor pairedRows(const Tensor& tensor, int threads) {
  const int64_t rows = tensor.size(-2), columns = tensor.size(-1), members = tensor.numel() / (rows * columns);
  const int64_t packed = rlpd::tiles::packedRows<at::BFloat16>(rows);
  const Tensor pairs = at::empty({members, packed, columns}, at::kBFloat16);
  forEachRows(members, rows, threads, [&](int64_t member, int64_t begin, int64_t end) {
    rlpd::tiles::pairRows(tensor.data_ptr<T>() + (member * rows + begin) * columns, end - begin, columns,
                          pairs.data_ptr<at::BFloat16>() + (member * packed + begin) * columns);
  });
  return pairs;
}

// [members, inputs, outputs] of float turned over, as pairs of columns: [members, outputs, inputs].
Tensor turnedWeights(const Tensor& weight, int threads) {
  const int64_t inputs = weight.size(1), outputs = weight.size(2);
  const int64_t packed = rlpd::tiles::packedRows<at::BFloat16>(outputs);
  const Tensor pairs = at::empty({weight.size(0), packed, inputs}, at::kBFloat16);
  forEachRows(weight.size(0), inputs, threads, [&](int64_t member, int64_t begin, int64_t end) {
    rlpd::tiles::turnPairs(weight.data_ptr<float>() + (member * inputs + begin) * outputs, end - begin, outputs,
                           pairs.data_ptr<at::BFloat16>() + member * packed * inputs + 2 * begin, inputs);
  });
  return pairs;
}

#endif

template <typename T>
Tensor tiledDense(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation, int threads) {
  const rlpd::DenseShape s = shapeOf(x, weight);
  const Tensor y = at::empty({s.members, s.rows, s.outputs}, x.options());
  Tensor packed = weight;
#ifdef RLPD_AVX512_BF16
  if constexpr (!std::is_same_v<T, float>) packed = pairedRows<float>(weight, threads);
#endif
  rlpd::tiles::dense<T>(s, x.data_ptr<T>(), packed.data_ptr<T>(), bias.data_ptr<float>(),
                        activation == Activation::relu, y.data_ptr<T>(), threads);
  if (activation == Activation::tanh) y.tanh_();
  return y;
}

// dWeight and dBias, and dx, of those that are wanted.
template <typename T>
std::vector<Tensor> tiledGradient(const Tensor& x, const Tensor& weight, const Tensor& g, bool wantWeights,
                                  bool wantInput, int threads) {
  std::vector<Tensor> outputs;
  rlpd::DenseGradients<T> gradients;
  if (wantWeights) {
    outputs.push_back(at::empty(weight.sizes(), at::kFloat));
    gradients.weight = outputs.back().data_ptr<float>();
    outputs.push_back(at::empty({weight.size(0), weight.size(2)}, at::kFloat));
    gradients.bias = outputs.back().data_ptr<float>();
  }
  if (wantInput) {
    outputs.push_back(at::empty(x.sizes(), x.options()));
    gradients.input = outputs.back().data_ptr<T>();
  }
  Tensor xFactor = x, gFactor = g, weightFactor = weight;
#ifdef RLPD_AVX512_BF16
  if constexpr (!std::is_same_v<T, float>) {
    if (wantWeights) xFactor = pairedRows<T>(x, threads), gFactor = pairedRows<T>(g, threads);
    weightFactor = wantInput ? turnedWeights(weight, threads) : Tensor();
  }
#endif
  const T* weights = weightFactor.defined() ? weightFactor.data_ptr<T>() : nullptr;
  rlpd::tiles::denseGradient<T>(shapeOf(x, weight),
                                {xFactor.data_ptr<T>(), gFactor.data_ptr<T>(), g.data_ptr<T>(), weights}, gradients,
                                threads);
  return outputs;
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
#ifdef RLPD_AVX512
  if (isTiled(type, call.settings)) {
    const Tensor x = call.held(0).to(type).contiguous();
    const Tensor weight = call.input(1).contiguous(), bias = call.input(2).contiguous();
#ifdef RLPD_AVX512_BF16
    if (type == at::kBFloat16)
      return call.output(tiledDense<at::BFloat16>(x, weight, bias, activation, call.settings.threads));
#endif
    return call.output(tiledDense<float>(x, weight, bias, activation, call.settings.threads));
  }
#endif
  const Tensor weight = call.held(1).to(type);
  Tensor y = at::bmm(perMember(call.held(0).to(type), weight.size(0)), weight).add_(call.held(2).to(type).unsqueeze(1));
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
  if (isTiled(type, call.settings)) {
    const Tensor x = call.held(0).to(type).contiguous(), weight = call.input(1).contiguous();
    const Tensor g = rlpd::activationGradient(dy, y, activation);
    const int threads = call.settings.threads;
#ifdef RLPD_AVX512_BF16
    if (type == at::kBFloat16)
      call.outputs = tiledGradient<at::BFloat16>(x, weight, g, wantWeights, wantInput, threads);
    else
#endif
      call.outputs = tiledGradient<float>(x, weight, g, wantWeights, wantInput, threads);
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
