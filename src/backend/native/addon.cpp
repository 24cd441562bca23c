// The Node-API surface. Eager calls go through one entry: JavaScript writes a command into a shared Float64Array
// (kernel, counts, input handles, attributes), `dispatch` replaces it by its outputs (handle, type, shape of each).
#include <ATen/Parallel.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <array>
#include <cstring>
#include <memory>

#include "allocator.h"
#include "device.h"
#include "instance.h"
#include "peak.h"

namespace rlpd {
namespace {

// dispatch() → the number of outputs. Command: [kernel, inputCount, attributeCount, inputs.., attributes..];
// answer: for each output [handle, type, rank, shape..].
napi_value dispatch(Engine& engine, napi_env env, const Arguments&) {
  engine.requireIdle();
  double* command = engine.command;
  const auto index = static_cast<size_t>(command[0]);
  const auto inputCount = static_cast<size_t>(command[1]);
  const auto attributeCount = static_cast<size_t>(command[2]);
  if (index >= kernels().size()) throw std::invalid_argument("unknown kernel number");
  if (3 + inputCount + attributeCount > Engine::commandLength) throw std::invalid_argument("the command is too long");
  const Kernel& kernel = kernels()[index];
  engine.inputHandles.clear();
  engine.inputs.clear();
  for (size_t i = 0; i < inputCount; i++) {
    const auto handle = static_cast<Handle>(command[3 + i]);
    if (!engine.handles.alive(handle)) throw std::runtime_error(kernel.name + ": its input " + std::to_string(i) + " was disposed");
    engine.inputHandles.push_back(handle);
    engine.inputs.push_back(&engine.handles.get(handle));
  }
  Call call(engine.inputs.data(), inputCount, command + 3 + inputCount, attributeCount, engine.settings,
            engine.memories);
  run(kernel, call);
  engine.outputHandles.clear();
  // The handles may move the table that `inputs` points into, so the recorder gets its tensors first.
  std::vector<Tensor> recordedInputs;
  if (engine.recorder)
    for (const Tensor* input : engine.inputs) recordedInputs.push_back(*input);
  size_t answerLength = 0;
  for (const Tensor& output : call.outputs) {
    dtypeCode(output.scalar_type());
    answerLength += 3 + static_cast<size_t>(output.dim());
  }
  if (answerLength > Engine::commandLength)
    throw std::runtime_error(kernel.name + ": it has " + std::to_string(call.outputs.size()) +
                             " outputs, more than one command can give");
  for (const Tensor& output : call.outputs) engine.outputHandles.push_back(engine.handles.add(output));
  if (engine.recorder) {
    std::vector<const Tensor*> tensors;
    for (const Tensor& tensor : recordedInputs) tensors.push_back(&tensor);
    engine.recorder->addCommand(kernel, engine.inputHandles, tensors, command + 3 + inputCount, attributeCount,
                                engine.outputHandles);
  }
  double* answer = command;
  for (size_t i = 0; i < call.outputs.size(); i++) {
    *answer++ = static_cast<double>(engine.outputHandles[i]);
    *answer++ = dtypeCode(call.outputs[i].scalar_type());
    *answer++ = static_cast<double>(call.outputs[i].dim());
    for (const int64_t size : call.outputs[i].sizes()) *answer++ = static_cast<double>(size);
  }
  return fromNumber(env, static_cast<double>(call.outputs.size()));
}

// upload(values, type, shape) → handle
napi_value upload(Engine& engine, napi_env env, const Arguments& arguments) {
  const Bytes bytes = bytesOf(env, arguments.at(0));
  const at::ScalarType type = dtypeOf(static_cast<int64_t>(toNumber(env, arguments.at(1))));
  Tensor tensor = at::empty(integersOf(env, arguments.at(2)), type);
  if (tensor.nbytes() != bytes.size)
    throw std::invalid_argument("a tensor of " + std::to_string(tensor.nbytes()) + " bytes was given " +
                                std::to_string(bytes.size) + " bytes of values");
  std::memcpy(tensor.data_ptr(), bytes.data, bytes.size);
  tensor = tensor.to(engine.settings.device);
  const Handle handle = engine.handles.add(tensor);
  if (engine.recorder) engine.recorder->addConstant(handle, tensor);
  return fromNumber(env, static_cast<double>(handle));
}

// download(handle, target)
napi_value download(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.requireIdle();
  if (engine.recorder) throw std::runtime_error("a program may not read a tensor while it is being recorded");
  const Tensor& held = engine.handles.get(static_cast<Handle>(toNumber(env, arguments.at(0))));
  const Bytes target = bytesOf(env, arguments.at(1));
  const Tensor tensor =
      (held.scalar_type() == at::kBFloat16 ? held.to(at::kFloat) : held).cpu().contiguous();
  if (tensor.nbytes() != target.size) throw std::invalid_argument("the target of a read has the wrong size");
  std::memcpy(target.data, tensor.data_ptr(), target.size);
  return undefined(env);
}

// release(handle)
napi_value release(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.handles.remove(static_cast<Handle>(toNumber(env, arguments.at(0))));
  return undefined(env);
}

// configure(threads, bfloat16, device): 0 this processor, 1 the GPU, 2 this processor by the code that GPUs take.
napi_value configure(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.requireIdle();
  const int64_t device = static_cast<int64_t>(toNumber(env, arguments.at(2)));
  if (device < 0 || device > 2) throw std::invalid_argument("unknown device code " + std::to_string(device));
  if (device == 1) chooseAccelerator(engine.settings);
  if (device == 2) engine.settings.portable = true;
  engine.settings.threads = std::max(1, static_cast<int>(toNumber(env, arguments.at(0))));
  engine.settings.bfloat16 = toNumber(env, arguments.at(1)) != 0;
  at::set_num_threads(engine.settings.threads);
  return undefined(env);
}

// memory() → [handles, bytes]
napi_value memory(Engine& engine, napi_env env, const Arguments&) {
  napi_value result;
  check(napi_create_array_with_length(env, 2, &result), "create_array");
  check(napi_set_element(env, result, 0, fromNumber(env, static_cast<double>(engine.handles.count()))), "set_element");
  check(napi_set_element(env, result, 1, fromNumber(env, static_cast<double>(engine.handles.bytes()))), "set_element");
  return result;
}

// profile(on): starts or stops taking the time of every kernel call.
napi_value profile(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.requireIdle();
  engine.settings.profile = toNumber(env, arguments.at(0)) != 0 ? &engine.callTimes : nullptr;
  return undefined(env);
}

// takeProfile() → [numbers, factors], and forgets them: kernel, start, duration, flops and bytes of every call in turn,
// times in microseconds; and a text for every call.
napi_value takeProfile(Engine& engine, napi_env env, const Arguments&) {
  engine.requireIdle();
  const size_t count = engine.callTimes.size();
  void* data = nullptr;
  napi_value buffer, array, factors, result;
  check(napi_create_arraybuffer(env, count * 5 * sizeof(double), &data, &buffer), "create_arraybuffer");
  check(napi_create_array_with_length(env, count, &factors), "create_array");
  auto* numbers = static_cast<double*>(data);
  for (size_t i = 0; i < count; i++) {
    const CallTime& time = engine.callTimes[i];
    *numbers++ = static_cast<double>(time.kernel - kernels().data());
    *numbers++ = time.start;
    *numbers++ = time.duration;
    *numbers++ = time.flops;
    *numbers++ = time.bytes;
    napi_value text;
    check(napi_create_string_utf8(env, time.factors.data(), time.factors.size(), &text), "create_string");
    check(napi_set_element(env, factors, static_cast<uint32_t>(i), text), "set_element");
  }
  engine.callTimes.clear();
  check(napi_create_typedarray(env, napi_float64_array, count * 5, buffer, 0, &array), "create_typedarray");
  check(napi_create_array_with_length(env, 2, &result), "create_array");
  check(napi_set_element(env, result, 0, array), "set_element");
  check(napi_set_element(env, result, 1, factors), "set_element");
  return result;
}

// measurePeak() → [f32 FLOP/s, bf16 FLOP/s, bytes/s] as peak.h says.
napi_value peak(Engine& engine, napi_env env, const Arguments&) {
  engine.requireIdle();
  const std::array<double, 3> rates = rlpd::measurePeak(engine.settings);
  napi_value result;
  check(napi_create_array_with_length(env, rates.size(), &result), "create_array");
  for (uint32_t i = 0; i < rates.size(); i++) check(napi_set_element(env, result, i, fromNumber(env, rates[i])), "set_element");
  return result;
}

// addFrameBlock(memory, frameBytes, framesPerBlock, block)
napi_value addFrameBlock(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.requireIdle();
  const auto id = static_cast<int64_t>(toNumber(env, arguments.at(0)));
  FrameBlocks& blocks = engine.memories[id];
  blocks.frameBytes = static_cast<int64_t>(toNumber(env, arguments.at(1)));
  blocks.framesPerBlock = static_cast<int64_t>(toNumber(env, arguments.at(2)));
  const Bytes bytes = bytesOf(env, arguments.at(3));
  napi_ref reference;
  check(napi_create_reference(env, arguments.at(3), 1, &reference), "create_reference");
  engine.memoryReferences[id].push_back(reference);
  blocks.starts.push_back(bytes.data);
  blocks.frames.push_back(static_cast<int64_t>(bytes.size) / blocks.frameBytes);
  return undefined(env);
}

// keepFramesOnDevice(memory, capacity, frameBytes): room for so many frames of so many bytes there; before the memory's
// first gather.
napi_value keepFramesOnDevice(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.requireIdle();
  FrameBlocks& blocks = engine.memories[static_cast<int64_t>(toNumber(env, arguments.at(0)))];
  const auto capacity = static_cast<int64_t>(toNumber(env, arguments.at(1)));
  const auto frameBytes = static_cast<int64_t>(toNumber(env, arguments.at(2)));
  blocks.resident =
      at::empty({capacity, frameBytes}, at::TensorOptions(engine.settings.device).dtype(at::kByte));
  return undefined(env);
}

// copyFrames(memory, from, to): frames [from, to) were written here and are to be the same on the device.
napi_value copyFrames(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.requireIdle();
  FrameBlocks& blocks = engine.memories[static_cast<int64_t>(toNumber(env, arguments.at(0)))];
  const auto to = static_cast<int64_t>(toNumber(env, arguments.at(2)));
  for (auto from = static_cast<int64_t>(toNumber(env, arguments.at(1))); from < to;) {
    // As far as the frames lie one after the other.
    const int64_t end = std::min(to, (from / blocks.framesPerBlock + 1) * blocks.framesPerBlock);
    auto* bytes = const_cast<uint8_t*>(blocks.frame(from));
    blocks.resident.narrow(0, from, end - from)
        .copy_(at::from_blob(bytes, {end - from, blocks.frameBytes}, at::kByte));
    from = end;
  }
  return undefined(env);
}

// accelerator() → {available, description, bfloat16, memoryBytes}
napi_value describeAccelerator(Engine&, napi_env env, const Arguments&) {
  const Accelerator found = accelerator();
  napi_value result, available, description, bfloat16;
  check(napi_create_object(env, &result), "create_object");
  check(napi_get_boolean(env, found.available, &available), "get_boolean");
  check(napi_get_boolean(env, found.bfloat16, &bfloat16), "get_boolean");
  check(napi_create_string_utf8(env, found.description.c_str(), NAPI_AUTO_LENGTH, &description), "create_string");
  check(napi_set_named_property(env, result, "available", available), "set_named_property");
  check(napi_set_named_property(env, result, "description", description), "set_named_property");
  check(napi_set_named_property(env, result, "bfloat16", bfloat16), "set_named_property");
  check(napi_set_named_property(env, result, "memoryBytes", fromNumber(env, found.memoryBytes)), "set_named_property");
  return result;
}

// removeFrameMemory(memory): at once, or after the replay in progress, which may be reading the table of them.
napi_value removeFrameMemory(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.droppedMemories.push_back(static_cast<int64_t>(toNumber(env, arguments.at(0))));
  if (!engine.replays.busy()) engine.forgetDroppedMemories(env);
  return undefined(env);
}

napi_value initialise(napi_env env, napi_value exports) {
#ifdef __GLIBC__
  // What is not a tensor (oneDNN's scratch memory, sums of threads) must not go back to the system after each use
  // either; 32 MB is the most that glibc takes.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
  installAllocator();
  auto owned = std::make_unique<Engine>(env);
  check(napi_set_instance_data(
            env, owned.get(), [](napi_env, void* data, void*) { delete static_cast<Engine*>(data); }, nullptr),
        "set_instance_data");
  Engine* const engine = owned.release();

  expose<dispatch>(env, exports, "dispatch");
  expose<upload>(env, exports, "upload");
  expose<download>(env, exports, "download");
  expose<release>(env, exports, "release");
  expose<configure>(env, exports, "configure");
  expose<memory>(env, exports, "memory");
  expose<profile>(env, exports, "profile");
  expose<takeProfile>(env, exports, "takeProfile");
  expose<peak>(env, exports, "measurePeak");
  expose<addFrameBlock>(env, exports, "addFrameBlock");
  expose<keepFramesOnDevice>(env, exports, "keepFramesOnDevice");
  expose<copyFrames>(env, exports, "copyFrames");
  expose<describeAccelerator>(env, exports, "accelerator");
  expose<removeFrameMemory>(env, exports, "removeFrameMemory");
  exposePrograms(env, exports);

  napi_value names;
  check(napi_create_array_with_length(env, kernels().size(), &names), "create_array");
  for (size_t i = 0; i < kernels().size(); i++) {
    napi_value kernel;
    check(napi_create_string_utf8(env, kernels()[i].name.c_str(), NAPI_AUTO_LENGTH, &kernel), "create_string");
    check(napi_set_element(env, names, static_cast<uint32_t>(i), kernel), "set_element");
  }
  check(napi_set_named_property(env, exports, "kernels", names), "kernels");
  napi_value buffer, command;
  check(napi_create_external_arraybuffer(env, engine->command, sizeof(engine->command), nullptr, nullptr, &buffer),
        "create_external_arraybuffer");
  check(napi_create_typedarray(env, napi_float64_array, Engine::commandLength, buffer, 0, &command), "create_typedarray");
  check(napi_set_named_property(env, exports, "command", command), "command");
  return exports;
}

}  // namespace
}  // namespace rlpd

NAPI_MODULE_INIT() {
  try {
    return rlpd::initialise(env, exports);
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
}
