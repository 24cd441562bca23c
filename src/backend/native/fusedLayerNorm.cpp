// y = activation(gain·(x − mean)/sqrt(variance + epsilon) + offset) over the last axis of x [E,B,D], and its
// gradient. Sums are float32 whatever x is held in; rows are dealt out in fixed blocks, so that results do not
// depend on the number of threads.
#include <cmath>
#include <limits>

#include "fused.h"
#include "parallel.h"
#include "rows.h"

using rlpd::Activation;
using rlpd::Tensor;

namespace {

constexpr int64_t blockRows = 64;

struct Shape {
  int64_t members, rows, width, blocks;
  explicit Shape(const Tensor& x)
      : members(x.size(0)), rows(x.size(1)), width(x.size(2)), blocks((rows + blockRows - 1) / blockRows) {}
};

template <typename T>
void forward(const Tensor& x, const Tensor& gain, const Tensor& offset, Tensor& y, Tensor& mean, Tensor& inverseStd,
             double epsilon, bool relu, int threads) {
  const Shape shape(x);
  const int64_t width = shape.width;
  const T* xData = x.data_ptr<T>();
  T* yData = y.data_ptr<T>();
  const float* gainData = gain.data_ptr<float>();
  const float* offsetData = offset.data_ptr<float>();
  float* meanData = mean.data_ptr<float>();
  float* inverseData = inverseStd.data_ptr<float>();
  rlpd::forEachRange(threads, shape.members * shape.rows, blockRows, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(width));
    for (int64_t row = begin; row < end; row++) {
      const float* g = gainData + row / shape.rows * width;
      const float* o = offsetData + row / shape.rows * width;
      const float* h = rlpd::widened(xData + row * width, scratch.data(), width);
      float sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < width; i++) sum += h[i];
      const float m = sum / static_cast<float>(width);
      float squares = 0;
#pragma omp simd reduction(+ : squares)
      for (int64_t i = 0; i < width; i++) squares += (h[i] - m) * (h[i] - m);
      const float inverse = 1.0f / std::sqrt(squares / static_cast<float>(width) + static_cast<float>(epsilon));
      meanData[row] = m;
      inverseData[row] = inverse;
      float* out = rlpd::writable(yData + row * width, scratch.data());
      const float least = relu ? 0.0f : -std::numeric_limits<float>::infinity();
#pragma omp simd
      for (int64_t i = 0; i < width; i++) {
        const float value = (h[i] - m) * inverse * g[i] + o[i];
        out[i] = value < least ? least : value;
      }
      rlpd::settle(out, yData + row * width, width);
    }
  });
}

