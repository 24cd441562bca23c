// The Node-API surface. Eager calls go through one entry: JavaScript writes a command into a shared Float64Array
// (kernel, counts, input handles, attributes), `dispatch` replaces it by its outputs (handle, type, shape of each).
// Recorded programs are replayed on a thread of the engine's own.
#include <node_api.h>

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "allocator.h"
#include "frameMemories.h"
#include "tape.h"

namespace rlpd {
namespace {

constexpr size_t commandLength = 1 << 16;

void check(napi_status status, const char* what) {
  if (status != napi_ok) throw std::runtime_error(std::string("Node-API call failed: ") + what);
}

// Every tensor JavaScript knows, by handle. A slot's generation is part of the handle, so that no number comes twice.
class Handles {
 public:
  Handle add(Tensor tensor) {
    size_t slot;
    if (free_.empty()) {
      slot = slots_.size();
      if (slot >= slotLimit) throw std::runtime_error("more than a million tensors are alive");
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slots_[slot].tensor = std::move(tensor);
    slots_[slot].used = true;
    count_++;
    return static_cast<Handle>(slots_[slot].generation * slotLimit + slot);
  }
  const Tensor& get(Handle handle) const {
    if (!alive(handle)) throw std::invalid_argument("a tensor was used after it had been disposed");
    return slots_[static_cast<size_t>(handle) % slotLimit].tensor;
  }
  bool alive(Handle handle) const {
    const size_t slot = static_cast<size_t>(handle) % slotLimit;
    return handle >= 0 && slot < slots_.size() && slots_[slot].used &&
           slots_[slot].generation == static_cast<size_t>(handle) / slotLimit;
  }
  void remove(Handle handle) {
    get(handle);
    Slot& slot = slots_[static_cast<size_t>(handle) % slotLimit];
    slot.tensor.reset();
    slot.used = false;
    slot.generation++;
    free_.push_back(static_cast<size_t>(handle) % slotLimit);
    count_--;
  }
  size_t count() const { return count_; }
  // Bytes of the memory behind all handles; views of the same memory count once.
  size_t bytes() const {
    std::unordered_set<const void*> seen;
    size_t sum = 0;
    for (const Slot& slot : slots_) {
      if (!slot.used || !slot.tensor.has_storage()) continue;
      const auto& storage = slot.tensor.storage();
      if (seen.insert(storage.unsafeGetStorageImpl()).second) sum += storage.nbytes();
    }
    return sum;
  }

 private:
  static constexpr size_t slotLimit = 1 << 20;
  struct Slot {
    Tensor tensor;
    size_t generation = 0;
    bool used = false;
  };
  std::vector<Slot> slots_;
  std::vector<size_t> free_;
  size_t count_ = 0;
};

struct Replay {
  Tape* tape;
  napi_deferred deferred;
  Tensor result;
  std::string error;
};

struct Engine {
  napi_env env = nullptr;
  Settings settings;
  Handles handles;
  FrameMemories memories;
  std::unordered_map<int64_t, std::vector<napi_ref>> memoryReferences;
  double command[commandLength];
  std::vector<const Tensor*> inputs;
  std::vector<Handle> inputHandles, outputHandles;
  std::vector<CallTime> callTimes;

  std::unique_ptr<Recorder> recorder;
  std::unordered_map<int64_t, std::unique_ptr<Tape>> tapes;
  int64_t nextTape = 1;

  // The replaying thread: one job at a time, handed over under the mutex.
  std::thread thread;
  std::mutex mutex;
  std::condition_variable wake;
  Replay* job = nullptr;
  bool stopping = false;
  bool replaying = false;
  napi_threadsafe_function finished = nullptr;

