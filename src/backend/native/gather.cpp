// A batch of shifted frame stacks from the replay's uint8 memory, scaled to [0, 1], in parallel over its rows.
#include <algorithm>
#include <cstring>

#include "frameMemories.h"
#include "fused.h"
#include "parallel.h"
#include "rows.h"

using rlpd::Tensor;

namespace {

struct Geometry {
  int64_t height, width, channels, pad, stack;
};

// Row b of the output: pixel (y, x) of every frame comes from the clamped, shifted place; frames are interleaved
// along the channels, oldest first. Bytes are interleaved line by line, then scaled in one sweep.
template <typename T>
void gatherRow(const std::vector<const uint8_t*>& frames, const int64_t* columns, int64_t shiftY, const Geometry& g,
               uint8_t* bytes, float* floats, T* out) {
  const int64_t depth = g.channels * g.stack;
  const int64_t lineSize = g.width * depth;
  for (int64_t y = 0; y < g.height; y++) {
    const int64_t fromY = std::clamp<int64_t>(y + shiftY - g.pad, 0, g.height - 1);
    for (int64_t k = 0; k < g.stack; k++) {
      const uint8_t* line = frames[static_cast<size_t>(k)] + fromY * g.width * g.channels;
      uint8_t* target = bytes + k * g.channels;
      if (g.channels == 3) {
        for (int64_t x = 0; x < g.width; x++, target += depth) std::memcpy(target, line + columns[x], 3);
      } else {
        for (int64_t x = 0; x < g.width; x++, target += depth)
          std::memcpy(target, line + columns[x], static_cast<size_t>(g.channels));
      }
    }
    float* scaled = rlpd::writable(out + y * lineSize, floats);
#pragma omp simd
    for (int64_t i = 0; i < lineSize; i++) scaled[i] = static_cast<float>(bytes[i]) / 255.0f;
    rlpd::settle(scaled, out + y * lineSize, lineSize);
  }
}

template <typename T>
void gather(rlpd::Call& call, const Tensor& frames, const Tensor& shifts, const std::vector<int64_t>& memories,
            const std::vector<int64_t>& counts, const Geometry& g, Tensor& out) {
  std::vector<const rlpd::FrameBlocks*> cycle;
  for (size_t m = 0; m < memories.size(); m++)
    for (int64_t i = 0; i < counts[m]; i++) cycle.push_back(&call.memories.at(memories[m]));
  if (cycle.empty()) throw std::invalid_argument("the rows' counts are all zero");
  for (const auto* memory : cycle)
    if (memory->frameBytes != g.height * g.width * g.channels)
      throw std::invalid_argument("a frame memory holds frames of " + std::to_string(memory->frameBytes) +
                                  " bytes, not of " + std::to_string(g.height * g.width * g.channels));
  const int32_t* numbers = frames.data_ptr<int32_t>();
  const int32_t* offsets = shifts.data_ptr<int32_t>();
  const int64_t rowSize = g.height * g.width * g.channels * g.stack;
  T* data = out.data_ptr<T>();
  rlpd::forEachRange(call.settings.threads, frames.size(0), 4, [&](int64_t begin, int64_t end) {
    std::vector<const uint8_t*> stack(static_cast<size_t>(g.stack));
    std::vector<int64_t> columns(static_cast<size_t>(g.width));
    std::vector<uint8_t> bytes(static_cast<size_t>(g.width * g.channels * g.stack));
    std::vector<float> floats(bytes.size());
    for (int64_t row = begin; row < end; row++) {
      const auto* memory = cycle[static_cast<size_t>(row) % cycle.size()];
      for (int64_t k = 0; k < g.stack; k++)
        stack[static_cast<size_t>(k)] = memory->frame(numbers[row * g.stack + k]);
      const int64_t shiftY = offsets[2 * row];
      const int64_t shiftX = offsets[2 * row + 1];
      if (shiftY < 0 || shiftY > 2 * g.pad || shiftX < 0 || shiftX > 2 * g.pad)
        throw std::out_of_range("row " + std::to_string(row) + " has a shift outside [0, 2·pad]");
      for (int64_t x = 0; x < g.width; x++)
        columns[static_cast<size_t>(x)] = std::clamp<int64_t>(x + shiftX - g.pad, 0, g.width - 1) * g.channels;
      gatherRow<T>(stack, columns.data(), shiftY, g, bytes.data(), floats.data(), data + row * rowSize);
    }
  });
}

}  // namespace

// Inputs frames [B,K], shifts [B,2]; attributes memory numbers, counts, height, width, channels, pad.
RLPD_KERNEL(RlpdGatherFrames) {
  const Tensor frames = call.held(0).contiguous();
  const Tensor shifts = call.held(1).contiguous();
  const auto memories = call.integers();
  const auto counts = call.integers();
  if (memories.size() != counts.size())
    throw std::invalid_argument("every frame memory needs the number of rows it gives");
  Geometry g{call.integer(), call.integer(), call.integer(), call.integer(), frames.size(1)};
  const at::ScalarType type = rlpd::computeType(call.settings);
  rlpd::requireShape(shifts, {frames.size(0), 2}, "shifts");
  Tensor out = at::empty({frames.size(0), g.height, g.width, g.channels * g.stack}, type);
  if (type == at::kFloat)
    gather<float>(call, frames, shifts, memories, counts, g, out);
  else
    gather<at::BFloat16>(call, frames, shifts, memories, counts, g, out);
  call.output(out);
}
