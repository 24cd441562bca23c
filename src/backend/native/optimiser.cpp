// Adam and the moving average, each over a whole list of parameters, in place and in one parallel pass.
#include <cmath>

#include "engine.h"
#include "libtorchVersions.h"
#include "parallel.h"

using rlpd::Tensor;

namespace {

constexpr int64_t chunkSize = 16384;

struct Chunk {
  size_t parameter;
  int64_t begin, end;
};

std::vector<Chunk> chunksOf(const std::vector<Tensor>& parameters) {
  std::vector<Chunk> chunks;
  for (size_t p = 0; p < parameters.size(); p++)
    for (int64_t begin = 0; begin < parameters[p].numel(); begin += chunkSize)
      chunks.push_back({p, begin, std::min(begin + chunkSize, parameters[p].numel())});
  return chunks;
}

// A tensor that will be written in place: it must own dense float32 memory.
Tensor writable(const Tensor& tensor) {
  if (tensor.scalar_type() != at::kFloat || !tensor.is_contiguous())
    throw std::invalid_argument("a parameter that is updated in place must be a contiguous float32 tensor");
  return tensor;
}

void checkSize(const Tensor& a, const Tensor& b, size_t place) {
  if (a.numel() != b.numel())
    throw std::invalid_argument("item " + std::to_string(place) + " of the list has " + std::to_string(a.numel()) +
                                " values on one side and " + std::to_string(b.numel()) + " on the other");
}

struct Adam {
  double learningRate, beta1, beta2, epsilon, weightDecay;
};

// The same step through ATen, its number a tensor on the parameters' device: a graph of the device may not wait for it.
void adamByAten(const Adam& adam, const Tensor& stepNumber, std::vector<Tensor>& parameters,
                const std::vector<Tensor>& gradients, std::vector<Tensor>& first, std::vector<Tensor>& second) {
  at::_foreach_mul_(first, adam.beta1);
  at::_foreach_add_(first, gradients, 1 - adam.beta1);
  at::_foreach_mul_(second, adam.beta2);
  at::_foreach_addcmul_(second, gradients, gradients, 1 - adam.beta2);
  const Tensor step = stepNumber.to(at::kDouble);
  const Tensor firstScale = at::reciprocal(1 - at::pow(adam.beta1, step));
  const Tensor secondRoot = at::rsqrt(1 - at::pow(adam.beta2, step));
  std::vector<Tensor> denominators = at::_foreach_sqrt(second);
  rlpd::multiplyAll(denominators, secondRoot.to(at::kFloat));
  at::_foreach_add_(denominators, adam.epsilon);
  std::vector<Tensor> steps = at::_foreach_div(first, denominators);
  rlpd::multiplyAll(steps, (firstScale * adam.learningRate).to(at::kFloat));
  if (adam.weightDecay != 0) at::_foreach_mul_(parameters, 1 - adam.learningRate * adam.weightDecay);
  at::_foreach_sub_(parameters, steps);
}

}  // namespace

// Inputs: n parameters, n gradients, n first moments, n second moments, the step (1-based).
RLPD_KERNEL_IN_PLACE(RlpdAdamUpdate) {
  const auto count = static_cast<size_t>(call.integer());
  const Adam adam{call.number(), call.number(), call.number(), call.number(), call.number()};
  std::vector<Tensor> parameters, gradients, first, second;
  for (size_t i = 0; i < count; i++) {
    parameters.push_back(writable(call.held(i)));
    gradients.push_back(call.input(count + i).contiguous());
    first.push_back(writable(call.held(2 * count + i)));
    second.push_back(writable(call.held(3 * count + i)));
    checkSize(parameters[i], gradients[i], i);
    checkSize(parameters[i], first[i], i);
    checkSize(parameters[i], second[i], i);
  }
  if (call.settings.portable) return adamByAten(adam, call.held(4 * count), parameters, gradients, first, second);
  const double step = call.held(4 * count).item<double>();
  const auto learningRate = static_cast<float>(adam.learningRate);
  const auto epsilon = static_cast<float>(adam.epsilon);
  const auto firstScale = static_cast<float>(1 / (1 - std::pow(adam.beta1, step)));
  const auto secondScale = static_cast<float>(1 / (1 - std::pow(adam.beta2, step)));
  const auto beta1 = static_cast<float>(adam.beta1);
  const auto beta2 = static_cast<float>(adam.beta2);
  // Rounded once: 1 − 0.999 in float32 is 1.3e-5 less than 0.001.
  const auto share1 = static_cast<float>(1 - adam.beta1);
  const auto share2 = static_cast<float>(1 - adam.beta2);
  const auto keep = static_cast<float>(1 - adam.learningRate * adam.weightDecay);
  const std::vector<Chunk> chunks = chunksOf(parameters);
  rlpd::forEachRange(call.settings.threads, static_cast<int64_t>(chunks.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; c++) {
      const Chunk& chunk = chunks[static_cast<size_t>(c)];
      float* p = parameters[chunk.parameter].data_ptr<float>();
      const float* g = gradients[chunk.parameter].data_ptr<float>();
      float* m = first[chunk.parameter].data_ptr<float>();
      float* v = second[chunk.parameter].data_ptr<float>();
#pragma omp simd
      for (int64_t i = chunk.begin; i < chunk.end; i++) {
        m[i] = beta1 * m[i] + share1 * g[i];
        v[i] = beta2 * v[i] + share2 * (g[i] * g[i]);
        p[i] = keep * p[i] - learningRate * (m[i] * firstScale) / (std::sqrt(v[i] * secondScale) + epsilon);
      }
    }
  });
}

// Inputs: n targets, n sources.
RLPD_KERNEL_IN_PLACE(RlpdEmaUpdate) {
  const auto count = static_cast<size_t>(call.integer());
  const double rate = call.number();
  std::vector<Tensor> targets, sources;
  for (size_t i = 0; i < count; i++) {
    targets.push_back(writable(call.held(i)));
    sources.push_back(call.input(count + i).contiguous());
    checkSize(targets[i], sources[i], i);
  }
  if (call.settings.portable) {
    at::_foreach_mul_(targets, 1 - rate);
    at::_foreach_add_(targets, sources, rate);
    return;
  }
  const auto share = static_cast<float>(rate);
  const auto keep = static_cast<float>(1 - rate);
  const std::vector<Chunk> chunks = chunksOf(targets);
  rlpd::forEachRange(call.settings.threads, static_cast<int64_t>(chunks.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; c++) {
      const Chunk& chunk = chunks[static_cast<size_t>(c)];
      float* target = targets[chunk.parameter].data_ptr<float>();
      const float* source = sources[chunk.parameter].data_ptr<float>();
#pragma omp simd
      for (int64_t i = chunk.begin; i < chunk.end; i++)
        target[i] = keep * target[i] + share * source[i];
    }
  });
}
