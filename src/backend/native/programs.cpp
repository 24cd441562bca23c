// The part of the Node-API surface that records programs and replays them.
#include <cstring>

#include "instance.h"

namespace rlpd {
namespace {

// beginRecording(inputHandles)
napi_value beginRecording(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.requireIdle();
  if (engine.recorder) throw std::runtime_error("a program is already being recorded");
  auto recorder = std::make_unique<Recorder>(engine.settings);
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

// replay(tape, inputs) → Promise<Float32Array>; behind those that are running or waiting.
napi_value replay(Engine& engine, napi_env env, const Arguments& arguments) {
  Tape& tape = tapeOf(engine, env, arguments.at(0));
  std::vector<Tensor> inputs = tape.makeInputs(engine.settings);
  for (size_t i = 0; i < inputs.size(); i++) {
    napi_value array;
    check(napi_get_element(env, arguments.at(1), static_cast<uint32_t>(i), &array), "get_element");
    const Bytes bytes = bytesOf(env, array);
    if (bytes.size != inputs[i].nbytes())
      throw std::invalid_argument("input " + std::to_string(i) + " has the wrong size");
    std::memcpy(inputs[i].data_ptr(), bytes.data, bytes.size);
  }
  return engine.replays.start(env, tape, std::move(inputs));
}

// releaseTape(tape)
napi_value releaseTape(Engine& engine, napi_env env, const Arguments& arguments) {
  engine.requireIdle();
  engine.tapes.erase(static_cast<int64_t>(toNumber(env, arguments.at(0))));
  return undefined(env);
}

}  // namespace

void exposePrograms(napi_env env, napi_value exports) {
  expose<beginRecording>(env, exports, "beginRecording");
  expose<endRecording>(env, exports, "endRecording");
  expose<isCurrent>(env, exports, "isCurrent");
  expose<replay>(env, exports, "replay");
  expose<releaseTape>(env, exports, "releaseTape");
}

}  // namespace rlpd
