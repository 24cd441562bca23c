#pragma once

namespace rlpd {

// From now on CPU tensors take their memory from this engine's allocator.
void installAllocator();

}  // namespace rlpd
