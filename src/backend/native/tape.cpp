#include "tape.h"

#include <iterator>
#include <utility>

namespace rlpd {

Tensor Tape::run(const Settings& settings, FrameMemories& memories) {
  std::vector<const Tensor*> inputs;
  std::vector<int32_t> filled;
  try {
    for (const TapeCommand& command : commands_) {
      inputs.clear();
      for (const int32_t place : command.inputs) inputs.push_back(&values_[static_cast<size_t>(place)]);
      Call call(inputs.data(), inputs.size(), command.attributes.data(), command.attributes.size(), settings, memories);
      rlpd::run(*command.kernel, call);
      for (size_t i = 0; i < command.outputs.size(); i++)
        values_[static_cast<size_t>(command.outputs[i])] = std::move(call.outputs[i]);
      for (const int32_t place : command.lastUses) values_[static_cast<size_t>(place)].reset();
    }
    Tensor result = values_[static_cast<size_t>(result_)].to(at::kFloat).contiguous();
    // A result that aliases an input or a variable must not change under the reader.
    return result.clone();
  } catch (...) {
    for (const TapeCommand& command : commands_)
      for (const int32_t place : command.outputs) values_[static_cast<size_t>(place)].reset();
    throw;
  }
}

int32_t Recorder::newPlace(Handle handle) {
  const auto place = static_cast<int32_t>(tape_.values_.size());
  tape_.values_.emplace_back();
  places_[handle] = place;
  return place;
}

int32_t Recorder::place(Handle handle, const Tensor& tensor) {
  const auto known = places_.find(handle);
  if (known != places_.end()) return known->second;
  const int32_t place = newPlace(handle);
  tape_.values_[static_cast<size_t>(place)] = tensor;
  tape_.outsiders_.push_back(handle);
  return place;
}

void Recorder::addInput(Handle handle, const Tensor& tensor) {
  const int32_t place = newPlace(handle);
  tape_.values_[static_cast<size_t>(place)] = tensor.clone();
  tape_.inputs_.push_back(place);
}

void Recorder::addConstant(Handle handle, const Tensor& tensor) {
  tape_.values_[static_cast<size_t>(newPlace(handle))] = tensor;
}

void Recorder::addCommand(const Kernel& kernel, const std::vector<Handle>& inputs,
                          const std::vector<const Tensor*>& tensors, const double* attributes, size_t attributeCount,
                          const std::vector<Handle>& outputs) {
  TapeCommand command{&kernel, {}, {attributes, attributes + attributeCount}, {}, {}};
  for (size_t i = 0; i < inputs.size(); i++) command.inputs.push_back(place(inputs[i], *tensors[i]));
  for (const Handle output : outputs) command.outputs.push_back(newPlace(output));
  tape_.commands_.push_back(std::move(command));
}

Tape Recorder::finish(Handle result) {
  const auto found = places_.find(result);
  if (found == places_.end()) throw std::invalid_argument("the program's result was not computed inside the program");
  tape_.result_ = found->second;

  // Backwards: a command is needed when it writes in place or when a later command needs one of its outputs; the
  // first use met is the last one in time.
  std::vector<bool> needed(tape_.values_.size(), false);
  std::vector<bool> released(tape_.values_.size(), false);
  std::vector<bool> madeHere(tape_.values_.size(), false);
  for (const TapeCommand& command : tape_.commands_)
    for (const int32_t place : command.outputs) madeHere[static_cast<size_t>(place)] = true;
  needed[static_cast<size_t>(tape_.result_)] = true;
  released[static_cast<size_t>(tape_.result_)] = true;
  std::vector<TapeCommand> kept;
  for (auto command = tape_.commands_.rbegin(); command != tape_.commands_.rend(); ++command) {
    bool wanted = command->kernel->inPlace;
    for (const int32_t place : command->outputs) wanted = wanted || needed[static_cast<size_t>(place)];
    if (!wanted) continue;
    auto releaseOnce = [&](int32_t place) {
      const auto p = static_cast<size_t>(place);
      if (!madeHere[p] || released[p]) return;
      released[p] = true;
      command->lastUses.push_back(place);
    };
    for (const int32_t place : command->outputs) releaseOnce(place);
    for (const int32_t place : command->inputs) {
      needed[static_cast<size_t>(place)] = true;
      releaseOnce(place);
    }
    kept.push_back(std::move(*command));
  }
  tape_.commands_.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  return std::move(tape_);
}

}  // namespace rlpd
