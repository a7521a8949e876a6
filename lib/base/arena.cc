#include "lib/base/arena.h"

#include <cstring>

namespace sallyport {

void* Arena::heap_source(void* /*context*/, std::size_t bytes, std::size_t alignment) {
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory != nullptr) std::memset(memory, 0, rounded);
  return memory;
}

void Arena::heap_return(void* /*context*/, void* memory) { std::free(memory); }

}  // namespace sallyport
