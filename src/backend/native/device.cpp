#include "device.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#ifdef RLPD_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include "libtorchVersions.h"
#endif

namespace rlpd {

void useStream(const Settings& settings) {
  if (!settings.stream) return;
  c10::impl::VirtualGuardImpl device(settings.device.type());
  device.setDevice(settings.stream->device());
  device.exchangeStream(*settings.stream);
}

at::TensorOptions stagingOptions(const Settings& settings, at::ScalarType type) {
  return at::TensorOptions(type).pinned_memory(settings.device.is_cuda());
}

#ifdef RLPD_CUDA

Accelerator accelerator() {
  Accelerator found;
  int count = 0;
  cudaDeviceProp properties;
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) error = cudaGetDeviceProperties(&properties, 0);
  if (error != cudaSuccess || count == 0) {
    found.description = error == cudaSuccess || error == cudaErrorNoDevice ? "there is no NVIDIA GPU"
                        : error == cudaErrorInsufficientDriver
                            ? "there is no NVIDIA driver, or one too old for this libtorch's CUDA"
                            : cudaGetErrorString(error);
    return found;
  }
  found.available = true;
  found.description = properties.name;
  found.bfloat16 = properties.major >= 8;
  found.memoryBytes = static_cast<double>(properties.totalGlobalMem);
  return found;
}

void chooseAccelerator(Settings& settings) {
  const Accelerator found = accelerator();
  if (!found.available) throw std::runtime_error(found.description);
  settings.device = at::Device(at::kCUDA, 0);
  settings.portable = true;
  // A graph can be captured on any stream but the default one.
  settings.stream = c10::cuda::getStreamFromPool(false, 0).unwrap();
  // Products of float32 numbers on the tensor cores: 10 bits of their fractions, sums in float32.
  at::globalContext().setAllowTF32CuBLAS(true);
  at::globalContext().setAllowTF32CuDNN(true);
  // The same seed gives the same numbers: no algorithm that adds in the order of arrival, none chosen by its time.
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setBenchmarkCuDNN(false);
}

void synchronise(const Settings& settings) {
  if (settings.stream) c10::cuda::CUDAStream(*settings.stream).synchronize();
}

namespace {

class CapturedGraph final : public DeviceGraph {
 public:
  explicit CapturedGraph(const std::function<void()>& work) {
    // Other threads may go on asking things of the device.
    captureBegin(graph_, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      try {
        graph_.capture_end();
      } catch (...) {
        // The first failure says more.
      }
      throw;
    }
    graph_.capture_end();
  }
  void launch() override { graph_.replay(); }

 private:
  at::cuda::CUDAGraph graph_;
};

}  // namespace

std::unique_ptr<DeviceGraph> captureGraph(const std::function<void()>& work) {
  return std::make_unique<CapturedGraph>(work);
}

#else

Accelerator accelerator() { return {false, "the native engine was built without CUDA", false, 0}; }

void chooseAccelerator(Settings&) { throw std::runtime_error(accelerator().description); }

void synchronise(const Settings&) {}

std::unique_ptr<DeviceGraph> captureGraph(const std::function<void()>&) {
  throw std::logic_error("only a GPU has graphs");
}

#endif

}  // namespace rlpd
