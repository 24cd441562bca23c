// The native engine's vocabulary: kernels are plain functions over ATen tensors, named, listed in one registry and
// called through `Call` with plain numbers as attributes, so that a recorded call is data.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/Stream.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace rlpd {

using at::Tensor;

class FrameMemories;

struct Kernel;

// One kernel call as a profile shows it; times in microseconds of one steady clock.
struct CallTime {
  const Kernel* kernel;
  double start, duration;
  // Arithmetic of its products (Call::flops), and the bytes of its inputs and outputs.
  double flops, bytes;
  // Shapes of the factors of its products; empty where it has none.
  std::string factors;
};

// What the user chose once, at start; and, while a profile is taken, where call times go.
struct Settings {
  int threads = 1;
  // Convolutions and matrix products of the fused kernels compute in bf16; their activations stay in bf16.
  bool bfloat16 = false;
  // Where tensors live.
  at::Device device = at::kCPU;
  // All kernels compute through ATen alone, as they must where tensors do not live in this processor's memory.
  bool portable = false;
  // On a device that has streams, the one that all the engine's work is put in; and its recordings become graphs.
  std::optional<c10::Stream> stream;
  std::vector<CallTime>* profile = nullptr;
};

// One kernel call: inputs, attributes read in the order they were written, outputs appended.
class Call {
 public:
  Call(const Tensor* const* inputs, size_t inputCount, const double* attributes, size_t attributeCount,
       const Settings& settings, FrameMemories& memories)
      : settings(settings), memories(memories), inputs_(inputs), inputCount_(inputCount), attributes_(attributes),
        attributeCount_(attributeCount) {}

  size_t inputCount() const { return inputCount_; }
  // The input as it is held: possibly bf16, possibly strided.
  const Tensor& held(size_t i) const {
    if (i >= inputCount_) throw std::invalid_argument("input " + std::to_string(i) + " is missing");
    return *inputs_[i];
  }
  // The input as tfjs sees it: bf16 widened to float32.
  Tensor input(size_t i) const {
    const Tensor& tensor = held(i);
    return tensor.scalar_type() == at::kBFloat16 ? tensor.to(at::kFloat) : tensor;
  }

  double number() {
    if (cursor_ >= attributeCount_) throw std::invalid_argument("an attribute is missing");
    return attributes_[cursor_++];
  }
  int64_t integer() { return static_cast<int64_t>(number()); }
  bool flag() { return number() != 0; }
  // A list is written as its length and its items.
  std::vector<int64_t> integers() {
    std::vector<int64_t> list(static_cast<size_t>(integer()));
    for (auto& item : list) item = integer();
    return list;
  }
  at::ScalarType dtype();
  // Of a tensor made where the others live.
  at::TensorOptions options(at::ScalarType type) const { return at::TensorOptions(settings.device).dtype(type); }

  void output(Tensor tensor) { outputs.push_back(std::move(tensor)); }

  // Bytes of all inputs and outputs, as they are held.
  double bytes() const {
    double sum = 0;
    for (size_t i = 0; i < inputCount_; i++) sum += static_cast<double>(inputs_[i]->nbytes());
    for (const Tensor& tensor : outputs) sum += static_cast<double>(tensor.nbytes());
    return sum;
  }

  // "256×64×64×9 · 3×3×9×32": the first two inputs of a product.
  std::string factors() const;

  std::vector<Tensor> outputs;
  const Settings& settings;
  FrameMemories& memories;
  // Multiplications and additions of matrix products and convolutions, for profiles; other arithmetic is not counted.
  double flops = 0;

 private:
  const Tensor* const* inputs_;
  size_t inputCount_;
  const double* attributes_;
  size_t attributeCount_;
  size_t cursor_ = 0;
};

// The codes by which data types cross to JavaScript.
inline at::ScalarType dtypeOf(int64_t code) {
  switch (code) {
    case 0: return at::kFloat;
    case 1: return at::kInt;
    case 2: return at::kBool;
    default: throw std::invalid_argument("unknown data type code " + std::to_string(code));
  }
}
inline int dtypeCode(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
    case at::kBFloat16: return 0;
    case at::kInt: return 1;
    case at::kBool: return 2;
    default: throw std::invalid_argument(std::string("a kernel returned the data type ") + c10::toString(type));
  }
}
inline at::ScalarType Call::dtype() { return dtypeOf(integer()); }

struct Kernel {
  std::string name;
  void (*run)(Call&);
  // Writes into its inputs and has no output: never dropped from a recording.
  bool inPlace;
  // Reads its inputs' values in this processor's memory, wherever the others live.
  bool readsOnHost;
};

std::vector<Kernel>& kernels();

// Runs a kernel; its errors are given the kernel's name.
void run(const Kernel& kernel, Call& call);

struct KernelRegistration {
  KernelRegistration(const char* name, void (*run)(Call&), bool inPlace, bool readsOnHost) {
    kernels().push_back({name, run, inPlace, readsOnHost});
  }
};

#define RLPD_KERNEL_AS(Name, inPlace, readsOnHost)                                                  \
  static void run##Name(rlpd::Call& call);                                                          \
  static const rlpd::KernelRegistration registration##Name(#Name, run##Name, inPlace, readsOnHost); \
  static void run##Name([[maybe_unused]] rlpd::Call& call)
#define RLPD_KERNEL(Name) RLPD_KERNEL_AS(Name, false, false)
#define RLPD_KERNEL_IN_PLACE(Name) RLPD_KERNEL_AS(Name, true, false)
#define RLPD_KERNEL_READING_ON_HOST(Name) RLPD_KERNEL_AS(Name, false, true)

// NHWC as tfjs holds it, seen as NCHW in channels-last memory: no copy.
inline Tensor nchw(const Tensor& nhwc) { return nhwc.permute({0, 3, 1, 2}); }
inline Tensor nhwc(const Tensor& nchw) { return nchw.permute({0, 2, 3, 1}); }

}  // namespace rlpd
