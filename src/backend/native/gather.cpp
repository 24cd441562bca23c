// A batch of shifted frame stacks from the replay's uint8 memory, scaled to [0, 1], in parallel over its rows. For
// another device the bytes are put together here and scaled there; where it keeps the frames, all is done there.
#include <ATen/TensorIndexing.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "device.h"
#include "frameMemories.h"
#include "fused.h"
#include "parallel.h"
#include "rows.h"

using rlpd::Tensor;

namespace {

struct Geometry {
  int64_t height, width, channels, pad, stack;
  int64_t frameBytes() const { return height * width * channels; }
};

// What the rows of a batch are made of.
struct Stacks {
  Geometry geometry;
  // [B, K] and [B, 2].
  const int32_t* numbers;
  const int32_t* shifts;
  // Row b comes from memory b mod its length.
  std::vector<const rlpd::FrameBlocks*> cycle;

  const rlpd::FrameBlocks& memory(int64_t row) const { return *cycle[static_cast<size_t>(row) % cycle.size()]; }
  const uint8_t* frame(int64_t row, int64_t k) const {
    return memory(row).frame(numbers[row * geometry.stack + k]);
  }
  // (down, right), each in [0, 2·pad].
  std::pair<int64_t, int64_t> shift(int64_t row) const {
    const int64_t y = shifts[2 * row], x = shifts[2 * row + 1];
    if (y < 0 || y > 2 * geometry.pad || x < 0 || x > 2 * geometry.pad)
      throw std::out_of_range("row " + std::to_string(row) + " has a shift outside [0, 2·pad]");
    return {y, x};
  }
};

void writeLine(const uint8_t* bytes, int64_t count, float*, uint8_t* out) {
  std::memcpy(out, bytes, static_cast<size_t>(count));
}

// Correctly rounded, as a division is: the tests hold it to that for every byte.
template <typename T>
void writeLine(const uint8_t* bytes, int64_t count, float* floats, T* out) {
  constexpr float reciprocal = 1.0f / 255.0f;
  float* scaled = rlpd::writable(out, floats);
#pragma omp simd
  for (int64_t i = 0; i < count; i++) {
    const float byte = static_cast<float>(bytes[i]), near = byte * reciprocal;
    scaled[i] = std::fma(std::fma(-255.0f, near, byte), reciprocal, near);
  }
  rlpd::settle(scaled, out, count);
}

// Pixels of `channels` bytes, from lines of `width` of them, one of each line in turn. Three bytes are copied as four,
// the last of which the next pixel overwrites: lines and target have room for one more.
template <int64_t fixedChannels>
void interleave(const uint8_t* lines, int64_t lineStride, const Geometry& g, uint8_t* target) {
  constexpr int64_t copied = fixedChannels == 3 ? 4 : fixedChannels;
  const int64_t channels = fixedChannels > 0 ? fixedChannels : g.channels;
  for (int64_t x = 0; x < g.width; x++)
    for (int64_t k = 0; k < g.stack; k++, target += channels)
      std::memcpy(target, lines + k * lineStride + x * channels, static_cast<size_t>(copied > 0 ? copied : channels));
}

// A line of pixels moved aside by [−pad, pad], those at the edges repeated.
void shiftLine(const uint8_t* line, int64_t by, const Geometry& g, uint8_t* to) {
  const auto channels = static_cast<size_t>(g.channels);
  const int64_t left = std::clamp<int64_t>(-by, 0, g.width), right = std::clamp<int64_t>(by, 0, g.width);
  for (int64_t x = 0; x < left; x++) std::memcpy(to + x * g.channels, line, channels);
  std::memcpy(to + left * g.channels, line + right * g.channels,
              static_cast<size_t>((g.width - left - right) * g.channels));
  for (int64_t x = g.width - right; x < g.width; x++)
    std::memcpy(to + x * g.channels, line + (g.width - 1) * g.channels, channels);
}

// Memory in which a thread puts a line together.
struct LineScratch {
  explicit LineScratch(const Geometry& g)
      : stride(g.width * g.channels + 1), shifted(static_cast<size_t>(stride * g.stack)),
        bytes(static_cast<size_t>(g.width * g.channels * g.stack + 1)), floats(bytes.size()) {}
  int64_t stride;
  std::vector<uint8_t> shifted, bytes;
  std::vector<float> floats;
};

// A row of the output: pixel (y, x) of every frame comes from the clamped, shifted place; frames are interleaved
// along the channels, oldest first. Bytes are interleaved line by line, then scaled, or kept, in one sweep.
template <typename T>
void gatherRow(const uint8_t* const* frames, int64_t shiftY, int64_t shiftX, const Geometry& g, LineScratch& scratch,
               T* out) {
  const int64_t lineSize = g.width * g.channels * g.stack;
  for (int64_t y = 0; y < g.height; y++) {
    const int64_t fromY = std::clamp<int64_t>(y + shiftY - g.pad, 0, g.height - 1);
    for (int64_t k = 0; k < g.stack; k++)
      shiftLine(frames[k] + fromY * g.width * g.channels, shiftX - g.pad, g, scratch.shifted.data() + k * scratch.stride);
    switch (g.channels) {
      case 1: interleave<1>(scratch.shifted.data(), scratch.stride, g, scratch.bytes.data()); break;
      case 3: interleave<3>(scratch.shifted.data(), scratch.stride, g, scratch.bytes.data()); break;
      default: interleave<0>(scratch.shifted.data(), scratch.stride, g, scratch.bytes.data());
    }
    writeLine(scratch.bytes.data(), lineSize, scratch.floats.data(), out + y * lineSize);
  }
}

// `rows` of the batch, one after the other, [rows, H, W, C·K].
template <typename T>
void gather(const Stacks& stacks, const std::vector<int64_t>& rows, T* out, int threads) {
  const Geometry& g = stacks.geometry;
  const int64_t rowSize = g.frameBytes() * g.stack;
  rlpd::forEachRange(threads, static_cast<int64_t>(rows.size()), 4, [&](int64_t begin, int64_t end) {
    std::vector<const uint8_t*> frames(static_cast<size_t>(g.stack));
    LineScratch scratch(g);
    for (int64_t i = begin; i < end; i++) {
      const int64_t row = rows[static_cast<size_t>(i)];
      for (int64_t k = 0; k < g.stack; k++) frames[static_cast<size_t>(k)] = stacks.frame(row, k);
      const auto [shiftY, shiftX] = stacks.shift(row);
      gatherRow<T>(frames.data(), shiftY, shiftX, g, scratch, out + i * rowSize);
    }
  });
}

// `rows` of a memory whose frames the device keeps: bytes [rows, H, W, C·K] there.
Tensor gatherResident(const Stacks& stacks, const rlpd::FrameBlocks& memory, const std::vector<int64_t>& rows,
                      const rlpd::Settings& settings) {
  const Geometry& g = stacks.geometry;
  const auto count = static_cast<int64_t>(rows.size());
  // For each row its frame numbers, then its shift: one copy to the device.
  Tensor places = at::empty({count, g.stack + 2}, stagingOptions(settings, at::kLong));
  int64_t* place = places.data_ptr<int64_t>();
  for (const int64_t row : rows) {
    for (int64_t k = 0; k < g.stack; k++) {
      stacks.frame(row, k);  // Throws where there is no such frame.
      *place++ = stacks.numbers[row * g.stack + k];
    }
    const auto [y, x] = stacks.shift(row);
    *place++ = y;
    *place++ = x;
  }
  places = places.to(settings.device, true);
  const auto along = [&](int64_t axis, int64_t size) {
    const Tensor line = at::arange(size, places.options()).unsqueeze(0);
    return at::clamp(line + places.narrow(1, g.stack + axis, 1) - g.pad, 0, size - 1);
  };
  const Tensor frames = places.narrow(1, 0, g.stack).view({count, g.stack, 1, 1});
  const Tensor lines = along(0, g.height).view({count, 1, g.height, 1});
  const Tensor columns = along(1, g.width).view({count, 1, 1, g.width});
  const Tensor store = memory.resident.view({-1, g.height, g.width, g.channels});
  return store.index({frames, lines, columns}).permute({0, 2, 3, 1, 4}).reshape(
      {count, g.height, g.width, g.stack * g.channels});
}

// Bytes [B, H, W, C·K] on the device.
Tensor gatherForDevice(const Stacks& stacks, int64_t batch, const rlpd::Settings& settings) {
  const Geometry& g = stacks.geometry;
  std::vector<const rlpd::FrameBlocks*> memories = stacks.cycle;
  std::sort(memories.begin(), memories.end());
  memories.erase(std::unique(memories.begin(), memories.end()), memories.end());
  Tensor all = at::empty({batch, g.height, g.width, g.channels * g.stack},
                         at::TensorOptions(settings.device).dtype(at::kByte));
  for (const rlpd::FrameBlocks* memory : memories) {
    std::vector<int64_t> rows;
    for (int64_t row = 0; row < batch; row++)
      if (&stacks.memory(row) == memory) rows.push_back(row);
    Tensor part;
    if (memory->resident.defined()) {
      part = gatherResident(stacks, *memory, rows, settings);
    } else {
      const auto count = static_cast<int64_t>(rows.size());
      part = at::empty({count, g.height, g.width, g.channels * g.stack}, stagingOptions(settings, at::kByte));
      gather<uint8_t>(stacks, rows, part.data_ptr<uint8_t>(), settings.threads);
      part = part.to(settings.device, true);
    }
    if (memories.size() == 1) return part;
    all.index_copy_(0, at::tensor(rows, at::kLong).to(settings.device), part);
  }
  return all;
}

}  // namespace

