#include "lib/worker/burst_look.h"

#include <cstring>

#include "lib/wire/ip.h"
#include "lib/wire/tcp.h"

namespace sallyport::worker {
namespace {

constexpr std::size_t kAhead = 8;

// Constants as a little-endian load of the header shows them.
constexpr std::uint16_t kTypeV4 = 0x0008;
constexpr std::uint16_t kTypeV6 = 0xdd86;
constexpr std::uint16_t kFragmentBits =
    __builtin_bswap16(wire::kMoreFragments | wire::kFragmentOffsetMask);

std::uint16_t load16(const std::uint8_t* at) noexcept {
  std::uint16_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

BurstLook::Shape shape_of(const std::uint8_t* p, std::size_t len) noexcept {
  constexpr auto kTcp = static_cast<std::uint8_t>(wire::IpProtocol::tcp);
  if (len < at::kV4Tcp + sizeof(wire::TcpHeader)) return BurstLook::Shape::other;
  const std::uint16_t type = load16(p + at::kEtherType);
  if (type == kTypeV4) {
    const bool plain = p[at::kIp] == 0x45 && p[at::kIp + 9] == kTcp &&
                       (load16(p + at::kIp + 6) & kFragmentBits) == 0;
    return plain ? BurstLook::Shape::tcp_v4 : BurstLook::Shape::other;
  }
  if (type == kTypeV6 && len >= at::kV6Tcp + sizeof(wire::TcpHeader)) {
    const bool plain = (p[at::kIp] >> 4) == 6 && p[at::kIp + 6] == kTcp;
    return plain ? BurstLook::Shape::tcp_v6 : BurstLook::Shape::other;
  }
  return BurstLook::Shape::other;
}

}  // namespace

void BurstLook::hash(Group& group, const FlowTable& flows) noexcept {
  const SipLanes::Words hashes = flows.hash_lanes(group.tuples);
  for (std::size_t i = 0; i < group.size; ++i) {
    views_[group.at[i]].hash = hashes.lane[i];
    flows.prefetch(hashes.lane[i]);
  }
  group.size = 0;
}

void BurstLook::look(std::span<frame::Frame* const> frames, const FlowTable& flows) noexcept {
  v6_.tuples.is_v4 = false;
  const std::size_t num = frames.size();
  for (std::size_t i = 0; i < num; ++i) {
    // The frame itself some frames ahead, and from there the bytes that it points to.
    if (i + 2 * kAhead < num) __builtin_prefetch(frames[i + 2 * kAhead]);
    if (i + kAhead < num) {
      const frame::Frame& ahead = *frames[i + kAhead];
      __builtin_prefetch(ahead.buffer + ahead.offset);
      __builtin_prefetch(ahead.buffer + ahead.offset + 64);
    }
    const std::uint8_t* p = frames[i]->buffer + frames[i]->offset;
    View& view = views_[i];
    view.shape = shape_of(p, frames[i]->len);
    if (view.shape == Shape::other) continue;
    const bool v4 = view.shape == Shape::tcp_v4;
    const std::uint8_t* tcp = p + (v4 ? at::kV4Tcp : at::kV6Tcp);
    view.tcp_flags = tcp[at::kTcpFlags];
    Group& group = v4 ? v4_ : v6_;
    if (v4) {
      group.tuples.set_v4(group.size, p + at::kV4Source, tcp);
    } else {
      group.tuples.set_v6(group.size, p + at::kV6Source, tcp);
    }
    group.at[group.size++] = static_cast<std::uint8_t>(i);
    if (group.size == group.at.size()) hash(group, flows);
  }
  if (v4_.size > 0) hash(v4_, flows);
  if (v6_.size > 0) hash(v6_, flows);
}

}  // namespace sallyport::worker
