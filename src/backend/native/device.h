// The device that tensors live on, where it is another than this processor; without one these do nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine.h"

namespace rlpd {

// What the engine's user is told of the GPU.
struct Accelerator {
  bool available = false;
  // Its name, or why there is none.
  std::string description;
  // Has bf16 matrix units.
  bool bfloat16 = false;
  double memoryBytes = 0;
};

Accelerator accelerator();

// From now on `settings` mean the GPU. Throws where there is none.
void chooseAccelerator(Settings& settings);

// Lets the calling thread put its work into the engine's stream; once a thread and call into the engine.
void useStream(const Settings& settings);

// Waits until the device has done all it was asked to do.
void synchronise(const Settings& settings);

// Work that was recorded on the device once and is started there as a whole.
class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;
  virtual void launch() = 0;
};

// Records what `work` asks of the device without doing it. Memory that it frees is used again only within the graph.
std::unique_ptr<DeviceGraph> captureGraph(const std::function<void()>& work);

// A tensor in this processor's memory that a copy to the device can be made from while other work goes on.
at::TensorOptions stagingOptions(const Settings& settings, at::ScalarType type);

}  // namespace rlpd
