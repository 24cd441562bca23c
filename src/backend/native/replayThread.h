// Replays recorded programs on a thread of its own, one after the other, and settles a promise when one is done.
// The next may be handed over while one is in progress, and then follows it without a word to JavaScript's thread.
#pragma once

#include <node_api.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "tape.h"

namespace rlpd {

class ReplayThread {
 public:
  // `idle` is called on JavaScript's thread whenever no replay is left to be done.
  ReplayThread(napi_env env, const Settings& settings, FrameMemories& memories, std::function<void()> idle);
  // Waits for the replay in progress; its promise, and those of replays behind it, are never settled.
  ~ReplayThread();
  ReplayThread(const ReplayThread&) = delete;
  ReplayThread& operator=(const ReplayThread&) = delete;

  bool busy() const { return pending_ > 0; }
  // Returns a promise of the result as a Float32Array; the tape has to stay until it is settled. A replay that fails
  // takes all with it that were handed over before JavaScript's thread was told of every one of them.
  napi_value start(napi_env env, Tape& tape, std::vector<Tensor> inputs);

 private:
  struct Job;
  void loop();
  void perform(Job& job);
  static void settle(napi_env env, napi_value, void* context, void* data);

  const Settings& settings_;
  FrameMemories& memories_;
  const std::function<void()> idle_;
  napi_threadsafe_function finished_ = nullptr;
  // Replays from `start` to `settle`; of JavaScript's thread alone.
  int pending_ = 0;

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // The rest is handed over under the mutex.
  std::deque<std::unique_ptr<Job>> jobs_;
  // From a failure until no replay is pending.
  bool failed_ = false;
  bool stopping_ = false;
};

}  // namespace rlpd
