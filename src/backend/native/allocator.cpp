// Large tensors keep their memory: a freed block is kept for the next tensor of its size, because a block that goes
// back to the system is page-faulted in anew at its next use, which costs more than many a kernel on it. A recorded
// program asks for the same sizes run after run. Blocks are aligned to huge pages.
#include "allocator.h"

#include <c10/core/CPUAllocator.h>

#include "libtorchVersions.h"
#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace rlpd {
namespace {

constexpr size_t pageSize = size_t{1} << 21;
constexpr size_t smallSize = size_t{1} << 19;
// Freed blocks beyond this sum go back to the system.
constexpr size_t keptLimit = size_t{2} << 30;

struct Kept {
  std::mutex mutex;
  std::unordered_map<size_t, std::vector<void*>> blocks;
  size_t bytes = 0;
};

Kept& kept() {
  // Never destroyed: tensors may outlive static destructors.
  static Kept* instance = new Kept;
  return *instance;
}

void returnKept() {
  Kept& store = kept();
  const std::lock_guard<std::mutex> lock(store.mutex);
  for (const auto& [size, blocks] : store.blocks)
    for (void* memory : blocks) std::free(memory);
  store.blocks.clear();
  store.bytes = 0;
}

void* aligned(size_t alignment, size_t size) {
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, size) == 0) return memory;
  returnKept();
  if (posix_memalign(&memory, alignment, size) == 0) return memory;
  throw std::runtime_error("out of memory: a tensor of " + std::to_string(size >> 20) + " MB was asked for");
}

void* takeLarge(size_t size) {
  {
    Kept& store = kept();
    const std::lock_guard<std::mutex> lock(store.mutex);
    const auto found = store.blocks.find(size);
    if (found != store.blocks.end() && !found->second.empty()) {
      void* memory = found->second.back();
      found->second.pop_back();
      store.bytes -= size;
      return memory;
    }
  }
  void* memory = aligned(pageSize, size);
#ifdef __linux__
  madvise(memory, size, MADV_HUGEPAGE);
#endif
  return memory;
}

// Without memory for its own list it keeps nothing: a tensor's end may not throw.
bool keep(Kept& store, void* memory, size_t size) noexcept {
  try {
    store.blocks[size].push_back(memory);
  } catch (const std::bad_alloc&) {
    return false;
  }
  store.bytes += size;
  return true;
}

void releaseLarge(void* memory, size_t size) {
  Kept& store = kept();
  {
    const std::lock_guard<std::mutex> lock(store.mutex);
    if (store.bytes + size <= keptLimit && keep(store, memory, size)) return;
  }
  std::free(memory);
}

// In front of every tensor: the size of its block, so that freeing needs no table.
constexpr size_t headerSize = 64;

void release(void* data) {
  if (data == nullptr) return;
  char* memory = static_cast<char*>(data) - headerSize;
  size_t size;
  std::memcpy(&size, memory, sizeof(size));
  if (size < smallSize)
    std::free(memory);
  else
    releaseLarge(memory, size);
}

c10::DataPtr take(size_t bytes) {
  const c10::Device device(c10::DeviceType::CPU);
  if (bytes == 0) return {nullptr, nullptr, &release, device};
  size_t size = bytes + headerSize;
  // Few sizes, so that a block serves tensors of nearly its own size too.
  if (size >= smallSize) size = (size + smallSize / 2 - 1) / (smallSize / 2) * (smallSize / 2);
  char* memory = static_cast<char*>(size < smallSize ? aligned(headerSize, size) : takeLarge(size));
  std::memcpy(memory, &size, sizeof(size));
  void* data = memory + headerSize;
  return {data, data, &release, device};
}

}  // namespace

void installAllocator() {
  static FunctionAllocator<take, release> allocator;
  c10::SetCPUAllocator(&allocator, 100);
}

}  // namespace rlpd
