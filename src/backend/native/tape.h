// A recorded program: kernel calls as data over numbered places, replayed without JavaScript.
// Places are filled by outsiders (variables and constants, held by the tape), by the program's inputs, or by an
// earlier command; a command's outputs are let go right after their last use.
#pragma once

#include <unordered_map>
#include <vector>

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
  // Runs all commands and returns the result; the inputs must have been written with `input`.
  Tensor run(const Settings& settings, FrameMemories& memories);
  // The tensor that input i is copied into before a run.
  Tensor& input(size_t i) { return values_[static_cast<size_t>(inputs_[i])]; }
  size_t inputCount() const { return inputs_.size(); }
  // Handles from outside the recording; when one of them is gone, the tape is out of date.
  const std::vector<Handle>& outsiders() const { return outsiders_; }

 private:
  friend class Recorder;
  std::vector<Tensor> values_;
  std::vector<TapeCommand> commands_;
  std::vector<int32_t> inputs_;
  std::vector<Handle> outsiders_;
  int32_t result_ = -1;
};

// Listens to the eager calls of a program's first run.
class Recorder {
 public:
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
  Tape tape_;
  std::unordered_map<Handle, int32_t> places_;
};

}  // namespace rlpd
