#include "lib/dpdk/steering.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "lib/dpdk/checksum.h"
#include "lib/dpdk/frame_pool.h"

namespace sallyport::dpdk {
namespace {

// This is no parser of protocols: it finds the bytes that a NIC would hash, and gives up wherever
// they are not plainly there.  The worker parses the frame again, and judges it.

constexpr std::uint16_t kVlan = 0x8100;
constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kIpv6 = 0x86dd;
constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kIcmpv6 = 58;
constexpr std::size_t kIcmpHeaderLength = 8;

constexpr std::uint16_t be16(ByteView bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>((bytes[at] << 8) | bytes[at + 1]);
}

// Hashed is the input of the hash: both addresses, then both ports, as every NIC takes them.
class Hashed {
 public:
  void add(ByteView bytes) noexcept {
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(length_));
    length_ += bytes.size();
  }
  [[nodiscard]] std::uint32_t hash() const noexcept {
    return frame::toeplitz(frame::symmetric_toeplitz_key(), std::span{bytes_}.first(length_));
  }

 private:
  std::array<std::uint8_t, 36> bytes_{};
  std::size_t length_ = 0;
};

struct Upper {
  ByteView addresses;  // source and destination
  ByteView payload;
  std::uint8_t protocol = 0;
};

std::optional<Upper> ipv4(ByteView packet) noexcept {
  constexpr std::size_t kHeaderLength = 20;
  constexpr std::uint16_t kFragmentMask = 0x3fff;  // "more fragments" and the offset
  if (packet.size() < kHeaderLength || (packet[0] >> 4) != 4) return {};
  const std::size_t header_len = std::size_t{packet[0] & 0x0fU} * 4;
  if (header_len < kHeaderLength || header_len > packet.size()) return {};
  if ((be16(packet, 6) & kFragmentMask) != 0) return {};
  return Upper{packet.subspan(12, 8), packet.subspan(header_len), packet[9]};
}

std::optional<Upper> ipv6(ByteView packet) noexcept {
  constexpr std::size_t kHeaderLength = 40;
  constexpr unsigned kMaxExtensions = 2;
  constexpr std::size_t kMaxExtensionBytes = 64;
  if (packet.size() < kHeaderLength || (packet[0] >> 4) != 6) return {};
  Upper upper{packet.subspan(8, 32), packet.subspan(kHeaderLength), packet[6]};
  std::size_t walked = 0;
  for (unsigned i = 0; i < kMaxExtensions; ++i) {
    // [RFC 8200 4] Hop-by-hop options, routing and destination options share one layout.
    if (upper.protocol != 0 && upper.protocol != 43 && upper.protocol != 60) break;
    if (upper.payload.size() < 8) return {};
    const std::size_t len = (std::size_t{upper.payload[1]} + 1) * 8;
    walked += len;
    if (walked > kMaxExtensionBytes || len > upper.payload.size()) return {};
    upper.protocol = upper.payload[0];
    upper.payload = upper.payload.subspan(len);
  }
  return upper;
}

std::optional<std::uint32_t> tcp_hash(const Upper& upper) noexcept {
  if (upper.protocol != kTcp || upper.payload.size() < 4) return {};
  Hashed hashed;
  hashed.add(upper.addresses);
  hashed.add(upper.payload.first(4));
  return hashed.hash();
}

bool is_icmp_error(const Upper& upper) noexcept {
  if (upper.payload.size() < kIcmpHeaderLength) return false;
  const std::uint8_t type = upper.payload[0];
  // [RFC 792] 3 destination unreachable, 4 source quench, 11 time exceeded, 12 parameter problem.
  if (upper.protocol == kIcmp) return type == 3 || type == 4 || type == 11 || type == 12;
  // [RFC 4443 2.1] Types below 128 are errors.
  return upper.protocol == kIcmpv6 && type < 128;
}

}  // namespace

std::optional<FlowHash> flow_hash(ByteView frame) noexcept {
  if (frame.size() < kEthernetLength) return {};
  std::uint16_t type = be16(frame, 12);
  ByteView packet = frame.subspan(kEthernetLength);
  if (type == kVlan) {
    if (packet.size() < 4) return {};
    type = be16(packet, 2);
    packet = packet.subspan(4);
  }
  if (type != kIpv4 && type != kIpv6) return {};
  const std::optional<Upper> upper = type == kIpv4 ? ipv4(packet) : ipv6(packet);
  if (!upper) return {};
  if (const auto hash = tcp_hash(*upper)) return FlowHash{*hash, FlowSource::tcp};
  if (!is_icmp_error(*upper)) return {};
  // The error quotes the start of a packet of ours.  That one travelled the other way, and since
  // the hash is symmetric its tuple has the owner that we look for.
  const ByteView quoted = upper->payload.subspan(kIcmpHeaderLength);
  const std::optional<Upper> inner = type == kIpv4 ? ipv4(quoted) : ipv6(quoted);
  if (!inner) return {};
  if (const auto hash = tcp_hash(*inner)) return FlowHash{*hash, FlowSource::icmp};
  return {};
}

Failure SteeringMesh::create(std::uint16_t num_workers) {
  num_workers_ = num_workers;
  rings_ = std::make_unique<FrameRing[]>(std::size_t{num_workers} * num_workers);
  for (std::uint16_t from = 0; from < num_workers; ++from) {
    for (std::uint16_t to = 0; to < num_workers; ++to) {
      if (from == to) continue;
      const std::string name = "steer_" + std::to_string(from) + "_" + std::to_string(to);
      if (Failure failure = ring(from, to).create(name.c_str(), kRingCapacity)) return failure;
    }
  }
  return {};
}

void SteeringMesh::drain() noexcept {
  std::array<frame::Frame*, 64> frames;
  for (std::uint16_t from = 0; from < num_workers_; ++from) {
    for (std::uint16_t to = 0; to < num_workers_; ++to) {
      if (from == to) continue;
      while (const std::size_t num = ring(from, to).take(frames)) {
        FramePool::release(std::span{frames}.first(num));
      }
    }
  }
}

}  // namespace sallyport::dpdk
