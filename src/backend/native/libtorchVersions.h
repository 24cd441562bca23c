// Where libtorch's versions, from 1.13 on, differ in what this engine uses of them.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#if __has_include(<torch/csrc/api/include/torch/version.h>)
#include <torch/csrc/api/include/torch/version.h>
#endif

#include <cstring>

#if defined(TORCH_VERSION_MAJOR) && TORCH_VERSION_MAJOR >= 2
#define RLPD_LIBTORCH_2 1
#else
#define RLPD_LIBTORCH_2 0
#endif

namespace rlpd {

// An allocator by one function. Versions differ in whether `allocate` is const, and the later ones want `copy_data`.
template <c10::DataPtr (*take)(size_t), void (*release)(void*)>
class FunctionAllocator final : public c10::Allocator {
 public:
  // One of the two overrides, and none is called otherwise.
  c10::DataPtr allocate(size_t bytes) const { return take(bytes); }
  c10::DataPtr allocate(size_t bytes) { return take(bytes); }
  c10::DeleterFnPtr raw_deleter() const override { return release; }
  void copy_data(void* to, const void* from, size_t bytes) const { std::memcpy(to, from, bytes); }
};

// Each of the list times a number that is a tensor itself.
inline void multiplyAll(std::vector<at::Tensor>& list, const at::Tensor& factor) {
#if RLPD_LIBTORCH_2
  at::_foreach_mul_(list, factor);
#else
  for (at::Tensor& tensor : list) tensor.mul_(factor);
#endif
}

// Starts an at::cuda::CUDAGraph; `mode` says what other threads may ask of the device meanwhile, where that can be said.
template <typename Graph, typename Mode>
void captureBegin(Graph& graph, [[maybe_unused]] Mode mode) {
#if RLPD_LIBTORCH_2
  graph.capture_begin({0, 0}, mode);
#else
  graph.capture_begin();
#endif
}

}  // namespace rlpd
