// Convolutions (NHWC, VALID padding, filters [kh, kw, in, out]) and their gradients as products of tiles, with the
// bias and the ReLU applied while the sums are in registers. No window is copied: in NHWC memory a row of a window is
// one run of kw·in numbers.
#pragma once

#include "pairs.h"
#include "parallel.h"
#include "tiles.h"

#ifdef RLPD_AVX512

#include <vector>

namespace rlpd {

struct Window {
  int64_t batch, height, width, channels;
  int64_t kernelHeight, kernelWidth, outputs;
  int64_t strideHeight, strideWidth;
  int64_t outHeight, outWidth;

  int64_t run() const { return kernelWidth * channels; }
  int64_t pixels() const { return batch * outHeight * outWidth; }
  // Where the output pixels from `first` on (counted over the batch) read from. By steps: divisions for every pixel
  // would take as long as its products.
  void sources(int64_t first, int64_t count, int64_t* to) const {
    int64_t x = first % outWidth, y = first / outWidth % outHeight, b = first / (outWidth * outHeight);
    for (int64_t p = 0; p < count; p++) {
      to[p] = ((b * height + y * strideHeight) * width + x * strideWidth) * channels;
      if (++x < outWidth) continue;
      x = 0;
      if (++y < outHeight) continue;
      y = 0;
      b++;
    }
  }
};

namespace tiles {

template <typename T>
struct ForwardBlock {
  const Window& w;
  const T* const* rows;
  const T* filter;
  const float* bias;
  bool relu;
  T* y;
  T* out[8];

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    Tile<R, V> tile;
    tile.clear();
    tile.add(rows + row, w.kernelHeight, w.width * w.channels, w.run(), filter, w.outputs, columns);
    tile.addBias(bias, columns);
    if (relu) tile.relu();
    for (int r = 0; r < R; r++) out[r] = y + (row + r) * w.outputs;
    tile.store(out, columns);
  }
};

constexpr int64_t blockPixels = 96;

// `filter` holds, for each kernel row, kw·in rows of `out` columns (packed in pairs for bf16).
template <typename T>
void convolve(const Window& w, const T* x, const T* filter, const float* bias, bool relu, T* y, int threads) {
  const int64_t pixels = w.pixels();
  forEachItem(threads, (pixels + blockPixels - 1) / blockPixels, [&](int64_t item) {
    const int64_t first = item * blockPixels;
    const int64_t count = std::min(blockPixels, pixels - first);
    int64_t sources[blockPixels];
    w.sources(first, count, sources);
    const T* rows[blockPixels];
    for (int64_t p = 0; p < count; p++) rows[p] = x + sources[p];
    ForwardBlock<T> block{w, rows, filter, bias, relu, y + first * w.outputs, {}};
    cover(count, w.outputs, block);
  });
}

// Input pixels that are reached by the same taps of the filter: those of one phase of the strides.
struct Phase {
  struct Tap {
    int64_t number;
    // For each of the pixels, the place of its row in an image's g; -1 outside the image.
    std::vector<int64_t> sources;
  };
  std::vector<Tap> taps;
  // Places of the pixels in an image of dx.
  std::vector<int64_t> pixels;
};

inline std::vector<Phase> phasesOf(const Window& w) {
  std::vector<Phase> phases;
  for (int64_t phaseY = 0; phaseY < w.strideHeight; phaseY++)
    for (int64_t phaseX = 0; phaseX < w.strideWidth; phaseX++) {
      Phase phase;
      for (int64_t y = phaseY; y < w.height; y += w.strideHeight)
        for (int64_t x = phaseX; x < w.width; x += w.strideWidth) phase.pixels.push_back((y * w.width + x) * w.channels);
      for (int64_t ky = phaseY; ky < w.kernelHeight; ky += w.strideHeight)
        for (int64_t kx = phaseX; kx < w.kernelWidth; kx += w.strideWidth) {
          Phase::Tap tap{ky * w.kernelWidth + kx, {}};
          for (int64_t y = phaseY; y < w.height; y += w.strideHeight)
            for (int64_t x = phaseX; x < w.width; x += w.strideWidth) {
              const int64_t outY = (y - ky) / w.strideHeight, outX = (x - kx) / w.strideWidth;
              const bool inside = y >= ky && x >= kx && outY < w.outHeight && outX < w.outWidth;
              tap.sources.push_back(inside ? (outY * w.outWidth + outX) * w.outputs : -1);
            }
          phase.taps.push_back(std::move(tap));
        }
      phases.push_back(std::move(phase));
    }
  return phases;
}

template <typename T>
struct InputGradientBlock {
  const Window& w;
  const Phase& phase;
  const T* g;
  const T* zeros;
  // The [out, in] matrices of all taps.
  const T* matrices;
  T* dx;

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    const int64_t matrixSize = packedRows<T>(w.outputs) * w.channels;
    Tile<R, V> tile;
    tile.clear();
    for (const Phase::Tap& tap : phase.taps) {
      const T* rows[R];
      for (int r = 0; r < R; r++) {
        const int64_t source = tap.sources[static_cast<size_t>(row + r)];
        rows[r] = source < 0 ? zeros : g + source;
      }
      tile.add(rows, 1, 0, w.outputs, matrices + tap.number * matrixSize, w.channels, columns);
    }
    T* targets[R];
    for (int r = 0; r < R; r++) targets[r] = dx + phase.pixels[static_cast<size_t>(row + r)];
    tile.store(targets, columns);
  }
};

