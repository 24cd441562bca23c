// A recorded program: kernel calls as data over numbered places, replayed without JavaScript.
// Places are filled by outsiders (variables and constants, held by the tape), by the program's inputs, or by an
// earlier command; a command's outputs are let go right after their last use.
// Where tensors live on another device than this processor, what reads values here (the gather of frames) runs first,
// and the rest is one graph of the device from its second run on: its first was the recording.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "device.h"
#include "engine.h"

namespace rlpd {

// A handle is what JavaScript holds for a tensor; numbers are never used twice.
using Handle = int64_t;

struct TapeCommand {
  const Kernel* kernel;
  std::vector<int32_t> inputs;
  std::vector<double> attributes;
  std::vector<int32_t> outputs;
  // Places that nothing reads after this command.
  std::vector<int32_t> lastUses;
};

class Tape {
 public:
  // Runs all commands on these inputs and returns the result, in this processor's memory.
  Tensor run(const Settings& settings, FrameMemories& memories, const std::vector<Tensor>& inputs);
  // Tensors in this processor's memory for the inputs of a run, to be written; also while another run is in progress.
  std::vector<Tensor> makeInputs(const Settings& settings) const;
  // Handles from outside the recording; when one of them is gone, the tape is out of date.
  const std::vector<Handle>& outsiders() const { return outsiders_; }

 private:
  friend class Recorder;
  struct Input {
    int32_t place;
    std::vector<int64_t> shape;
    at::ScalarType type;
    // What the run in progress was given: the place's own tensor where tensors live in this processor's memory, else
    // copied into that.
    Tensor host;
  };
  Tensor& value(int32_t place) { return values_[static_cast<size_t>(place)]; }
  const Tensor& onHost(int32_t place) const;
  void gatherHere(const Settings& settings, FrameMemories& memories);
  void runCommands(const Settings& settings, FrameMemories& memories);

  std::vector<Tensor> values_;
  // Run here, before all others; empty where all tensors are here. Their outputs stay: a graph reads them by address.
  std::vector<TapeCommand> hostCommands_;
  std::vector<TapeCommand> commands_;
  std::vector<Input> inputs_;
  std::vector<Handle> outsiders_;
  int32_t result_ = -1;
  // Whether a device can run all commands but those above without waiting for this processor.
  bool isGraph_ = true;
  std::unique_ptr<DeviceGraph> graph_;
};

// Listens to the eager calls of a program's first run.
class Recorder {
 public:
  explicit Recorder(const Settings& settings) : settings_(settings) {}
  // Inputs become tensors of the tape's own, so that a replay can overwrite them.
  void addInput(Handle handle, const Tensor& tensor);
  // A tensor that was made from JavaScript's numbers during the recording: the same in every replay.
  void addConstant(Handle handle, const Tensor& tensor);
  void addCommand(const Kernel& kernel, const std::vector<Handle>& inputs, const std::vector<const Tensor*>& tensors,
                  const double* attributes, size_t attributeCount, const std::vector<Handle>& outputs);
  // Ends the recording: drops commands whose outputs nothing needs, and plans the last uses.
  Tape finish(Handle result);

 private:
  int32_t place(Handle handle, const Tensor& tensor);
  int32_t newPlace(Handle handle);
  void moveHostCommands();
  const Settings& settings_;
  Tape tape_;
  std::unordered_map<Handle, int32_t> places_;
};

}  // namespace rlpd
