#include "peak.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "device.h"
#include "parallel.h"
#include "tiles.h"

namespace rlpd {

namespace {

constexpr int runs = 5;

// Units done a second, at best; work(thread) is done by every thread once.
template <typename Work>
double bestRate(int threads, double unitsEach, const Work& work) {
  using Clock = std::chrono::steady_clock;
  double best = 0;
  for (int run = 0; run < runs; run++) {
    const auto start = Clock::now();
    forEachItem(threads, threads, work);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, unitsEach * threads / seconds);
  }
  return best;
}

double bandwidth(int threads) {
  // Several times the last level cache of most processors.
  constexpr int64_t words = int64_t{1} << 25;
  std::vector<uint64_t> memory(static_cast<size_t>(words * threads), 1);
  std::vector<uint64_t> sums(static_cast<size_t>(threads));
  return bestRate(threads, static_cast<double>(words * 8), [&](int64_t thread) {
    const uint64_t* from = memory.data() + thread * words;
    uint64_t sum = 0;
    for (int64_t i = 0; i < words; i++) sum += from[i];
    sums[static_cast<size_t>(thread)] = sum;
  });
}

#ifdef RLPD_AVX512

// As many independent sums as hide the latency of an instruction.
constexpr int accumulators = 12;
constexpr int64_t rounds = int64_t{1} << 22;

// One more instruction on a sum that stays in its register; the compiler may not work it out ahead.
template <typename Instruction>
inline void again(const Instruction& instruction, __m512& sum) {
  sum = instruction(sum);
  asm volatile("" : "+v"(sum));
}

// Sums of names rather than places: an array of them would lie in memory.
template <typename Instruction>
float repeat(const Instruction& instruction) {
  __m512 a = _mm512_setzero_ps(), b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a;
  for (int64_t round = 0; round < rounds; round++) {
    again(instruction, a), again(instruction, b), again(instruction, c), again(instruction, d);
    again(instruction, e), again(instruction, f), again(instruction, g), again(instruction, h);
    again(instruction, i), again(instruction, j), again(instruction, k), again(instruction, l);
  }
  const __m512 first = _mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d));
  const __m512 second = _mm512_add_ps(_mm512_add_ps(e, f), _mm512_add_ps(g, h));
  const __m512 third = _mm512_add_ps(_mm512_add_ps(i, j), _mm512_add_ps(k, l));
  return _mm512_reduce_add_ps(_mm512_add_ps(first, _mm512_add_ps(second, third)));
}

template <typename Instruction>
double productRate(int threads, double flopsOfInstruction, const Instruction& instruction) {
  std::vector<float> sums(static_cast<size_t>(threads));
  return bestRate(threads, flopsOfInstruction * accumulators * rounds,
                  [&](int64_t thread) { sums[static_cast<size_t>(thread)] = repeat(instruction); });
}

#endif

// Units done a second by work that the device is given, at best.
template <typename Work>
double bestRateOnDevice(const Settings& settings, double units, const Work& work) {
  using Clock = std::chrono::steady_clock;
  double best = 0;
  for (int run = 0; run < runs; run++) {
    synchronise(settings);
    const auto start = Clock::now();
    work();
    synchronise(settings);
    best = std::max(best, units / std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

std::array<double, 3> measureDevice(const Settings& settings) {
  constexpr int64_t side = 8192;
  const auto products = [&](at::ScalarType type) {
    const Tensor a = at::ones({side, side}, at::TensorOptions(settings.device).dtype(type));
    Tensor product = at::empty_like(a);
    return bestRateOnDevice(settings, 2.0 * side * side * side, [&] { at::mm_out(product, a, a); });
  };
  const Tensor from = at::zeros({int64_t{1} << 30}, at::TensorOptions(settings.device).dtype(at::kByte));
  Tensor to = at::empty_like(from);
  // Each byte is read and written.
  const double copied = bestRateOnDevice(settings, 2.0 * static_cast<double>(from.nbytes()), [&] { to.copy_(from); });
  return {products(at::kFloat), products(at::kBFloat16), copied};
}

}  // namespace

std::array<double, 3> measurePeak(const Settings& settings) {
  if (settings.stream) return measureDevice(settings);
  const int threads = settings.threads;
  double float32 = 0, bfloat16 = 0;
#ifdef RLPD_AVX512
  const __m512 factor = _mm512_set1_ps(1e-3f);
  float32 = productRate(threads, 2 * tiles::lanes, [factor](__m512 sum) { return _mm512_fmadd_ps(factor, factor, sum); });
#ifdef RLPD_AVX512_BF16
  const __m512bh pairs = _mm512_cvtne2ps_pbh(factor, factor);
  bfloat16 = productRate(threads, 4 * tiles::lanes, [pairs](__m512 sum) { return _mm512_dpbf16_ps(sum, pairs, pairs); });
#endif
#endif
  return {float32, bfloat16, bandwidth(threads)};
}

}  // namespace rlpd