// Inputs frames [B,K], shifts [B,2]; attributes memory numbers, counts, height, width, channels, pad.
RLPD_KERNEL_READING_ON_HOST(RlpdGatherFrames) {
  const Tensor frames = call.held(0).cpu().contiguous();
  const Tensor shifts = call.held(1).cpu().contiguous();
  const auto memories = call.integers();
  const auto counts = call.integers();
  if (memories.size() != counts.size())
    throw std::invalid_argument("every frame memory needs the number of rows it gives");
  const int64_t batch = frames.size(0);
  const int64_t height = call.integer(), width = call.integer(), channels = call.integer(), pad = call.integer();
  Stacks stacks{{height, width, channels, pad, frames.size(1)}, frames.data_ptr<int32_t>(), shifts.data_ptr<int32_t>(), {}};
  rlpd::requireShape(shifts, {batch, 2}, "shifts");
  for (size_t m = 0; m < memories.size(); m++)
    for (int64_t i = 0; i < counts[m]; i++) stacks.cycle.push_back(&call.memories.at(memories[m]));
  if (stacks.cycle.empty()) throw std::invalid_argument("the rows' counts are all zero");
  for (const auto* memory : stacks.cycle)
    if (memory->frameBytes != stacks.geometry.frameBytes())
      throw std::invalid_argument("a frame memory holds frames of " + std::to_string(memory->frameBytes) +
                                  " bytes, not of " + std::to_string(stacks.geometry.frameBytes()));
  const at::ScalarType type = rlpd::computeType(call.settings);
  if (call.settings.portable)
    return call.output(gatherForDevice(stacks, batch, call.settings).to(at::kFloat).div_(255).to(type));
  Tensor out = at::empty({batch, height, width, channels * stacks.geometry.stack}, type);
  std::vector<int64_t> rows(static_cast<size_t>(batch));
  for (int64_t row = 0; row < batch; row++) rows[static_cast<size_t>(row)] = row;
  if (type == at::kFloat)
    gather<float>(stacks, rows, out.data_ptr<float>(), call.settings.threads);
  else
    gather<at::BFloat16>(stacks, rows, out.data_ptr<at::BFloat16>(), call.settings.threads);
  call.output(out);
}
