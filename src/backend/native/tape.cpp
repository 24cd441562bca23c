#include "tape.h"

#include <iterator>
#include <utility>

namespace rlpd {

namespace {

// What a run gives back: in this processor's memory, and no alias of an input or a variable, which must not change
// under the reader.
Tensor readable(const Tensor& tensor) {
  const Tensor result = tensor.to(at::kFloat).contiguous();
  return result.is_cpu() ? result.clone() : result.cpu();
}

}  // namespace

std::vector<Tensor> Tape::makeInputs(const Settings& settings) const {
  std::vector<Tensor> inputs;
  for (const Input& input : inputs_) inputs.push_back(at::empty(input.shape, stagingOptions(settings, input.type)));
  return inputs;
}

Tensor Tape::run(const Settings& settings, FrameMemories& memories, const std::vector<Tensor>& inputs) {
  try {
    for (size_t i = 0; i < inputs_.size(); i++) inputs_[i].host = inputs[i];
    gatherHere(settings, memories);
    for (const Input& input : inputs_) {
      if (settings.portable)
        value(input.place).copy_(input.host, true);
      else
        value(input.place) = input.host;
    }
    // A profile takes the time of each command, which a graph does not tell.
    if (!settings.stream || !isGraph_ || settings.profile != nullptr) {
      // Its result would be taken from where the graph leaves its own.
      graph_.reset();
      runCommands(settings, memories);
      return readable(value(result_));
    }
    if (!graph_) graph_ = captureGraph([&] { runCommands(settings, memories); });
    graph_->launch();
    return readable(value(result_));
  } catch (...) {
    graph_.reset();
    for (const TapeCommand& command : commands_)
      for (const int32_t place : command.outputs) value(place).reset();
    throw;
  }
}

namespace {

// The outputs of a command whose inputs `find` gives by their places.
template <typename Find>
std::vector<Tensor> outputsOf(const TapeCommand& command, const Settings& settings, FrameMemories& memories,
                              std::vector<const Tensor*>& inputs, const Find& find) {
  inputs.clear();
  for (const int32_t place : command.inputs) inputs.push_back(&find(place));
  Call call(inputs.data(), inputs.size(), command.attributes.data(), command.attributes.size(), settings, memories);
  rlpd::run(*command.kernel, call);
  return std::move(call.outputs);
}

}  // namespace

void Tape::runCommands(const Settings& settings, FrameMemories& memories) {
  std::vector<const Tensor*> inputs;
  const auto find = [this](int32_t place) -> const Tensor& { return value(place); };
  for (const TapeCommand& command : commands_) {
    std::vector<Tensor> outputs = outputsOf(command, settings, memories, inputs, find);
    for (size_t i = 0; i < command.outputs.size(); i++) value(command.outputs[i]) = std::move(outputs[i]);
    for (const int32_t place : command.lastUses) value(place).reset();
  }
}

void Tape::gatherHere(const Settings& settings, FrameMemories& memories) {
  std::vector<const Tensor*> inputs;
  const auto find = [this](int32_t place) -> const Tensor& { return onHost(place); };
  for (const TapeCommand& command : hostCommands_) {
    std::vector<Tensor> outputs = outputsOf(command, settings, memories, inputs, find);
    for (size_t i = 0; i < command.outputs.size(); i++) {
      Tensor& kept = value(command.outputs[i]);
      if (kept.defined())
        kept.copy_(outputs[i], true);
      else
        kept = std::move(outputs[i]);
    }
  }
}

const Tensor& Tape::onHost(int32_t place) const {
  for (const Input& input : inputs_)
    if (input.place == place) return input.host;
  return values_[static_cast<size_t>(place)];
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
  tape_.inputs_.push_back({place, tensor.sizes().vec(), tensor.scalar_type(), Tensor()});
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
  if (settings_.portable) moveHostCommands();

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

// Takes the commands that read values here out of the others' order, to run before them: as far as what they read is
// there before the program starts, an input or a tensor that stays the same. Else they stay, and the others wait for
// what they read: such a recording is no graph.
void Recorder::moveHostCommands() {
  std::vector<bool> computed(tape_.values_.size(), false);
  std::vector<TapeCommand> others;
  for (TapeCommand& command : tape_.commands_) {
    bool isGiven = command.kernel->readsOnHost;
    for (const int32_t place : command.inputs) isGiven = isGiven && !computed[static_cast<size_t>(place)];
    if (!isGiven) {
      tape_.isGraph_ = tape_.isGraph_ && !command.kernel->readsOnHost;
      for (const int32_t place : command.outputs) computed[static_cast<size_t>(place)] = true;
      others.push_back(std::move(command));
      continue;
    }
    tape_.hostCommands_.push_back(std::move(command));
  }
  tape_.commands_ = std::move(others);
}

}  // namespace rlpd