  ~Engine() {
    {
      std::lock_guard<std::mutex> lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    if (thread.joinable()) thread.join();
  }

  void requireIdle() const {
    if (replaying)
      throw std::runtime_error("a recorded program is running; await it before touching the engine");
  }

  void replayLoop() {
    c10::InferenceMode inference;
    // OpenMP counts threads for each thread that opens parallel regions. Once: ATen makes a pool anew at every call.
    at::set_num_threads(settings.threads);
    for (;;) {
      Replay* replay;
      {
        std::unique_lock<std::mutex> lock(mutex);
        wake.wait(lock, [this] { return job != nullptr || stopping; });
        if (stopping) return;
        replay = job;
        job = nullptr;
      }
      try {
        replay->result = replay->tape->run(settings, memories);
      } catch (const c10::Error& error) {
        replay->error = error.what_without_backtrace();
      } catch (const std::exception& error) {
        replay->error = error.what();
      } catch (...) {
        replay->error = "an unknown native failure";
      }
      napi_call_threadsafe_function(finished, replay, napi_tsfn_nonblocking);
    }
  }
};

using Arguments = std::vector<napi_value>;

Engine& engineOf(napi_env env) {
  void* data = nullptr;
  check(napi_get_instance_data(env, &data), "get_instance_data");
  return *static_cast<Engine*>(data);
}

double toNumber(napi_env env, napi_value value) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) throw std::invalid_argument("a number was expected");
  return number;
}

napi_value fromNumber(napi_env env, double number) {
  napi_value value;
  check(napi_create_double(env, number, &value), "create_double");
  return value;
}

napi_value undefined(napi_env env) {
  napi_value value;
  check(napi_get_undefined(env, &value), "get_undefined");
  return value;
}

struct Bytes {
  uint8_t* data;
  size_t size;
};

// The memory of a typed array, on a plain or a shared buffer alike.
Bytes bytesOf(napi_env env, napi_value array) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok)
    throw std::invalid_argument("a typed array was expected");
  const size_t width = type == napi_float64_array || type == napi_bigint64_array || type == napi_biguint64_array ? 8
                       : type == napi_float32_array || type == napi_int32_array || type == napi_uint32_array      ? 4
                       : type == napi_int16_array || type == napi_uint16_array                                    ? 2
                                                                                                                   : 1;
  return {static_cast<uint8_t*>(data), length * width};
}

std::vector<int64_t> integersOf(napi_env env, napi_value array) {
  uint32_t length = 0;
  if (napi_get_array_length(env, array, &length) != napi_ok) throw std::invalid_argument("an array was expected");
  std::vector<int64_t> list(length);
  for (uint32_t i = 0; i < length; i++) {
    napi_value item;
    check(napi_get_element(env, array, i, &item), "get_element");
    list[i] = static_cast<int64_t>(toNumber(env, item));
  }
  return list;
}

void throwError(napi_env env, const std::string& message) { napi_throw_error(env, nullptr, message.c_str()); }

// Wraps a function so that C++ errors arrive in JavaScript as errors.
template <napi_value (*function)(Engine&, napi_env, const Arguments&)>
napi_value guarded(napi_env env, napi_callback_info info) {
  try {
    size_t count = 6;
    napi_value values[6];
    check(napi_get_cb_info(env, info, &count, values, nullptr, nullptr), "get_cb_info");
    c10::InferenceMode inference;
    return function(engineOf(env), env, Arguments(values, values + std::min<size_t>(count, 6)));
  } catch (const c10::Error& error) {
    throwError(env, error.what_without_backtrace());
  } catch (const std::exception& error) {
    throwError(env, error.what());
  } catch (...) {
    throwError(env, "an unknown native failure");
  }
  return nullptr;
}

// dispatch() → the number of outputs. Command: [kernel, inputCount, attributeCount, inputs.., attributes..];
// answer: for each output [handle, type, rank, shape..].
napi_value dispatch(Engine& engine, napi_env env, const Arguments&) {
  engine.requireIdle();
  double* command = engine.command;
  const auto index = static_cast<size_t>(command[0]);
  const auto inputCount = static_cast<size_t>(command[1]);
  const auto attributeCount = static_cast<size_t>(command[2]);
  if (index >= kernels().size()) throw std::invalid_argument("unknown kernel number");
  if (3 + inputCount + attributeCount > commandLength) throw std::invalid_argument("the command is too long");
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
  for (const Tensor& output : call.outputs) dtypeCode(output.scalar_type());
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
      (held.scalar_type() == at::kBFloat16 ? held.to(at::kFloat) : held).contiguous();
  if (tensor.nbytes() != target.size) throw std::invalid_argument("the target of a read has the wrong size");
  std::memcpy(target.data, tensor.data_ptr(), target.size);
  return undefined(env);
}

