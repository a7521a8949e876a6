// PortOrder: in which order local ports are used.  [RFC 6056 3] Nobody outside can tell the next
// one from those before, and each is used once before any comes again, so that a port has rested
// for as long as it can when the backend may still hold its old tuple in TIME_WAIT.
#pragma once
#include <cstdint>

#include "lib/base/siphash.h"

namespace sallyport::worker {

class PortOrder {
 public:
  explicit PortOrder(const SipKey& secret) noexcept : secret_{secret} {}

  // at is the i-th of [0, n): for i from 0 to n - 1 each number once.  Preconditions: i < n, and
  // 0 < n <= 2^30.
  [[nodiscard]] std::uint32_t at(std::uint32_t i, std::uint32_t n) const noexcept;

 private:
  SipKey secret_;
};

}  // namespace sallyport::worker