// With h = (x − mean)·inverseStd and g the gradient before the activation:
// dGain = Σ g·h, dOffset = Σ g, dx = inverseStd·(gain·g − mean(gain·g) − h·mean(gain·g·h)).
// What the ReLU let through is computed again: y need not be read.
template <typename T>
void backward(const Tensor& x, const Tensor& gain, const Tensor& offset, const Tensor& mean, const Tensor& inverseStd,
              const Tensor& dy, Tensor& dGain, Tensor& dOffset, Tensor& dx, bool relu, int threads) {
  const Shape shape(x);
  const int64_t width = shape.width;
  const T* xData = x.data_ptr<T>();
  const T* dyData = dy.data_ptr<T>();
  T* dxData = dx.data_ptr<T>();
  const float* gainData = gain.data_ptr<float>();
  const float* offsetData = offset.data_ptr<float>();
  const float* meanData = mean.data_ptr<float>();
  const float* inverseData = inverseStd.data_ptr<float>();
  const float least = relu ? 0.0f : -std::numeric_limits<float>::infinity();
  // Each block of rows sums into its own place; the blocks are added in order afterwards.
  Tensor partial = at::zeros({shape.members, shape.blocks, 2, width}, at::kFloat);
  float* partialData = partial.data_ptr<float>();
  rlpd::forEachRange(threads, shape.members * shape.blocks, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(2 * width));
    float* h = scratch.data();
    float* g = h + width;
    for (int64_t block = begin; block < end; block++) {
      const int64_t member = block / shape.blocks;
      const int64_t first = member * shape.rows + block % shape.blocks * blockRows;
      const int64_t last = std::min(first + blockRows, (member + 1) * shape.rows);
      const float* gainRow = gainData + member * width;
      const float* offsetRow = offsetData + member * width;
      float* sumGain = partialData + block * 2 * width;
      float* sumOffset = sumGain + width;
      for (int64_t row = first; row < last; row++) {
        const float m = meanData[row];
        const float inverse = inverseData[row];
        const float* in = rlpd::widened(xData + row * width, h, width);
        const float* upstream = rlpd::widened(dyData + row * width, g, width);
        // Two sweeps, which compilers turn into vector code; with the choice in the second they do so badly.
#pragma omp simd
        for (int64_t i = 0; i < width; i++) {
          const float d = upstream[i];
          h[i] = (in[i] - m) * inverse;
          g[i] = h[i] * gainRow[i] + offsetRow[i] <= least ? 0.0f : d;
        }
        float sum = 0, sumH = 0;
#pragma omp simd reduction(+ : sum, sumH)
        for (int64_t i = 0; i < width; i++) {
          const float d = g[i];
          sumGain[i] += d * h[i];
          sumOffset[i] += d;
          g[i] = d * gainRow[i];
          sum += g[i];
          sumH += g[i] * h[i];
        }
        const float meanG = sum / static_cast<float>(width);
        const float meanGH = sumH / static_cast<float>(width);
        float* result = rlpd::writable(dxData + row * width, h);
#pragma omp simd
        for (int64_t i = 0; i < width; i++) result[i] = inverse * (g[i] - meanG - h[i] * meanGH);
        rlpd::settle(result, dxData + row * width, width);
      }
    }
  });
  float* dGainData = dGain.data_ptr<float>();
  float* dOffsetData = dOffset.data_ptr<float>();
  for (int64_t member = 0; member < shape.members; member++) {
    for (int64_t i = 0; i < width; i++) dGainData[member * width + i] = dOffsetData[member * width + i] = 0;
    for (int64_t block = 0; block < shape.blocks; block++) {
      const float* sums = partialData + (member * shape.blocks + block) * 2 * width;
      for (int64_t i = 0; i < width; i++) {
        dGainData[member * width + i] += sums[i];
        dOffsetData[member * width + i] += sums[width + i];
      }
    }
  }
}

// [y before the activation, mean, inverseStd]; gain and offset [E,D].
std::vector<Tensor> forwardByAten(const Tensor& x, const Tensor& gain, const Tensor& offset, double epsilon) {
  const Tensor h = x.to(at::kFloat);
  auto [variance, mean] = at::var_mean(h, at::IntArrayRef{-1}, false, false);
  const Tensor inverseStd = at::rsqrt(variance + epsilon);
  const Tensor normal = (h - mean.unsqueeze(-1)) * inverseStd.unsqueeze(-1);
  const Tensor y = at::addcmul(offset.unsqueeze(1), normal, gain.unsqueeze(1));
  return {y.to(x.scalar_type()), mean, inverseStd};
}

// [dGain, dOffset, dx], from g, the gradient before the activation.
std::vector<Tensor> backwardByAten(const Tensor& x, const Tensor& gain, const Tensor& mean, const Tensor& inverseStd,
                                   const Tensor& gradient) {
  const Tensor g = gradient.to(at::kFloat);
  const Tensor scale = inverseStd.unsqueeze(-1);
  const Tensor h = (x.to(at::kFloat) - mean.unsqueeze(-1)) * scale;
  const Tensor gh = g * h;
  const Tensor scaled = g * gain.unsqueeze(1);
  const Tensor meanG = scaled.mean(-1, true);
  const Tensor meanGH = (scaled * h).mean(-1, true);
  return {gh.sum(1), g.sum(1), (scale * (scaled - meanG - h * meanGH)).to(x.scalar_type())};
}

