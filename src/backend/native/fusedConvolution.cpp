// y = activation(conv2d(x, filter) + bias), VALID padding, and its gradient: on AVX-512 through this engine's own
// tiles, elsewhere through ATen (oneDNN).
#include "convolutionTiles.h"
#include "fused.h"
#include "maskedGradient.h"

using rlpd::Activation;
using rlpd::Tensor;

namespace {

Tensor weightOf(const Tensor& filter, at::ScalarType type) {
  return filter.permute({3, 2, 0, 1}).to(type).contiguous(at::MemoryFormat::ChannelsLast);
}

Tensor forwardByAten(const Tensor& x, const Tensor& filter, const Tensor& bias, const std::vector<int64_t>& strides,
                     Activation activation) {
  Tensor y = at::conv2d(rlpd::nchw(x), weightOf(filter, x.scalar_type()), bias.to(x.scalar_type()), strides);
  rlpd::activate(y, activation);
  return rlpd::nhwc(y);
}

// [dFilter, dBias, dx (undefined unless wanted)]
std::vector<Tensor> backwardByAten(const Tensor& x, const Tensor& filter, const Tensor& y, const Tensor& dy,
                                   const std::vector<int64_t>& strides, Activation activation, bool wantInput) {
  const Tensor weight = weightOf(filter, x.scalar_type());
  const Tensor g = rlpd::activationGradient(rlpd::nchw(dy), rlpd::nchw(y), activation);
  const std::vector<int64_t> ones{1, 1}, zeros{0, 0}, biasShape{weight.size(0)};
  auto [dx, dWeight, dBias] =
      at::convolution_backward(g, rlpd::nchw(x), weight, at::IntArrayRef(biasShape), strides, zeros, ones, false, zeros,
                               1, {wantInput, true, true});
  return {dWeight.permute({2, 3, 1, 0}).to(at::kFloat), dBias.to(at::kFloat), wantInput ? rlpd::nhwc(dx) : Tensor()};
}

// Of one pass over all windows: every output is a sum of as many products as a filter has weights.
double windowFlops(const Tensor& y, const Tensor& filter) {
  return 2.0 * static_cast<double>(y.numel()) * static_cast<double>(filter.numel() / filter.size(-1));
}

#ifdef RLPD_AVX512

using rlpd::Window;

Window windowOf(const Tensor& x, const Tensor& filter, const std::vector<int64_t>& strides) {
  if (x.dim() != 4 || filter.dim() != 4 || x.size(3) != filter.size(2))
    throw std::invalid_argument(c10::str("x of shape ", x.sizes(), " and filter of shape ", filter.sizes(),
                                         " do not fit: [B, H, W, C] and [kh, kw, C, O] are expected"));
  Window w{x.size(0),      x.size(1),      x.size(2),  x.size(3),  filter.size(0), filter.size(1),
           filter.size(3), strides.at(0), strides.at(1), 0,          0};
  if (w.strideHeight < 1 || w.strideWidth < 1) throw std::invalid_argument("a stride is smaller than 1");
  if (w.height < w.kernelHeight || w.width < w.kernelWidth)
    throw std::invalid_argument("the image is smaller than the filter");
  w.outHeight = (w.height - w.kernelHeight) / w.strideHeight + 1;
  w.outWidth = (w.width - w.kernelWidth) / w.strideWidth + 1;
  return w;
}

// The filter's kernel rows as the tiles read them.
template <typename T>
Tensor packedFilter(const Window& w, const Tensor& filter) {
  if constexpr (std::is_same_v<T, float>) return filter;
  const int64_t runRows = rlpd::tiles::packedRows<T>(w.run());
  Tensor packed = at::empty({w.kernelHeight * runRows * w.outputs}, at::kBFloat16);
  for (int64_t ky = 0; ky < w.kernelHeight; ky++) {
    const float* rows = filter.data_ptr<float>() + ky * w.run() * w.outputs;
    rlpd::tiles::pairRows(rows, w.run(), w.outputs, packed.data_ptr<at::BFloat16>() + ky * runRows * w.outputs);
  }
  return packed;
}

// Each tap's matrix turned over: [kh, kw, out, in].
template <typename T>
Tensor packedTaps(const Window& w, const Tensor& filter) {
  const Tensor turned = filter.permute({0, 1, 3, 2}).contiguous();
  if constexpr (std::is_same_v<T, float>) return turned;
  const int64_t tapRows = rlpd::tiles::packedRows<T>(w.outputs);
  const int64_t taps = w.kernelHeight * w.kernelWidth;
  Tensor packed = at::empty({taps * tapRows * w.channels}, at::kBFloat16);
  for (int64_t tap = 0; tap < taps; tap++) {
    const float* rows = turned.data_ptr<float>() + tap * w.outputs * w.channels;
    rlpd::tiles::pairRows(rows, w.outputs, w.channels, packed.data_ptr<at::BFloat16>() + tap * tapRows * w.channels);
  }
  return packed;
}

template <typename T>
Tensor forward(const Tensor& x, const Tensor& filter, const Tensor& bias, const std::vector<int64_t>& strides,
               Activation activation, int threads) {
  const Window w = windowOf(x, filter, strides);
  rlpd::requireShape(bias, {w.outputs}, "bias");
  const Tensor packed = packedFilter<T>(w, filter);
  Tensor y = at::empty({w.batch, w.outHeight, w.outWidth, w.outputs}, x.options());
  rlpd::tiles::convolve<T>(w, x.data_ptr<T>(), packed.data_ptr<T>(), bias.data_ptr<float>(),
                           activation == Activation::relu, y.data_ptr<T>(), threads);
  if (activation == Activation::tanh) y.tanh_();
  return y;
}

template <typename T>
std::vector<Tensor> backward(const Tensor& x, const Tensor& filter, const Tensor& y, const Tensor& dy,
                             const std::vector<int64_t>& strides, Activation activation, bool wantInput, int threads) {
  const Window w = windowOf(x, filter, strides);
  rlpd::requireShape(y, {w.batch, w.outHeight, w.outWidth, w.outputs}, "y");
  rlpd::requireShape(dy, y.sizes(), "dy");
  Tensor g = activation == Activation::linear ? dy : at::empty(y.sizes(), y.options());
  Tensor dBias = at::empty({w.outputs}, at::kFloat);
  rlpd::maskedGradient<T>(dy.data_ptr<T>(), y.data_ptr<T>(), activation, 1, w.pixels(), w.outputs, g.data_ptr<T>(),
                          dBias.data_ptr<float>(), threads);
  Tensor dFilter = at::empty(filter.sizes(), at::kFloat);
  rlpd::tiles::filterGradient<T>(w, x.data_ptr<T>(), g.data_ptr<T>(), dFilter.data_ptr<float>(), threads);
  Tensor dx;
  if (wantInput) {
    const Tensor taps = packedTaps<T>(w, filter);
    dx = at::empty(x.sizes(), x.options());
    rlpd::tiles::inputGradient<T>(w, g.data_ptr<T>(), taps.data_ptr<T>(), dx.data_ptr<T>(), threads);
  }
  return {dFilter, dBias, dx};
}

#endif

}  // namespace