// dx from g = dL/d(pre-activation). `matrices` holds the [out, in] matrix of each tap (packed for bf16).
template <typename T>
void inputGradient(const Window& w, const T* g, const T* matrices, T* dx, int threads) {
  const std::vector<T> zeros(static_cast<size_t>(w.outputs), T(0.0f));
  const std::vector<Phase> phases = phasesOf(w);
  const auto count = static_cast<int64_t>(phases.size());
  forEachItem(threads, w.batch * count, [&](int64_t item) {
    const int64_t b = item / count;
    const Phase& phase = phases[static_cast<size_t>(item % count)];
    InputGradientBlock<T> block{w,
                                phase,
                                g + b * w.outHeight * w.outWidth * w.outputs,
                                zeros.data(),
                                matrices,
                                dx + b * w.height * w.width * w.channels};
    cover(static_cast<int64_t>(phase.pixels.size()), w.channels, block);
  });
}

// Images as the filter's gradient reads them: as they are in float32; in bf16 two and two laced into one, so that a
// product of pairs adds up two images.
template <typename T>
struct LacedImages {
  const T* x;
  const T* g;
};

template <typename T>
struct FilterGradientBlock {
  const Window& w;
  // Where each output pixel of the images in hand reads from, in numbers of an image.
  const std::vector<int64_t>& sources;
  LacedImages<T> images;
  // [kw·in, out], set by the first images and added to by the others.
  float* sums;
  bool first;

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    Tile<R, V> tile;
    if (first)
      tile.clear();
    else
      tile.load(sums + row * w.outputs, w.outputs, columns);
    tile.addOuterAt(images.x, row, sources.data(), static_cast<int64_t>(sources.size()), images.g, w.outputs, columns);
    tile.store(sums + row * w.outputs, w.outputs, columns);
  }
};

#ifdef RLPD_AVX512_BF16

inline void laceImages(const at::BFloat16* images, int64_t count, int64_t size, std::vector<at::BFloat16>& laced) {
  laced.resize(static_cast<size_t>((count + 1) / 2 * 2 * size));
  for (int64_t b = 0; b < count; b += 2)
    lace(images + b * size, b + 1 < count ? images + (b + 1) * size : nullptr, size, laced.data() + b * size);
}

#endif

// Images that are laced and read together: what the second cache keeps beside the sums.
template <typename T>
int64_t chunkImages(const Window& w) {
  const int64_t size = w.height * w.width * w.channels + w.outHeight * w.outWidth * w.outputs;
  return std::clamp<int64_t>((1 << 16) / size, 2, 32) / 2 * 2;
}

// Sums of the images [first, last) for the kernel rows [fromRow, toRow); `sums` [kh, kw·in, out].
template <typename T>
void sumFilterGradient(const Window& w, const T* x, const T* g, int64_t first, int64_t last, int64_t fromRow,
                       int64_t toRow, float* sums) {
  const int64_t imageSize = w.height * w.width * w.channels, imagePixels = w.outHeight * w.outWidth;
  const int64_t gradientSize = imagePixels * w.outputs;
  std::vector<T> lacedX, lacedG;
  std::vector<int64_t> sources;
  for (int64_t b = first; b < last; b += chunkImages<T>(w)) {
    const int64_t count = std::min(chunkImages<T>(w), last - b);
    LacedImages<T> images{x + b * imageSize, g + b * gradientSize};
    int64_t read = count;
#ifdef RLPD_AVX512_BF16
    if constexpr (!std::is_same_v<T, float>) {
      laceImages(images.x, count, imageSize, lacedX);
      laceImages(images.g, count, gradientSize, lacedG);
      images = {lacedX.data(), lacedG.data()};
      read = (count + 1) / 2;
    }
#endif
    sources.resize(static_cast<size_t>(read * imagePixels));
    w.sources(0, read * imagePixels, sources.data());
    for (int64_t ky = fromRow; ky < toRow; ky++) {
      // A number of a laced image is a pair.
      const int64_t line = ky * w.width * w.channels * (std::is_same_v<T, float> ? 1 : 2);
      FilterGradientBlock<T> block{w, sources, {images.x + line, images.g}, sums + ky * w.run() * w.outputs,
                                   b == first};
      cover(w.run(), w.outputs, block);
    }
  }
}

// dFilter [kh, kw, in, out]. Images are dealt out in fixed groups, each with its own sum, and the groups' sums are
// added in order: the result does not depend on the threads.
template <typename T>
void filterGradient(const Window& w, const T* x, const T* g, float* dFilter, int threads) {
  const int64_t size = w.kernelHeight * w.run() * w.outputs;
  // A few megabytes of sums at most; where that leaves few groups their kernel rows are items of their own.
  const int64_t most = std::clamp<int64_t>((1 << 19) / size, 2, 16);
  const int64_t groupImages = std::max<int64_t>(2, ((w.batch + most - 1) / most + 1) / 2 * 2);
  const int64_t groups = (w.batch + groupImages - 1) / groupImages;
  const int64_t slices = most < 16 ? w.kernelHeight : 1, rows = w.kernelHeight / slices;
  const at::Tensor memory = at::empty({groups * size}, at::kFloat);
  float* sums = memory.data_ptr<float>();
  forEachItem(threads, groups * slices, [&](int64_t item) {
    const int64_t group = item / slices, slice = item % slices;
    sumFilterGradient(w, x, g, group * groupImages, std::min(w.batch, (group + 1) * groupImages), slice * rows,
                      (slice + 1) * rows, sums + group * size);
  });
  const int64_t slice = 8192;
  forEachItem(threads, (size + slice - 1) / slice, [&](int64_t item) {
    const int64_t end = std::min(size, (item + 1) * slice);
    for (int64_t i = item * slice; i < end; i++) dFilter[i] = sums[i];
    for (int64_t group = 1; group < groups; group++) {
      const float* from = sums + group * size;
#pragma omp simd
      for (int64_t i = item * slice; i < end; i++) dFilter[i] += from[i];
    }
  });
}

}  // namespace tiles
}  // namespace rlpd

#endif
