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

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    Tile<R, V> tile;
    tile.clear();
    tile.add(rows + row, w.kernelHeight, w.width * w.channels, w.run(), filter, w.outputs, columns);
    tile.addBias(bias, columns);
    if (relu) tile.relu();
    T* first = y + row * w.outputs;
    tile.storeRows([&](auto r) RLPD_INLINE { return first + r * w.outputs; }, columns);
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
    ForwardBlock<T> block{w, rows, filter, bias, relu, y + first * w.outputs};
    cover<ScatteredRows>(count, w.outputs, block);
  });
}

// Places along one axis of the input that the same taps of the filter reach.
struct Reach {
  std::vector<int64_t> taps;
  std::vector<int64_t> places;
};

inline std::vector<Reach> reachesOf(int64_t size, int64_t kernel, int64_t stride, int64_t out) {
  std::vector<Reach> reaches;
  for (int64_t place = 0; place < size; place++) {
    std::vector<int64_t> taps;
    for (int64_t tap = place % stride; tap < kernel; tap += stride)
      if (place >= tap && (place - tap) / stride < out) taps.push_back(tap);
    const auto known =
        std::find_if(reaches.begin(), reaches.end(), [&](const Reach& reach) { return reach.taps == taps; });
    if (known == reaches.end())
      reaches.push_back({taps, {place}});
    else
      known->places.push_back(place);
  }
  return reaches;
}

// Input pixels that the same taps of the filter reach, none of them from outside the output: nothing is multiplied by
// zeros at the border.
struct ReachedPixels {
  struct Tap {
    int64_t number;
    // How far before the first tap's place in g it reads.
    int64_t before;
  };
  std::vector<Tap> taps;
  // Where each of the pixels lies in an image of dx, and where in an image of g the first tap reads for it.
  std::vector<int64_t> pixels, sources;
};

inline std::vector<ReachedPixels> reachedPixels(const Window& w) {
  std::vector<ReachedPixels> all;
  for (const Reach& down : reachesOf(w.height, w.kernelHeight, w.strideHeight, w.outHeight))
    for (const Reach& right : reachesOf(w.width, w.kernelWidth, w.strideWidth, w.outWidth)) {
      ReachedPixels reached;
      for (const int64_t ky : down.taps)
        for (const int64_t kx : right.taps) {
          const int64_t up = (ky - down.taps[0]) / w.strideHeight, left = (kx - right.taps[0]) / w.strideWidth;
          reached.taps.push_back({ky * w.kernelWidth + kx, (up * w.outWidth + left) * w.outputs});
        }
      for (const int64_t y : down.places)
        for (const int64_t x : right.places) {
          const bool isRead = !reached.taps.empty();
          const int64_t outY = isRead ? (y - down.taps[0]) / w.strideHeight : 0;
          const int64_t outX = isRead ? (x - right.taps[0]) / w.strideWidth : 0;
          reached.pixels.push_back((y * w.width + x) * w.channels);
          reached.sources.push_back((outY * w.outWidth + outX) * w.outputs);
        }
      all.push_back(std::move(reached));
    }
  return all;
}

template <typename T>
struct InputGradientBlock {
  const Window& w;
  const std::vector<ReachedPixels::Tap>& taps;
  // Where the first tap reads for each pixel, and where the pixel goes.
  const T* const* sources;
  T* const* pixels;
  // The [out, in] matrices of all taps.
  const T* matrices;

  template <int R, int V>
  void run(int64_t row, const Columns& columns) {
    const int64_t matrixSize = packedRows<T>(w.outputs) * w.channels;
    Tile<R, V> tile;
    tile.clear();
    for (const ReachedPixels::Tap& tap : taps) {
      const T* rows[R];
      each<R>([&](auto r) RLPD_INLINE { rows[r] = sources[row + r] - tap.before; });
      tile.add(rows, 1, 0, w.outputs, matrices + tap.number * matrixSize, w.channels, columns);
    }
    tile.storeRows([&](auto r) RLPD_INLINE { return pixels[row + r]; }, columns);
  }
};

