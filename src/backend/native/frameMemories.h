// The replay's uint8 frame blocks, known here by number: where each frame's bytes lie in shared memory.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace rlpd {

struct FrameBlocks {
  int64_t frameBytes = 0;
  int64_t framesPerBlock = 0;
  std::vector<const uint8_t*> starts;
  std::vector<int64_t> frames;
  // All frames [capacity, frameBytes] on the device, where they are kept there; copied there as they are written.
  at::Tensor resident;

  const uint8_t* frame(int64_t number) const {
    const auto block = static_cast<size_t>(number / framesPerBlock);
    const int64_t place = number % framesPerBlock;
    if (number < 0 || block >= starts.size() || place >= frames[block])
      throw std::out_of_range("frame " + std::to_string(number) + " was never written");
    return starts[block] + place * frameBytes;
  }
};

class FrameMemories {
 public:
  FrameBlocks& operator[](int64_t id) { return memories_[id]; }
  const FrameBlocks& at(int64_t id) const {
    const auto found = memories_.find(id);
    if (found == memories_.end()) throw std::out_of_range("frame memory " + std::to_string(id) + " is not known");
    return found->second;
  }
  void erase(int64_t id) { memories_.erase(id); }

 private:
  std::unordered_map<int64_t, FrameBlocks> memories_;
};

}  // namespace rlpd
