#include "replayThread.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <cstring>
#include <utility>

#include "nodeApi.h"

namespace rlpd {

struct ReplayThread::Job {
  Tape* tape;
  std::vector<Tensor> inputs;
  napi_deferred deferred;
  Tensor result;
  std::string error;
};

ReplayThread::ReplayThread(napi_env env, const Settings& settings, FrameMemories& memories, std::function<void()> idle)
    : settings_(settings), memories_(memories), idle_(std::move(idle)) {
  napi_value name;
  check(napi_create_string_utf8(env, "rlpd replay", NAPI_AUTO_LENGTH, &name), "create_string");
  check(napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, settle, &finished_),
        "create_threadsafe_function");
  // Only a replay keeps the process alive.
  check(napi_unref_threadsafe_function(env, finished_), "unref_threadsafe_function");
}

ReplayThread::~ReplayThread() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

napi_value ReplayThread::start(napi_env env, Tape& tape, std::vector<Tensor> inputs) {
  // First what may fail: from `pending_` on the promise has to be settled.
  if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
  auto job = std::make_unique<Job>();
  job->tape = &tape;
  job->inputs = std::move(inputs);
  napi_value promise;
  check(napi_create_promise(env, &job->deferred, &promise), "create_promise");
  check(napi_ref_threadsafe_function(env, finished_), "ref_threadsafe_function");
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  pending_++;
  wake_.notify_one();
  return promise;
}

void ReplayThread::loop() {
  c10::InferenceMode inference;
  int threads = 0;
  for (;;) {
    std::unique_ptr<Job> job;
    bool failed;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return !jobs_.empty() || stopping_; });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      failed = failed_;
    }
    // OpenMP counts threads for each thread that opens parallel regions; ATen makes a pool anew at every call.
    if (threads != settings_.threads) at::set_num_threads(threads = settings_.threads);
    if (failed)
      job->error = "not run, because a run before it failed";
    else
      perform(*job);
    if (!job->error.empty()) {
      const std::lock_guard<std::mutex> lock(mutex_);
      failed_ = true;
    }
    // Refused only while the environment is torn down: then nobody waits for the result.
    if (napi_call_threadsafe_function(finished_, job.get(), napi_tsfn_nonblocking) == napi_ok) job.release();
  }
}

void ReplayThread::perform(Job& job) {
  try {
    useStream(settings_);
    job.result = job.tape->run(settings_, memories_, job.inputs);
  } catch (const c10::Error& error) {
    job.error = error.what_without_backtrace();
  } catch (const std::exception& error) {
    job.error = error.what();
  } catch (...) {
    job.error = "an unknown native failure";
  }
}

// On JavaScript's thread; without an environment where it is being torn down, when this object may be gone.
void ReplayThread::settle(napi_env env, napi_value, void* context, void* data) {
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  if (env == nullptr) return;
  auto& replays = *static_cast<ReplayThread*>(context);
  if (--replays.pending_ == 0) {
    {
      const std::lock_guard<std::mutex> lock(replays.mutex_);
      replays.failed_ = false;
    }
    napi_unref_threadsafe_function(env, replays.finished_);
    replays.idle_();
  }
  if (job->error.empty()) {
    const size_t bytes = static_cast<size_t>(job->result.numel()) * sizeof(float);
    void* memory = nullptr;
    napi_value buffer, array;
    if (napi_create_arraybuffer(env, bytes, &memory, &buffer) == napi_ok) {
      std::memcpy(memory, job->result.data_ptr<float>(), bytes);
      if (napi_create_typedarray(env, napi_float32_array, bytes / sizeof(float), buffer, 0, &array) == napi_ok) {
        napi_resolve_deferred(env, job->deferred, array);
        return;
      }
    }
    job->error = "the result of a recorded program could not be handed to JavaScript";
  }
  napi_value message, error;
  napi_get_and_clear_last_exception(env, &error);
  napi_create_string_utf8(env, job->error.c_str(), NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, nullptr, message, &error);
  napi_reject_deferred(env, job->deferred, error);
}

}  // namespace rlpd