void requireThreeAxes(const Tensor& x) {
  if (x.dim() != 3) throw std::invalid_argument(c10::str("x is of shape ", x.sizes(), ", expected [E, B, D]"));
}

}  // namespace

RLPD_KERNEL(RlpdLayerNormActivation) {
  const at::ScalarType type = rlpd::computeType(call.settings);
  const Tensor x = call.held(0).to(type).contiguous();
  const Tensor gain = call.input(1).contiguous();
  const Tensor offset = call.input(2).contiguous();
  requireThreeAxes(x);
  rlpd::requireShape(gain, {x.size(0), x.size(2)}, "gain");
  rlpd::requireShape(offset, {x.size(0), x.size(2)}, "offset");
  const double epsilon = call.number();
  const Activation activation = rlpd::readActivation(call);
  if (call.settings.portable) {
    std::vector<Tensor> outputs = forwardByAten(x, gain, offset, epsilon);
    rlpd::activate(outputs[0], activation);
    for (const Tensor& output : outputs) call.output(output);
    return;
  }
  Tensor y = at::empty(x.sizes(), x.options());
  Tensor mean = at::empty({x.size(0), x.size(1)}, at::kFloat);
  Tensor inverseStd = at::empty_like(mean);
  const bool relu = activation == Activation::relu;
  if (type == at::kFloat)
    forward<float>(x, gain, offset, y, mean, inverseStd, epsilon, relu, call.settings.threads);
  else
    forward<at::BFloat16>(x, gain, offset, y, mean, inverseStd, epsilon, relu, call.settings.threads);
  if (activation == Activation::tanh) y.tanh_();
  call.output(y);
  call.output(mean);
  call.output(inverseStd);
}

// Inputs x, gain, offset, y, mean, inverseStd, dy.
RLPD_KERNEL(RlpdLayerNormActivationGrad) {
  const at::ScalarType type = rlpd::computeType(call.settings);
  const Tensor x = call.held(0).to(type).contiguous();
  const Tensor gain = call.input(1).contiguous();
  const Tensor offset = call.input(2).contiguous();
  const Tensor& y = call.held(3);
  const Tensor mean = call.input(4).contiguous();
  const Tensor inverseStd = call.input(5).contiguous();
  Tensor dy = call.held(6).to(type).contiguous();
  requireThreeAxes(x);
  rlpd::requireShape(gain, {x.size(0), x.size(2)}, "gain");
  rlpd::requireShape(offset, gain.sizes(), "offset");
  rlpd::requireShape(y, x.sizes(), "y");
  rlpd::requireShape(mean, {x.size(0), x.size(1)}, "mean");
  rlpd::requireShape(inverseStd, {x.size(0), x.size(1)}, "inverseStd");
  rlpd::requireShape(dy, x.sizes(), "dy");
  call.number();
  const Activation activation = rlpd::readActivation(call);
  if (call.settings.portable) {
    const Tensor g = rlpd::activationGradient(dy, y.to(type), activation);
    for (const Tensor& output : backwardByAten(x, gain, mean, inverseStd, g)) call.output(output);
    return;
  }
  if (activation == Activation::tanh) dy = at::tanh_backward(dy, y.to(type));
  Tensor dGain = at::empty(gain.sizes(), at::kFloat);
  Tensor dOffset = at::empty(gain.sizes(), at::kFloat);
  Tensor dx = at::empty(x.sizes(), x.options());
  const bool relu = activation == Activation::relu;
  if (type == at::kFloat)
    backward<float>(x, gain, offset, mean, inverseStd, dy, dGain, dOffset, dx, relu, call.settings.threads);
  else
    backward<at::BFloat16>(x, gain, offset, mean, inverseStd, dy, dGain, dOffset, dx, relu, call.settings.threads);
  call.output(dGain);
  call.output(dOffset);
  call.output(dx);
}
