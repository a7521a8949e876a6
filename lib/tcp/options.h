// What we put into TCP options, and what they cost in a segment.
#pragma once
#include <algorithm>
#include <cstdint>

#include "lib/wire/tcp.h"

namespace sallyport::tcp {

// [RFC 9293 3.7.1] A host that is not told a maximum segment size assumes the one that fits the
// smallest packet every link must carry.
inline constexpr std::uint16_t kDefaultMssV4 = 536;
inline constexpr std::uint16_t kDefaultMssV6 = 1220;
// A smaller peer MSS is raised to this: with less, a peer makes us spend a frame and a descriptor
// on every few bytes (the class of CVE-2019-11479).
inline constexpr std::uint16_t kSmallestMss = 216;

inline constexpr std::uint8_t kMaxWindowScale = wire::TcpOptions::kMaxWindowScale;
// The shift that we offer, always the same: a SYN cookie needs no bits for it, and a reload that
// changes buffer sizes cannot change the meaning of a window already in flight.  8 lets 16 MiB
// through, in steps of 256 bytes.
inline constexpr std::uint8_t kOurWindowScale = 8;

// Bytes of the timestamps option with its padding.
inline constexpr std::uint16_t kTimestampsLength = 12;

// mss_for_mtu is what fits one IP packet of `mtu` bytes without IP or TCP options.
[[nodiscard]] constexpr std::uint16_t mss_for_mtu(std::uint16_t mtu, bool is_v4) noexcept {
  const std::uint16_t headers = is_v4 ? 40 : 60;
  return mtu > headers ? static_cast<std::uint16_t>(mtu - headers) : std::uint16_t{0};
}

// effective_mss is Eff.snd.MSS: payload per segment once options are paid for.  `peer_mss` 0 means
// that the peer named none.
// [RFC 9293 3.7.1] [RFC 6691 2] The MSS option counts without options; the sender subtracts them.
[[nodiscard]] constexpr std::uint16_t effective_mss(std::uint16_t peer_mss, std::uint16_t our_limit,
                                                    bool is_v4, bool timestamps) noexcept {
  const std::uint16_t named = peer_mss != 0 ? peer_mss : (is_v4 ? kDefaultMssV4 : kDefaultMssV6);
  const std::uint16_t whole = std::min(std::max(named, kSmallestMss), our_limit);
  const std::uint16_t options = timestamps ? kTimestampsLength : std::uint16_t{0};
  return whole > options ? static_cast<std::uint16_t>(whole - options) : std::uint16_t{1};
}

}  // namespace sallyport::tcp
