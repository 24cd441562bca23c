// Every tensor JavaScript knows, by number.
#pragma once

#include <stdexcept>
#include <unordered_set>
#include <vector>

#include "tape.h"

namespace rlpd {

// A slot's generation is part of the handle, so that no number comes twice.
class Handles {
 public:
  Handle add(Tensor tensor) {
    size_t slot;
    if (free_.empty()) {
      slot = slots_.size();
      if (slot >= slotLimit) throw std::runtime_error("more than a million tensors are alive");
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slots_[slot].tensor = std::move(tensor);
    slots_[slot].used = true;
    count_++;
    return static_cast<Handle>(slots_[slot].generation * slotLimit + slot);
  }
  const Tensor& get(Handle handle) const {
    if (!alive(handle)) throw std::invalid_argument("a tensor was used after it had been disposed");
    return slots_[static_cast<size_t>(handle) % slotLimit].tensor;
  }
  bool alive(Handle handle) const {
    const size_t slot = static_cast<size_t>(handle) % slotLimit;
    return handle >= 0 && slot < slots_.size() && slots_[slot].used &&
           slots_[slot].generation == static_cast<size_t>(handle) / slotLimit;
  }
  void remove(Handle handle) {
    get(handle);
    Slot& slot = slots_[static_cast<size_t>(handle) % slotLimit];
    slot.tensor.reset();
    slot.used = false;
    slot.generation++;
    free_.push_back(static_cast<size_t>(handle) % slotLimit);
    count_--;
  }
  size_t count() const { return count_; }
  // Bytes of the memory behind all handles; views of the same memory count once.
  size_t bytes() const {
    std::unordered_set<const void*> seen;
    size_t sum = 0;
    for (const Slot& slot : slots_) {
      if (!slot.used || !slot.tensor.has_storage()) continue;
      const auto& storage = slot.tensor.storage();
      if (seen.insert(storage.unsafeGetStorageImpl()).second) sum += storage.nbytes();
    }
    return sum;
  }

 private:
  static constexpr size_t slotLimit = 1 << 20;
  struct Slot {
    Tensor tensor;
    size_t generation = 0;
    bool used = false;
  };
  std::vector<Slot> slots_;
  std::vector<size_t> free_;
  size_t count_ = 0;
};

}  // namespace rlpd
