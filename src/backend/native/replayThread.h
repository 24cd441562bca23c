// Replays recorded programs on a thread of its own, one at a time, and settles a promise when one is done.
#pragma once

#include <node_api.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "tape.h"

namespace rlpd {

class ReplayThread {
 public:
  // `idle` is called on JavaScript's thread after every replay.
  ReplayThread(napi_env env, const Settings& settings, FrameMemories& memories, std::function<void()> idle);
  // Waits for the replay in progress; its promise is never settled.
  ~ReplayThread();
  ReplayThread(const ReplayThread&) = delete;
  ReplayThread& operator=(const ReplayThread&) = delete;

  bool busy() const { return busy_; }
  // Returns a promise of the result as a Float32Array; the tape has to stay until it is settled.
  napi_value start(napi_env env, Tape& tape);

 private:
  struct Job;
  void loop();
  void perform(Job& job);
  static void settle(napi_env env, napi_value, void* context, void* data);

  const Settings& settings_;
  FrameMemories& memories_;
  const std::function<void()> idle_;
  napi_threadsafe_function finished_ = nullptr;
  // From `start` to `settle`; of JavaScript's thread alone.
  bool busy_ = false;

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Handed over under the mutex.
  Job* job_ = nullptr;
  bool stopping_ = false;
};

}  // namespace rlpd
