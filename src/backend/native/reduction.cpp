// Reductions over axes. Attributes: the axes (empty: all of them), keepDims.
#include "engine.h"

using rlpd::Tensor;

namespace {

struct Axes {
  std::vector<int64_t> list;
  bool keep;
};

Axes readAxes(rlpd::Call& call, const Tensor& x) {
  Axes axes{call.integers(), call.flag()};
  if (axes.list.empty())
    for (int64_t axis = 0; axis < x.dim(); axis++) axes.list.push_back(axis);
  return axes;
}

// Whether it is the mean of all of a small tensor: a loss is a few thousand numbers, for which ATen takes ten
// microseconds and more.
bool isSmallMean(const Tensor& x, const Axes& axes) {
  return axes.list.size() == static_cast<size_t>(x.dim()) && x.is_contiguous() && x.numel() > 0 &&
         x.numel() <= 1 << 14;
}

Tensor smallMean(const Tensor& x, const Axes& axes) {
  const float* numbers = x.data_ptr<float>();
  const int64_t count = x.numel();
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; i++) sum += numbers[i];
  return at::full(std::vector<int64_t>(axes.keep ? axes.list.size() : 0, 1), sum / static_cast<float>(count),
                  x.options());
}

}  // namespace

RLPD_KERNEL(Sum) {
  Tensor x = call.input(0);
  const at::ScalarType type = x.scalar_type() == at::kBool ? at::kInt : x.scalar_type();
  const Axes axes = readAxes(call, x);
  call.output(axes.list.empty() ? x.to(type) : at::sum(x, axes.list, axes.keep, type));
}

RLPD_KERNEL(Mean) {
  const Tensor x = call.input(0).to(at::kFloat);
  const Axes axes = readAxes(call, x);
  if (!call.settings.portable && isSmallMean(x, axes)) return call.output(smallMean(x, axes));
  call.output(axes.list.empty() ? x : at::mean(x, axes.list, axes.keep));
}

RLPD_KERNEL(Prod) {
  Tensor x = call.input(0);
  const at::ScalarType type = x.scalar_type() == at::kBool ? at::kInt : x.scalar_type();
  x = x.to(type);
  const Axes axes = readAxes(call, x);
  for (const int64_t axis : axes.list) x = at::prod(x, axis, true, type);
  if (!axes.keep) {
    std::vector<int64_t> shape;
    for (int64_t axis = 0; axis < x.dim(); axis++) {
      bool reduced = false;
      for (const int64_t other : axes.list) reduced = reduced || other == axis;
      if (!reduced) shape.push_back(x.size(axis));
    }
    x = x.reshape(shape);
  }
  call.output(x);
}

RLPD_KERNEL(Max) {
  const Tensor x = call.input(0);
  const Axes axes = readAxes(call, x);
  call.output(axes.list.empty() ? x : at::amax(x, axes.list, axes.keep));
}

RLPD_KERNEL(Min) {
  const Tensor x = call.input(0);
  const Axes axes = readAxes(call, x);
  call.output(axes.list.empty() ? x : at::amin(x, axes.list, axes.keep));
}

RLPD_KERNEL(All) {
  const Tensor x = call.input(0).to(at::kInt);
  const Axes axes = readAxes(call, x);
  call.output((axes.list.empty() ? x : at::amin(x, axes.list, axes.keep)).to(at::kBool));
}

RLPD_KERNEL(Any) {
  const Tensor x = call.input(0).to(at::kInt);
  const Axes axes = readAxes(call, x);
  call.output((axes.list.empty() ? x : at::amax(x, axes.list, axes.keep)).to(at::kBool));
}

RLPD_KERNEL(ArgMax) { call.output(at::argmax(call.input(0), call.integer()).to(at::kInt)); }

RLPD_KERNEL(ArgMin) { call.output(at::argmin(call.input(0), call.integer()).to(at::kInt)); }

RLPD_KERNEL(Softmax) { call.output(at::softmax(call.input(0), call.integer())); }

RLPD_KERNEL(LogSoftmax) { call.output(at::log_softmax(call.input(0), call.integer())); }

RLPD_KERNEL(Cumsum) {
  const Tensor x = call.input(0);
  const int64_t axis = call.integer();
  const bool exclusive = call.flag();
  const bool reverse = call.flag();
  const Tensor ordered = reverse ? x.flip({axis}) : x;
  Tensor sum = at::cumsum(ordered, axis, x.scalar_type());
  if (exclusive) sum = sum - ordered;
  call.output(reverse ? sum.flip({axis}) : sum);
}
