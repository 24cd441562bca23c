// What one JavaScript environment (the main thread, or a worker) has of the engine, and how its functions are called.
#pragma once

#include <c10/core/InferenceMode.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "frameMemories.h"
#include "handles.h"
#include "nodeApi.h"
#include "replayThread.h"
#include "tape.h"

namespace rlpd {

struct Engine {
  static constexpr size_t commandLength = 1 << 16;

  explicit Engine(napi_env env) : replays(env, settings, memories, [this, env] { forgetDroppedMemories(env); }) {}

  Settings settings;
  std::vector<CallTime> callTimes;

  Handles handles;
  // Shared with JavaScript: a command before `dispatch`, its outputs after it.
  double command[commandLength];
  // Of the call in progress; kept for their memory.
  std::vector<const Tensor*> inputs;
  std::vector<Handle> inputHandles, outputHandles;

  FrameMemories memories;
  // Keep the blocks' memory alive.
  std::unordered_map<int64_t, std::vector<napi_ref>> memoryReferences;
  std::vector<int64_t> droppedMemories;

  std::unique_ptr<Recorder> recorder;
  std::unordered_map<int64_t, std::unique_ptr<Tape>> tapes;
  int64_t nextTape = 1;

  // Last: destroyed first, so that a replay in progress ends while all it uses is there.
  ReplayThread replays;

  void requireIdle() const {
    if (replays.busy())
      throw std::runtime_error("a recorded program is running; await it before touching the engine");
  }

  void forgetDroppedMemories(napi_env env) {
    for (const int64_t id : droppedMemories) {
      memories.erase(id);
      for (napi_ref reference : memoryReferences[id]) napi_delete_reference(env, reference);
      memoryReferences.erase(id);
    }
    droppedMemories.clear();
  }
};

inline Engine& engineOf(napi_env env) {
  void* data = nullptr;
  check(napi_get_instance_data(env, &data), "get_instance_data");
  return *static_cast<Engine*>(data);
}

// Wraps a function so that C++ errors arrive in JavaScript as errors.
template <napi_value (*function)(Engine&, napi_env, const Arguments&)>
napi_value guarded(napi_env env, napi_callback_info info) {
  const auto fail = [env](const char* message) { napi_throw_error(env, nullptr, message); };
  try {
    size_t count = 6;
    napi_value values[6];
    check(napi_get_cb_info(env, info, &count, values, nullptr, nullptr), "get_cb_info");
    c10::InferenceMode inference;
    Engine& engine = engineOf(env);
    useStream(engine.settings);
    return function(engine, env, Arguments(values, values + std::min<size_t>(count, 6)));
  } catch (const c10::Error& error) {
    fail(error.what_without_backtrace());
  } catch (const std::exception& error) {
    fail(error.what());
  } catch (...) {
    fail("an unknown native failure");
  }
  return nullptr;
}

template <napi_value (*function)(Engine&, napi_env, const Arguments&)>
void expose(napi_env env, napi_value exports, const char* name) {
  napi_value value;
  check(napi_create_function(env, name, NAPI_AUTO_LENGTH, guarded<function>, nullptr, &value), name);
  check(napi_set_named_property(env, exports, name, value), name);
}

// The functions that record and replay (programs.cpp).
void exposePrograms(napi_env env, napi_value exports);

}  // namespace rlpd