// Pixels that are listed before they are computed: enough to fill tiles, however few of a kind an image has.
constexpr int64_t reachedBlock = 96;

// dx from g = dL/d(pre-activation), both of some images. `matrices` holds the [out, in] matrix of each tap (packed for
// bf16).
template <typename T>
void reachedGradient(const Window& w, const ReachedPixels& reached, int64_t images, const T* g, const T* matrices, T* dx) {
  const T* sources[reachedBlock];
  T* pixels[reachedBlock];
  int64_t listed = 0;
  const auto compute = [&] {
    InputGradientBlock<T> block{w, reached.taps, sources, pixels, matrices};
    cover<ScatteredRows>(listed, w.channels, block);
    listed = 0;
  };
  for (int64_t image = 0; image < images; image++)
    for (size_t p = 0; p < reached.pixels.size(); p++) {
      sources[listed] = g + image * w.outHeight * w.outWidth * w.outputs + reached.sources[p];
      pixels[listed] = dx + image * w.height * w.width * w.channels + reached.pixels[p];
      if (++listed == reachedBlock) compute();
    }
  compute();
}

// All of dx, in groups of images whose g stays in cache while kinds of pixels pass by.
template <typename T>
void inputGradient(const Window& w, const T* g, const T* matrices, T* dx, int threads) {
  const std::vector<ReachedPixels> all = reachedPixels(w);
  const int64_t outputs = w.outHeight * w.outWidth * w.outputs, inputs = w.height * w.width * w.channels;
  forEachRange(threads, w.batch, std::clamp<int64_t>((1 << 15) / outputs, 1, 16), [&](int64_t begin, int64_t end) {
    for (const ReachedPixels& reached : all)
      reachedGradient(w, reached, end - begin, g + begin * outputs, matrices, dx + begin * inputs);
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
    const int64_t* places = sources.data();
    tile.addOuter(images.x + row * perNumber<T>, [&](int64_t k) RLPD_INLINE { return places[k]; },
                  static_cast<int64_t>(sources.size()), images.g, w.outputs, columns);
    tile.store(sums + row * w.outputs, w.outputs, columns);
  }
};

#ifdef RLPD_AVX512_BF16

inline void laceImages(const at::BFloat16* images, int64_t count, int64_t size, std::vector<at::BFloat16>& laced) {
  const auto needed = static_cast<size_t>((count + 1) / 2 * 2 * size);
  if (laced.size() < needed) laced.resize(needed);
  for (int64_t b = 0; b < count; b += 2)
    lace(images + b * size, b + 1 < count ? images + (b + 1) * size : nullptr, size, laced.data() + b * size);
}

#endif

// Images that are laced and read together: about what the second cache keeps.
template <typename T>
int64_t chunkImages(const Window& w) {
  const int64_t size = w.height * w.width * w.channels + w.outHeight * w.outWidth * w.outputs;
  return std::clamp<int64_t>((1 << 18) / size, 2, 32) / 2 * 2;
}

// Sums of the images [first, last) for the kernel rows [fromRow, toRow); `sums` [kh, kw·in, out].
template <typename T>
void sumFilterGradient(const Window& w, const T* x, const T* g, int64_t first, int64_t last, int64_t fromRow,
                       int64_t toRow, float* sums) {
  const int64_t imageSize = w.height * w.width * w.channels, imagePixels = w.outHeight * w.outWidth;
  const int64_t gradientSize = imagePixels * w.outputs;
  // Kept by each thread: memory that is new at every call is page-faulted in at every call.
  thread_local std::vector<T> lacedX, lacedG;
  thread_local std::vector<int64_t> sources;
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
      const int64_t line = ky * w.width * w.channels * perNumber<T>;
      FilterGradientBlock<T> block{w, sources, {images.x + line, images.g}, sums + ky * w.run() * w.outputs,
                                   b == first};
      cover<NeighbourRows>(w.run(), w.outputs, block);
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