RLPD_KERNEL(RlpdConvBiasActivation) {
  const at::ScalarType type = rlpd::computeType(call.settings);
  const Tensor x = call.held(0).to(type).contiguous();
  const Tensor filter = call.input(1).contiguous();
  const Tensor bias = call.input(2).contiguous();
  const std::vector<int64_t> strides = call.integers();
  const auto activation = rlpd::readActivation(call);
  Tensor result;
#ifdef RLPD_AVX512
  const int threads = call.settings.threads;
  const bool own = !call.settings.portable;
  if (own && type == at::kFloat) result = forward<float>(x, filter, bias, strides, activation, threads);
#ifdef RLPD_AVX512_BF16
  if (own && type == at::kBFloat16) result = forward<at::BFloat16>(x, filter, bias, strides, activation, threads);
#endif
#endif
  if (!result.defined()) result = forwardByAten(x, filter, bias, strides, activation);
  call.flops = windowFlops(result, filter);
  call.output(result);
}

// Inputs x, filter, y, dy.
RLPD_KERNEL(RlpdConvBiasActivationGrad) {
  const at::ScalarType type = rlpd::computeType(call.settings);
  const Tensor x = call.held(0).to(type).contiguous();
  const Tensor filter = call.input(1).contiguous();
  const Tensor y = call.held(2).to(type).contiguous();
  const Tensor dy = call.held(3).to(type).contiguous();
  const std::vector<int64_t> strides = call.integers();
  const auto activation = rlpd::readActivation(call);
  const bool wantInput = call.flag();
  call.flops = (wantInput ? 2 : 1) * windowFlops(y, filter);
  std::vector<Tensor> gradients;
#ifdef RLPD_AVX512
  const int threads = call.settings.threads;
  const bool own = !call.settings.portable;
  if (own && type == at::kFloat)
    gradients = backward<float>(x, filter, y, dy, strides, activation, wantInput, threads);
#ifdef RLPD_AVX512_BF16
  if (own && type == at::kBFloat16)
    gradients = backward<at::BFloat16>(x, filter, y, dy, strides, activation, wantInput, threads);
#endif
#endif
  if (gradients.empty()) gradients = backwardByAten(x, filter, y, dy, strides, activation, wantInput);
  call.output(gradients[0]);
  call.output(gradients[1]);
  if (wantInput) call.output(gradients[2]);
}