// release(handle)
napi_value release(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.handles.remove(static_cast<Handle>(toNumber(env, arguments.at(0))));
  return undefined(env);
}

// configure(threads, bfloat16)
napi_value configure(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.requireIdle();
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

// takeProfile() → [kernel, start, duration, kernel, start, …] in microseconds, and forgets them.
napi_value takeProfile(Engine& engine, napi_env env, const Arguments&) {
  engine.requireIdle();
  const size_t count = engine.callTimes.size();
  void* data = nullptr;
  napi_value buffer, array;
  check(napi_create_arraybuffer(env, count * 3 * sizeof(double), &data, &buffer), "create_arraybuffer");
  auto* numbers = static_cast<double*>(data);
  for (const CallTime& time : engine.callTimes) {
    *numbers++ = static_cast<double>(time.kernel - kernels().data());
    *numbers++ = time.start;
    *numbers++ = time.duration;
  }
  engine.callTimes.clear();
  check(napi_create_typedarray(env, napi_float64_array, count * 3, buffer, 0, &array), "create_typedarray");
  return array;
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

// removeFrameMemory(memory)
napi_value removeFrameMemory(Engine& engine, napi_env env, const Arguments& arguments) {
  const auto id = static_cast<int64_t>(toNumber(env, arguments.at(0)));
  engine.memories.erase(id);
  for (napi_ref reference : engine.memoryReferences[id]) napi_delete_reference(env, reference);
  engine.memoryReferences.erase(id);
  return undefined(env);
}

// beginRecording(inputHandles)
napi_value beginRecording(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.requireIdle();
  if (engine.recorder) throw std::runtime_error("a program is already being recorded");
  auto recorder = std::make_unique<Recorder>();
  for (const Handle handle : integersOf(env, arguments.at(0))) recorder->addInput(handle, engine.handles.get(handle));
  engine.recorder = std::move(recorder);
  return undefined(env);
}

// endRecording(resultHandle) → tape; a negative handle abandons the recording.
napi_value endRecording(Engine& engine, napi_env env, const Arguments& arguments) {
  if (!engine.recorder) throw std::runtime_error("no program is being recorded");
  const std::unique_ptr<Recorder> recorder = std::move(engine.recorder);
  const auto result = static_cast<Handle>(toNumber(env, arguments.at(0)));
  if (result < 0) return fromNumber(env, -1);
  const int64_t id = engine.nextTape++;
  engine.tapes[id] = std::make_unique<Tape>(recorder->finish(result));
  return fromNumber(env, static_cast<double>(id));
}

Tape& tapeOf(Engine& engine, napi_env env, napi_value id) {
  const auto found = engine.tapes.find(static_cast<int64_t>(toNumber(env, id)));
  if (found == engine.tapes.end()) throw std::invalid_argument("the recorded program was disposed");
  return *found->second;
}

// isCurrent(tape) → whether all the variables it was recorded with are still there.
napi_value isCurrent(Engine& engine, napi_env env, const Arguments& arguments) {
  bool current = true;
  for (const Handle handle : tapeOf(engine, env, arguments.at(0)).outsiders())
    current = current && engine.handles.alive(handle);
  napi_value value;
  check(napi_get_boolean(env, current, &value), "get_boolean");
  return value;
}

// replay(tape, inputs) → Promise<Float32Array>
napi_value replay(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.requireIdle();
  Tape& tape = tapeOf(engine, env, arguments.at(0));
  for (size_t i = 0; i < tape.inputCount(); i++) {
    napi_value array;
    check(napi_get_element(env, arguments.at(1), static_cast<uint32_t>(i), &array), "get_element");
    const Bytes bytes = bytesOf(env, array);
    Tensor& target = tape.input(i);
    if (bytes.size != target.nbytes()) throw std::invalid_argument("input " + std::to_string(i) + " has the wrong size");
    std::memcpy(target.data_ptr(), bytes.data, bytes.size);
  }
  auto job = std::make_unique<Replay>();
  job->tape = &tape;
  napi_value promise;
  check(napi_create_promise(env, &job->deferred, &promise), "create_promise");
  check(napi_ref_threadsafe_function(env, engine.finished), "ref_threadsafe_function");
  engine.replaying = true;
  if (!engine.thread.joinable()) engine.thread = std::thread([&engine] { engine.replayLoop(); });
  {
    std::lock_guard<std::mutex> lock(engine.mutex);
    engine.job = job.release();
  }
  engine.wake.notify_one();
  return promise;
}

// releaseTape(tape)
napi_value releaseTape(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.requireIdle();
  engine.tapes.erase(static_cast<int64_t>(toNumber(env, arguments.at(0))));
  return undefined(env);
}

// Back on the main thread: settles the promise of a finished replay.
void settle(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<Replay> replay(static_cast<Replay*>(data));
  if (env == nullptr) return;
  Engine& engine = engineOf(env);
  engine.replaying = false;
  napi_unref_threadsafe_function(env, engine.finished);
  if (!replay->error.empty()) {
    napi_value message, error;
    napi_create_string_utf8(env, replay->error.c_str(), NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, nullptr, message, &error);
    napi_reject_deferred(env, replay->deferred, error);
    return;
  }
  const auto count = static_cast<size_t>(replay->result.numel());
  void* bytes = nullptr;
  napi_value buffer, array;
  napi_create_arraybuffer(env, count * sizeof(float), &bytes, &buffer);
  std::memcpy(bytes, replay->result.data_ptr<float>(), count * sizeof(float));
  napi_create_typedarray(env, napi_float32_array, count, buffer, 0, &array);
  napi_resolve_deferred(env, replay->deferred, array);
}

void expose(napi_env env, napi_value exports, const char* name, napi_callback function) {
  napi_value value;
  check(napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value), name);
  check(napi_set_named_property(env, exports, name, value), name);
}

napi_value initialise(napi_env env, napi_value exports) {
#ifdef __GLIBC__
  // What is not a tensor (oneDNN's scratch memory, sums of threads) must not go back to the system after each use
  // either; 32 MB is the most that glibc takes.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
  installAllocator();
  auto* engine = new Engine;
  engine->env = env;
  napi_set_instance_data(
      env, engine, [](napi_env, void* data, void*) { delete static_cast<Engine*>(data); }, nullptr);
  napi_value name;
  napi_create_string_utf8(env, "rlpd replay", NAPI_AUTO_LENGTH, &name);
  check(napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, settle,
                                        &engine->finished),
        "create_threadsafe_function");
  check(napi_unref_threadsafe_function(env, engine->finished), "unref_threadsafe_function");

  expose(env, exports, "dispatch", guarded<dispatch>);
  expose(env, exports, "upload", guarded<upload>);
  expose(env, exports, "download", guarded<download>);
  expose(env, exports, "release", guarded<release>);
  expose(env, exports, "configure", guarded<configure>);
  expose(env, exports, "memory", guarded<memory>);
  expose(env, exports, "profile", guarded<profile>);
  expose(env, exports, "takeProfile", guarded<takeProfile>);
  expose(env, exports, "addFrameBlock", guarded<addFrameBlock>);
  expose(env, exports, "removeFrameMemory", guarded<removeFrameMemory>);
  expose(env, exports, "beginRecording", guarded<beginRecording>);
  expose(env, exports, "endRecording", guarded<endRecording>);
  expose(env, exports, "isCurrent", guarded<isCurrent>);
  expose(env, exports, "replay", guarded<replay>);
  expose(env, exports, "releaseTape", guarded<releaseTape>);

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
  check(napi_create_typedarray(env, napi_float64_array, commandLength, buffer, 0, &command), "create_typedarray");
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
