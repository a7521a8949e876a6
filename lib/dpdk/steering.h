// Steering: which worker owns a received frame, read from its bytes as a NIC would.
//
// The hash is symmetric, so both directions of a connection and every lcore come to the same
// answer.  What belongs to no TCP connection has no owner: whoever received it answers it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "lib/base/byteorder.h"
#include "lib/dpdk/eal.h"
#include "lib/dpdk/ring.h"
#include "lib/frame/toeplitz.h"

namespace sallyport::dpdk {

// FlowSource says which bytes a hash was made of.
enum class FlowSource : std::uint8_t {
  tcp,   // the frame's own tuple: a NIC hashes the same
  icmp,  // the tuple inside an ICMP error, which a NIC cannot see
};

struct FlowHash {
  std::uint32_t hash = 0;
  FlowSource source = FlowSource::tcp;
};

// flow_hash looks through at most one VLAN tag and at most two IPv6 extension headers within 64
// bytes.  Nothing is returned for fragments, for other protocols and for malformed frames.
[[nodiscard]] std::optional<FlowHash> flow_hash(ByteView frame) noexcept;

// SteeringMesh has one ring for each ordered pair of workers.
class SteeringMesh {
 public:
  static constexpr std::uint32_t kRingCapacity = 1024;

  // create makes num_workers * (num_workers - 1) rings.  One mesh per process.
  [[nodiscard]] Failure create(std::uint16_t num_workers);
  [[nodiscard]] FrameRing& ring(std::uint16_t from, std::uint16_t to) noexcept {
    return rings_[std::size_t{from} * num_workers_ + to];
  }
  [[nodiscard]] std::uint16_t num_workers() const noexcept { return num_workers_; }
  // drain releases the frames on their way: when no lcore runs any more.
  void drain() noexcept;

 private:
  std::uint16_t num_workers_ = 0;
  std::unique_ptr<FrameRing[]> rings_;
};

}  // namespace sallyport::dpdk
