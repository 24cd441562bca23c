#include "engine.h"

#include "device.h"

#include <algorithm>
#include <chrono>
#include <new>

namespace rlpd {

std::vector<Kernel>& kernels() {
  static std::vector<Kernel> list;
  return list;
}

std::string Call::factors() const {
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(2, inputCount_); i++) {
    if (i > 0) text += " · ";
    for (int64_t axis = 0; axis < inputs_[i]->dim(); axis++)
      text += (axis > 0 ? "×" : "") + std::to_string(inputs_[i]->size(axis));
  }
  return text;
}

void run(const Kernel& kernel, Call& call) {
  using Clock = std::chrono::steady_clock;
  const bool timed = call.settings.profile != nullptr;
  const Clock::time_point start = timed ? Clock::now() : Clock::time_point();
  try {
    kernel.run(call);
  } catch (const std::bad_alloc&) {
    throw std::runtime_error(kernel.name + ": out of memory");
  } catch (const c10::Error& error) {
    throw std::runtime_error(kernel.name + ": " + error.what_without_backtrace());
  } catch (const std::exception& error) {
    throw std::runtime_error(kernel.name + ": " + error.what());
  }
  if (timed) {
    // What a device was asked to do takes its time there, not here.
    synchronise(call.settings);
    const auto microseconds = [](auto span) { return std::chrono::duration<double, std::micro>(span).count(); };
    call.settings.profile->push_back({&kernel, microseconds(start.time_since_epoch()), microseconds(Clock::now() - start),
                                      call.flops, call.bytes(), call.flops > 0 ? call.factors() : std::string()});
  }
}

}  // namespace rlpd
